"""Comparisons of a value: `is`, `in`, `at_least`, `within` and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, model_validator

from journey_engine.language import Flag, Word
from journey_engine.predicates import Length, Op, Scalar, Test, Where


class Comparison(Word):
    """What a value must be; every word given must hold.

    ```yaml
    customer: {age: {at_least: 18}, country: {in: [NG, GH]}, plan: pro}
    ```
    """

    main: ClassVar[str | None] = "is_"
    is_: Scalar | None = Field(None, alias="is", description="Equal to this")
    is_not: Scalar | None = Field(None, description="Present and not equal to this")
    in_: list[Scalar] | None = Field(None, alias="in", min_length=1, description="Equal to one of these")
    not_in: list[Scalar] | None = Field(None, min_length=1, description="Present and equal to none of these")
    at_least: Scalar | None = Field(None, description="This or more")
    at_most: Scalar | None = Field(None, description="This or less")
    above: Scalar | None = Field(None, description="More than this")
    below: Scalar | None = Field(None, description="Less than this")
    between: tuple[Scalar, Scalar] | None = Field(None, description="From the first to the second, both included")
    contains: str | None = Field(None, description="A text with this in it")
    starts_with: str | None = Field(None, description="A text that begins with this")
    exists: Flag | None = Field(None, description="Whether there is a value at all")
    within: Length | None = Field(None, description="A date or instant not longer ago than this")
    before: Length | None = Field(None, description="A date or instant this long ago or longer")

    @model_validator(mode="after")
    def _makes_sense(self) -> Comparison:
        tests = self.tests()
        if not tests:
            raise ValueError("a comparison needs at least one word such as is, in, at_least, exists")
        for test in tests:
            kinds = {type(operand) for operand in test.operands}
            if len(kinds) > 1:
                raise ValueError(f"'{test.op}' compares with values of one type, not with several")
            if bool in kinds and test.op not in ("is", "is_not", "in", "not_in", "exists"):
                raise ValueError(f"'{test.op}' needs a number or a text, not true or false")
        return self

    def tests(self) -> tuple[Test, ...]:
        """The comparison as single tests, in the order of the fields."""
        found: list[Test] = []
        for name in type(self).model_fields:
            value, op = getattr(self, name), name.removesuffix("_")
            if value is None:
                continue
            if op in ("within", "before"):
                found.append(Test(op=_op(op), length=value))
            else:
                many = value if isinstance(value, list | tuple) else (value,)
                found.append(Test(op=_op(op), operands=tuple(many)))
        return tuple(found)


def _op(word: str) -> Op:
    return word  # type: ignore[return-value]


class PropertyComparison(Comparison):
    """A comparison with an event's property, which has no distance from now."""

    @model_validator(mode="after")
    def _no_distance(self) -> PropertyComparison:
        if self.within is not None or self.before is not None:
            raise ValueError("'within' and 'before' compare customer attributes; an event has its own 'within'")
        return self


def wheres(tests: Mapping[str, Comparison]) -> tuple[Where, ...]:
    """Comparisons by name as resolved tests."""
    return tuple(Where(name=name, tests=comparison.tests()) for name, comparison in sorted(tests.items()))
