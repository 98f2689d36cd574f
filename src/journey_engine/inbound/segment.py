"""Calls of the Segment HTTP API as news: track, page, screen, identify, group, alias, alone or in a batch.

Clients of Segment and RudderStack send them; docs/front-door.md says what becomes of each.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from journey_engine.inbound.bodies import Refused
from journey_engine.inbound.names import is_ours, known_as
from journey_engine.message import EMAIL, SMS
from journey_engine.news import Named, News, Told, Traits, visitor_of
from journey_engine.records import identity
from journey_engine.times import UTC, iso

EVENT_BYTES = 32 * 1024
BATCH_BYTES = 500 * 1024
BATCH_CALLS = 2500
LONGEST_ID = 200
LONGEST_MESSAGE_ID = 100
LONGEST_SUBJECT, LONGEST_TEXT = 300, 10_000
FEEDBACK = {"query": "query_received", "feedback": "feedback_given", "service_request": "service_requested"}
UNSUBSCRIBED = "unsubscribed"
KINDS = ("track", "page", "screen", "identify", "group", "alias")
_EARLIEST = dt.datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sender:
    """What a write key may tell: all events or only some; of a public one no traits, and nobody is unsubscribed.

    `topics` are those that one can unsubscribe from; None where nobody knows them.
    """

    public: bool = False
    events: Collection[str] = ()
    topics: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What is taken of a request, and how many calls were not, by the code of the reason."""

    news: list[News] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call with what its request says for all of them."""

    kind: str
    body: Mapping[str, Any]
    sent_at: object
    received_at: dt.datetime
    sender: Sender

    def text(self, name: str) -> str | None:
        """A text or a whole number as text; None when absent. Raises Refused for another type or a long one."""
        value = self.body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**30 else None
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise Refused(f"invalid_{known_as(name)}", f"`{name}` is a text")
        if len(value) > LONGEST_ID:
            raise Refused(f"invalid_{known_as(name)}", f"`{name}` is longer than {LONGEST_ID} signs")
        return value.strip() or None

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object; empty when absent. Raises Refused for another type."""
        value = self.body.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Refused(f"invalid_{known_as(name)}", f"`{name}` is an object")
        return value

    def occurred_at(self) -> dt.datetime:
        """When it happened, by a clock that is set right by when it was sent. Never in the future.

        As Segment has it: what is told as `timestamp` is one by the sender's clock, like `originalTimestamp`. Who tells
        both has set the first right already.
        """
        names = [one for one in ("timestamp", "originalTimestamp") if self.body.get(one) is not None]
        instant = _instant(self.body[names[0]], names[0]) if names else self.received_at
        if len(names) == 1 and self.sent_at is not None:
            instant = _set_right(instant, _instant(self.sent_at, "sentAt"), self.received_at)
        return max(min(instant, self.received_at), _EARLIEST)

    def message_id(self) -> str:
        """The client's id for this call; without one, a hash of what it says."""
        told = self.body.get("messageId")
        # What anyone may send cannot stand in the way of what the shop's own systems tell under the same id.
        whose = "segment:public" if self.sender.public else "segment"
        if isinstance(told, str) and 0 < len(told.strip()) <= LONGEST_MESSAGE_ID:
            return f"{whose}:{told.strip()}"
        if told not in (None, "") and not isinstance(told, str):
            raise Refused("invalid_message_id", "`messageId` is a text")
        said = {key: value for key, value in self.body.items() if key not in ("sentAt", "writeKey")}
        dated = "timestamp" in said or "originalTimestamp" in said or told
        whole = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return f"{whose}:{identity(self.kind, whole, '' if dated else iso(self.received_at))}"


def heard(body: Any, kind: str | None, sender: Sender, received_at: dt.datetime) -> Heard:
    """The news of one request; `kind` is None for a batch.

    Raises Refused when nothing of it can be taken; of a batch with good and bad calls the good ones are taken.
    """
    if not isinstance(body, dict):
        raise Refused("invalid_body", "the body is a JSON object")
    found = Heard()
    calls = [body] if kind is not None else _batch(body)
    first: Refused | None = None
    for one in calls:
        try:
            found.news.extend(_news(one, kind, body, sender, received_at))
        except Refused as refused:
            found.refused[refused.code] += 1
            first = first or refused
    if first is not None and found.refused.total() == len(calls):
        raise first
    return found


def _batch(body: Mapping[str, Any]) -> list[Any]:
    calls = body.get("batch")
    if not isinstance(calls, list):
        raise Refused("invalid_batch", "`batch` is a list of calls")
    if len(calls) > BATCH_CALLS:
        raise Refused("too_many", f"a batch has {BATCH_CALLS:,} calls at most")
    return calls


def _news(
    one: Any, kind: str | None, whole: Mapping[str, Any], sender: Sender, received_at: dt.datetime
) -> Iterator[News]:
    if not isinstance(one, dict):
        raise Refused("invalid_call", "a call is an object")
    if len(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode()) > EVENT_BYTES:
        raise Refused("too_large", f"a call has {EVENT_BYTES:,} bytes at most")
    told = kind or one.get("type") or one.get("action")
    if not isinstance(told, str) or told not in (*KINDS, kind):
        raise Refused("invalid_type", f"`type` is one of {', '.join(KINDS)}")
    sent_at = one.get("sentAt") or whole.get("sentAt")
    return _READ[told](_Call(told, one, sent_at, received_at, sender))


def _track(call: _Call) -> Iterator[News]:
    name = call.text("event")
    if name is None:
        raise Refused("no_event", "`event` names what happened")
    known = known_as(name)
    if not known:
        raise Refused("invalid_event", "`event` holds no letter or digit")
    more = {} if known == name else {"original_name": name}
    yield from _told(call, known, {**call.mapping("properties"), **more})


