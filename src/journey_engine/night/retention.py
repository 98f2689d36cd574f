"""`retention`: what a night takes out of both stores because it is older than the project keeps it.

The ledger of events and the passes stay: conditions look back at them, and they are the project's own data.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from journey_engine import expressions as x
from journey_engine.engines import Engine
from journey_engine.errors import JourneyError
from journey_engine.load import LoadedProject
from journey_engine.mailroom import Mailroom
from journey_engine.message import Erases
from journey_engine.night.delivery import all_channels
from journey_engine.queries import fill, statements
from journey_engine.times import naive

WEEK = dt.timedelta(days=7)
"""Decisions are wiped so much before their time, and not each night: where a table is written anew, that is dear."""
WIPED = "wiped_run"


@dataclass(slots=True)
class Retention:
    """One night's share of it. `before` is None in a project without `retention`."""

    as_of: dt.datetime
    before: dt.datetime | None

    def in_engine(self, engine: Engine) -> None:
        """Wipe what decisions say, within the run's transaction. The mailroom has long had them."""
        if self.before is None:
            return
        known = engine.rows("SELECT value FROM meta WHERE name = ?", (WIPED,))
        after = int(known[0][0]) if known else 0
        due = "SELECT count(*), max(run) FROM runs WHERE run > ? AND as_of < ?"
        if not engine.rows(due, (after, naive(self.before)))[0][0]:
            return
        until = int(engine.rows(due, (after, naive(self.before + WEEK)))[0][1])
        statement = statements("retention")["wipe_decisions"]
        engine.execute(fill(statement, {"after": x.integer(after), "until": x.integer(until)}))
        engine.execute("DELETE FROM meta WHERE name = ?", (WIPED,))
        engine.execute("INSERT INTO meta VALUES (?, ?)", (WIPED, str(until)))

    def after_door(self, loaded: LoadedProject, mailroom: Mailroom, *, collected: bool) -> list[str]:
        """Old letters where channels keep them, and then the mailroom; what somebody must mend. Letters that stay keep
        the mailroom's rows of them: the next night tries again.
        """
        try:
            if self.before is not None:
                for name, channel in all_channels(loaded).items():
                    if isinstance(channel, Erases):
                        channel.erase(mailroom.to_be_wiped(name, self.before), ())
        except JourneyError as error:
            return [f"{error.message}; {error.remedy}"]
        self.in_mailroom(mailroom, collected=collected)
        return []

    def in_mailroom(self, mailroom: Mailroom, *, collected: bool) -> None:
        """Wipe messages and tasks that ended. Events that the ledger has go too, after a run that `collected`: another
        one does not know what its ledger has.
        """
        mailroom.tidy(self.as_of)
        if self.before is None:
            return
        mailroom.wipe(self.before)
        if collected:
            mailroom.forget_events(self.before)
            mailroom.forget_unclaimed(self.as_of, self.before)
