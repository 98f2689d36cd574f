"""What has not left of a run, taken back at somebody's word: messages, calls and tasks that no team has yet.

What has left, is in hand or was given stays as it is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select, update

from journey_engine.mailroom import holds
from journey_engine.mailroom.holds import HoldKind
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import in_state, messages, tasks
from journey_engine.mailroom.tasks import record

ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many messages and calls, and how many tasks, are cancelled."""

    messages: int
    tasks: int


def take_back(store: Store, run: int, at: dt.datetime) -> TakenBack:
    """Cancel what has not left of a run, and end its hold. A task that is cancelled is an event of the next night."""
    ended = {"state": State.CANCELLED.value, "reason": ROLLED_BACK, "changed_at": at}
    with store.write() as db:
        mine = update(messages).where(in_state(State.PENDING), messages.c.run == run)
        count = db.execute(mine.values(**ended)).rowcount
        ungiven = (in_state(State.PENDING, tasks), tasks.c.run == run)
        rows = list(db.execute(select(tasks).where(*ungiven).order_by(tasks.c.task_id).with_for_update()))
        db.execute(update(tasks).where(*ungiven).values(**ended))
        record(store, db, at, "cancelled", rows, reason=ROLLED_BACK)
        holds.resume(db, HoldKind.RUN, str(run))
    return TakenBack(count, len(rows))
