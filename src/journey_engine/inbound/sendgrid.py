"""SendGrid's event webhook as notices: what became of each message, in the words of every provider.

Notices come repeated and in any order. The id of each is made of what it is about, since SendGrid's own may differ
between repetitions. No address, no browser and no query of a link goes on; only where it led to.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from journey_engine.inbound.bodies import Refused
from journey_engine.message import MESSAGE_ID
from journey_engine.news import Fate, Notice
from journey_engine.records import identity
from journey_engine.times import UTC

BYTES = 8 * 1024 * 1024
LONGEST = 4000
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_FATES: Mapping[str, Fate] = {
    "processed": Fate.PROCESSED,
    "delivered": Fate.DELIVERED,
    "deferred": Fate.DEFERRED,
    "bounce": Fate.BOUNCED,
    "dropped": Fate.REJECTED,
    "open": Fate.OPENED,
    "click": Fate.CLICKED,
    "spamreport": Fate.COMPLAINED,
    "unsubscribe": Fate.UNSUBSCRIBED,
    "group_unsubscribe": Fate.UNSUBSCRIBED,
}
# SendGrid's words for why it drops a message, ours, and what they say of the address from now on.
_DROPPED: tuple[tuple[str, str, str | None], ...] = (
    ("bounced address", "bounced", "bounced"),
    ("spam reporting address", "spam", "complained"),
    ("unsubscribed address", "unsubscribed", "unsubscribed"),
    ("spam content", "spam", None),
    ("invalid", "invalid", None),
)


def notices(body: Any, home: str | None, received_at: dt.datetime) -> tuple[list[Notice], Counter[str]]:
    """The notices of one request, and how many of its events say nothing that we know, by the reason.

    Raises Refused for what is no list. `home` is the project's public address.
    """
    if not isinstance(body, list):
        raise Refused("invalid_body", "the body is a list of events")
    found: list[Notice] = []
    left: Counter[str] = Counter()
    for one in body:
        if not isinstance(one, dict) or not isinstance(one.get("event"), str):
            left["no_event"] += 1
        elif one["event"] not in _FATES:
            left["other_event"] += (
                1  # group_resubscribe, or a word to come: nothing lifts a suppression but the customer
            )
        elif (at := _instant(one.get("timestamp"), received_at)) is None:
            left["no_timestamp"] += 1
        else:
            found.append(_notice(one, _FATES[one["event"]], at, home))
    return found, left


def _notice(one: Mapping[str, Any], fate: Fate, at: dt.datetime, home: str | None) -> Notice:
    message_id, address = _text(one, MESSAGE_ID), _text(one, "email")
    properties, stops = _said(one, fate, home)
    about = (message_id or _text(one, "sg_message_id") or "", (address or "").lower(), str(one["event"]))
    told = (str(one.get("timestamp")), _text(one, "url") or "", str(one.get("attempt") or ""))
    machine = fate is Fate.OPENED and one.get("sg_machine_open") is True
    return Notice(
        Fate.OPENED_BY_MACHINE if machine else fate,
        at,
        identity("sendgrid", *about, *told),
        provider_id=_text(one, "sg_event_id"),
        message_id=message_id,
        address=address,
        letter_id=(_text(one, "smtp-id") or "").strip("<> ") or None,
        properties={"provider": "sendgrid", **properties},
        stops=stops,
    )


def _said(one: Mapping[str, Any], fate: Fate, home: str | None) -> tuple[dict[str, Any], str | None]:
    """What more is known, and why nothing more may go to this customer."""
    status = _text(one, "status") or ""
    found: dict[str, Any] = {"status": status} if _STATUS.fullmatch(status) else {}
    match fate:
        case Fate.BOUNCED:
            blocked = one.get("type") == "blocked"  # turned away this once, such as by a full list of senders
            invalid = one.get("bounce_classification") == "Invalid Address"
            reason = "blocked" if blocked else "invalid" if invalid else "bounced"
            return {**found, "permanent": not blocked, "reason": reason}, None if blocked else "bounced"
        case Fate.REJECTED:
            why = (_text(one, "reason") or "").lower()
            reason, stops = next(((word, stops) for said, word, stops in _DROPPED if said in why), ("other", None))
            return {**found, "reason": reason}, stops
        case Fate.DEFERRED:
            attempt = str(one.get("attempt") or "")
            return found | ({"attempt": int(attempt)} if attempt.isdecimal() and len(attempt) < 6 else {}), None
        case Fate.CLICKED:
            return {"url": _shown(_text(one, "url") or "", home)}, None
        case Fate.COMPLAINED | Fate.UNSUBSCRIBED:
            return found, fate.value
        case _:
            return found, None


def _shown(url: str, home: str | None) -> str:
    """Where a link led to: of our own only the kind, since the rest says who the customer is."""
    if home and url.startswith(f"{home}/"):
        return f"{home}/{url.removeprefix(home).split('/')[1].partition('?')[0]}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else ""


def _text(one: Mapping[str, Any], name: str) -> str | None:
    value = one.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST else None


def _instant(value: object, received_at: dt.datetime) -> dt.datetime | None:
    """SendGrid's seconds; what claims to be of the future happened when it came in."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**12:
        return None
    return min(dt.datetime.fromtimestamp(min(value, 32_503_680_000), UTC), received_at)
