"""`enters`: the customer became a member."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from journey_engine.graph import OnMembership
from journey_engine.triggers.base import TriggerWord


class EntersTrigger(TriggerWord):
    """The customer became a member of a segment, or reached a stage of the cycle.

    ```yaml
    enters: {segment: vip}
    ```
    """

    key: ClassVar[str] = "enters"
    provides: ClassVar[tuple[str, ...] | None] = ("segment", "stage")
    segment: str | None = Field(None, description="A segment of project.yaml")
    stage: str | None = Field(None, description="A stage of the project's cycle")

    @model_validator(mode="after")
    def _one(self) -> EntersTrigger:
        if (self.segment is None) == (self.stage is None):
            raise ValueError("say {segment: NAME} or {stage: NAME}")
        return self

    def lower(self) -> OnMembership:
        if self.segment is not None:
            return OnMembership(of="segment", name=self.segment)
        return OnMembership(of="stage", name=self.stage or "")
