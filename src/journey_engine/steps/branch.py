"""`branch`: look at what is known and take the first way whose condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from journey_engine.conditions import Condition
from journey_engine.graph import Gate
from journey_engine.language import Word
from journey_engine.steps.base import Builder, InnerStep, Path, Step, lower_steps


class Way(Word):
    """One way of a branch: `when` with `steps`, or `otherwise` with its steps, last.

    ```yaml
    branch: [{when: {segment: vip}, steps: [{send: for-you}]}, {otherwise: [{send: hello}]}]
    ```
    """

    when: Condition | None = Field(None, description="The condition of this way")
    steps: list[InnerStep] = Field(default_factory=list, description="The steps of this way")
    otherwise: list[InnerStep] | None = Field(None, description="The steps when no way before holds")

    @model_validator(mode="after")
    def _one_form(self) -> Way:
        if (self.when is None) == (self.otherwise is None):
            raise ValueError("a way is {when: CONDITION, steps: [...]} or {otherwise: [...]}")
        if self.otherwise is not None and self.steps:
            raise ValueError("the steps of `otherwise` stand directly in its list")
        return self


class Branch(Step):
    """Take the first way whose condition holds now; it does not wait (rule 13).

    ```yaml
    branch:
      - when: {customer: {plan: pro}}
        steps: [{send: pro-tips}]
      - otherwise: [{send: tips}]
    ```
    """

    key: ClassVar[str] = "branch"
    main: ClassVar[str | None] = "ways"
    counted: ClassVar[bool] = True
    ways: list[Way] = Field(min_length=1, description="The ways, first to last")

    @model_validator(mode="before")
    @classmethod
    def _ways_are_a_list(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and not value.keys().isdisjoint(("when", "otherwise")):
            raise ValueError("the ways of a branch are a list; begin each `when` and `otherwise` with '- '")
        return value

    @model_validator(mode="after")
    def _otherwise_last(self) -> Branch:
        if any(way.otherwise is not None for way in self.ways[:-1]):
            raise ValueError("`otherwise` stands once, as the last way; what follows it would never be reached")
        return self

    def default_id(self) -> str:
        return "branch"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        otherwise = following
        for index in range(len(self.ways) - 1, -1, -1):
            way, here = self.ways[index], (*path, "ways", index)
            if way.otherwise is not None:
                otherwise = lower_steps(way.otherwise, builder, following, (*here, "otherwise"))
            elif way.when is not None:
                first = lower_steps(way.steps, builder, following, (*here, "steps"))
                predicate = way.when.resolve(builder.context)
                otherwise = builder.add(Gate, (*here, "when"), predicate=predicate, next=first, otherwise=otherwise)
        return otherwise
