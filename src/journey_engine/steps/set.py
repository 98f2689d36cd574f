"""`set`: remember something about the customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from journey_engine.errors import nearest, shown
from journey_engine.graph import Assignment, Emit, SetAttributes
from journey_engine.language import Word
from journey_engine.predicates import Scalar
from journey_engine.steps.base import Builder, Path, Step
from journey_engine.steps.lookup import SOURCE
from journey_engine.times import zone_names


class Value(Word):
    """A literal, or where to take the value from.

    ```yaml
    set: {favourite: {from: step.answer.interest}}
    ```
    """

    main: ClassVar[str | None] = "value"
    value: Scalar | None = Field(None, description="The value itself; it may stand alone")
    from_: str | None = Field(None, alias="from", description="A path such as trigger.total or step.answer.interest")

    @field_validator("from_")
    @classmethod
    def _path(cls, path: str | None) -> str | None:
        if path is not None and not SOURCE.fullmatch(path):
            raise ValueError("take a value from trigger.NAME, step.ID.NAME or customer.NAME")
        return path

    def model_post_init(self, context: Any) -> None:
        if (self.value is None) == (self.from_ is None):
            raise ValueError("give one value, or {from: PATH}")


class SetStep(Step):
    """Set attributes; they stand until the imported value changes, and the next run sees them (rule 15).

    ```yaml
    set: {welcomed: true}
    ```
    """

    key: ClassVar[str] = "set"
    values: dict[str, Value] = Field(min_length=1, description="Each attribute with its new value")

    @field_validator("values")
    @classmethod
    def _names(cls, values: dict[str, Value]) -> dict[str, Value]:
        if "customer_id" in values:
            raise ValueError("customer_id cannot be set: it says who the customer is")
        zone = values["timezone"].value if "timezone" in values else None
        if zone is not None and zone not in zone_names():
            hint = nearest(str(zone), sorted(zone_names()))
            raise ValueError(f"{shown(zone)} is no zone{hint}; write a name such as Europe/Berlin")
        return values

    @model_validator(mode="before")
    @classmethod
    def _attributes_in_place(cls, value: Any) -> Any:
        """The attributes stand beside `id` and `only_if`."""
        if not isinstance(value, Mapping) or "values" in value:
            return value
        own = {key: value[key] for key in ("id", "only_if") if key in value}
        return {**own, "values": {key: item for key, item in value.items() if key not in own}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        properties = handler.resolve_ref_schema(handler(schema))["properties"]
        own = {key: properties[key] for key in ("id", "only_if")}
        values = properties["values"]["additionalProperties"]
        return {"type": "object", "properties": own, "additionalProperties": values}

    def default_id(self) -> str:
        return "set:" + ",".join(sorted(self.values))

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        assignments = tuple(
            Assignment(attribute=name, value=value.value, source=value.from_)
            for name, value in sorted(self.values.items())
        )
        return builder.add(Emit, path, effect=SetAttributes(assignments=assignments), next=following)
