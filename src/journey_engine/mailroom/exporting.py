"""Everything that the mailroom keeps of one customer, table by table, as JSON can hold it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, or_, select

from journey_engine.mailroom import strangers
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import consent_texts, consents, metadata, tasks, visitors, visits
from journey_engine.spelling import Number, no_number
from journey_engine.times import iso

AS_JSON = ("variables", "properties", "traits", "outcomes")
OURS = "collecting"
"""Says nothing of anybody: whether a night has read the row."""


def export(
    store: Store, customer_id: str, addresses: Collection[str] = (), number: Number = no_number
) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table that names the customer; a message to them in the pass of another is theirs too, and so are
    letters without a name that came from one of their addresses.
    """
    found = {}
    with store.read() as db:
        known = {*addresses, *strangers.addresses_of(db, customer_id)}
        unnamed = strangers.at_addresses(db, known, number)
        for table in metadata.sorted_tables:
            mine = _mine(table, customer_id, unnamed)
            if mine is None:
                continue
            rows = db.execute(select(table).where(mine).order_by(*table.primary_key.columns)).mappings()
            found[table.name] = [
                {name: _plain(name, value) for name, value in row.items() if name != OURS} for row in rows
            ]
    return {name: rows for name, rows in found.items() if rows}


def _mine(table: Table, customer_id: str, unnamed: Collection[str]) -> ColumnElement[bool] | None:
    """Which rows of a table are the customer's; None of a table that names nobody."""
    if table is visits:
        named = select(visitors.c.anonymous_id).where(visitors.c.customer_id == customer_id)
        return or_(visits.c.anonymous_id.in_(named.scalar_subquery()), visits.c.anonymous_id.in_(unnamed))
    if table is consent_texts:
        read = select(consents.c.text).where(consents.c.customer_id == customer_id)
        return consent_texts.c.text.in_(read.scalar_subquery())
    names = [table.c[one] for one in ("customer_id", "addressee", "advocate", "friend") if one in table.c]
    mine = [column == customer_id for column in names]
    if table is tasks:
        mine.append(and_(tasks.c.customer_id == "", tasks.c.visitor.in_(unnamed)))
    if table is visitors:
        mine.append(visitors.c.anonymous_id.in_(unnamed))
    return or_(*mine) if mine else None


def _plain(name: str, value: Any) -> Any:
    if name in AS_JSON and isinstance(value, str):
        return json.loads(value)
    if isinstance(value, dt.datetime):
        return iso(value)
    return str(value) if isinstance(value, Decimal) else value
