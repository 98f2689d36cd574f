"""What is known of one customer: the events taken in so far, and the state that a night leaves behind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from journey_engine.records import Customer, Decision, Enrollment, Event, Transition


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """An event as it first came, which triggers read, and in its newest content for all else."""

    first: Event
    latest: Event

    @classmethod
    def of(cls, event: Event) -> LedgerEvent:
        """An event that was never sent again."""
        return cls(event, event)


@dataclass(frozen=True, slots=True)
class Overlay:
    """A value that a journey set, and the imported one that it hides (None: there was none)."""

    value: Any
    imported: Any


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether the customer is a member, how many times they became one, and the run that saw them become it.

    `began` is None of a baseline, which fires nothing, and of a customer who is no member.
    """

    member: bool = False
    ordinal: int = 0
    began: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """An attribute's value as text when it was last seen, and its last change: the n-th, from what, in which run."""

    value: str | None
    ordinal: int = 0
    before: str | None = None
    changed_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """A message that was to be sent, as caps count it: for who gets it, on their day on which it was due (rule 17)."""

    message_id: str
    topic: str
    topic_class: str
    day: dt.date
    recipient: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What an `enroll` step asked for: a journey, the key of its occurrence, its instant, and who asked."""

    journey: str
    key: str
    instant: dt.datetime
    by: str
    step: str


@dataclass(frozen=True, slots=True)
class CustomerState:
    """What the engine keeps of one customer between nights, but for the events."""

    passes: tuple[Enrollment, ...] = ()
    overlays: Mapping[str, Overlay] = field(default_factory=dict)
    memberships: Mapping[tuple[str, str], Membership] = field(default_factory=dict)  # (of, name)
    watched: Mapping[str, Watched] = field(default_factory=dict)  # attribute -> its last value
    enrolled: tuple[Enrolled, ...] = ()
    considered: Mapping[tuple[str, str], dt.datetime] = field(default_factory=dict)  # (journey, key) -> instant
    sendings: tuple[Sending, ...] = ()


@dataclass(frozen=True, slots=True)
class WorldState:
    """What the engine keeps of the whole project between nights."""

    last_run: Mapping[str, dt.datetime] = field(default_factory=dict)  # journey -> as_of of its last run
    baselines: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (of, name) -> version
    watched: frozenset[str] = frozenset()  # attributes whose changes journeys ask about, or did
    held: Mapping[str, dt.datetime] = field(default_factory=dict)  # journey -> as_of of the last run it was held in

    def looked(self, journey: str) -> dt.datetime | None:
        """The last run that a journey could have looked for occurrences, held or not; None when it never ran."""
        ran = self.last_run.get(journey)
        return None if ran is None else max(ran, self.held.get(journey, ran))


@dataclass(frozen=True, slots=True)
class WalkResult:
    """What one night did to one customer; conditions see `new_events` from the next night."""

    state: CustomerState
    transitions: tuple[Transition, ...] = ()
    decisions: tuple[Decision, ...] = ()
    new_events: tuple[Event, ...] = ()


def known(events: Iterable[LedgerEvent], as_of: dt.datetime) -> list[LedgerEvent]:
    """The events that a run at `as_of` knows (rule 2)."""
    return [event for event in events if event.first.received_at is None or event.first.received_at <= as_of]


def newest(events: Iterable[LedgerEvent], as_of: dt.datetime) -> tuple[Event, ...]:
    """Known events in their newest content, oldest first; those of one instant by their ids."""
    return in_order(event.latest for event in known(events, as_of) if event.latest.occurred_at <= as_of)


def originals(events: Iterable[LedgerEvent], as_of: dt.datetime) -> tuple[Event, ...]:
    """Known events as they first came, oldest first, as triggers see them."""
    return in_order(event.first for event in known(events, as_of) if event.first.occurred_at <= as_of)


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """Oldest first; those of one instant by their ids."""
    return tuple(sorted(events, key=lambda event: (event.occurred_at, event.event_id)))


def take_in(
    ledger: Mapping[str, LedgerEvent], data: Sequence[Event], customer: Customer | None, as_of: dt.datetime
) -> dict[str, LedgerEvent]:
    """The ledger after a run at `as_of` that found these rows in the data.

    `received_at` of a row is when it came into the data (None: when it happened). An unknown customer's rows
    wait outside, and so do rows dated after the run. A known id with other content replaces what
    conditions see.
    """
    after = dict(ledger)
    if customer is None:
        return after
    for row in data:
        arrived = row.received_at or row.occurred_at
        if arrived > as_of or row.occurred_at > as_of:
            continue
        old = after.get(row.event_id)
        received = old.first.received_at if old else as_of
        event = replace(row, received_at=received)
        after[row.event_id] = LedgerEvent(old.first if old else event, event)
    return after
