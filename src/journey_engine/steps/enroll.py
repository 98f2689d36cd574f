"""`enroll`: the customer enters another journey too."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.graph import Emit, Enroll
from journey_engine.steps.base import Builder, Path, Step


class EnrollStep(Step):
    """Let the customer enter another journey, in the next run at this instant, as its audience and re-entry let.

    ```yaml
    enroll: onboarding
    ```
    """

    key: ClassVar[str] = "enroll"
    main: ClassVar[str | None] = "journey"
    journey: str = Field(description="The other journey; there `trigger.journey` and `trigger.step` say whence")

    def default_id(self) -> str:
        return f"enroll:{self.journey}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        return builder.add(Emit, path, effect=Enroll(journey=self.journey), next=following)
