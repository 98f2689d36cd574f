"""What one customer may be written to: what stops messages, and which later yes of their own undoes a no. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from journey_engine.message import medium

UNSUBSCRIBED = "unsubscribed"
"""The one reason that a customer can undo; a dead address and a complaint stay (rule 19)."""


@dataclass(frozen=True, slots=True, order=True)
class Stop:
    """A row of `suppressions`: an empty topic is every topic, an empty channel every way to reach the customer."""

    topic: str
    channel: str
    reason: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """The stops of a customer, and when they last said yes themselves to which topic.

    Every yes came by a link that went to their address.
    """

    stops: frozenset[Stop] = frozenset()
    granted: Mapping[str, dt.datetime] = field(default_factory=dict)

    def stopped_by(self, topic: str | None, topic_class: str, channel: str) -> str | None:
        """The reason that keeps a message of a topic, sent by a channel, from this customer; None when nothing does.

        A dead address takes nothing by its channel. A complaint ends everything but staff notices. Unsubscribing from
        a topic ends that topic whatever its class; unsubscribing from everything, or from a channel, ends marketing.
        """
        for stop in sorted(self.stops):
            if topic_class == "staff" and stop.reason != UNSUBSCRIBED:
                continue  # goes to the company's own people
            if stop.channel and stop.channel != medium(channel):
                continue
            if stop.topic and stop.topic != topic:
                continue
            if stop.reason == UNSUBSCRIBED and (topic_class != "marketing" and not stop.topic):
                continue
            if stop.reason == UNSUBSCRIBED and not stop.channel and self._granted_after(stop, topic):
                continue
            return stop.reason
        return None

    def refuses(self, topic: str) -> bool:
        """Whether the customer said no to a topic, or to everything, and not yes since."""
        return any(
            stop.reason == UNSUBSCRIBED and not stop.channel and stop.topic in ("", topic)
            and not self._granted_after(stop, topic)
            for stop in self.stops
        )  # fmt: skip

    def refuses_channel(self, channel: str) -> bool:
        """Whether the customer said no to a channel."""
        return any(stop.reason == UNSUBSCRIBED and stop.channel == channel for stop in self.stops)

    @property
    def ended_by(self) -> str | None:
        """A complaint, or another reason that is not the customer's to undo and ends everything."""
        return next((stop.reason for stop in sorted(self.stops) if stop.reason != UNSUBSCRIBED), None)

    def _granted_after(self, stop: Stop, topic: str | None) -> bool:
        yes = self.granted.get(topic or "")
        return yes is not None and yes > stop.since
