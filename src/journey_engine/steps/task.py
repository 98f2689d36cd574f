"""`task`: work for a person of the company, perhaps waited for."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from journey_engine.graph import Await, Emit, Task
from journey_engine.language import NAME
from journey_engine.predicates import EventSet, Length, Test, Where
from journey_engine.steps.base import Builder, InnerStep, Path, Step, lower_steps
from journey_engine.steps.lookup import RowName, TableRow, lookups

TASK_DONE = "task_done"
"""The event of a task that somebody has done, with `outcome`."""

Outcome = Annotated[str, Field(pattern=NAME, max_length=80)]


class TaskStep(Step):
    """Ask a team to do something; the title may name values like a template.

    With `on_done` or `on_late` the pass waits until somebody says that it is done, at most until it is due; behind it
    `step.<id>.outcome` is the word they said. Without them it goes on at once.

    ```yaml
    task: {team: service, title: "Call {{ customer.first_name }}", due: 2 days}
    ```

    ```yaml
    task:
      team: service
      title: "Call {{ customer.first_name }}"
      due: 2 days
      outcomes: [reached, no_answer]
      on_done: [{send: nice-to-talk}]
      on_late: [{task: {team: head-of-service, title: "Nobody has called {{ customer.first_name }}", due: 1 day}}]
    ```
    """

    key: ClassVar[str] = "task"
    team: str = Field(min_length=1, max_length=80, description="Who is to do it")
    title: str = Field(min_length=1, max_length=300, description="What is to be done")
    due: Length | None = Field(None, description="How long they have")
    outcomes: list[Outcome] = Field(
        default_factory=list, max_length=50, description="The words that may tell how it ended; any word without them"
    )
    on_done: list[InnerStep] = Field(
        default_factory=list, description="What happens once it is done, if that is in time"
    )
    on_late: list[InnerStep] = Field(
        default_factory=list, description="What happens when it is due and not done, such as a task for somebody else"
    )
    with_: dict[RowName, TableRow] = Field(
        default_factory=dict, alias="with", description="Rows of tables for the title, by name"
    )

    @model_validator(mode="after")
    def _sensible(self) -> TaskStep:
        if self.awaited and self.due is None:
            raise ValueError("`on_done` and `on_late` wait until the task is due; write `due: 2 days`")
        twice = [word for number, word in enumerate(self.outcomes) if word in self.outcomes[:number]]
        if twice:
            raise ValueError(f"'{twice[0]}' stands twice among the outcomes; once is enough")
        return self

    @property
    def awaited(self) -> bool:
        """Whether the pass waits for it."""
        return bool({"on_done", "on_late"} & self.model_fields_set)

    def default_id(self) -> str:
        return f"task:{self.team}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        rows = lookups(self.with_, builder, (*path, "with"))
        effect = Task(
            team=self.team, title=self.title, due=self.due, lookups=rows, outcomes=tuple(self.outcomes)
        )  # fmt: skip
        if self.awaited:
            following = self._wait(builder, following, path)
        return builder.add(Emit, path, effect=effect, next=following)

    def _wait(self, builder: Builder, following: int, path: Path) -> int:
        """Wait for this very task; the ways lie behind the step, so that they may look at its outcome."""
        outside, own = builder.around[:-1], builder.around[-1]
        builder.around = outside
        late = lower_steps(self.on_late, builder, following, (*path, "on_late"))
        done = lower_steps(self.on_done, builder, following, (*path, "on_done"))
        builder.around = (*outside, own)
        where = (Where(name="step", tests=(Test(op="is", operands=(own,)),)),)
        awaited = EventSet(name=TASK_DONE, where=where, of_pass=True)
        return builder.add(Await, path, events=awaited, timeout=self.due, next=done, otherwise=late)
