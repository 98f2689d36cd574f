"""Answers that customers give by a link: one event for each question of a pass, with the newest answer in it."""

from __future__ import annotations

import json

from sqlalchemy import select, update

from journey_engine.mailroom.marks import is_erased
from journey_engine.mailroom.states import Collecting
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import FEEDBACK, feedback
from journey_engine.records import Event


def keep(store: Store, event: Event) -> bool:
    """Write an answer down, in place of an older one; False when it says what is there already."""
    told = json.dumps(dict(event.properties))
    row = (event.event_id, event.customer_id, event.name, store.instant(event.occurred_at), told)
    with store.write() as db:
        if is_erased(db, event.customer_id):
            return False  # nothing new is kept of them
        if store.insert_new(db, feedback, FEEDBACK, [row]):
            return True
        mine = feedback.c.event_id == event.event_id
        before = db.execute(select(feedback).where(mine).with_for_update()).one()
        if json.loads(before.properties).get("answer") == event.properties.get("answer"):
            return False
        if before.occurred_at > event.occurred_at:
            return False
        changed = {"occurred_at": event.occurred_at, "properties": told, "collecting": Collecting.DUE}
        db.execute(update(feedback).where(mine).values(changed))
        return True
