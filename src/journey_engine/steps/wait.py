"""`wait`: let time pass: a length of it, until a time of day, or until a date of the customer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from journey_engine.graph import Await, ComingDate, NextTime
from journey_engine.language import Word
from journey_engine.predicates import Length
from journey_engine.steps.base import Builder, Path, Step
from journey_engine.times import parse_time
from journey_engine.triggers.date import parse_shift
from journey_engine.triggers.schedule import known_zone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Until(Word):
    """A moment: the next time of day after the pass arrived, or a date of the customer with days off it.

    ```yaml
    wait: {until: {date: customer.renewal_date, offset: 3 days before, at: "10:00"}}
    ```
    """

    main: ClassVar[str | None] = "time"
    time: str | None = Field(None, description="The next time the clock shows this, such as 09:00")
    date: str | None = Field(
        None,
        pattern=r"^customer\.[A-Za-z_][A-Za-z0-9_]*$",
        description="An attribute that is a date; one past is not waited for",
    )
    offset: str | None = Field(None, description="Days off the date; without it, on the day")
    at: str | None = Field(None, description="The time of the day on that date; without it, 09:00")

    @field_validator("time", "at")
    @classmethod
    def _time(cls, value: str | None) -> str | None:
        if value is not None:
            parse_time(value)
        return value

    @field_validator("offset")
    @classmethod
    def _offset(cls, value: str | None) -> str | None:
        if value is not None:
            parse_shift(value)
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Until:
        if (self.time is None) == (self.date is None):
            raise ValueError('wait until a time such as "09:00", or until {date: customer.renewal_date}')
        if self.time is not None and (self.offset is not None or self.at is not None):
            raise ValueError("`offset` and `at` belong to a date; a time of day needs neither")
        return self


class Wait(Step):
    """Wait exactly this long from the instant the pass arrived, even when noticed later (rule 4); or until a moment.

    ```yaml
    wait: 3 days
    ```

    ```yaml
    wait: {until: "09:00", weekdays: [mon, tue], timezone: customer}
    ```
    """

    key: ClassVar[str] = "wait"
    main: ClassVar[str | None] = "for_"
    counted: ClassVar[bool] = True
    for_: Length | None = Field(None, alias="for", description="How long")
    until: Until | None = Field(None, description="The next time of day after the arrival, or a date of the customer")
    weekdays: list[Weekday] | None = Field(None, min_length=1, description="Only on these days of the week")
    timezone: str | None = Field(None, description="Whose clock `until` reads: `customer` (the default) or a zone")

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)

    @model_validator(mode="after")
    def _one_form(self) -> Wait:
        if (self.for_ is None) == (self.until is None):
            raise ValueError('a wait is a length such as `3 days`, or {until: "09:00"}')
        if self.weekdays is not None and (self.until is None or self.until.time is None):
            raise ValueError('`weekdays` belong to a time of day, such as {until: "09:00", weekdays: [mon, tue]}')
        if self.timezone is not None and self.until is None:
            raise ValueError("a length of time is the same in every zone; `timezone` belongs to `until`")
        return self

    def default_id(self) -> str:
        if self.until is None:
            return f"wait:{self.for_}"
        return f"wait:until {self.until.time or str(self.until.date).removeprefix('customer.')}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        return builder.add(Await, path, delay=self.for_, until=self._moment(), next=following)

    def _moment(self) -> NextTime | ComingDate | None:
        until, zone = self.until, None if self.timezone == "customer" else self.timezone
        if until is None:
            return None
        if until.date is None:
            days = sorted({WEEKDAYS.index(day) for day in self.weekdays or WEEKDAYS})
            return NextTime(at=parse_time(until.time or ""), weekdays=tuple(days), zone=zone)
        return ComingDate(
            attribute=until.date.removeprefix("customer."),
            offset=parse_shift(until.offset) if until.offset is not None else None,
            at=parse_time(until.at or "09:00"),
            zone=zone,
        )
