"""When a wait until a moment ends: a time of day, or a date of the customer, by a clock on the wall (rules 6, 7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from journey_engine.graph import ComingDate, NextTime
from journey_engine.times import FAR_FUTURE, local_to_utc, utc_to_local
from journey_engine.walk.occurrences import shifted
from journey_engine.walk.values import as_date

_DAY = dt.timedelta(days=1)


def next_time(until: NextTime, arrival: dt.datetime, zone: str) -> dt.datetime:
    """The first instant later than the arrival at which the clock shows the time on one of the days.

    The day before the arrival counts too: its last hour may be one that a gap moved behind midnight.
    """
    today = utc_to_local(arrival, zone).date()
    days = (today + ahead * _DAY for ahead in range(-1, 9))
    instants = (
        local_to_utc(dt.datetime.combine(day, until.at), zone) for day in days if day.weekday() in until.weekdays
    )
    return min(instant for instant in instants if instant > arrival)


def coming_date(
    until: ComingDate, arrival: dt.datetime, zone: str, attributes: Mapping[str, Any]
) -> dt.datetime | None:
    """The instant of the date, or of the arrival when that is later: a date already past is not waited for.

    None when the customer has no such date.
    """
    day = as_date(attributes.get(until.attribute))
    if day is None:
        return None
    try:
        instant = local_to_utc(dt.datetime.combine(shifted(day, until.offset), until.at), zone)
    except (OverflowError, ValueError):  # beyond the years of the calendar
        return FAR_FUTURE if day.year > arrival.year else arrival
    return max(instant, arrival)
