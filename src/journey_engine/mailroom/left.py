"""What a dispatch leaves where it is: due messages of which their rows say why they are still here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import func, select, update

from journey_engine.mailroom import holds
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import in_state, messages


def explain_left(
    store: Store, channel: str, as_of: dt.datetime, reason: str, detail: str | None, held: Collection[str] = (),
    peer: str | None = None,
) -> int:  # fmt: skip
    """Write on due messages of a channel, or on those to a peer, why they are still here; how many."""
    due = [in_state(State.PENDING), messages.c.channel == channel, messages.c.try_at <= as_of]
    due += [messages.c.journey.not_in(held), ~holds.held(), *([] if peer is None else [messages.c.recipient == peer])]
    with store.write() as db:
        return db.execute(update(messages).where(*due).values(reason=reason, detail=detail)).rowcount


def explain_held(store: Store, held: Collection[str], as_of: dt.datetime, reason: str, detail: str) -> int:
    """Write on due messages of held journeys why they are still here; how many."""
    with store.write() as db:
        mine = (in_state(State.PENDING), messages.c.journey.in_(held), messages.c.try_at <= as_of)
        return db.execute(update(messages).where(*mine).values(reason=reason, detail=detail)).rowcount


def explain_stopped(store: Store, as_of: dt.datetime) -> int:
    """Write on due messages of what is stopped why they are still here; how many."""
    with store.write() as db:
        return sum(holds.explain(db, hold, as_of) for hold in holds.standing(db))


def due(store: Store, as_of: dt.datetime, held: Collection[str], most: int) -> int:
    """How many messages are due that may leave, counted up to `most`."""
    some = select(messages.c.message_id).where(in_state(State.PENDING), messages.c.try_at <= as_of)
    some = some.where(messages.c.journey.not_in(held), ~holds.held()).limit(most)
    with store.read() as db:
        return db.execute(select(func.count()).select_from(some.subquery())).scalar_one()


def due_channels(store: Store, as_of: dt.datetime, held: Collection[str] = ()) -> list[str]:
    """The channels that still have something due, but for what is stopped or what `held` journeys keep."""
    with store.read() as db:
        due = select(messages.c.channel).where(in_state(State.PENDING), messages.c.try_at <= as_of).distinct()
        return sorted(db.execute(due.where(messages.c.journey.not_in(held), ~holds.held())).scalars())
