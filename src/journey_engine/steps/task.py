"""`task`: work for a person of the company."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.graph import Emit, Task
from journey_engine.predicates import Length
from journey_engine.steps.base import Builder, Path, Step
from journey_engine.steps.lookup import RowName, TableRow, lookups


class TaskStep(Step):
    """Ask a team to do something; the title may name values like a template.

    ```yaml
    task: {team: service, title: "Call {{ customer.first_name }}", due: 2 days}
    ```
    """

    key: ClassVar[str] = "task"
    team: str = Field(min_length=1, max_length=80, description="Who is to do it")
    title: str = Field(min_length=1, max_length=300, description="What is to be done")
    due: Length | None = Field(None, description="How long they have")
    with_: dict[RowName, TableRow] = Field(
        default_factory=dict, alias="with", description="Rows of tables for the title, by name"
    )

    def default_id(self) -> str:
        return f"task:{self.team}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        rows = lookups(self.with_, builder, (*path, "with"))
        effect = Task(team=self.team, title=self.title, due=self.due, lookups=rows)
        return builder.add(Emit, path, effect=effect, next=following)
