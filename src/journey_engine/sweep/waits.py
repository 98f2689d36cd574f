"""Waits until a moment for everyone at once: a time of day, or a date of the customer (rules 6 and 7)."""

from __future__ import annotations

import datetime as dt
from typing import Any, assert_never

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect import load_zones
from journey_engine.graph import Await, ComingDate, NextTime
from journey_engine.queries import fill, statements
from journey_engine.sweep.evening import Evening
from journey_engine.sweep.occurrences import day_of
from journey_engine.times import naive

MICROS_A_DAY = 86_400 * 10**6
# The day of the arrival in UTC lies up to six days behind a Monday; in a zone it may be the day before or after, the
# day before that one may reach behind midnight through a gap, and the next of a weekday is at most a week away.
AHEAD = range(-2, 15)


def wait_tables(evening: Evening) -> None:
    """Fill the tables of waits until a moment."""
    times: list[tuple[Any, ...]] = []
    dates: list[tuple[Any, ...]] = []
    for graph in evening.rules.graphs:
        for number, node in enumerate(graph.nodes):
            if not isinstance(node, Await) or node.until is None:
                continue
            key, until = (graph.journey, graph.version, number), node.until
            match until:
                case NextTime():
                    days = [day for day in AHEAD if day % 7 in until.weekdays]
                    times += [(*key, day * MICROS_A_DAY + _micros(until.at), until.zone) for day in days]
                case ComingDate(offset=offset):
                    months = offset.sign * offset.length.months if offset else 0
                    off = offset.sign * offset.length.seconds // 86400 if offset else 0
                    dates.append((*key, until.attribute, months, off, _micros(until.at), until.zone))
                case _:
                    assert_never(until)
    evening.run("waits", "times_table", "dates_table")
    named = {zone for *_, zone in (*times, *dates) if zone is not None}
    if named:  # nobody need live there
        load_zones(evening.engine, named)
    for table, rows in (("graph_times", times), ("graph_dates", dates)):
        evening.engine.load(table, list(evening.engine.columns(table)), rows)


def find_ends(evening: Evening) -> None:
    """When the waits of the passes in front are over; old offsets are read only for who has waited since then."""
    attributes = {
        node.until.attribute
        for graph in evening.rules.graphs
        for node in graph.nodes
        if isinstance(node, Await) and isinstance(node.until, ComingDate)
    }
    days = [(x.text(name), day_of(evening, name)) for name in sorted(attributes)]
    evening.run("waits", "readings", day=x.switch(x.col("t", "attribute"), days, x.cast(exp.null(), "DATE")))
    earliest = evening.engine.rows(statements("waits")["earliest_reading"])[0][0]
    near = earliest is None or earliest >= naive(evening.zones_from)
    zones = exp.to_table("near_zones" if near else "zone_offsets")
    evening.engine.execute(fill(statements("waits")["ends"], {"zones": zones}))


def _micros(at: dt.time) -> int:
    return (at.hour * 60 + at.minute) * 60 * 10**6
