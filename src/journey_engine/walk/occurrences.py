"""When a journey's trigger occurred for one customer, and which occurrences are admitted (rules 2, 8, 9)."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from journey_engine.graph import (
    Graph,
    OnChange,
    OnDate,
    OnEvent,
    OnMembership,
    OnPass,
    OnSchedule,
    OnSilence,
    Reentry,
    Shift,
    Trigger,
)
from journey_engine.predicates import Test
from journey_engine.records import Enrollment, Event, PassState, identity
from journey_engine.rules import Night, firings, time_triggered
from journey_engine.times import FAR_PAST, add_months, iso, local_to_utc, utc_to_local
from journey_engine.walk.judge import belongs
from journey_engine.walk.ledger import Enrolled, Membership, Watched
from journey_engine.walk.values import as_date, attribute_passes

_DAY = dt.timedelta(days=1)
_DAY_WITH_CHANGED_CLOCKS = dt.timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One moment that may start a pass. `data` becomes `trigger.*`; `event_id` None: no event is the cause.

    `enrolled`: another journey asked for it, whatever this one's trigger is.
    """

    instant: dt.datetime
    key: str
    data: Mapping[str, Any] = field(default_factory=dict)
    event_id: str | None = None
    enrolled: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """What triggers look at: events as they first came with this run's own, attributes, and what earlier runs left.

    No run took place from `missed_from` until this one; `as_of` when none was missed, None to list all that ever was.
    """

    events: Sequence[Event]
    attributes: Mapping[str, Any]
    zone: str
    members: Mapping[tuple[str, str], Membership]
    watched: Mapping[str, Watched] = field(default_factory=dict)
    passes: Sequence[Enrollment] = ()  # as before this run
    enrolled: Sequence[Enrolled] = ()  # by earlier runs
    missed_from: dt.datetime | None = None


def visible(graph: Graph, past: Past, night: Night, lower: dt.datetime) -> list[Occurrence]:
    """The occurrences later than `lower` that this run can see, in order (instant, key)."""
    found = [*_occurrences(graph.trigger, past, night, lower), *_enrolled(graph.journey, past, night)]
    return sorted((one for one in found if one.instant > lower), key=lambda one: (one.instant, one.key.encode()))


def backfilled(graph: Graph, past: Past, night: Night) -> list[Occurrence]:
    """What a journey with `backfill: current` takes at first: the newest occurrence, membership, or value."""
    trigger = graph.trigger
    if isinstance(trigger, OnMembership):
        standing = past.members.get((trigger.of, trigger.name), Membership())
        return [_joined(trigger, standing.ordinal, night.as_of)] if standing.member else []
    if isinstance(trigger, OnChange):
        value = past.watched[trigger.attribute]
        fits = _passes(trigger.became, value.value, night)
        return [_changed(trigger, value, night.as_of)] if fits else []
    return visible(graph, replace(past, enrolled=()), night, FAR_PAST)[-1:]


def eligible(graph: Graph, new: Sequence[Occurrence], as_of: dt.datetime) -> list[Occurrence]:
    """Of the firings or dates that were missed only the newest counts (rule 5)."""
    if not time_triggered(graph):
        return list(new)
    missed = [one for one in new if one.instant < as_of and not one.enrolled]
    return [one for one in new if one not in missed[:-1]]


def admitted(
    graph: Graph,
    customer_id: str,
    run: int,
    chosen: Iterable[tuple[Occurrence, dt.datetime]],
    passes: Sequence[Enrollment],
) -> list[tuple[Enrollment, Occurrence]]:
    """The passes that begin: occurrences with their instants of entry, in order, as `reentry` lets."""
    entered: list[tuple[Enrollment, Occurrence]] = []
    for one, entered_at in chosen:
        key = "" if graph.reentry.mode == "never" else one.key
        enrollment_id = identity(graph.journey, customer_id, key)
        earlier = [*passes, *(new for new, _ in entered)]
        if any(old.enrollment_id == enrollment_id for old in earlier):
            continue
        if _may_enter(graph.reentry, one.instant, earlier):
            enrollment = Enrollment(
                enrollment_id,
                graph.journey,
                graph.version,
                customer_id,
                key,
                entered_at,
                run,
                one.data,
                0,
                entered_at,
            )
            entered.append((enrollment, one))
            if graph.reentry.mode == "after_exit":
                break
    return entered


