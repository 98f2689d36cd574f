"""What a night needs to know of other customers: a member's of their account, an account's of its contact (rule 27)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from journey_engine.records import Event
from journey_engine.walk.occurrences import Occurrence


@dataclass(frozen=True, slots=True)
class Other:
    """Another customer as they are tonight, with what journeys set, in the zone in force, and their known events."""

    customer_id: str
    timezone: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """An occurrence of an account that opens passes for its members, and when they enter."""

    journey: str
    occurrence: Occurrence
    entered_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the night of its members sees it; its audience, and what it has considered, are its own."""

    who: Other
    opened: tuple[Opened, ...] = ()

    @property
    def customer_id(self) -> str:
        """The account's own id."""
        return self.who.customer_id

    def of(self, journey: str) -> Iterator[tuple[Occurrence, dt.datetime]]:
        """What opens passes of one journey."""
        for one in self.opened:
            if one.journey == journey:
                yield one.occurrence, one.entered_at
