"""Forgetting a customer, and forgetting what old messages said.

What was decided stays as numbers under a pseudonym; names, addresses, values and feedback go. That nobody may write to
them is kept as keyed hashes of their id and addresses: whoever reads an old list in again cannot mail them.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, or_, select, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import (
    consents,
    erased,
    feedback,
    messages,
    meta,
    people,
    referrals,
    reward_entries,
    rewards,
    suppressions,
    tasks,
    visitors,
    visits,
)

KEY = "erase_key"
REASON = "erased"
OPEN = (State.PENDING.value, State.UNSURE.value, State.REFUSED.value)
FINAL = (State.ACCEPTED.value, State.CANCELLED.value, State.SKIPPED.value, State.WITHHELD.value)
WIPED: Mapping[str, Any] = {
    "variables": "{}", "recipient": None, "recipient_name": None, "locale": None, "detail": None, "address": None,
}  # fmt: skip
"""What a message knows of a person."""


def erase(store: Store, customer_id: str, addresses: Collection[str], at: dt.datetime) -> dict[str, int]:
    """Forget a customer in one transaction; how many rows of which table it touched.

    Raises JourneyError while a dispatcher has a message of theirs in hand.
    """
    with store.write() as db:
        if store.is_sqlite:
            db.exec_driver_sql("PRAGMA secure_delete = ON")  # what is gone is overwritten, not only let go
        mine = or_(messages.c.customer_id == customer_id, messages.c.addressee == customer_id)
        # Locked, so that no dispatcher takes one while they are looked at.
        theirs = db.execute(select(messages.c.state).where(mine).with_for_update()).scalars().all()
        if State.CLAIMED.value in theirs:
            raise JourneyError(
                "a dispatcher has a message of this customer in hand",
                remedy="wait until `journey dispatch` has ended, and erase then",
                code="in-hand",
            )
        known = {row.recipient for row in db.execute(select(messages.c.recipient).where(mine)) if row.recipient}
        key = _key(db)
        alias = f"{REASON}-{_mark(key, customer_id)[:16]}"
        marks = {_mark(key, one) for one in {customer_id, *addresses, *known} if one.strip()}
        store.insert_new(db, erased, ("mark", "erased_at"), [(one, store.instant(at)) for one in sorted(marks)])
        return _forget(db, customer_id, alias, at)


def _forget(db: Connection, customer_id: str, alias: str, at: dt.datetime) -> dict[str, int]:
    done: dict[str, int] = {}

    def changed(table: Table, statement: Any) -> None:
        done[table.name] = done.get(table.name, 0) + db.execute(statement).rowcount

    mine = or_(messages.c.customer_id == customer_id, messages.c.addressee == customer_id)
    given_up = {"state": State.CANCELLED.value, "reason": REASON, "changed_at": at}
    db.execute(update(messages).where(mine, messages.c.state.in_(OPEN)).values(**given_up))
    db.execute(update(tasks).where(tasks.c.customer_id == customer_id, tasks.c.done_at.is_(None)).values(**given_up))
    changed(messages, update(messages).where(mine).values(**WIPED))
    for column in (messages.c.customer_id, messages.c.addressee):
        db.execute(update(messages).where(column == customer_id).values({column.name: alias}))
    forgotten = {"title": REASON, "variables": "{}", "note": None, "detail": None, "customer_id": alias}
    changed(tasks, update(tasks).where(tasks.c.customer_id == customer_id).values(**forgotten))
    for side in (referrals.c.advocate, referrals.c.friend):
        changed(referrals, update(referrals).where(side == customer_id).values({side.name: alias, "code": ""}))
    for table in (rewards, reward_entries, consents):
        changed(table, update(table).where(table.c.customer_id == customer_id).values(customer_id=alias))
    anonymous = select(visitors.c.anonymous_id).where(visitors.c.customer_id == customer_id).scalar_subquery()
    changed(visits, delete(visits).where(visits.c.anonymous_id.in_(anonymous)))
    for table in (visitors, people, feedback, suppressions):
        changed(table, delete(table).where(table.c.customer_id == customer_id))
    return {name: count for name, count in done.items() if count}


def forgotten(db: Connection, rows: Collection[Row[Any]], reader: Mapping[str, str]) -> set[str]:
    """Which messages would go to somebody who was erased; `reader` has the customer of each."""
    key = _known_key(db)
    if key is None or not rows:
        return set()
    marks: dict[str, set[str]] = {}
    for row in rows:
        for one in (reader[row.message_id], row.recipient or ""):
            if one.strip():
                marks.setdefault(_mark(key, one), set()).add(row.message_id)
    found = db.execute(select(erased.c.mark).where(erased.c.mark.in_(marks))).scalars()
    return set().union(*(marks[one] for one in found))


def forget(db: Connection, message_ids: Collection[str]) -> None:
    """Take the person out of these messages, which say why they did not go."""
    kept = {name: value for name, value in WIPED.items() if name != "detail"}
    db.execute(update(messages).where(messages.c.message_id.in_(message_ids)).values(**kept))


def is_erased(db: Connection, customer_id: str) -> bool:
    """Whether a customer was erased: nothing new is written of them."""
    key = _known_key(db)
    return key is not None and (
        db.execute(select(erased.c.mark).where(erased.c.mark == _mark(key, customer_id))).first() is not None
    )


def wipe(store: Store, before: dt.datetime) -> int:
    """Take the person out of messages that ended before an instant; how many."""
    told = or_(messages.c.variables != "{}", messages.c.recipient.is_not(None))
    with store.write() as db:
        old = update(messages).where(messages.c.state.in_(FINAL), messages.c.changed_at < before, told)
        return db.execute(old.values(**WIPED)).rowcount


def _known_key(db: Connection) -> bytes | None:
    found = db.execute(select(meta.c.value).where(meta.c.key == KEY)).scalar()
    return None if found is None else bytes.fromhex(found)


def _key(db: Connection) -> bytes:
    """The key of this mailroom's marks, made when the first customer is erased."""
    known = _known_key(db)
    if known is None:
        known = secrets.token_bytes(32)
        db.execute(meta.insert(), {"key": KEY, "value": known.hex()})
    return known


def _mark(key: bytes, value: str) -> str:
    """A customer's id or address so that it can be recognized and not be read."""
    return hmac.digest(key, value.strip().casefold().encode(), "sha256").hex()
