"""What the renderer, the mailroom and the channels say to each other about one message.

They are neighbours that do not import each other: the renderer makes `Rendered`, dispatch makes
`Outgoing`, a channel answers with one `Outcome` per message. A channel translates; it decides nothing and
must not raise for one message.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from journey_engine.errors import JourneyError
from journey_engine.times import iso

WEBHOOK = "webhook"
"""The channel of calls to other systems: no letters, so no address, no subscription and no hours."""

STAFF = "staff"
"""The channel of notices for the company's own people: they go to one place, not to a customer's address."""

SMS = "sms"
"""The channel of short messages: to a phone number, in the words of `sms.txt`."""

MESSAGE_ID = "journey_message_id"
"""What our message id is called where it travels with a message through a provider and comes back in its events."""

SMS, EMAIL = "sms", "email"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\\\"]+@(?:[^\s@<>()\[\],;:\\\"._-][^\s@<>()\[\],;:\\\"._]*\.)*[^\s@<>()\[\],;:\\\"._]+"
)

_PHONE = re.compile(r"\+?[0-9(][0-9 ()./-]*")


class OutcomeKind(StrEnum):
    """How a channel answered for one message."""

    ACCEPTED = "accepted"  # the provider has taken it
    REFUSED = "refused"  # the provider will never take it
    LATER = "later"  # surely not taken, and worth another try
    UNSURE = "unsure"  # nobody knows whether it was taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """A channel's answer for one message.

    `reason` is a short word to group by, `detail` a sentence for people. `down` says that the channel as
    a whole cannot work now, so nothing more is handed to it in this dispatch; with `peer` it is only the
    one whom the channel calls so, and the channel itself leaves that one alone. `bounced` says that the
    address does not exist, `unsubscribed` that its owner told the provider to stop. `address` is where it went, when
    the provider was given that otherwise than the data have it.
    """

    kind: OutcomeKind
    reason: str | None = None
    detail: str | None = None
    retry_after: dt.timedelta | None = None
    down: bool = False
    bounced: bool = False
    peer: str | None = None
    unsubscribed: bool = False
    address: str | None = field(default=None, repr=False)

    @classmethod
    def accepted(cls, detail: str | None = None) -> Outcome:
        """Taken; `detail` is the provider's receipt."""
        return cls(OutcomeKind.ACCEPTED, None, detail)


class Presence(StrEnum):
    """What a channel's records say about a message id."""

    ACCEPTED = "accepted"  # it was taken
    ABSENT = "absent"  # the records are complete and do not have it: it was not taken
    UNKNOWN = "unknown"  # the channel cannot tell


@dataclass(frozen=True, slots=True)
class Author:
    """Who a letter is from, where that is not the project's own sender."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The words of one message, ready to be packed. `html` is None for a message of text alone.

    `author` is who it is from, if not the project's own sender; `stranger` says that somebody is named who may not be.
    """

    subject: str
    text: str
    html: str | None = None
    unsubscribe_url: str | None = None
    reply_to: str | None = None
    author: Author | None = None
    stranger: bool = False


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Which message is being rendered, for whom: what links, dates and the sender's lines need.

    `customer_id` is who reads it; `pass_of` is whose pass it belongs to, when that is another customer. The
    channel says which of a template's words are meant.
    """

    message_id: str
    customer_id: str
    topic: str | None = None
    timezone: str = "UTC"
    enrollment_id: str | None = None
    pass_of: str | None = None
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as a channel receives it. `date` is the instant of the dispatch.

    `intended` is whose it is, where project.yaml sends it to another address instead.
    """

    message_id: str
    to: str
    to_name: str | None
    rendered: Rendered
    date: dt.datetime
    template: str
    topic_class: str = "marketing"
    journey: str = ""
    intended: str | None = None


@runtime_checkable
class Erases(Protocol):
    """A channel that can forget what it keeps of letters itself."""

    def erase(self, message_ids: Collection[str], addresses: Collection[str]) -> int:
        """Forget these letters, and what is kept of these addresses; how many were there. Raises JourneyError."""
        ...


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A provider's answer to who is to be forgotten: the addresses that it has taken, or never had anything of.

    `why` says what keeps the others, and `remedy` what to do; both are free of addresses.
    """

    taken: frozenset[str] = frozenset()
    why: str | None = None
    remedy: str | None = None


class Channel(Protocol):
    """The way out of the house. Opened and closed once per dispatch."""

    name: str
    hold: dt.timedelta
    """How long after a send the records behind `lookup` may still be silent about it."""

    def open(self) -> None:
        """Get ready. Raises JourneyError when the settings cannot work."""

    def close(self) -> None:
        """Let go of everything."""

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        """Hand over messages; yield (message id, outcome) as each is known. One left out counts as unsure."""

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        """What the channel's own records say about earlier messages."""


@runtime_checkable
class Forgets(Channel, Protocol):
    """A channel whose provider keeps what letters were, and forgets it when it is asked to."""

    def forget(self, addresses: Collection[str]) -> Forgotten:
        """Ask for it, once the channel is open; asking again does no harm. Raises nothing."""
        ...


class Renders(Protocol):
    """What dispatch needs of the renderer."""

    def render(self, template: str, locale: str | None, values: Mapping[str, Any], message: MessageRef) -> Rendered:
        """Raises RenderError or Aborted."""

    def render_line(self, source: str, values: Mapping[str, Any], message: MessageRef) -> str:
        """One line from the author's own text, such as a task's title. Raises RenderError or Aborted."""


class RenderError(JourneyError):
    """A message that cannot be worded: missing_value (with its path), no_template or template_error."""

    def __init__(self, message: str, *, code: str, path: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.path = path


class Aborted(Exception):
    """A template said `abort("reason")`: this message is skipped on purpose."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def header_safe(text: str) -> str:
    """Text fit for one header line: no control characters, no line breaks of any kind, single spaces."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"\s+", " ", _CONTROL.sub(" ", whole)).strip()


def medium(channel: str) -> str:
    """How a channel reaches a customer, as they know it: every channel but `sms` is email to them."""
    return SMS if channel == SMS else EMAIL


def is_address(text: str) -> bool:
    """Whether the text can be one email address: no space, comma or bracket, a domain, not too long."""
    if len(text) > 254 or _ADDRESS.fullmatch(text) is None or _CONTROL.search(text):
        return False
    local, _, domain = text.rpartition("@")
    if "xn--" in domain.lower():
        try:
            if not all(domain.encode("ascii").decode("idna").split(".")):
                return False
        except UnicodeError:
            return False
    return len(local) <= 64 and ".." not in local and local[0] != "." and local[-1] != "." and "." in domain


def is_phone(text: str) -> bool:
    """Whether the text can be one phone number: digits, and what people write between them."""
    return _PHONE.fullmatch(text) is not None and 5 <= sum(char.isdecimal() for char in text) <= 20


def webhook_data(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What a webhook brings, from its decision: each value by its name; one that is missing is null."""
    found: dict[str, Any] = {}
    for name, path in payload["data"].items():
        value: Any = payload["values"]
        for part in [path] if path.startswith("row:") else path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        found[name] = value
    return found


def plain(value: object) -> object:
    """Reduce a value to what JSON holds: instants and dates as ISO text, exact decimals as numbers."""
    if isinstance(value, dt.datetime):
        return iso(value) if value.tzinfo else value.isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot travel with a message")
