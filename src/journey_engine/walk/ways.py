"""By which of several ways a message reaches its reader, with why not by another: the plain reading.

A way is taken when there are words for it, an address, and nothing that the reader said or that bounced stands against
it, as far as the night knows; the mailroom asks again when the message leaves.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from journey_engine.graph import PREFERENCES, Message, Way, address_of
from journey_engine.message import EMAIL, medium
from journey_engine.records import Event
from journey_engine.walk.accounts import Other
from journey_engine.walk.values import as_text

CAME_BACK = ("message_bounced", "message_complained")


@dataclass(frozen=True, slots=True)
class Weighed:
    """One way for one reader, and what holds of it."""

    way: Way
    wanted: bool  # it is for everybody, or the one that the reader prefers
    worded: bool
    address: bool
    welcome: bool

    @property
    def lacks(self) -> int:
        """How far it is from reaching the reader: nothing, their consent, an address, the words."""
        return next((n for n, held in ((3, self.worded), (2, self.address), (1, self.welcome)) if not held), 0)

    def why_not(self, prefers: str | None) -> str | None:
        """What stands against it, in a few words."""
        if not self.wanted:
            return f"customer.{prefers} does not say {self.way.wanted}"
        told = (None, "they want nothing by it, or it bounced", f"no {address_of(self.way.channel)}", "no words for it")
        return told[self.lacks]


def taken(effect: Message, weighed: Iterable[Weighed]) -> str:
    """The channel of a message: the first way that reaches, or else the one that lacks least."""
    some = [one for one in weighed if one.wanted]
    return min(some, key=lambda one: one.lacks).way.channel if some else effect.channel


def weigh(effect: Message, reader: Other, wordless: Collection[tuple[str, str]]) -> list[Weighed]:
    """Every way of a message in the order in which they are tried; none when it has but one channel."""
    said = as_text(reader.attributes.get(effect.prefers)) if effect.prefers is not None else None
    preferred = PREFERENCES.get(said or "")
    return [
        Weighed(
            way,
            wanted=way.wanted in (None, preferred),
            worded=(effect.template, medium(way.channel)) not in wordless,
            address=_can_be_one(medium(way.channel), as_text(reader.attributes.get(address_of(way.channel)))),
            welcome=welcome(reader, effect, medium(way.channel)),
        )
        for way in effect.ways
    ]


def in_words(effect: Message, weighed: Sequence[Weighed], channel: str) -> str:
    """The channel that was taken, and what stood against those before it."""
    passed = []
    for one in weighed:
        why = one.why_not(effect.prefers)
        if one.way.channel == channel and why is None:
            break
        if why is not None and one.way.channel != channel:
            passed.append(f"not {one.way.channel}: {why}")
    return "; ".join([channel, *dict.fromkeys(passed)])


def welcome(reader: Other, effect: Message, way: str) -> bool:
    """Whether nothing known of a reader stops a message by a way, as the mailroom stops it (rule 19)."""
    stop, no, yes = _Last(), _Last(), _Last()  # of the topic or of everything
    way_no, way_yes = _Last(), _Last()  # of the way alone
    for event in reader.events:
        topic, channel = (_named(event, name) for name in ("topic", "channel"))
        match event.name:
            case "message_complained" | "message_bounced" if _ends(event, effect, way, reader.customer_id):
                stop.at(event)
            case "unsubscribed" if topic == effect.topic or (topic is None and effect.topic_class == "marketing"):
                if channel is None:
                    no.at(event)
                elif channel == way:
                    (way_no if topic is None else stop).at(event)
            case "subscribed" if _named(event, "consent_id", empty=True) is not None:
                if channel is None and topic == effect.topic:
                    yes.at(event)
                elif channel == way and topic is None:
                    way_yes.at(event)
            case _:
                pass
    return stop.when is None and not no.stands(yes) and not way_no.stands(way_yes)


@dataclass(slots=True)
class _Last:
    when: dt.datetime | None = None

    def at(self, event: Event) -> None:
        self.when = max(self.when or event.occurred_at, event.occurred_at)

    def stands(self, lifted: _Last) -> bool:
        """Of a no and a yes at one instant the no counts."""
        return self.when is not None and (lifted.when is None or lifted.when <= self.when)


def _ends(event: Event, effect: Message, way: str, reader: str) -> bool:
    """Whether it ends a way for good: a complaint does so to each, a dead address to its own."""
    addressee = event.properties.get("addressee")
    if effect.topic_class == "staff" or (isinstance(addressee, str) and addressee != reader):
        return False  # it is the address of somebody else
    if event.name == "message_complained":
        return True
    channel = event.properties.get("channel")
    return event.properties.get("permanent") is True and way == (medium(channel) if isinstance(channel, str) else EMAIL)


def _named(event: Event, name: str, *, empty: bool = False) -> str | None:
    value = event.properties.get(name)
    return value if isinstance(value, str) and (value or empty) else None


def _can_be_one(way: str, address: str | None) -> bool:
    """Whether what a customer has can be an address at all: an @, or five digits."""
    if address is None:
        return False
    return "@" in address if way == EMAIL else re.search(r"([0-9][^0-9]*){5}", address) is not None