def _may_enter(reentry: Reentry, instant: dt.datetime, earlier: Sequence[Enrollment]) -> bool:
    match reentry.mode:
        case "never":
            return not earlier
        case "each_occurrence":
            return True
        case "after_exit":
            closed = [old.closed_at for old in earlier if old.closed_at is not None]
            is_open = any(old.state is PassState.OPEN for old in earlier)
            return not is_open and all(instant > at for at in closed)
        case "after":
            last = max((old.entered_at for old in earlier), default=None)
            if last is None or reentry.after is None:
                return True
            return instant >= reentry.after.after(last)
        case _:
            assert_never(reentry.mode)


def _occurrences(trigger: Trigger, past: Past, night: Night, lower: dt.datetime) -> Iterator[Occurrence]:
    match trigger:
        case OnEvent(first=False):
            for event in _matching(trigger, past):
                yield Occurrence(event.occurred_at, event.event_id, event.properties, event.event_id)
        case OnEvent():
            for event in _matching(trigger, past)[:1]:
                yield Occurrence(event.occurred_at, iso(event.occurred_at), event.properties, event.event_id)
        case OnSilence():
            yield from _silences(trigger, past, night)
        case OnDate():
            yield from _dates(trigger, past, night, lower)
        case OnSchedule():
            yield from _schedule(trigger, past, night, lower)
        case OnMembership():
            standing = past.members.get((trigger.of, trigger.name), Membership())
            if standing.began is not None:
                yield _joined(trigger, standing.ordinal, standing.began)
        case OnPass():
            yield from _passed(trigger, past, night)
        case OnChange():
            yield from _last_change(trigger, past, night)
        case _:
            assert_never(trigger)


def _matching(trigger: OnEvent | OnSilence, past: Past) -> list[Event]:
    """The events of the trigger's set, oldest first; those of one instant by their ids."""
    return [event for event in past.events if belongs(event, trigger.events, {})]


def _silences(trigger: OnSilence, past: Past, night: Night) -> Iterator[Occurrence]:
    """An instant followed in (t, t + length] by none of the set nor `without`; fires at the end."""
    own = _matching(trigger, past)
    by_instant: dict[dt.datetime, Event] = {}
    for event in own:
        by_instant.setdefault(event.occurred_at, event)
    for instant, event in by_instant.items():
        fires = trigger.length.after(instant)
        enders = [other.occurred_at for other in own]
        if trigger.without is not None:
            without = trigger.without
            enders += [other.occurred_at for other in past.events if belongs(other, without, event.properties)]
        if fires <= night.as_of and not any(instant < end <= fires for end in enders):
            yield Occurrence(fires, iso(event.occurred_at), event.properties, event.event_id)


def _dates(trigger: OnDate, past: Past, night: Night, lower: dt.datetime) -> Iterator[Occurrence]:
    """Each day of the attribute with each offset, at its local time, after `lower` and before the horizon."""
    base = as_date(past.attributes.get(trigger.attribute))
    if base is None:
        return
    for offset in trigger.offsets:
        text = offset_text(offset)
        # The day itself lies the offset away from the window, and some days for zones and short months.
        first = _unshifted(lower.date(), offset) - 5 * _DAY
        last = _unshifted(night.horizon.date(), offset) + 5 * _DAY
        for day in _days(trigger, base, first, last):
            instant = _instant(trigger, day, offset, past.zone)
            if instant is None:
                continue
            if lower < instant < night.horizon and not _lapsed(instant, trigger.gap(offset), past, night):
                key = f"{day}|{text}" if text else f"{day}"
                yield Occurrence(instant, key, {"date": f"{day}", "offset": text})


def _instant(trigger: OnDate, day: dt.date, offset: Shift | None, zone: str) -> dt.datetime | None:
    """When a day with its offset comes; never, where that lies beyond the years of the calendar: `31 December 9999`."""
    try:
        return local_to_utc(dt.datetime.combine(shifted(day, offset), trigger.at), zone)
    except (OverflowError, ValueError):
        return None


def _lapsed(instant: dt.datetime, gap: dt.timedelta | None, past: Past, night: Night) -> bool:
    """Whether an offset lies behind that another one of the date follows, and nobody makes up for it (rule 5).

    Only what no run could see in time is made up for, and not when the next one is due within a day: allowed hours
    would let both leave together.
    """
    if gap is None or past.missed_from is None or instant >= night.as_of:
        return False
    return instant < past.missed_from or instant + gap < night.as_of + _DAY_WITH_CHANGED_CLOCKS


