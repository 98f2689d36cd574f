"""`changes`: an attribute of the customer is not what it was."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from journey_engine.conditions import Comparison
from journey_engine.graph import OnChange
from journey_engine.triggers.base import TriggerWord


class Seen(Comparison):
    """What the value was, or became: a comparison with the value as it was seen."""

    @model_validator(mode="after")
    def _no_distance(self) -> Seen:
        if self.within is not None or self.before is not None:
            raise ValueError("'within' and 'before' ask how long ago a date is; a change compares values as they were")
        return self


class ChangesTrigger(TriggerWord):
    """Each change of an attribute from one run to the next, the attributes that journeys set among them (rule 15).

    ```yaml
    changes: {attribute: plan, from: free, to: pro}
    ```
    """

    key: ClassVar[str] = "changes"
    main: ClassVar[str | None] = "attribute"
    provides: ClassVar[tuple[str, ...] | None] = ("attribute", "from", "to")
    attribute: str = Field(min_length=1, description="The attribute; missing is a value too")
    from_: Seen | None = Field(None, alias="from", description="What the value was; without it anything")
    to: Seen | None = Field(None, description="What the value is now; without it anything")

    def lower(self) -> OnChange:
        return OnChange(
            attribute=self.attribute,
            was=self.from_.tests() if self.from_ is not None else (),
            became=self.to.tests() if self.to is not None else (),
        )
