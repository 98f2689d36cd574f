"""Tonight's data into the engine: customers as they stand, and the ledger of every event ever seen.

Rows that cannot be taken are set aside and counted with the first place; a source that cannot be trusted stops the run.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.engines import Engine, QueryFailed
from journey_engine.errors import JourneyError, nearest
from journey_engine.expressions import Sql
from journey_engine.facts import attribute_view
from journey_engine.project import CUSTOMER_COLUMNS, EVENT_COLUMNS, Project, Source
from journey_engine.queries import fill, statements
from journey_engine.records import Event
from journey_engine.sources import columns_sql, event_reading, typed_columns
from journey_engine.times import UTC, iso, naive, offsets, zone_names

LOSS = 0.05  # rule 10: more customers missing than this part of the last run's stops the run


@dataclass(frozen=True, slots=True)
class Aside:
    """Rows of a source that were not taken: why, how many, and the first of them."""

    source: str
    reason: str
    count: int
    first_row: int | None = None

    def __str__(self) -> str:
        where = f" (first: row {self.first_row})" if self.first_row else ""
        return f"{self.source}: {self.count} rows set aside: {self.reason}{where}"


@dataclass(slots=True)
class Collected:
    """What came in: counts, what was set aside, and the attributes by kind."""

    columns: dict[str, str] = field(default_factory=dict)
    customers: int = 0
    received: int = 0
    corrected: int = 0
    unknown_customers: int = 0
    default_zone: int = 0
    aside: list[Aside] = field(default_factory=list)


@dataclass(slots=True)
class Collector:
    """Reads the sources of one project into one engine, for one run."""

    engine: Engine
    project: Project
    folder: Path
    as_of: dt.datetime
    collected: Collected = field(default_factory=Collected)

    def customers(self, *, accept_loss: bool = False) -> None:
        """Load tonight's customers; raises JourneyError for a source that cannot be trusted (rule 10)."""
        source = self.project.customers
        relation, columns = self._relation(source, "customers", ("customer_id",), CUSTOMER_COLUMNS)
        kinds, selected = columns_sql(columns, source.columns, self.project.attributes)
        self._run("incoming_customers", columns=exp.Tuple(expressions=selected), relation=relation)
        self._run("customers_aside", "imported")
        self._count_aside(source, "customers_aside")
        self._unparsed(source, kinds)
        self.collected.customers = int(self.engine.rows("SELECT count(*) FROM imported")[0][0])
        self._expect(source, self.collected.customers)
        if not accept_loss:
            self._refuse_loss(source)
        self._overlay(kinds)

    def events(self, feedback: Iterable[Event] = ()) -> None:
        """Take new events of the source and of the mailroom into the ledger (rules 2 and 22)."""
        source = self.project.events
        relation, columns = self._relation(source, "events", EVENT_COLUMNS[:4], EVENT_COLUMNS)
        if source.timezone is not None:
            load_zones(self.engine, [source.timezone], tzdata_version())
        self._receive(relation, event_reading(columns, source, self.as_of))
        self._fresh_enough(source)
        if source.expects.rows:
            counted = self.engine.rows(fill("SELECT count(*) FROM {relation}", {"relation": relation}))
            self._expect(source, int(counted[0][0]))
        rows = [
            (e.event_id, e.customer_id, e.name, iso(e.occurred_at), _json(e.properties)) for e in feedback
        ]  # fmt: skip
        if rows:
            self.engine.execute(
                "CREATE OR REPLACE TEMP TABLE feedback (event_id VARCHAR, customer_id VARCHAR, name VARCHAR, "
                "occurred_at VARCHAR, properties VARCHAR)"
            )
            self.engine.load("feedback", EVENT_COLUMNS, rows)
            kinds = dict.fromkeys(EVENT_COLUMNS, "VARCHAR")
            self._receive(
                exp.to_table("feedback"),
                event_reading(kinds, Source.model_validate({"table": "feedback"}), self.as_of),
                quiet=True,
            )

    def keep_roster(self) -> None:
        """Remember who was there, for the next run's check."""
        self._run("keep_roster")

    # --- customers --------------------------------------------------------------------------------------------

    def _overlay(self, kinds: dict[str, str]) -> None:
        """Apply the attributes that journeys set, and put everyone into a zone that is known."""
        own = [(x.text(name), self._as_json(x.col("i", name))) for name in kinds if name != "customer_id"]
        self._run("drop_overlays", imported=x.switch(x.col("o", "attribute"), own, exp.null()))
        columns: list[Sql] = []
        joins: list[Sql] = []
        overlays = self._overlaid(kinds)
        for name, kind in {**kinds, **overlays}.items():
            imported = x.col("i", name) if name in kinds else exp.null()
            if name in overlays:
                alias = f"o{len(joins)}"
                joins.append(self._overlay_join(alias, name))
                there = x.negate(x.is_null(x.col(alias, "customer_id")))
                if kind == "mixed":
                    plain = exp.Coalesce(this=x.col(alias, "value"), expressions=[self._as_json(imported.copy())])
                    columns.append(exp.alias_(plain, exp.to_identifier(f"json {name}", quoted=True)))
                    imported = attribute_view(imported, kinds[name]).txt if name in kinds else imported
                value = x.pointed_text(x.col(alias, "value"))
                imported = x.case([(there, x.try_cast(value, KINDS[kind]))], imported)
            columns.append(exp.alias_(imported, exp.to_identifier(name, quoted=True)))
        self.collected.columns = {**kinds, **overlays}
        self._zones("timezone" in kinds)
        zone = x.col("w", "timezone") if "timezone" in self.collected.columns else exp.null()
        sql = fill(statements("collect")["customers"], {
            "columns": exp.Tuple(expressions=columns), "default_zone": x.text(self.project.timezone), "zone": zone,
            "joins": exp.Var(this=" ".join(x.written(join) for join in joins)),
        })  # fmt: skip
        self.engine.execute(sql)
        known = self.engine.rows("SELECT count(*) FROM customers")[0][0]
        if "timezone" in self.collected.columns:
            known = self.engine.rows(
                'SELECT count(*) FROM customers WHERE "timezone" IS DISTINCT FROM zone_in_force')[0][0]  # fmt: skip
        self.collected.default_zone = int(known)

    def _overlaid(self, kinds: Mapping[str, str]) -> dict[str, str]:
        """The attributes with an overlay, and their kinds: the source's if the values fit it, else text, mixed."""
        found: dict[str, str] = {}
        rows = self.engine.rows(
            "SELECT attribute, bool_and(json_type(value) IN ('BIGINT', 'UBIGINT', 'DOUBLE')), "
            "bool_and(json_type(value) = 'BOOLEAN'), bool_and(json_type(value) = 'VARCHAR') "
            "FROM overlays GROUP BY attribute ORDER BY attribute"
        )
        for name, numbers, flags, texts in rows:
            own = "number" if numbers else "boolean" if flags else "text" if texts else "mixed"
            found[name] = own if kinds.get(name) in (None, own) else "mixed"
        return found

    def _overlay_join(self, alias: str, name: str) -> Sql:
        on = x.both(
            [
                x.compare("=", x.col(alias, "customer_id"), x.col("i", "customer_id")),
                x.compare("=", x.col(alias, "attribute"), x.text(name)),
            ]
        )
        table = exp.to_table("overlays", alias=alias)
        return exp.Join(this=table, side="LEFT", on=on)

    def _as_json(self, column: Sql) -> Sql:
        return x.cast(x.call("TO_JSON", column), "VARCHAR")

    def _zones(self, given: bool) -> None:
        self._run("known_zones")
        zones: set[str] = set()
        if given:
            rows = self.engine.rows('SELECT DISTINCT "timezone" FROM imported WHERE "timezone" IS NOT NULL')
            zones = {str(zone) for (zone,) in rows} & zone_names()
        extra = self.engine.rows(
            "SELECT DISTINCT json_extract_string(value, '$') FROM overlays WHERE attribute = 'timezone'"
        )
        zones |= {str(zone) for (zone,) in extra} & zone_names()
        self.engine.load("known_zones", ("zone",), [(zone,) for zone in sorted(zones)])
        load_zones(self.engine, {*zones, self.project.timezone}, tzdata_version())

    def _unparsed(self, source: Source, kinds: Mapping[str, str]) -> None:
        """Values that are not of the type that the project declares are taken as missing, and counted."""
        for name, kind in kinds.items():
            if name in self.project.attributes and f"raw {name}" in self.engine.columns("incoming_customers"):
                sql = fill(
                    "SELECT count(*), min(row_in_source) FROM incoming_customers "
                    "WHERE {value} IS NULL AND {raw} IS NOT NULL",
                    {"value": x.col(None, name), "raw": x.col(None, f"raw {name}")},
                )
                count, first = self.engine.rows(sql)[0]
                if count:
                    reason = f"{name} is no {kind}; the value is taken as missing"
                    self.collected.aside.append(Aside(_named(source), reason, int(count), int(first)))

    def _refuse_loss(self, source: Source) -> None:
        before = int(self.engine.rows("SELECT count(*) FROM roster")[0][0])
        missing = int(self.engine.rows(statements("collect")["missing_customers"])[0][0])
        if before and missing > LOSS * before:
            raise JourneyError(
                f"{_named(source)}: {missing} of the {before} customers of the last run are missing "
                f"({missing / before:.0%}); more than {LOSS:.0%} is taken as a broken export, and nothing was changed",
                remedy="export the customers again; if the loss is right, run with --accept-loss",
                code="customers-missing",
            )

    # --- events -----------------------------------------------------------------------------------------------

    def _receive(self, relation: Sql, reading: Mapping[str, Sql], *, quiet: bool = False) -> None:
        as_of = x.stamp(self.as_of)
        self._run("incoming_events", relation=relation, as_of=as_of, **reading)
        self._run("unknown_customers", "revised_events", "outdate_events")
        numbers: dict[str, int] = dict(self.engine.rows("SELECT property, number FROM properties ORDER BY number"))
        typed = [exp.alias_(value, name) for p, n in numbers.items() for name, value in typed_columns("r", p, n)]
        comma = exp.Var(this=", " + ", ".join(x.written(item) for item in typed)) if typed else exp.Var(this="")
        self._run("receive_events", as_of=as_of, typed=comma)
        count = "SELECT count(*) FILTER (WHERE revision = 1), count(*) FILTER (WHERE revision > 1) FROM revised_events"
        received, corrected = self.engine.rows(count)[0]
        self.collected.received += int(received)
        self.collected.corrected += int(corrected)
        if not quiet:
            self._count_aside(self.project.events, "incoming_events")
            unknown = self.engine.rows("SELECT count(*) FROM unknown_customers")[0][0]
            self.collected.unknown_customers = int(unknown)

    def _fresh_enough(self, source: Source) -> None:
        expects = source.expects
        if expects.freshness is not None:
            newest = self.engine.rows("SELECT max(occurred_at) FROM events")[0][0]
            edge = expects.freshness.before(self.as_of).replace(tzinfo=None)
            if newest is None or newest < edge:
                shown = "there is none" if newest is None else f"it is {iso(newest.replace(tzinfo=UTC))}"
                raise JourneyError(
                    f"{_named(source)}: the newest event should not be older than {expects.freshness} "
                    f"at {iso(self.as_of)}, "
                    f"but {shown}",
                    remedy="check the export of events, or change `expects:` in journeys/project.yaml",
                    code="stale-source",
                )

    def _expect(self, source: Source, rows: int) -> None:
        if rows < max(source.expects.rows, 1 if source is self.project.customers else 0):
            raise JourneyError(
                f"{_named(source)}: {rows} rows, at least {max(source.expects.rows, 1)} are expected",
                remedy="check the export, or change `expects:` in journeys/project.yaml",
                code="too-few-rows",
            )

    # --- both -------------------------------------------------------------------------------------------------

    def _relation(
        self, source: Source, what: str, required: Iterable[str], known: Iterable[str]
    ) -> tuple[Sql, dict[str, str]]:
        """The source as a relation with its columns; raises JourneyError that names what is missing."""
        if source.path is not None:
            text = self.engine.source(str(self.folder / source.path))
            relation: Sql = exp.Var(this=text)
        else:
            relation = exp.to_table(source.table or "")
        try:
            columns = self.engine.columns(x.written(relation))
        except QueryFailed as error:
            raise JourneyError(
                f"{what}: there is no table '{source.table}' in the engine",
                remedy=f"check `{what}: {{table: ...}}` in journeys/project.yaml",
                code="missing-table",
            ) from error
        for name in required:
            column = source.columns.get(name, name)
            if column not in columns:
                raise JourneyError(
                    f"{_named(source)} has no column '{column}'{nearest(column, list(columns))}; "
                    f"it has: {', '.join(columns)}",
                    remedy=f"add it, or name it: `{what}: {{columns: {{{name}: ...}}}}` in journeys/project.yaml",
                    code="missing-column",
                )
        for name, column in source.columns.items():
            if column not in columns:
                raise JourneyError(
                    f"{_named(source)} has no column '{column}', which `columns:` maps to {name}"
                    f"{nearest(column, list(columns))}",
                    remedy=f"known names are {', '.join(known)}; mend `{what}: columns:` in journeys/project.yaml",
                    code="missing-column",
                )
        return relation, columns

    def _count_aside(self, source: Source, table: str) -> None:
        query = (
            "SELECT reason, count(*), min(row_in_source) FROM {table} WHERE reason IS NOT NULL GROUP BY ALL ORDER BY 1"
        )
        rows = self.engine.rows(fill(query, {"table": exp.to_table(table)}))
        self.collected.aside += [Aside(_named(source), str(why), int(n), int(row)) for why, n, row in rows]

    def _run(self, *names: str, **parts: Sql) -> None:
        for name in names:
            self.engine.execute(fill(statements("collect")[name], parts))


KINDS = {
    "text": "VARCHAR",
    "number": x.NUMBER,
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "mixed": "VARCHAR",  # values of several kinds as text, which every reading of a value sees through
}


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
    numbers = engine.rows("SELECT property, number FROM properties ORDER BY number")
    pairs = [pair for name, number in numbers for pair in typed_columns("r", name, number)]
    if pairs:
        parts = {"typed": assignments(pairs), "as_of": x.stamp(as_of)}
        engine.execute(fill(statements("collect")["type_made"], parts))


def load_zones(engine: Engine, zones: Iterable[str], tzdata: str) -> None:
    """Keep the offsets of zones in the store, from one pinned tzdata (rule 6)."""
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


def _named(source: Source) -> str:
    return source.path if source.path is not None else f"table {source.table}"


def _json(properties: Mapping[str, Any]) -> str:
    import json

    return json.dumps(properties, ensure_ascii=False, separators=(",", ":"), default=str)


__all__ = ["Aside", "Collected", "Collector", "ensure_properties", "type_made_events", "tzdata_version"]
