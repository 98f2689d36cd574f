"""Everything that the mailroom keeps of one customer, table by table, as JSON can hold it."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from sqlalchemy import false, or_, select

from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import metadata, visitors, visits
from journey_engine.times import iso

AS_JSON = ("variables", "properties", "traits", "outcomes")


def export(store: Store, customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table that names the customer; a message to them in the pass of another is theirs too."""
    found = {}
    with store.read() as db:
        for table in metadata.sorted_tables:
            names = [table.c[one] for one in ("customer_id", "addressee", "advocate", "friend") if one in table.c]
            mine = or_(false(), *(column == customer_id for column in names))
            if table is visits:
                anonymous = select(visitors.c.anonymous_id).where(visitors.c.customer_id == customer_id)
                mine = visits.c.anonymous_id.in_(anonymous.scalar_subquery())
            elif not names:
                continue
            rows = db.execute(select(table).where(mine).order_by(*table.primary_key.columns)).mappings()
            found[table.name] = [{name: _plain(name, value) for name, value in row.items()} for row in rows]
    return {name: rows for name, rows in found.items() if rows}


def _plain(name: str, value: Any) -> Any:
    if name in AS_JSON and isinstance(value, str):
        return json.loads(value)
    if isinstance(value, dt.datetime):
        return iso(value)
    return str(value) if isinstance(value, Decimal) else value
