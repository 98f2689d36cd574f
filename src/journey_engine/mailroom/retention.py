"""What the mailroom keeps no longer: the person in what ended long ago, and what waited for a name in vain.

Which message it was and what became of it stays, and so do rewards, referrals, consents and suppressions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from journey_engine.mailroom import notices, told
from journey_engine.mailroom.erasing import WIPED
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import feedback, heard, messages, tasks, visitors
from journey_engine.mailroom.tasks import FORGOTTEN

ENDED = tuple(state.value for state in State if state not in (State.PENDING, State.CLAIMED))
"""Not to be handed over any more, unless somebody says so; after so long it would be too late anyhow."""
TASK_WIPED: Mapping[str, Any] = {**FORGOTTEN, "title": "no longer kept"}
OVER = (State.CANCELLED.value, State.SKIPPED.value, State.WITHHELD.value, State.REFUSED.value)
UNCLAIMED = "unclaimed"
"""What is remembered of events whose customer nobody knows: when a night first found them old."""


def wipe(store: Store, before: dt.datetime) -> int:
    """Take the person out of messages and tasks that ended before an instant; how many messages.

    A visitor with a name who was not seen since is a stranger again.
    """
    ended = or_(tasks.c.done_at < before, and_(tasks.c.state.in_(OVER), tasks.c.changed_at < before))
    with store.write() as db:
        db.execute(update(tasks).where(ended, tasks.c.title != TASK_WIPED["title"]).values(**TASK_WIPED))
        db.execute(delete(visitors).where(visitors.c.updated_at < before, visitors.c.customer_id.is_not(None)))
        return db.execute(update(messages).where(*_old(before)).values(**WIPED)).rowcount


def to_be_wiped(store: Store, channel: str, before: dt.datetime) -> list[str]:
    """The messages of a channel that `wipe` will take the person out of: what the channel keeps of them goes before."""
    query = select(messages.c.message_id).where(*_old(before), messages.c.channel == channel)
    with store.read() as db:
        return list(db.execute(query.order_by(messages.c.message_id)).scalars())


def _old(before: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    known = or_(messages.c.variables != "{}", messages.c.recipient.is_not(None))
    return messages.c.state.in_(ENDED), messages.c.changed_at < before, known


def tidy(store: Store, at: dt.datetime) -> None:
    """Let go of visitors who were not named in time, and of what providers told so long ago that nobody repeats it."""
    with store.write() as db:
        told.let_go(db, at)
        for kind, kept in notices.KEPT.items():
            db.execute(delete(heard).where(heard.c.kind == kind, heard.c.heard_at < at - kept))


def forget_events(store: Store, before: dt.datetime) -> int:
    """Take out events of before an instant that the engine's ledger has; how many."""
    with store.write() as db:
        return db.execute(
            delete(feedback).where(feedback.c.occurred_at < before, feedback.c.collecting.is_(None))
        ).rowcount


def forget_unclaimed(store: Store, at: dt.datetime, before: dt.datetime) -> int:
    """Take out old events of nobody who is a customer, once they were seen so for as long as a visitor waits; how many.

    What was told late, of somebody who is in tomorrow's export, is not lost by its age.
    """
    unclaimed = (feedback.c.occurred_at < before, feedback.c.collecting.is_not(None))
    since = select(heard.c.key).where(heard.c.kind == UNCLAIMED, heard.c.heard_at < at - told.KEPT)
    still = select(feedback.c.event_id).where(feedback.c.event_id == heard.c.key)
    with store.write() as db:
        seen = db.execute(select(feedback.c.event_id).where(*unclaimed).order_by(feedback.c.event_id)).scalars()
        rows = [(UNCLAIMED, one, None, store.instant(at)) for one in seen]
        store.insert_new(db, heard, [column.name for column in heard.columns], rows)
        count = db.execute(
            delete(feedback).where(*unclaimed, feedback.c.event_id.in_(since.scalar_subquery()))
        ).rowcount
        db.execute(delete(heard).where(heard.c.kind == UNCLAIMED, ~still.exists()))
        return count
