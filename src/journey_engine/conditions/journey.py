"""The condition `journey`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.predicates import InJourney, Length, Predicate


class JourneyCondition(ConditionWord):
    """A pass of a journey in a state, as it was before this run.

    ```yaml
    journey: {name: welcome, state: converted, within: 30 days}
    ```
    """

    key: ClassVar[str] = "journey"
    main: ClassVar[str | None] = "name"
    name: str = Field(description="A journey of the project")
    state: Literal["in", "finished", "converted", "exited"] = Field(
        "in", description="Where its pass is, or how it ended"
    )
    within: Length | None = Field(None, description="Reached not longer ago than this")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return InJourney(name=self.name, state=self.state, within=self.within)
