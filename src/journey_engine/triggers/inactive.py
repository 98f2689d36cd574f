"""`inactive`: the customer has gone quiet."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions import EventWords
from journey_engine.graph import OnSilence
from journey_engine.predicates import Length
from journey_engine.triggers.base import TriggerWord


class InactiveTrigger(TriggerWord):
    """An event followed by none of the same in this long; fires when the time is over.

    ```yaml
    inactive: {event: order_placed, for: 60 days}
    ```
    """

    key: ClassVar[str] = "inactive"
    provides: ClassVar[tuple[str, ...] | None] = None
    event: EventWords = Field(description="What the customer did last")
    for_: Length = Field(alias="for", description="How long nothing of the kind follows")

    def lower(self) -> OnSilence:
        return OnSilence(events=self.event.events(), length=self.for_)
