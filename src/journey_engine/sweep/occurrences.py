"""Which occurrences a run can see, for every kind of trigger. Whether they start a pass is decided elsewhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, assert_never

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.expressions import Sql
from journey_engine.facts import attribute_view, iso
from journey_engine.graph import Graph, OnChange, OnDate, OnEvent, OnMembership, OnPass, OnSchedule, OnSilence, Shift
from journey_engine.queries import statements
from journey_engine.rules import firings
from journey_engine.sweep.evening import Evening
from journey_engine.times import FAR_PAST, local_to_utc, utc_to_local

DAY = dt.timedelta(days=1)


def list_occurrences(evening: Evening) -> None:
    """Fill `visible` for every live journey; a backfilling journey also lists its newest occurrence of all time."""
    evening.run("occurrences", "on_enroll")
    begun = list(filter(evening.begun, evening.rules.journeys))
    recent = _read_recent(evening, begun)
    for graph in begun:
        _list(evening, graph, evening.look(graph), recent=recent)
        if graph.backfill == "current" and evening.first_run(graph):
            _list(evening, graph, FAR_PAST, backfilled=True)


def _read_recent(evening: Evening, graphs: Iterable[Graph]) -> bool:
    """Read what several triggers on events look at from the ledger once; False where each may as well look itself."""
    looks = [(graph.trigger, evening.look(graph)) for graph in graphs if isinstance(graph.trigger, OnEvent)]
    if len(looks) < 2:
        return False
    filters = [evening.facts.events(trigger.events) for trigger, _ in looks]
    found = {column.name for one in filters for column in one.find_all(exp.Column)}
    columns = sorted(found | {"event_id", "customer_id", "name", "occurred_at"})
    names = sorted({trigger.events.name for trigger, _ in looks})
    named = exp.In(this=x.col("e", "name"), expressions=[x.text(name) for name in names])
    evening.run("occurrences", "recent", look=x.stamp(min(look for _, look in looks)), named=named,
                columns=exp.Tuple(expressions=[x.col("e", name) for name in columns]))  # fmt: skip
    return True


def _list(evening: Evening, graph: Graph, look: dt.datetime, *, backfilled: bool = False, recent: bool = False) -> None:
    parts: dict[str, Sql] = {
        "journey": x.text(graph.journey),
        "look": x.stamp(look),
        "backfilled": exp.convert(backfilled),
        "key": iso(x.col("e", "occurred_at")),
    }
    trigger = graph.trigger
    match trigger:
        case OnEvent():
            parts["filter"] = evening.facts.events(trigger.events)
            ledger = exp.Var(this=statements("occurrences")["ledger"])
            parts["events"] = exp.to_table("recent") if recent else ledger
            parts["whom"] = exp.to_table("recent" if recent else "customers")
            evening.run("occurrences", "on_first" if trigger.first else "on_event", **parts)
        case OnSilence():
            parts |= _silence(evening, trigger, look)
            some = look > FAR_PAST
            evening.run("occurrences", *(["silent"] if some else []), "on_silence", **parts,
                        whom=exp.to_table("silent" if some else "customers"))  # fmt: skip
        case OnMembership():
            name = "on_members" if backfilled else "on_membership"
            data = exp.Cast(
                this=exp.Anonymous(this="json_object", expressions=[x.text(trigger.of), x.text(trigger.name)]),
                to=exp.DataType.build("VARCHAR"),
            )
            parts |= {"kind": x.text(trigger.of), "name": x.text(trigger.name), "data": data}
            evening.run("occurrences", name, **parts)
        case OnChange():
            sides = {"attribute": x.text(trigger.attribute), **_sides(evening, trigger)}
            evening.run("occurrences", "on_values" if backfilled else "on_change", **parts, **sides)
        case OnPass():
            evening.run("occurrences", "on_pass", **parts, **_passes(trigger))
        case OnSchedule():
            _fire(evening, graph, trigger, look)
        case OnDate():
            for offset in trigger.offsets:
                _date(evening, parts, trigger, offset, _look(evening, graph, trigger.gap(offset), look))
        case _:
            assert_never(trigger)


def _sides(evening: Evening, trigger: OnChange) -> dict[str, Sql]:
    """What a value was and what it became, each read from its text."""
    was, became = (attribute_view(x.col("v", column), "text") for column in ("value_before", "value"))
    return {"was": evening.facts.passes(trigger.was, was), "became": evening.facts.passes(trigger.became, became)}


def _passes(trigger: OnPass) -> dict[str, Sql]:
    """When passes came into the state, and whether they are in it."""
    moment = {"entered": "entered_at", "converted": "goal_at"}.get(trigger.state, "closed_at")
    anyway = trigger.state in ("entered", "converted")
    return {
        "name": x.text(trigger.journey),
        "state": x.text(trigger.state),
        "moment": x.col("e", moment),
        "stands": x.TRUE if anyway else x.compare("=", x.col("e", "state"), x.text(trigger.state)),
    }


def _silence(evening: Evening, trigger: OnSilence, look: dt.datetime) -> dict[str, Sql]:
    """Events from which an occurrence can fire after `look`, and by tonight; months are not exact by a few days."""
    early, inexact = look, (4 if trigger.length.months else 0) * DAY
    if look > FAR_PAST:
        early = trigger.length.before(look) - inexact
    return {
        "filter": evening.facts.events(trigger.events),
        "without": evening.facts.events(trigger.without) if trigger.without is not None else x.FALSE,
        "early": x.stamp(early),
        "latest": x.stamp(trigger.length.before(evening.night.as_of) + inexact),
        "months": x.integer(trigger.length.months),
        "micros": x.integer(trigger.length.seconds * 10**6),
    }


def _fire(evening: Evening, graph: Graph, trigger: OnSchedule, look: dt.datetime) -> None:
    """Firings are few, a zone has its own: they are computed here and joined with the customers."""
    horizon, rows = evening.night.horizon, []
    zones: list[Any] = [trigger.zone]
    if trigger.zone is None:
        zones = [zone for (zone,) in evening.engine.rows("SELECT DISTINCT zone_in_force FROM customers ORDER BY 1")]
    for zone in zones:
        first, last = utc_to_local(look, zone) - DAY, utc_to_local(horizon, zone) + DAY
        for local in firings(trigger.cron, first.replace(second=0, microsecond=0), last):
            instant = local_to_utc(local, zone)
            if look < instant < horizon:
                joined = zone if trigger.zone is None else None
                rows.append((graph.journey, joined, local.strftime("%Y-%m-%dT%H:%M"), instant.replace(tzinfo=None)))
    evening.engine.execute("DELETE FROM firings")
    evening.engine.load("firings", ("journey", "zone", "firing", "instant"), rows)
    evening.run("occurrences", "on_schedule")


def _look(evening: Evening, graph: Graph, gap: dt.timedelta | None, look: dt.datetime) -> dt.datetime:
    """How far back an offset is listed: of one that another follows only what is made up for (rule 5)."""
    if gap is None:
        return look
    # Made up for in allowed hours, which may be most of a day away; the next one is not to leave at that hour too.
    tomorrow = evening.night.as_of + dt.timedelta(hours=25)
    first = min(max(evening.missed_from(graph), tomorrow - gap), evening.night.as_of)
    return max(look, first - dt.timedelta(microseconds=1))


def _date(evening: Evening, parts: dict[str, Sql], trigger: OnDate, offset: Shift | None, look: dt.datetime) -> None:
    """One statement for each period (year, month, or once) whose shifted day can fall before the horizon."""
    months = offset.sign * offset.length.months if offset else 0
    days = offset.sign * offset.length.seconds // 86400 if offset else 0
    text = "" if offset is None else f"{'-' if offset.sign < 0 else '+'}{offset.length}"
    shared = parts | {
        "look": x.stamp(look),
        "date": day_of(evening, trigger.attribute),
        "months": x.integer(months),
        "days": x.integer(days),
        "at": x.text(trigger.at.isoformat()),
        "suffix": x.text(f"|{text}" if text else ""),
        "offset": x.text(text),
    }
    slack = dt.timedelta(days=5 + 31 * abs(months) + abs(days))
    first, last = (look - slack).date(), (evening.night.horizon + slack).date()
    for base, later in _periods(trigger, first, last):
        evening.run("occurrences", "on_date", **shared, base=base, later=later)


def day_of(evening: Evening, attribute: str) -> Sql:
    """The attribute as a date, whatever type the source gave it."""
    column, kind = x.col("c", attribute), evening.columns.get(attribute)
    match kind:
        case "date" | "timestamp":
            return x.cast(column, "DATE")
        case "text" | "mixed":
            head = exp.Substring(this=column, start=x.integer(1), length=x.integer(10))
            looks = exp.RegexpLike(this=head.copy(), expression=x.text(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
            return x.case([(looks, x.try_cast(head, "DATE"))], x.cast(exp.null(), "DATE"))
        case _:
            return x.cast(exp.null(), "DATE")


def _periods(trigger: OnDate, first: dt.date, last: dt.date) -> list[tuple[Sql, Sql]]:
    """The day of the attribute in each period, and that it lies after the attribute's own date."""
    day = x.col("d", "day")
    if trigger.every is None:
        return [(day, x.TRUE)]
    found = []
    for year in range(first.year, last.year + 1):
        leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
        for month in range(1, 13) if trigger.every == "month" else (None,):
            if month is not None and not (first.replace(day=1) <= dt.date(year, month, 1) <= last):
                continue
            base = _in_month(day, year, month) if month is not None else _in_year(day, year, leap, trigger.feb29)
            found.append((base.copy(), x.sure(x.compare(">", base, day.copy()))))
    return found


def _part(name: str, day: Sql) -> Sql:
    return x.call(name, day.copy())


def _make(year: int, month: Sql, day: Sql) -> Sql:
    return exp.Anonymous(this="make_date", expressions=[x.integer(year), month, day])


def _in_year(day: Sql, year: int, leap: bool, feb29: str) -> Sql:
    """29 February in a year that lacks it follows the policy (rule 7)."""
    month, number = _part("month", day), _part("day", day)
    plain = _make(year, month, number)
    if leap:
        return plain
    born = x.both([x.compare("=", month.copy(), x.integer(2)), x.compare("=", number.copy(), x.integer(29))])
    instead: dict[str, Sql] = {
        "feb28": _make(year, x.integer(2), x.integer(28)),
        "mar1": _make(year, x.integer(3), x.integer(1)),
        "skip": x.cast(exp.null(), "DATE"),
    }
    return x.case([(born, instead[feb29])], plain)


def _in_month(day: Sql, year: int, month: int) -> Sql:
    """The same day of a month, clamped at its end."""
    last = (dt.date(year + month // 12, month % 12 + 1, 1) - DAY).day
    number = exp.Least(this=_part("day", day), expressions=[x.integer(last)])
    return _make(year, x.integer(month), number)
