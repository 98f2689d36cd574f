"""How many events, what they add up to, and how long ago the first or the last one was."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from journey_engine.language import Whole, Word
from journey_engine.predicates import Length, Op, Scalar, Test


class Amount(Word):
    """How many.

    ```yaml
    event: {name: order_placed, count: {at_least: 2}}
    ```
    """

    main: ClassVar[str | None] = "exactly"
    exactly: Annotated[Whole, Field(ge=0)] | None = Field(None, description="So many")
    at_least: Annotated[Whole, Field(ge=0)] | None = Field(None, description="So many or more")
    at_most: Annotated[Whole, Field(ge=0)] | None = Field(None, description="So many or fewer; 0 for none")

    @model_validator(mode="after")
    def _some(self) -> Amount:
        if not self.tests():
            raise ValueError("a count needs exactly, at_least or at_most")
        return self

    def tests(self) -> tuple[Test, ...]:
        """The amount as tests."""
        words: dict[str, Op] = {"exactly": "is", "at_least": "at_least", "at_most": "at_most"}
        given = ((op, getattr(self, word)) for word, op in words.items())
        return tuple(Test(op=op, operands=(value,)) for op, value in given if value is not None)


class Total(Word):
    """The sum of a number property over the events; values that are no numbers count nothing.

    ```yaml
    event: {name: order_placed, sum: {property: total, at_least: 100}}
    ```
    """

    property: str = Field(description="The property whose numbers are added up")
    at_least: Scalar | None = Field(None, description="This or more")
    at_most: Scalar | None = Field(None, description="This or less")
    above: Scalar | None = Field(None, description="More than this")
    below: Scalar | None = Field(None, description="Less than this")

    @model_validator(mode="after")
    def _some(self) -> Total:
        if not self.tests():
            raise ValueError("a sum needs at_least, at_most, above or below")
        for test in self.tests():
            if isinstance(test.operands[0], bool | str):
                raise ValueError("a sum is compared with a number")
        return self

    def tests(self) -> tuple[Test, ...]:
        """The limits as tests."""
        words: tuple[Op, ...] = ("at_least", "at_most", "above", "below")
        given = ((word, getattr(self, word)) for word in words)
        return tuple(Test(op=op, operands=(value,)) for op, value in given if value is not None)


class Distance(Word):
    """How long ago the first or the last one was.

    ```yaml
    event: {name: order_placed, last: {before: 60 days}}
    ```
    """

    within: Length | None = Field(None, description="Not longer ago than this")
    before: Length | None = Field(None, description="This long ago or longer; false when there was none")

    @model_validator(mode="after")
    def _some(self) -> Distance:
        if self.within is None and self.before is None:
            raise ValueError("say within or before, such as {before: 60 days}")
        return self
