"""The condition `customer`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.conditions.comparison import Comparison, wheres
from journey_engine.predicates import AllOf, Attribute, Predicate


class CustomerCondition(ConditionWord):
    """Attributes of the customer, each as it is now.

    ```yaml
    customer: {age: {at_least: 18}, country: {in: [NG, GH]}}
    ```
    """

    key: ClassVar[str] = "customer"
    main: ClassVar[str | None] = "attributes"
    whole: ClassVar[bool] = True
    attributes: dict[str, Comparison] = Field(min_length=1, description="What each attribute must be")

    def resolve(self, context: Context) -> Predicate:
        """All named attributes must hold."""
        return AllOf(items=tuple(Attribute(where=where) for where in wheres(self.attributes)))
