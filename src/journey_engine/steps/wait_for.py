"""`wait_for`: wait until something happens, or until a deadline."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from journey_engine.conditions import AwaitedEvent
from journey_engine.graph import Await, Exit
from journey_engine.predicates import Length
from journey_engine.steps.base import Builder, InnerStep, Path, Step, lower_steps


class WaitFor(Step):
    """Wait for the earliest matching event after arrival, or after the pass left the step `since` (rule 13).

    ```yaml
    wait_for: {event: order_placed, timeout: 7 days, on_timeout: exit}
    ```
    """

    key: ClassVar[str] = "wait_for"
    event: AwaitedEvent = Field(description="The event that ends the wait")
    timeout: Length | None = Field(None, description="How long to wait; without it the pass waits until it is ended")
    since: str | None = Field(None, description="'entry' or a step id, so that an earlier answer counts")
    on_timeout: Literal["exit", "continue"] | list[InnerStep] = Field(
        "continue", description="What then: go on, leave, or these steps first"
    )

    def default_id(self) -> str:
        return f"wait_for:{self.event.name}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        otherwise: int | None = following
        if self.timeout is None:
            otherwise = None
        elif self.on_timeout == "exit":
            otherwise = builder.add(Exit, (*path, "on_timeout"), state="exited", reason="timeout")
        elif isinstance(self.on_timeout, list):
            otherwise = lower_steps(self.on_timeout, builder, following, (*path, "on_timeout"))
        return builder.add(
            Await, path, events=self.event.events(), since=self.since, timeout=self.timeout,
            next=following, otherwise=otherwise,
        )  # fmt: skip
