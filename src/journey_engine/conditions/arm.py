"""The condition `arm`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.predicates import InArm, Predicate


class ArmCondition(ConditionWord):
    """The pass has drawn this arm of a split; before it has come to the split, nothing is drawn.

    ```yaml
    arm: warm
    ```
    """

    key: ClassVar[str] = "arm"
    main: ClassVar[str | None] = "name"
    name: str = Field(description="An arm of this journey")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return InArm(arm=self.name)
