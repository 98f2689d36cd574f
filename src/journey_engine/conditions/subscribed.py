"""The condition `subscribed`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.predicates import Predicate, Subscribed


class SubscribedCondition(ConditionWord):
    """Subscribed to a topic: no unsubscribe from it, or from everything, is known, or the customer said yes since.

    A topic with `opt_in: double` needs that yes.

    ```yaml
    subscribed: offers
    ```
    """

    key: ClassVar[str] = "subscribed"
    main: ClassVar[str | None] = "topic"
    topic: str = Field(description="A topic of project.yaml")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return Subscribed(topic=self.topic, double=self.topic in context.double)
