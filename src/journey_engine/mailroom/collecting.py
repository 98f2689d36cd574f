"""What happened, as nights read it: all of it, or what no ledger can hold yet.

A night takes in hand what is new or was changed, and says after its commit that its ledger has it. Whoever changes a
row says that it is due again. Marks count for engines that know the run which made the last of them: for an older copy
of an engine, and for a new one, all is due.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement, delete, insert, select, update

from journey_engine.mailroom.states import Collecting
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import feedback, meta
from journey_engine.records import Event

CHUNK = 5_000
AT_ONCE = 500
COLLECTED_BY = "collected_by"
"""The run that made the newest marks, in `meta`."""


def all_feedback(store: Store) -> Iterator[Event]:
    """Everything that happened, in order of event ids; whoever collects it leaves out what it knows."""
    return _events(store)


def collected_by(store: Store) -> str | None:
    """The run_id of the run that made the newest marks; None when there are none."""
    with store.read() as db:
        return db.execute(select(meta.c.value).where(meta.c.key == COLLECTED_BY)).scalar()


def take_in_hand(store: Store, *, every: bool) -> Iterator[Event]:
    """What no ledger has, or `every` event: what is told or changed from now on is for another night."""
    due = update(feedback).values(collecting=Collecting.IN_HAND)
    with store.write() as db:
        db.execute(due if every else due.where(feedback.c.collecting == Collecting.DUE))
    yield from _events(store, feedback.c.collecting == Collecting.IN_HAND)


def told_of(store: Store, event_ids: Collection[str]) -> Iterator[Event]:
    """What is told here of some events, whoever has it."""
    ids = sorted(event_ids)
    for start in range(0, len(ids), AT_ONCE):
        yield from _events(store, feedback.c.event_id.in_(ids[start : start + AT_ONCE]))


def collected(store: Store, run_id: str, waiting: Collection[str]) -> None:
    """A committed run has in its ledger what it took in hand, but for what waits for another night."""
    ids = sorted(waiting)
    with store.write() as db:
        for start in range(0, len(ids), AT_ONCE):
            mine = feedback.c.event_id.in_(ids[start : start + AT_ONCE])
            db.execute(update(feedback).where(mine).values(collecting=Collecting.DUE))
        held = update(feedback).where(feedback.c.collecting == Collecting.IN_HAND)
        db.execute(held.values(collecting=None))
        db.execute(delete(meta).where(meta.c.key == COLLECTED_BY))
        db.execute(insert(meta).values(key=COLLECTED_BY, value=run_id))


def _events(store: Store, *where: ColumnElement[bool]) -> Iterator[Event]:
    last = ""
    while True:
        query = select(feedback).where(feedback.c.event_id > last, *where).order_by(feedback.c.event_id).limit(CHUNK)
        with store.read() as db:
            found = db.execute(query).all()
        for row in found:
            yield Event(row.event_id, row.customer_id, row.name, row.occurred_at, json.loads(row.properties))
        if len(found) < CHUNK:
            return
        last = found[-1].event_id
