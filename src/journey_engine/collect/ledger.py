"""What the ledger keeps beside its events: typed columns for named properties, and the offsets of zones."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from collections.abc import Iterable

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.engines import Engine
from journey_engine.expressions import Sql
from journey_engine.queries import fill, statements
from journey_engine.sources import typed_columns
from journey_engine.times import naive, offsets


def ensure_properties(engine: Engine, names: Iterable[str]) -> dict[str, int]:
    """Give each named event property its typed columns; one named for the first time is read for the whole ledger."""
    known = {name: int(number) for name, number in engine.rows("SELECT property, number FROM properties")}
    fresh = sorted(set(names) - set(known))
    if fresh:
        start = max(known.values(), default=-1) + 1
        numbers = {name: start + index for index, name in enumerate(fresh)}
        for number in numbers.values():
            for kind, sql_type in (("num", x.NUMBER), ("txt", "VARCHAR"), ("flag", "BOOLEAN")):
                engine.execute(f"ALTER TABLE events ADD COLUMN IF NOT EXISTS p{number}_{kind} {sql_type}")
        with engine.transaction():
            pairs = [pair for name, number in numbers.items() for pair in typed_columns("r", name, number)]
            engine.execute(fill(statements("collect")["retype"], {"typed": assignments(pairs)}))
            engine.load("properties", ("property", "number"), list(numbers.items()))
        known |= numbers
    return known


def assignments(pairs: Iterable[tuple[str, Sql]]) -> Sql:
    """`name = value, ...` of an UPDATE."""
    return exp.Tuple(expressions=[x.compare("=", exp.column(name), value) for name, value in pairs])


def type_made_events(engine: Engine, as_of: dt.datetime) -> None:
    """Fill the typed columns of events that the run itself made."""
    if not engine.rows(statements("collect")["made"]):
        return
    numbers = engine.rows("SELECT property, number FROM properties ORDER BY number")
    pairs = [pair for name, number in numbers for pair in typed_columns("r", name, number)]
    if pairs:
        parts = {"typed": assignments(pairs), "as_of": x.stamp(as_of)}
        engine.execute(fill(statements("collect")["type_made"], parts))


def load_zones(engine: Engine, zones: Iterable[str]) -> None:
    """Keep the offsets of zones in the store, from one pinned tzdata (rule 6)."""
    tzdata = tzdata_version()
    engine.execute("DELETE FROM zone_offsets WHERE tzdata <> ?", (tzdata,))
    known = {zone for (zone,) in engine.rows("SELECT DISTINCT zone FROM zone_offsets")}
    rows = [
        (
            row.zone,
            naive(row.utc_from),
            naive(row.utc_until),
            row.local_from,
            row.local_until,
            row.seconds,
            tzdata,
        )
        for zone in sorted(set(zones) - known)
        for row in offsets(zone)
    ]
    columns = ("zone", "utc_from", "utc_until", "local_from", "local_until", "seconds", "tzdata")
    engine.load("zone_offsets", columns, rows)


def tzdata_version() -> str:
    """The version of the pinned zone data."""
    return importlib.metadata.version("tzdata")
