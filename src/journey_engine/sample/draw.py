"""What the sample is drawn with: one seeded generator, the shop's own facts, and instants as text.

Whole numbers only, so that every Python draws the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from random import Random  # a sample is drawn, from a seed; nothing is decided with it
from typing import Any, TypeVar

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400
LIVELY_DAYS = 4
"""In its last days the sample has more sign-ups and carts than usual: every night has something to show."""

T = TypeVar("T")


class Draw(Random):
    """The only source of chance; built on randrange, which gives the same numbers on every Python."""

    def pick(self, options: Sequence[T]) -> T:
        """One of them, all alike."""
        return options[self.randrange(len(options))]

    def weighted(self, options: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """One of them, as likely as its `weight`."""
        left = self.randrange(sum(option["weight"] for option in options))
        for option in options:
            left -= option["weight"]
            if left < 0:
                return option
        raise AssertionError("weights are positive")

    def chance(self, in_a_thousand: int) -> bool:
        """True so many times in a thousand."""
        return self.randrange(1000) < in_a_thousand

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + self.randrange(high - low + 1)

    def by_day(self, start: int, end: int) -> int:
        """An instant in [start, end), moved into the waking hours of its day when that stays in the range."""
        at = start + self.randrange(max(1, end - start))
        waking = at - at % DAY + 6 * HOUR + self.randrange(17 * HOUR)
        return waking if start <= waking < end else at


@cache
def shop() -> dict[str, Any]:
    """Countries with their names and zones, products, pages: the content of shop.json."""
    text = resources.files(__package__).joinpath("shop.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def instant(seconds: int) -> str:
    """Seconds since 1970 as text in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
