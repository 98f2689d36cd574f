"""`reward`: something of a program, for the customer of the pass."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from journey_engine.errors import nearest
from journey_engine.graph import Emit, Reward
from journey_engine.program import Program, SideName
from journey_engine.steps.base import Builder, Path, Step


class RewardStep(Step):
    """Give a reward of a program; templates behind it may name `step.<id>.code`, `.amount`, `.expires_at`.

    ```yaml
    reward: {program: win-back-voucher, to: customer, id: voucher}
    ```
    """

    key: ClassVar[str] = "reward"
    main: ClassVar[str | None] = "program"
    program: str = Field(description="A file of journeys/programs/, by its name")
    to: SideName = Field("customer", description="Which side of the program the customer is on")

    def default_id(self) -> str:
        return f"reward:{self.program}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        program = builder.programs.get(self.program)
        if program is not None and self.to in program.sides:
            return builder.add(Emit, path, effect=program.reward(self.to), next=following)
        builder.problems.append(self._mistake(builder, program, path))
        stand_in = Reward(program=self.program, side=self.to, amount=Decimal(0), currency="")
        return builder.add(Emit, path, effect=stand_in, next=following)

    def _mistake(self, builder: Builder, program: Program | None, path: Path) -> tuple[Path, str, str]:
        """Why there is nothing to give."""
        if program is not None:
            message = f"the program '{self.program}' has no side '{self.to}'; it has: {', '.join(program.sides)}"
            return (*path, "to"), message, "unknown-side"
        if self.program in builder.programs:
            message = f"the program '{self.program}' has mistakes; mend its file first"
            return (*path, "program"), message, "broken-program"
        known = list(builder.programs)
        hint, allowed = nearest(self.program, known), ", ".join(known) or "none yet"
        message = f"unknown program '{self.program}'{hint}; journeys/programs has: {allowed}"
        return (*path, "program"), message, "unknown-program"
