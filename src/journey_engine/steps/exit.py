"""`exit`: the pass ends here."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.graph import Exit
from journey_engine.steps.base import Builder, Path, Step


class ExitStep(Step):
    """End the pass; what was decided before still goes out (rule 14).

    ```yaml
    exit: not interested
    ```
    """

    key: ClassVar[str] = "exit"
    main: ClassVar[str | None] = "reason"
    counted: ClassVar[bool] = True
    reason: str = Field("exit", min_length=1, max_length=80, description="Why, as reports and `journey explain` say it")

    def default_id(self) -> str:
        return f"exit:{self.reason}" if self.reason != "exit" else "exit"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        return builder.add(Exit, path, state="exited", reason=self.reason)
