"""`date`: a day in the customer's life."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from journey_engine.graph import OnDate, Shift
from journey_engine.times import Duration, parse_time
from journey_engine.triggers.base import TriggerWord


def parse_shift(text: str) -> Shift | None:
    """Read '3 days before', '1 week after' or 'on the day'."""
    words = text.strip().lower()
    if words in ("on the day", "0 days", "0 days before", "0 days after"):
        return None
    match = re.fullmatch(r"(.+?)\s+(before|after)", words)
    if match is None:
        raise ValueError(f"'{text}' is no offset; write '3 days before', '1 week after' or 'on the day'")
    length = Duration.parse(match[1])
    if length.seconds % 86400:
        raise ValueError(f"'{text}' is no whole number of days; the time of day is `at`")
    return Shift(length=length, sign=-1 if match[2] == "before" else 1)


class DateTrigger(TriggerWord):
    """A date attribute of the customer, each year or month or once, at a local time, on the day or days off.

    ```yaml
    date: {of: customer.birth_date, every: year, offsets: [3 days before], at: "09:00"}
    ```
    """

    key: ClassVar[str] = "date"
    default_reentry: ClassVar[str | None] = "each_occurrence"
    can_backfill: ClassVar[bool] = False
    provides: ClassVar[tuple[str, ...] | None] = ("date", "offset")
    of: str = Field(pattern=r"^customer\.[A-Za-z_][A-Za-z0-9_]*$", description="The attribute that holds the date")
    every: Literal["year", "month"] | None = Field(
        None, description="Its anniversary each year, or its day each month; without it once"
    )
    offsets: list[str] = Field(
        default_factory=lambda: ["on the day"],
        min_length=1,
        max_length=20,
        description="Days before or after, or on the day; one that lies behind is left out when another follows",
    )
    at: str = Field("09:00", description="The hour on the customer's clock")
    feb29: Literal["feb28", "mar1", "skip"] = Field("feb28", description="Which day it is in years without 29 February")

    @field_validator("offsets", mode="before", json_schema_input_type=str | list[str])
    @classmethod
    def _one_offset(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("offsets")
    @classmethod
    def _offsets(cls, value: list[str]) -> list[str]:
        for text in value:
            parse_shift(text)
        return value

    @field_validator("at")
    @classmethod
    def _at(cls, value: str) -> str:
        parse_time(value)
        return value

    def lower(self) -> OnDate:
        return OnDate(
            attribute=self.of.removeprefix("customer."),
            every=self.every,
            offsets=tuple(parse_shift(text) for text in self.offsets),
            at=parse_time(self.at),
            feb29=self.feb29,
        )
