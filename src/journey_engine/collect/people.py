"""People whom the front door was told of: their traits beside the customers of the source, and the people themselves.

The source knows best: a trait fills what it leaves empty. A trait counts when it is a column of the source, a column
that every project knows, or declared in `attributes`; others are kept in the mailroom and change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect.source import Incoming
from journey_engine.expressions import Sql
from journey_engine.project import CUSTOMER_COLUMNS
from journey_engine.sources import told_sql

Person = tuple[str, Mapping[str, Any]]
"""A customer's id and the traits that were told."""


def add_people(incoming: Incoming, people: Iterable[Person], kinds: Mapping[str, str]) -> dict[str, str]:
    """Join what was told to the customers of tonight; returns the attributes by kind, with those that it added."""
    known = _attributes(incoming, kinds)
    names = {name.lower(): name for name in known}
    incoming.read("told")
    if not incoming.reader.load("told", ("customer_id", "trait", "value"), _rows(people, names)):
        return dict(kinds)
    traits = {name for (name,) in incoming.reader.rows("SELECT DISTINCT trait FROM told") if name in known}
    after = {**kinds, **{name: known[name] for name in sorted(traits)}}
    read = [x.named(told_sql(_value_of(name), after[name]), name) for name in sorted(traits)]
    incoming.read("told_people", columns=exp.Tuple(expressions=read or [x.named(exp.null(), "nothing")]))
    columns = [x.named(_filled(name, name in kinds, name in traits), name) for name in after]
    incoming.read("add_traits", columns=exp.Tuple(expressions=columns))
    if incoming.project.front_door.people == "all":
        own = exp.Tuple(expressions=[exp.column(name, quoted=True) for name in ("customer_id", *sorted(traits))])
        incoming.read("add_people", names=own)
        incoming.collected.customers = int(incoming.reader.rows("SELECT count(*) FROM imported")[0][0])
    return after


def _attributes(incoming: Incoming, kinds: Mapping[str, str]) -> dict[str, str]:
    """The traits that count, by kind."""
    declared = {name: words.type for name, words in incoming.project.attributes.items()}
    taken = {name.lower() for name in kinds}
    free = {**declared, **dict.fromkeys(CUSTOMER_COLUMNS, "text")}
    found = {**{name: kind for name, kind in free.items() if name.lower() not in taken}, **kinds}
    return {name: kind for name, kind in found.items() if name != "customer_id"}


def _rows(people: Iterable[Person], names: Mapping[str, str]) -> Iterator[tuple[str, str, str | None]]:
    """A row for the person, and one for each trait that counts."""
    for customer_id, traits in people:
        yield customer_id, "", None
        for trait, value in traits.items():
            name = names.get(trait)
            if name is not None:
                yield customer_id, name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _value_of(name: str) -> Sql:
    return x.filtered(exp.Max(this=x.col("told", "value")), x.compare("=", x.col("told", "trait"), x.text(name)))


def _filled(name: str, from_source: bool, from_people: bool) -> Sql:
    if not from_people:
        return x.col("i", name)
    if not from_source:
        return x.col("p", name)
    return exp.Coalesce(this=x.col("i", name), expressions=[x.col("p", name)])
