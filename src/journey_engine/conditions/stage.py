"""The condition `stage`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.predicates import AllOf, AnyOf, Not, Predicate


class StageCondition(ConditionWord):
    """In a stage of the cycle, as of now: the last stage whose condition holds.

    ```yaml
    stage: retention
    ```
    """

    key: ClassVar[str] = "stage"
    main: ClassVar[str | None] = "name"
    name: str = Field(description="A stage of the project's cycle")

    def resolve(self, context: Context) -> Predicate:
        """This stage's condition and none of a later stage."""
        names = list(context.stages)
        outside = context.outside()
        later = [context.stages[name].resolve(outside) for name in names[names.index(self.name) + 1 :]]
        own = context.stages[self.name].resolve(outside)
        return AllOf(items=(own, Not(item=AnyOf(items=tuple(later))))) if later else own
