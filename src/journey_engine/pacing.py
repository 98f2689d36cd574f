"""How fast a channel may be fed, in words of `project.yaml`; the mailroom keeps it, over all dispatchers together."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from journey_engine.language import Whole, Word
from journey_engine.predicates import Length
from journey_engine.times import DAY, Duration

UNITS = {"second": 1, "minute": 60, "hour": 3600}


def parse_rate(text: str) -> tuple[int, int]:
    """Read '50/second' as 50 in 1 second. Raises ValueError with what is allowed."""
    match = re.fullmatch(r"([1-9][0-9]{0,8}) ?/ ?(second|minute|hour)", text.strip())
    if match is None:
        raise ValueError(f"'{text}' is no rate; write a whole number a second, minute or hour, such as 50/second")
    return int(match[1]), UNITS[match[2]]


class WarmUp(Word):
    """A new sender begins with few messages a day and doubles them, until `daily` is reached.

    ```yaml
    warm_up: {start: 500, double_every: 1 day}
    ```
    """

    start: Whole = Field(ge=1, description="So many in the first 24 hours, counted from the first message")
    double_every: Length = Field(
        default=Duration(0, DAY), validate_default=True, description="After so long twice as many a day"
    )


class Paced(Word):
    """What every channel may say of its pace."""

    rate: str | None = Field(default=None, description="At most so many a second, minute or hour, such as 50/second")
    daily: Whole | None = Field(default=None, ge=1, description="At most so many in 24 hours")
    warm_up: WarmUp | None = Field(default=None, description="Fewer a day at first, until `daily` is reached")

    @field_validator("rate")
    @classmethod
    def _rate(cls, value: str | None) -> str | None:
        if value is not None:
            parse_rate(value)
        return value

    @model_validator(mode="after")
    def _ends(self) -> Paced:
        if self.warm_up is not None and self.daily is None:
            raise ValueError("`warm_up` needs `daily`, the number a day at which it ends")
        if self.warm_up is not None and self.daily is not None and self.warm_up.start > self.daily:
            raise ValueError(f"`warm_up` starts with {self.warm_up.start}, which is more than `daily`: {self.daily}")
        return self
