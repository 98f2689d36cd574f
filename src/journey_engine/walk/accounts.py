"""What a member's night needs to know of the account, another customer: what happened to it tonight (rule 27)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from journey_engine.walk.occurrences import Occurrence


@dataclass(frozen=True, slots=True)
class Opened:
    """An occurrence of an account that opens passes for its members, and when they enter."""

    journey: str
    occurrence: Occurrence
    entered_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the night of its members sees it; its audience, and what it has considered, are its own."""

    customer_id: str
    opened: tuple[Opened, ...] = ()

    def of(self, journey: str) -> Iterator[tuple[Occurrence, dt.datetime]]:
        """What opens passes of one journey."""
        for one in self.opened:
            if one.journey == journey:
                yield one.occurrence, one.entered_at
