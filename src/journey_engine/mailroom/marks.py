"""Who was erased: keyed hashes of customers' ids and addresses, which can be recognized and not be read."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from journey_engine.mailroom.store import Store
from journey_engine.mailroom.strangers import ELSEWHERE
from journey_engine.mailroom.tables import among, erased, meta
from journey_engine.spelling import Number, no_number, spellings

KEY = "erase_key"
CHUNK = 500
ERASED = "erased"
"""Why a message to somebody did not go."""
_AMONG = select(erased.c.mark).where(among(erased.c.mark, "marks"))
_KEY = select(meta.c.value).where(meta.c.key == KEY)


def remember(
    store: Store, db: Connection, customer_id: str, addresses: Collection[str], at: dt.datetime, number: Number
) -> str:
    """Mark a customer's id and addresses as erased; the pseudonym of what stays, which is marked as well.

    An id is recognized as it is written, since two may differ by case alone; an address in whatever spelling.
    """
    key = _key(db)
    alias = _alias(key, customer_id)
    forms = {customer_id, alias}.union(*(spellings(one, number) for one in addresses))
    marks = sorted(_mark(key, one) for one in forms if one.strip())
    store.insert_new(db, erased, ("mark", "erased_at"), [(one, store.instant(at)) for one in marks])
    return alias


def alias_of(db: Connection, customer_id: str) -> str | None:
    """The pseudonym of a customer who was erased."""
    key = _known_key(db)
    return _alias(key, customer_id) if key is not None and is_erased(db, customer_id) else None


def is_erased(db: Connection, customer_id: str) -> bool:
    """Whether a customer was erased: nothing new is written of them."""
    return bool(erased_of(db, [customer_id]))


def erased_of(db: Connection, customer_ids: Collection[str]) -> set[str]:
    """Which of some customers were erased."""
    key = _known_key(db)
    if key is None:
        return set()
    marks = {_mark(key, one): one for one in customer_ids}
    every = list(marks)
    found: set[str] = set()
    for start in range(0, len(every), CHUNK):
        some = select(erased.c.mark).where(erased.c.mark.in_(every[start : start + CHUNK]))
        found |= {marks[mark] for mark in db.execute(some).scalars()}
    return found


def forgotten(
    db: Connection, rows: Collection[Row[Any]], reader: Mapping[str, str], number: Number = no_number
) -> set[str]:
    """Which messages would go to somebody who was erased; `reader` has the customer of each."""
    key = _known_key(db)
    if key is None or not rows:
        return set()
    marks: dict[str, set[str]] = {}
    for row in rows:
        addresses = () if row.channel in ELSEWHERE else spellings(row.recipient or "", number)
        for one in {reader[row.message_id], *addresses}:
            if one.strip():
                marks.setdefault(_mark(key, one), set()).add(row.message_id)
    found = db.execute(_AMONG, {"marks": list(marks)}).scalars()
    return set().union(*(marks[one] for one in found))


def _alias(key: bytes, customer_id: str) -> str:
    return f"{ERASED}-{_mark(key, customer_id)[:16]}"


def _known_key(db: Connection) -> bytes | None:
    found = db.execute(_KEY).scalar()
    return None if found is None else bytes.fromhex(found)


def _key(db: Connection) -> bytes:
    """The key of this mailroom's marks, made when the first customer is erased."""
    known = _known_key(db)
    if known is None:
        known = secrets.token_bytes(32)
        db.execute(meta.insert(), {"key": KEY, "value": known.hex()})
    return known


def _mark(key: bytes, value: str) -> str:
    return hmac.digest(key, value.strip().encode(), "sha256").hex()
