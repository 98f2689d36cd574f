"""Forgetting a customer.

What was decided stays as numbers under a pseudonym; names, addresses, values and feedback go. That nobody may write to
them is kept as keyed hashes of their id and addresses: whoever reads an old list in again cannot mail them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, or_, select, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom import marks, owed, strangers
from journey_engine.mailroom.marks import ERASED
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import (
    consents,
    feedback,
    messages,
    people,
    referrals,
    reward_entries,
    rewards,
    suppressions,
    tasks,
    visitors,
    visits,
    waiting_codes,
)
from journey_engine.mailroom.tasks import FORGOTTEN
from journey_engine.spelling import Number, no_number

OPEN = (State.PENDING.value, State.UNSURE.value, State.REFUSED.value)
WIPED: Mapping[str, Any] = {
    "variables": "{}", "recipient": None, "recipient_name": None, "locale": None, "detail": None, "address": None,
}  # fmt: skip
"""What a message knows of a person."""


def erase(
    store: Store, customer_id: str, addresses: Collection[str], at: dt.datetime, number: Number = no_number,
    asked: Collection[str] = (),
) -> dict[str, int]:  # fmt: skip
    """Forget a customer in one transaction; how many rows of which table it touched.

    Letters that wait for a name go as well when they came from an address of theirs. The providers of the channels
    that are to be `asked` owe it from now on, too.
    Raises JourneyError while a dispatcher has a message of theirs in hand.
    """
    with store.write() as db:
        store.overwrite(db)
        mine = or_(messages.c.customer_id == customer_id, messages.c.addressee == customer_id)
        # Locked, so that no dispatcher takes one while they are looked at.
        theirs = db.execute(select(messages.c.state).where(mine).with_for_update()).scalars().all()
        if State.CLAIMED.value in theirs:
            raise JourneyError(
                "a dispatcher has a message of this customer in hand",
                remedy="wait until `journey dispatch` has ended, and erase then",
                code="in-hand",
            )
        known = {*addresses, *strangers.addresses_of(db, customer_id)}
        owed.owe(store, db, asked, known, at)
        alias = marks.remember(store, db, customer_id, known, at, number)
        return _forget(db, customer_id, alias, strangers.at_addresses(db, known, number), at)


def _forget(db: Connection, customer_id: str, alias: str, unnamed: Collection[str], at: dt.datetime) -> dict[str, int]:
    done: dict[str, int] = {}

    def changed(table: Table, statement: Any) -> None:
        done[table.name] = done.get(table.name, 0) + db.execute(statement).rowcount

    mine = or_(messages.c.customer_id == customer_id, messages.c.addressee == customer_id)
    given_up = {"state": State.CANCELLED.value, "reason": ERASED, "changed_at": at}
    db.execute(update(messages).where(mine, messages.c.state.in_(OPEN)).values(**given_up))
    to_do = or_(tasks.c.customer_id == customer_id, and_(tasks.c.customer_id == "", tasks.c.visitor.in_(unnamed)))
    db.execute(update(tasks).where(to_do, tasks.c.done_at.is_(None)).values(**given_up))
    changed(messages, update(messages).where(mine).values(**WIPED))
    for column in (messages.c.customer_id, messages.c.addressee):
        db.execute(update(messages).where(column == customer_id).values({column.name: alias}))
    changed(tasks, update(tasks).where(to_do).values(customer_id=alias, **FORGOTTEN))
    for side in (referrals.c.advocate, referrals.c.friend):
        changed(referrals, update(referrals).where(side == customer_id).values({side.name: alias, "code": ""}))
    for table in (rewards, reward_entries, consents):
        changed(table, update(table).where(table.c.customer_id == customer_id).values(customer_id=alias))
    changed(waiting_codes, delete(waiting_codes).where(waiting_codes.c.friend == customer_id))
    theirs = or_(visitors.c.customer_id == customer_id, visitors.c.anonymous_id.in_(unnamed))
    anonymous = select(visitors.c.anonymous_id).where(theirs).scalar_subquery()
    changed(visits, delete(visits).where(visits.c.anonymous_id.in_(anonymous)))
    changed(visitors, delete(visitors).where(theirs))
    for table in (people, feedback, suppressions):
        changed(table, delete(table).where(table.c.customer_id == customer_id))
    return {name: count for name, count in done.items() if count}


def forget(db: Connection, message_ids: Collection[str]) -> None:
    """Take the person out of these messages, which say why they did not go."""
    kept = {name: value for name, value in WIPED.items() if name != "detail"}
    db.execute(update(messages).where(messages.c.message_id.in_(message_ids)).values(**kept))
