"""The kill switch: what somebody has stopped stays `pending` until it is resumed. Read before each claim.

One mechanism for everything, a channel, a topic, a journey, a template or one run; a fuse that blows uses it too.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, String, Table, cast, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from journey_engine.errors import JourneyError
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import holds, in_state, loaded_runs, messages
from journey_engine.times import iso

HELD = "stopped"
"""The reason on a message that waits for a word."""


class HoldKind(StrEnum):
    """What may be stopped."""

    EVERYTHING = "everything"
    CHANNEL = "channel"
    TOPIC = "topic"
    JOURNEY = "journey"
    TEMPLATE = "template"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Hold:
    """Something that is stopped: what, its name (empty for everything), why and since when."""

    kind: HoldKind
    name: str
    reason: str | None
    since: dt.datetime

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.name)))

    @property
    def resumed_by(self) -> str:
        """The command that ends it."""
        match self.kind:
            case HoldKind.EVERYTHING:
                return "journey resume"
            case HoldKind.RUN:
                return f"journey release {self.name}, or journey cancel {self.name}"
            case _:
                return f"journey resume --{self.kind} {self.name}"

    @property
    def detail(self) -> str:
        """Why a message waits, for people."""
        return f"{self} is stopped since {iso(self.since)}: {self.reason or 'no reason was given'}"


def stop(store: Store, kind: HoldKind, name: str, reason: str | None, at: dt.datetime) -> bool:
    """Hold something from now on; False when it was held before, by an earlier word that stands."""
    with store.write() as db:
        return put(db, Hold(kind, name, reason, at))


def put(db: Connection, hold: Hold) -> bool:
    """The same within a transaction; of two who say it at once the second is told that it stands."""
    flavour = sqlite if db.dialect.name == "sqlite" else postgresql
    row = {"kind": hold.kind.value, "name": hold.name, "reason": hold.reason, "since": hold.since}
    new = flavour.insert(holds).values(row).on_conflict_do_nothing().returning(holds.c.name)
    return db.execute(new).first() is not None


def resume(db: Connection, kind: HoldKind, name: str) -> bool:
    """Let it go on; False when it was not held."""
    mine = (holds.c.kind == kind.value, holds.c.name == name)
    return db.execute(delete(holds).where(*mine)).rowcount > 0


def standing(db: Connection) -> list[Hold]:
    """What is held now, everything first."""
    found = [Hold(HoldKind(row.kind), row.name, row.reason, row.since) for row in db.execute(select(holds))]
    order = list(HoldKind)
    return sorted(found, key=lambda one: (order.index(one.kind), one.name))


def held(table: Table = messages) -> ColumnElement[bool]:
    """Whether something holds a row, asked as the statement runs. What a table has no column for holds none of it."""
    named = [kind for kind in HoldKind if kind.value in table.c]
    ways = [(holds.c.kind == kind.value) & (holds.c.name == cast(table.c[kind.value], String)) for kind in named]
    return select(holds.c.kind).where(or_(holds.c.kind == HoldKind.EVERYTHING.value, *ways)).exists()


def explain(db: Connection, hold: Hold, as_of: dt.datetime) -> int:
    """Write on due messages why they are still here; how many."""
    due = update(messages).where(in_state(State.PENDING), messages.c.try_at <= as_of)
    if hold.kind is not HoldKind.EVERYTHING:
        due = due.where(cast(messages.c[hold.kind.value], String) == hold.name)
    return db.execute(due.values(reason=HELD, detail=hold.detail)).rowcount


def pending_names(store: Store, kind: HoldKind) -> list[str]:
    """What pending messages have of a kind."""
    column = messages.c[kind.value]
    query = select(column).where(in_state(State.PENDING), column.is_not(None)).distinct().order_by(column)
    with store.read() as db:
        return [str(name) for name in db.execute(query).scalars()]


def number_of(store: Store, run: str) -> int:
    """The number of a run that is named by it or by its run_id. Raises JourneyError for one that is not here."""
    with store.read() as db:
        known = db.execute(select(loaded_runs.c.run, loaded_runs.c.run_id).order_by(loaded_runs.c.run)).all()
    for number, run_id in known:
        if run in (str(number), run_id):
            return int(number)
    newest = ", ".join(f"{number} ({run_id})" for number, run_id in known[-3:])
    raise JourneyError(
        f"the mailroom knows no run '{run}'",
        remedy=f"the newest are {newest}" if known else "no run has come in yet",
        code="unknown-run",
    )
