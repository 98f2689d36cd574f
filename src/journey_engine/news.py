"""What others tell the mailroom, as the rooms that read it hand it over: frozen, and already fit to be kept.

Every instant is UTC, every text is free of what a store cannot hold, every id is short.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

WRITER, CALLER = "mailto:", "tel:"
"""How the id of a visitor begins who wrote from an address or a number that we know of nobody."""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a customer did; or a visitor, when nobody has said yet who that is."""

    event_id: str
    name: str
    occurred_at: dt.datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    customer_id: str | None = None
    anonymous_id: str | None = None


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a customer, or of a visitor, since an instant. None takes a trait away."""

    told_at: dt.datetime
    values: Mapping[str, Any]
    customer_id: str | None = None
    anonymous_id: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A visitor is this customer. Not `sure`: anyone can say so; what the visitor did counts, not what they are."""

    anonymous_id: str
    customer_id: str
    sure: bool = True


News = Told | Traits | Named


class Fate(StrEnum):
    """What became of a message, as every provider tells it."""

    PROCESSED = "processed"  # the provider has it in hand
    DELIVERED = "delivered"
    DEFERRED = "deferred"  # not yet taken; the provider tries again
    BOUNCED = "bounced"
    REJECTED = "rejected"  # the provider did not even try
    OPENED = "opened"
    OPENED_BY_MACHINE = "opened_by_machine"  # a mail program looked at it before anyone did
    CLICKED = "clicked"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a provider tells of one message.

    `notice_id` is made of what it is about, `provider_id` is the provider's own. Without `message_id` the message is
    sought by the address. `letter_id` is the Message-ID that the letter left with. `stops` is the reason why nothing
    more may go to this customer.
    """

    fate: Fate
    occurred_at: dt.datetime
    notice_id: str
    provider_id: str | None = None
    message_id: str | None = None
    address: str | None = None
    letter_id: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    stops: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What a customer wrote to us. `answers` are the Message-IDs of the letters it answers, the nearest first;
    `automatic` says why it is no customer who writes. `proven` is the message whose own address it came to, `forged`
    says that an address only looks like one.
    """

    letter_id: str
    sender: str
    answers: tuple[str, ...]
    subject: str
    text: str
    automatic: str | None = None
    proven: str | None = None
    forged: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A short message that a customer wrote to us. `asks` for an end of them, or for more; `media` are its pictures."""

    text_id: str
    sender: str
    text: str
    asks: Literal["stop", "start"] | None = None
    media: int = 0


def caller_of(number: str) -> str:
    """The visitor who writes from a number that we know of nobody."""
    return f"{CALLER}{number}"


def visitor_of(address: str | None) -> str | None:
    """The visitor who writes from an address that we know of nobody; `alias` may say who that is."""
    return None if address is None else f"{WRITER}{address.strip().lower()}"


def address_of(visitor: str) -> str | None:
    """The address or number that such a visitor is called by; None for any other id."""
    return next((visitor.removeprefix(one) for one in (WRITER, CALLER) if visitor.startswith(one)), None)
