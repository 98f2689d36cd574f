"""`event`: something the customer did."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions import EventWords
from journey_engine.graph import OnEvent, Reentry
from journey_engine.language import Flag
from journey_engine.triggers.base import TriggerWord


class EventTrigger(EventWords, TriggerWord):
    """Each matching event starts a pass; with `first`, only the customer's first ever.

    ```yaml
    event: {name: signed_up, where: {plan: pro}, first: true}
    ```
    """

    key: ClassVar[str] = "event"
    default_reentry: ClassVar[str | None] = None
    provides: ClassVar[tuple[str, ...] | None] = None
    first: Flag = Field(False, description="Only the first ever")

    def lower(self) -> OnEvent:
        return OnEvent(events=self.events(), first=self.first)

    def reentry(self) -> Reentry | None:
        return Reentry(mode="never") if self.first else None
