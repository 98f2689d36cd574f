"""`journey`: what became of a pass of another journey."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from journey_engine.graph import OnPass
from journey_engine.triggers.base import TriggerWord


class JourneyTrigger(TriggerWord):
    """A pass of another journey entered, finished, converted or exited; this one begins at that instant, a run later.

    ```yaml
    journey: {name: welcome, state: finished}
    ```
    """

    key: ClassVar[str] = "journey"
    main: ClassVar[str | None] = "name"
    default_reentry: ClassVar[str | None] = "each_occurrence"
    provides: ClassVar[tuple[str, ...] | None] = ("journey", "state", "reason")
    name: str = Field(description="The other journey")
    state: Literal["entered", "finished", "converted", "exited"] = Field(
        "finished", description="What happened to its pass; `converted` is reaching the goal, also of one that stays"
    )

    def lower(self) -> OnPass:
        return OnPass(journey=self.name, state=self.state)
