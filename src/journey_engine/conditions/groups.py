"""The conditions `all`, `any` and `not`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context, InnerCondition
from journey_engine.predicates import AllOf, AnyOf, Not, Predicate


class AllCondition(ConditionWord):
    """Every one of several conditions.

    ```yaml
    all: [{segment: vip}, {customer: {plan: pro}}]
    ```
    """

    key: ClassVar[str] = "all"
    main: ClassVar[str | None] = "items"
    items: list[InnerCondition] = Field(min_length=1, description="The conditions")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return AllOf(items=tuple(item.resolve(context) for item in self.items))


class AnyCondition(ConditionWord):
    """At least one of several conditions.

    ```yaml
    any: [{segment: vip}, {customer: {plan: pro}}]
    ```
    """

    key: ClassVar[str] = "any"
    main: ClassVar[str | None] = "items"
    items: list[InnerCondition] = Field(min_length=1, description="The conditions")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return AnyOf(items=tuple(item.resolve(context) for item in self.items))


class NotCondition(ConditionWord):
    """The opposite of a condition.

    ```yaml
    not: {segment: vip}
    ```
    """

    key: ClassVar[str] = "not"
    main: ClassVar[str | None] = "item"
    whole: ClassVar[bool] = True
    item: InnerCondition = Field(description="The condition")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return Not(item=self.item.resolve(context))
