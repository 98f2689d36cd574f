"""The condition `reward`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.language import Flag
from journey_engine.predicates import EventSet, Happened, Length, Predicate, Test, Where


class RewardCondition(ConditionWord):
    """What became of a reward: of this pass, unless `ever` or outside a pass.

    ```yaml
    reward: {program: win-back-voucher, state: available}
    ```
    """

    key: ClassVar[str] = "reward"
    main: ClassVar[str | None] = "program"
    program: str = Field(description="A program of journeys/programs")
    state: Literal["pending", "available", "redeemed", "expired", "reversed"] = Field(
        "available", description="What it has become, whatever came after"
    )
    within: Length | None = Field(None, description="Not longer ago than this")
    ever: Flag = Field(False, description="Inside a pass: rewards of every pass and journey")

    def resolve(self, context: Context) -> Predicate:
        """Events `reward_<state>` whose program is this one."""
        of_pass = context.in_pass and not self.ever
        where = Where(name="program", tests=(Test(op="is", operands=(self.program,)),))
        return Happened(
            events=EventSet(name=f"reward_{self.state}", where=(where,), of_pass=of_pass), within=self.within
        )
