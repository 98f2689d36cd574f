"""The condition `segment`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.predicates import Predicate


class SegmentCondition(ConditionWord):
    """Member of a segment of the project, as of now.

    ```yaml
    segment: vip
    ```
    """

    key: ClassVar[str] = "segment"
    main: ClassVar[str | None] = "name"
    name: str = Field(description="A segment of project.yaml")

    def resolve(self, context: Context) -> Predicate:
        """The segment's own condition over the whole history."""
        resolved: Predicate = context.segments[self.name].resolve(context.outside())
        return resolved
