"""`remind`: the same message again until something happened."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.conditions import Condition
from journey_engine.graph import Await, Emit, Gate
from journey_engine.language import Whole
from journey_engine.predicates import Length
from journey_engine.steps.base import Builder, Path
from journey_engine.steps.send import Send


class Remind(Send):
    """Send at once, then every so often, `times` in all; `until` is checked before each one (rule 13).

    ```yaml
    remind: {template: leave-feedback, every: 2 days, times: 3, until: {event: feedback_given}}
    ```
    """

    key: ClassVar[str] = "remind"
    main: ClassVar[str | None] = None
    every: Length = Field(description="How long between two")
    times: Whole = Field(ge=1, le=50, description="How many in all")
    until: Condition | None = Field(None, description="Stop as soon as this holds")

    def default_id(self) -> str:
        return f"remind:{self.template}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        effect, then = self.message(builder, path), following
        predicate = self.until.resolve(builder.context) if self.until is not None else None
        for occurrence in range(self.times, 0, -1):
            if occurrence < self.times:
                then = builder.add(Await, (*path, "every"), delay=self.every, next=then)
            then = builder.add(Emit, path, effect=effect, occurrence=occurrence, next=then)
            if predicate is not None:
                then = builder.add(Gate, (*path, "until"), predicate=predicate, next=following, otherwise=then)
        return then