def _days(trigger: OnDate, base: dt.date, first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """The days of the attribute from `first` to `last`, later than the attribute's own date (rule 7)."""
    if trigger.every is None:
        yield base
        return
    for year in range(max(first.year, base.year), last.year + 1):
        for month in range(1, 13) if trigger.every == "month" else (base.month,):
            day = _day_in(year, month, base.day, trigger)
            if day is not None and base < day and first <= day <= last:
                yield day


def _day_in(year: int, month: int, day: int, trigger: OnDate) -> dt.date | None:
    last = calendar.monthrange(year, month)[1]
    if day <= last:
        return dt.date(year, month, day)
    if trigger.every == "month" or trigger.feb29 == "feb28":
        return dt.date(year, month, last)
    return dt.date(year, 3, 1) if trigger.feb29 == "mar1" else None


def shifted(day: dt.date, offset: Shift | None) -> dt.date:
    """A day with its offset, clamped at the month's end."""
    return day if offset is None else _step(day, offset, offset.sign)


def _unshifted(day: dt.date, offset: Shift | None) -> dt.date:
    return day if offset is None else _step(day, offset, -offset.sign)


def _step(day: dt.date, offset: Shift, sign: int) -> dt.date:
    midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    stepped = add_months(midnight, sign * offset.length.months)
    return (stepped + sign * dt.timedelta(seconds=offset.length.seconds)).date()


def offset_text(offset: Shift | None) -> str:
    """An offset as keys and templates have it: `-3 days`, or nothing on the day."""
    return "" if offset is None else f"{'-' if offset.sign < 0 else '+'}{offset.length}"


def _schedule(trigger: OnSchedule, past: Past, night: Night, lower: dt.datetime) -> Iterator[Occurrence]:
    """Each reading of the wall clock that the cron line names, after `lower` and before the horizon."""
    zone = trigger.zone or past.zone
    start, end = utc_to_local(lower, zone) - _DAY, utc_to_local(night.horizon, zone) + _DAY
    for local in firings(trigger.cron, start.replace(second=0, microsecond=0), end):
        instant = local_to_utc(local, zone)
        if lower < instant < night.horizon:
            firing = local.strftime("%Y-%m-%dT%H:%M")
            yield Occurrence(instant, firing, {"firing": firing})


def _joined(trigger: OnMembership, ordinal: int, instant: dt.datetime) -> Occurrence:
    return Occurrence(instant, str(ordinal), {trigger.of: trigger.name})


def _last_change(trigger: OnChange, past: Past, night: Night) -> Iterator[Occurrence]:
    value = past.watched.get(trigger.attribute)
    if value is None or value.changed_at is None:
        return
    if _passes(trigger.was, value.before, night) and _passes(trigger.became, value.value, night):
        yield _changed(trigger, value, value.changed_at)


def _changed(trigger: OnChange, value: Watched, instant: dt.datetime) -> Occurrence:
    data = {"attribute": trigger.attribute, "from": value.before, "to": value.value}
    told = {name: text for name, text in data.items() if text is not None}
    return Occurrence(instant, str(value.ordinal), told)


def _passes(tests: Sequence[Test], text: str | None, night: Night) -> bool:
    return all(attribute_passes(test, text, night.as_of) for test in tests)


def _passed(trigger: OnPass, past: Past, night: Night) -> Iterator[Occurrence]:
    """The passes that an earlier run brought into the state; what was decided ahead waits for its instant."""
    for one in past.passes:
        instant = _came_into(trigger.state, one) if one.journey == trigger.journey else None
        if instant is not None and instant <= night.as_of:
            told = {"journey": one.journey, "state": trigger.state}
            yield Occurrence(instant, one.enrollment_id, told | ({"reason": one.reason} if one.reason else {}))


def _came_into(state: str, one: Enrollment) -> dt.datetime | None:
    match state:
        case "entered":
            return one.entered_at
        case "converted":
            return one.goal_at
        case _:
            return one.closed_at if one.state == state else None


def _enrolled(journey: str, past: Past, night: Night) -> Iterator[Occurrence]:
    """What `enroll` steps of earlier runs asked for."""
    for one in past.enrolled:
        if one.journey == journey and one.instant <= night.as_of:
            yield Occurrence(one.instant, one.key, {"journey": one.by, "step": one.step}, enrolled=True)
