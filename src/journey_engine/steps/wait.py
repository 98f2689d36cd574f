"""`wait`: let a length of time pass."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from journey_engine.graph import Await
from journey_engine.predicates import Length
from journey_engine.steps.base import Builder, Path, Step


class Wait(Step):
    """Wait exactly this long from the instant the pass arrived, even when noticed later (rule 4).

    ```yaml
    wait: 3 days
    ```
    """

    key: ClassVar[str] = "wait"
    main: ClassVar[str | None] = "for_"
    counted: ClassVar[bool] = True
    for_: Length = Field(alias="for", description="How long")

    def default_id(self) -> str:
        return f"wait:{self.for_}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        return builder.add(Await, path, delay=self.for_, next=following)
