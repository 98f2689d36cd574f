"""Instants, lengths of time, local time and the cadence. Reads no clock.

Lengths from minutes to weeks are exact; months and years are calendar steps in UTC, clamped at the month's end.
Local time follows rule 6: the pinned tzdata only, a time in a gap moves forward, a doubled time is the first.
"""

from __future__ import annotations

import calendar
import datetime as dt
import importlib.resources
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

UTC = dt.UTC
MICRO = dt.timedelta(microseconds=1)
DAY = 86400
"""The seconds of a day."""
Clock = Callable[[], dt.datetime]
"""Gives the instant of now; only the faces make one."""
FAR_PAST = dt.datetime(1, 1, 1, tzinfo=UTC)
FAR_FUTURE = dt.datetime(9999, 1, 1, tzinfo=UTC)

_UNITS = {
    "second": (0, 1),
    "minute": (0, 60),
    "hour": (0, 3600),
    "day": (0, 86400),
    "week": (0, 7 * 86400),
    "month": (1, 0),
    "year": (12, 0),
}
_DURATION = re.compile(r"(\d+)\s*(second|minute|hour|day|week|month|year)s?")


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: calendar months, then exact seconds."""

    months: int = 0
    seconds: int = 0

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read '3 days', '1 month', '1 day 12 hours'. Raises ValueError with what is allowed."""
        months = seconds = 0
        rest = text.strip().lower()
        while rest:
            match = _DURATION.match(rest)
            if match is None:
                raise ValueError(
                    f"'{text}' is not a duration; write a number and a unit such as '30 minutes', '3 days', "
                    "'2 weeks', '6 months' or '1 year'"
                )
            count, (unit_months, unit_seconds) = int(match[1]), _UNITS[match[2]]
            months, seconds = months + count * unit_months, seconds + count * unit_seconds
            rest = rest[match.end() :].lstrip(" ,")
        if months > 1200 or seconds > 100 * 366 * 86400:
            raise ValueError(f"'{text}' is longer than 100 years")
        if not months and not seconds:
            raise ValueError(f"'{text}' is no length of time; write for example '1 hour'")
        return cls(months, seconds)

    def after(self, instant: dt.datetime) -> dt.datetime:
        """The instant this long after `instant`."""
        return add_months(instant, self.months) + dt.timedelta(seconds=self.seconds)

    def before(self, instant: dt.datetime) -> dt.datetime:
        """The instant this long before `instant`."""
        return add_months(instant, -self.months) - dt.timedelta(seconds=self.seconds)

    @property
    def at_least_seconds(self) -> int:
        """The shortest it can be, for comparisons in checks (a month counts 28 days)."""
        return self.months * 28 * 86400 + self.seconds

    def __str__(self) -> str:
        words, months, seconds = [], self.months, self.seconds
        for unit, size in (("year", 12), ("month", 1)):
            count, months = divmod(months, size)
            words += [f"{count} {unit}{'s' * (count != 1)}"] if count else []
        for unit in ("day", "hour", "minute", "second"):
            count, seconds = divmod(seconds, _UNITS[unit][1])
            words += [f"{count} {unit}{'s' * (count != 1)}"] if count else []
        return " ".join(words) or "0 seconds"


def add_months(instant: dt.datetime, months: int) -> dt.datetime:
    """Step whole months; a day that the month lacks becomes its last day."""
    if months == 0:
        return instant
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return instant.replace(year=year, month=month + 1, day=min(instant.day, last))


def parse_instant(text: str) -> dt.datetime:
    """Read an ISO 8601 instant with a zone. Raises ValueError that says what is missing."""
    try:
        value = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"'{text}' is not an instant; write it like 2026-01-31T02:00:00Z") from None
    if value.tzinfo is None:
        raise ValueError(f"'{text}' has no zone; write it like 2026-01-31T02:00:00Z")
    return value.astimezone(UTC)


