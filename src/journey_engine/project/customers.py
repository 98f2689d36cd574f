"""What is known of customers: attributes, stages, and cycles."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from journey_engine.conditions import Condition
from journey_engine.language import NAME, Flag, Word

SegmentName = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$")]


class AttributeWords(Word):
    """What is known of an attribute.

    ```yaml
    attributes: {age: number, health: {type: text, sensitive: true}}
    ```
    """

    main: ClassVar[str | None] = "type"
    type: Literal["text", "number", "boolean", "date", "timestamp"] = Field("text", description="What its values are")
    sensitive: Flag = Field(False, description="It may not stand in a message")


class StageWords(Word):
    """A stage of the project's own cycle."""

    stage: str = Field(pattern=NAME, description="Its name")
    about: str | None = Field(None, description="What it means, in your own words")
    when: Condition = Field(description="Who is in it, unless a later stage holds too")


class CycleWords(Word):
    """A shipped cycle by name, or the project's own stages in order: a customer is in the last that holds.

    ```yaml
    cycle: {stages: [{stage: new, when: {customer: {customer_id: {exists: true}}}}]}
    ```
    """

    main: ClassVar[str | None] = "name"
    name: Literal["marketing", "service"] | None = Field(None, description="A cycle that ships")
    stages: list[StageWords] = Field(default_factory=list, description="Stages of your own, first to last")

    @model_validator(mode="after")
    def _one(self) -> CycleWords:
        if (self.name is None) == (not self.stages):
            raise ValueError("name a shipped cycle (marketing, service) or list `stages`")
        return self
