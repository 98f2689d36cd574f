"""`split`: draw an arm for each pass, to learn which way does better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from journey_engine.graph import Gate
from journey_engine.language import NAME, Whole, Word
from journey_engine.predicates import Drawn, share_below
from journey_engine.steps.base import Builder, InnerStep, Path, Step, lower_steps


class Arm(Word):
    """One arm of a split: its name, its share of the passes in percent, and what happens in it.

    ```yaml
    split: [{arm: warm, weight: 90, steps: [{send: thanks-warm}]}, {arm: nothing, weight: 10}]
    ```
    """

    arm: str = Field(pattern=NAME, max_length=80, description="Its name, asked for with `arm: warm`")
    weight: Whole = Field(ge=0, le=100, description="Its share in percent; those of all arms add up to 100")
    steps: list[InnerStep] = Field(default_factory=list, description="What happens in this arm")


class Split(Step):
    """Draw one arm for each pass, by a hash that is the same in every run: nothing is drawn twice (rule 11).

    ```yaml
    split:
      - {arm: warm, weight: 50, steps: [{send: thanks-warm}]}
      - {arm: plain, weight: 50, steps: [{send: thanks-plain}]}
    ```
    """

    key: ClassVar[str] = "split"
    main: ClassVar[str | None] = "arms"
    arms: list[Arm] = Field(min_length=2, max_length=20, description="The arms, in order")

    @model_validator(mode="before")
    @classmethod
    def _arms_are_a_list(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and not value.keys().isdisjoint(("arm", "weight", "steps")):
            raise ValueError("the arms of a split are a list; begin each `arm` with '- '")
        return value

    @model_validator(mode="after")
    def _adds_up(self) -> Split:
        total = sum(arm.weight for arm in self.arms)
        if total != 100:
            weights = " + ".join(str(arm.weight) for arm in self.arms)
            raise ValueError(f"the weights of the arms add up to {total} ({weights}); they must add up to 100")
        return self

    def default_id(self) -> str:
        return "split"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        otherwise: int | None = None
        above = 100
        for index in range(len(self.arms) - 1, -1, -1):
            arm, here = self.arms[index], (*path, "arms", index)
            first = lower_steps(arm.steps, builder, following, (*here, "steps"))
            low = above - arm.weight
            predicate = Drawn(
                journey=builder.journey, step=builder.around[-1], arm=arm.arm,
                low=share_below(low) if low else None, below=share_below(above),
            )  # fmt: skip
            builder.claim_arm(arm.arm, (*here, "arm"))
            # The last arm has whoever drew none before it: both ways lead into it.
            last = first if otherwise is None else otherwise
            otherwise = builder.add(Gate, here, predicate=predicate, arm=arm.arm, next=first, otherwise=last)
            above = low
        assert otherwise is not None
        return otherwise
