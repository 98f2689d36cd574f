"""The condition `subscribed`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.predicates import AllOf, Predicate, Subscribed


class SubscribedCondition(ConditionWord):
    """Subscribed to a topic: no unsubscribe from it, or from everything, is known, or the customer said yes since.

    A topic with `opt_in: double` needs that yes. With a `channel`: no unsubscribe from this way of being reached is
    known, such as a STOP by text message, and its address is not dead; with both, both.

    ```yaml
    all:
      - subscribed: offers
      - subscribed: {channel: sms}
    ```
    """

    key: ClassVar[str] = "subscribed"
    main: ClassVar[str | None] = "topic"
    topic: str | None = Field(None, description="A topic of project.yaml")
    channel: Literal["email", "sms"] | None = Field(None, description="The way to be reached")

    @model_validator(mode="after")
    def _something(self) -> SubscribedCondition:
        if self.topic is None and self.channel is None:
            raise ValueError("name a `topic` of project.yaml, a `channel` (email or sms), or both")
        return self

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        topic = Subscribed(topic=self.topic, double=self.topic in context.double)
        way = Subscribed(channel=self.channel)
        if self.topic is None or self.channel is None:
            return topic if self.channel is None else way
        return AllOf(items=(topic, way))
