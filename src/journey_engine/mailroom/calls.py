"""Webhooks in the mailroom: what a decision becomes as a row of `messages`, and the body that leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from journey_engine.message import webhook_data
from journey_engine.times import iso

TYPE = "journey.webhook"


def named(endpoint: str) -> str:
    """What stands where a letter has its template; no template has a colon in its name."""
    return f"webhook:{endpoint}"


def kept(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What the row keeps: the data, and the steps they come from, since a reward may not have been given."""
    return {"data": webhook_data(payload), "step": payload["values"].get("step")}


def call_body(row: Row[Any]) -> str:
    """The JSON of one call, the same at every try."""
    body = {
        "type": TYPE,
        "id": row.message_id,
        "timestamp": iso(row.due_at),
        "customer_id": row.customer_id,
        "journey": row.journey,
        "step": row.step,
        "enrollment_id": row.enrollment_id,
        "data": json.loads(row.variables)["data"],
    }
    return json.dumps(body, separators=(",", ":"))
