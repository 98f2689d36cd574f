"""The condition `trigger`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.conditions.comparison import PropertyComparison, wheres
from journey_engine.predicates import AllOf, Predicate, TriggerHas


class TriggerCondition(ConditionWord):
    """Properties of the event that started the pass.

    ```yaml
    trigger: {total: {above: 50}}
    ```
    """

    key: ClassVar[str] = "trigger"
    main: ClassVar[str | None] = "properties"
    whole: ClassVar[bool] = True
    properties: dict[str, PropertyComparison] = Field(min_length=1, description="What each property must be")

    def resolve(self, context: Context) -> Predicate:
        """All named properties must hold."""
        return AllOf(items=tuple(TriggerHas(where=where) for where in wheres(self.properties)))
