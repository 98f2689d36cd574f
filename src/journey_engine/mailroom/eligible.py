"""What is checked again when a message is about to leave (rules 5, 14, 18 and 19). Pure: reads no store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Row

from journey_engine.mailroom.standing import Standing
from journey_engine.mailroom.states import State
from journey_engine.message import SMS, STAFF, WEBHOOK, is_address, is_phone
from journey_engine.times import into_hours, parse_time


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message: its next state and why; `try_at` when it waits.

    `address` is where it went, when its channel wrote that otherwise than the data; `bounced` and `unsubscribed` say
    what the provider told of that address.
    """

    state: State
    reason: str | None = None
    detail: str | None = None
    try_at: dt.datetime | None = None
    bounced: bool = False
    unsubscribed: bool = False
    address: str | None = field(default=None, repr=False)


LEAVES = Verdict(State.CLAIMED)


def judge(row: Row[Any], as_of: dt.datetime, standing: Standing, double: Collection[str] = ()) -> Verdict:
    """Claim it, skip it, or let it wait. `standing` is that of the customer who would get it; `double` topics they must
    have confirmed.
    """
    if row.channel == WEBHOOK:  # no letter: nobody can say no to it, and it is never too late
        return LEAVES
    late = (as_of - row.reached_at).total_seconds()
    if row.max_lateness_s is not None and late > row.max_lateness_s:
        return Verdict(State.SKIPPED, "too_late", f"{int(late // 3600)} hours after it was meant")
    unreachable = _unreachable(row)
    if unreachable is not None:
        return unreachable
    stop = standing.stopped_by(row.topic, row.topic_class, row.channel)
    if stop is not None:
        return Verdict(State.SKIPPED, stop)
    if row.topic in double and row.topic not in standing.granted:
        return Verdict(State.SKIPPED, "not_confirmed", f"the topic '{row.topic}' needs the customer's own yes")
    if row.send_from is None:
        return LEAVES
    try:
        opens = _opens(as_of, row.timezone, row.send_from, row.send_until)
    except KeyError:
        return Verdict(State.REFUSED, "invalid_timezone", f"'{row.timezone}' is no zone")
    if opens != as_of:
        return Verdict(State.PENDING, "send_hours", f"between {row.send_from} and {row.send_until} there", opens)
    return LEAVES


def _unreachable(row: Row[Any]) -> Verdict | None:
    """Why there is nothing to send to, or None; notices for the company's own people need nobody's address."""
    if row.channel == STAFF:
        return None
    to = (row.recipient or "").strip()
    if not to:
        return Verdict(State.SKIPPED, "no_address")
    if not (is_phone(to) if row.channel == SMS else is_address(to)):
        detail = f"what customer {row.addressee or row.customer_id} has is no address"
        return Verdict(State.SKIPPED, "invalid_address", detail)
    return None


@lru_cache(maxsize=4096)
def _opens(as_of: dt.datetime, zone: str, start: str, end: str) -> dt.datetime:
    """The same for everyone of a zone and hours; raises KeyError for an unknown zone."""
    return into_hours(as_of, zone, parse_time(start), parse_time(end))