def _viewed(call: _Call) -> Iterator[News]:
    named = {key: value for key in ("name", "category") if (value := call.text(key)) is not None}
    yield from _told(call, f"{call.kind}_viewed", {**call.mapping("properties"), **named})


def _told(call: _Call, name: str, properties: Mapping[str, Any]) -> Iterator[News]:
    if is_ours(name) or (call.sender.public and name in (UNSUBSCRIBED, "code_redeemed")):
        raise Refused("reserved_event", "the engine itself tells of events with this name")
    if call.sender.events and name not in call.sender.events:
        raise Refused("unwanted_event", "this write key may not tell of such an event")
    if name == UNSUBSCRIBED:
        _stops_something(properties, call.sender)
    customer_id, anonymous_id = _who(call)
    yield Told(call.message_id(), name, call.occurred_at(), properties, customer_id, anonymous_id)


def _stops_something(properties: Mapping[str, Any], sender: Sender) -> None:
    """An unsubscription from what is not there would stop nothing. Raises Refused."""
    for name, known in (("topic", sender.topics), ("channel", (EMAIL, SMS))):
        value = properties.get(name)
        if value is not None and known is not None and (not isinstance(value, str) or value not in known):
            words = ", ".join(sorted(known)) or "none, since the project has none"
            raise Refused(f"unknown_{name}", f"`{name}` of an unsubscription is {words}; without it, it is of all")


def _identify(call: _Call) -> Iterator[News]:
    customer_id, anonymous_id = _who(call)
    values = _traits(call, {**_mapping_in(call.mapping("context"), "traits"), **call.mapping("traits")})
    told_at = call.occurred_at()
    if customer_id is not None and anonymous_id is not None:
        yield Named(anonymous_id, customer_id, not call.sender.public)
    if customer_id is not None:
        yield Traits(told_at, values, customer_id)
    elif values:
        yield Traits(told_at, values, anonymous_id=anonymous_id)


def _group(call: _Call) -> Iterator[News]:
    customer_id, anonymous_id = _who(call)
    group_id = call.text("groupId")
    if group_id is None:
        raise Refused("no_group_id", "`groupId` names the group")
    values, told_at = _traits(call, call.mapping("traits")), call.occurred_at()
    if not call.sender.public:
        only = None if customer_id is not None else anonymous_id
        yield Traits(told_at, {"account_id": group_id}, customer_id, only)
        yield Traits(told_at, {"kind": "organization", **values}, group_id)


def _alias(call: _Call) -> Iterator[News]:
    customer_id, previous = call.text("userId"), call.text("previousId") or call.text("anonymousId")
    if customer_id is None or previous is None:
        raise Refused("no_user_id", "`userId` and `previousId` say who is whom")
    if previous != customer_id:
        yield Named(previous, customer_id, not call.sender.public)


def _feedback(call: _Call) -> Iterator[News]:
    """What somebody asks, thinks or wants; `email` alone is a visitor, as the writer of a letter is one."""
    said = call.body.get("type", "query")
    if not isinstance(said, str) or said not in FEEDBACK:
        raise Refused("invalid_type", f"`type` is one of {', '.join(FEEDBACK)}")
    found: dict[str, Any] = dict(call.mapping("properties"))
    for name, longest in (("subject", LONGEST_SUBJECT), ("text", LONGEST_TEXT)):
        value = call.body.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > longest):
            raise Refused(f"invalid_{name}", f"`{name}` is a text of {longest:,} signs at most")
        found |= {name: value.strip()} if value else {}
    score = call.body.get("score")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
        raise Refused("invalid_score", "`score` is a number")
    found |= {"score": score} if score is not None else {}
    if not found.keys() & {"text", "subject", "score"}:
        raise Refused("no_text", "`text`, `subject` or `score` says what it is about")
    yield from _told(call, FEEDBACK[said], {**found, "by": "form"})


_READ: Mapping[str, Callable[[_Call], Iterator[News]]] = {
    "track": _track, "page": _viewed, "screen": _viewed, "identify": _identify, "group": _group, "alias": _alias,
    "feedback": _feedback,
}  # fmt: skip


def _who(call: _Call) -> tuple[str | None, str | None]:
    customer_id, anonymous_id = call.text("userId"), call.text("anonymousId")
    if customer_id is None and anonymous_id is None and call.kind == "feedback":
        anonymous_id = visitor_of(call.text("email"))
    if customer_id is None and anonymous_id is None:
        raise Refused("no_user_anon_id", "`userId` or `anonymousId` says who it was")
    return customer_id, anonymous_id


def _traits(call: _Call, told: Mapping[str, Any]) -> dict[str, Any]:
    """Traits under the names of attributes; a public key tells none, since anyone may use it in anybody's name."""
    if call.sender.public:
        return {}
    named = {known_as(name): value for name, value in told.items()}
    return {name: value for name, value in named.items() if name not in ("", "customer_id")}


def _mapping_in(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _set_right(instant: dt.datetime, sent_at: dt.datetime, received_at: dt.datetime) -> dt.datetime:
    """By the clock of the sender, which was off by what lies between sending and receiving."""
    try:
        return received_at - (sent_at - instant)
    except OverflowError:
        return received_at


def _instant(told: object, name: str) -> dt.datetime:
    if isinstance(told, str) and len(told) <= 40:
        try:
            instant = dt.datetime.fromisoformat(told.strip())
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Refused(f"invalid_{known_as(name)}", f"`{name}` is an instant such as 2026-03-01T09:30:00Z")