def iso(instant: dt.datetime) -> str:
    """Write an instant as 2026-01-31T02:00:00Z; a fraction only when there is one."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def naive(instant: dt.datetime) -> dt.datetime:
    """An instant as stores keep it: UTC without zone."""
    return instant.astimezone(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Offset:
    """One stretch of constant offset of a zone; `local_from` is where local readings begin to use it (rule 6)."""

    zone: str
    utc_from: dt.datetime
    utc_until: dt.datetime
    local_from: dt.datetime  # without zone: a reading of the clock on the wall
    local_until: dt.datetime
    seconds: int


def _zone(name: str) -> ZoneInfo:
    """The zone from the pinned tzdata package, never the system's. Raises KeyError for an unknown name."""
    parts = name.split("/")
    if not all(re.fullmatch(r"[A-Za-z0-9_+\-]+", part) for part in parts):
        raise KeyError(name)
    resource = importlib.resources.files("tzdata.zoneinfo").joinpath(*parts)
    if not resource.is_file() or parts[-1].endswith(("tab", "zi")):
        raise KeyError(name)
    try:
        with resource.open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except ValueError:
        raise KeyError(name) from None


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every zone name that the pinned tzdata knows."""
    text = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(text.split())


@lru_cache(maxsize=700)
def offsets(name: str) -> tuple[Offset, ...]:
    """The stretches of constant offset of a zone from 1980 to 2050, with open ends. KeyError for an unknown zone."""
    zone = _zone(name)
    start, end = dt.datetime(1980, 1, 1, tzinfo=UTC), dt.datetime(2050, 1, 1, tzinfo=UTC)
    changes: list[tuple[dt.datetime, int]] = [(FAR_PAST, _offset(zone, start))]
    day, step = start, dt.timedelta(days=4)  # no stretch since 1980 is shorter
    while day < end:
        if _offset(zone, day + step) != changes[-1][1]:
            low, high = day, day + step
            while high - low > dt.timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                low, high = (low, middle) if _offset(zone, middle) != changes[-1][1] else (middle, high)
            changes.append((high, _offset(zone, high)))
            continue
        day += step
    return tuple(_stretches(name, changes))


def _offset(zone: ZoneInfo, instant: dt.datetime) -> int:
    shift = instant.astimezone(zone).utcoffset()
    return 0 if shift is None else int(shift.total_seconds())


def _stretches(name: str, changes: list[tuple[dt.datetime, int]]) -> list[Offset]:
    """A local reading uses the offset before a change until the later of the two readings at the change."""
    rows: list[Offset] = []
    for index, (utc_from, seconds) in enumerate(changes):
        local_from = FAR_PAST.replace(tzinfo=None)
        if index:
            shift = dt.timedelta(seconds=max(seconds, changes[index - 1][1]))
            local_from = utc_from.replace(tzinfo=None) + shift
        rows.append(Offset(name, utc_from, FAR_FUTURE, local_from, FAR_FUTURE.replace(tzinfo=None), seconds))
    for index in range(len(rows) - 1):
        nxt = rows[index + 1]
        rows[index] = Offset(
            name,
            rows[index].utc_from,
            nxt.utc_from,
            rows[index].local_from,
            nxt.local_from,
            rows[index].seconds,
        )
    return rows


def utc_to_local(instant: dt.datetime, zone: str) -> dt.datetime:
    """The reading of the wall clock in `zone` at `instant`, without zone."""
    rows = offsets(zone)
    row = rows[bisect_right(rows, instant, key=lambda item: item.utc_from) - 1]
    return instant.replace(tzinfo=None) + dt.timedelta(seconds=row.seconds)


def local_to_utc(local: dt.datetime, zone: str) -> dt.datetime:
    """The instant of a wall clock reading; a gap moves forward, of a doubled reading the first (rule 6)."""
    rows = offsets(zone)
    row = rows[bisect_right(rows, local, key=lambda item: item.local_from) - 1]
    return (local - dt.timedelta(seconds=row.seconds)).replace(tzinfo=UTC)


def into_hours(instant: dt.datetime, zone: str, start: dt.time, until: dt.time) -> dt.datetime:
    """Move an instant into the allowed local hours [start, until): the same day's start, or the next day's."""
    local = utc_to_local(instant, zone)
    if start <= local.time() < until:
        return instant
    day = local.date() if local.time() < start else local.date() + dt.timedelta(days=1)
    return local_to_utc(dt.datetime.combine(day, start), zone)


def parse_time(text: str) -> dt.time:
    """Read '09:00'. Raises ValueError with what is allowed."""
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a time of day; write it like 09:00")
    return dt.time(int(match[1]), int(match[2]))
