"""`abandoned`: the customer began something and did not finish it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions import EventWords
from journey_engine.graph import OnSilence
from journey_engine.predicates import Length
from journey_engine.triggers.base import TriggerWord


class AbandonedTrigger(TriggerWord):
    """An event followed neither by itself nor by `without` in this long; fires when the time is over.

    ```yaml
    abandoned: {event: cart_item_added, without: order_placed, for: 1 hour}
    ```
    """

    key: ClassVar[str] = "abandoned"
    provides: ClassVar[tuple[str, ...] | None] = None
    event: EventWords = Field(description="What the customer began")
    without: EventWords = Field(description="What would have finished it")
    for_: Length = Field(alias="for", description="How long neither follows")

    def lower(self) -> OnSilence:
        return OnSilence(events=self.event.events(), without=self.without.events(), length=self.for_)
