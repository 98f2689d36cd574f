"""Only what a question needs of the sources, with the answer that the whole ledger would give.

Of the events those that may count are read where they lie. The long way, through the ledger, go those whose id has
several rows or is told by the mailroom too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect.source import Incoming
from journey_engine.collect.unfit import doubtful
from journey_engine.expressions import Sql
from journey_engine.facts import SUBSCRIBING, Facts
from journey_engine.predicates import AllOf, Attribute, Happened, Predicate, Subscribed, leaves
from journey_engine.queries import statements
from journey_engine.sources import typed_once


@dataclass(frozen=True, slots=True)
class Asked:
    """What a condition looks at.

    The attributes are in lower case, the events by name with the instant that they must be later than, None for all.
    Who does not pass `who`, which looks at attributes only, is not asked about: the condition cannot hold.
    """

    attributes: frozenset[str]
    events: Mapping[str, dt.datetime | None]
    who: tuple[Predicate, ...]


def asked_by(predicate: Predicate, as_of: dt.datetime) -> Asked:
    """What a condition looks at, as of an instant."""
    attributes: set[str] = set()
    events: dict[str, dt.datetime | None] = {}

    def name(event: str, after: dt.datetime | None) -> None:
        before = events.get(event, after)
        events[event] = min(after, before) if after is not None and before is not None else None

    for leaf in leaves(predicate):
        match leaf:
            case Attribute(where=where):
                attributes.add(where.name.lower())
            case Happened(events=of, within=within):
                name(of.name, within.before(as_of) if within is not None else None)
            case Subscribed():
                for event in SUBSCRIBING:
                    name(event, None)
            case _:
                pass  # of passes the engine knows, and nothing is asked of the sources
    return Asked(frozenset(attributes), events, tuple(_of_attributes(predicate)))


def _of_attributes(predicate: Predicate) -> Iterator[Predicate]:
    """The parts that all must hold and look at attributes only."""
    if isinstance(predicate, AllOf):
        for item in predicate.items:
            yield from _of_attributes(item)
    elif all(isinstance(leaf, Attribute) for leaf in leaves(predicate)):
        yield predicate


def read_asked(incoming: Incoming, asked: Asked, relation: Sql, reading: Mapping[str, Sql]) -> Sql | None:
    """Read the events that may count; returns which rows must go the long way, None when there are none."""
    windows = []
    for event, after in sorted(asked.events.items()):
        later = [] if after is None else [x.compare(">", x.col("r", "occurred_at"), x.stamp(after))]
        windows.append(x.both([x.compare("=", x.col("r", "name"), x.text(event)), *later]))
    names = [x.text(event) for event in sorted(asked.events)] or [exp.null()]
    numbers = incoming.engine.rows("SELECT property, number FROM properties ORDER BY number")
    kinds, pairs = typed_once("r", numbers)
    typed = [x.named(value, column) for column, value in pairs]
    facts = Facts(incoming.as_of, incoming.collected.columns, dict(numbers))
    who = x.both([facts.truth(part) for part in asked.who])
    told = {one.alias: one.this for one in reading["columns"].expressions}  # read only of those who are asked about
    incoming.read("asked_events", **reading, who=who, relation=relation, as_of=x.stamp(incoming.as_of),
                  customer=told["customer_id"], named=exp.In(this=told["name"], expressions=names),
                  windows=x.either(windows),
                  kinds=exp.Tuple(expressions=[exp.column("properties", table="r"), *kinds]),
                  typed=exp.Tuple(expressions=[exp.column("properties", table="r"), *typed]))  # fmt: skip
    incoming.read("odd_events", relation=relation, columns=reading["columns"])
    rows = exp.Var(this=f"({statements('collect')['asked_rows']})")
    for row, _ in doubtful(incoming, rows):
        incoming.reader.execute("DELETE FROM asked_events WHERE event_hash = ?", (row,))
    if not incoming.reader.rows("SELECT 1 FROM odd_events LIMIT 1"):
        return None
    return exp.Var(this="WHERE hash(n.event_id) IN (SELECT event_hash FROM odd_events)")


def show_asked(incoming: Incoming) -> None:
    """Put what was read where conditions look for events, beside what went the long way."""
    incoming.read("long_way", "asked_view")
