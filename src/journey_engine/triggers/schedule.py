"""`schedule`: the calendar, for every customer of the audience."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from journey_engine.errors import nearest
from journey_engine.graph import OnSchedule
from journey_engine.rules import check_cron
from journey_engine.times import zone_names
from journey_engine.triggers.base import TriggerWord


def known_zone(value: str) -> str:
    """Check that a text is `customer` or the name of a zone."""
    if value != "customer" and value not in zone_names():
        hint = nearest(value, ["customer", *sorted(zone_names())])
        raise ValueError(f"unknown zone '{value}'{hint}; write `customer` or a name such as Europe/Berlin")
    return value


class ScheduleTrigger(TriggerWord):
    """Each firing of a cron line, in the customer's zone or in one zone for all.

    ```yaml
    schedule: {cron: "0 9 1 * *", timezone: customer}
    ```
    """

    key: ClassVar[str] = "schedule"
    main: ClassVar[str | None] = "cron"
    default_reentry: ClassVar[str | None] = "each_occurrence"
    can_backfill: ClassVar[bool] = False
    provides: ClassVar[tuple[str, ...] | None] = ("firing",)
    cron: str = Field(description="Minute, hour, day, month, weekday")
    timezone: str = Field(
        "customer", description="`customer` for each customer's own, or one zone such as Europe/Berlin"
    )

    @field_validator("cron")
    @classmethod
    def _fires(cls, value: str) -> str:
        problem = check_cron(value)
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        return known_zone(value)

    def lower(self) -> OnSchedule:
        return OnSchedule(cron=self.cron, zone=None if self.timezone == "customer" else self.timezone)
