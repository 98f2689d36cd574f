"""How the columns of a source are read: types, empty values, zones and JSON. Builds SQL, runs none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.expressions import Sql
from journey_engine.project import CUSTOMER_COLUMNS, EVENT_COLUMNS, AttributeWords, Source
from journey_engine.times import FAR_PAST

_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)


_SMALL = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
OWN_NAMES = ("zone_in_force", "row_in_source")  # columns of ours beside the attributes
OWN_MARKS = ("raw ", "json ")  # and how the names of others begin


def kind_of(column_type: str) -> str:
    """The kind of an attribute from the engine's type: text, number, boolean, date or timestamp."""
    if column_type.startswith(_NUMBERS):
        return "number"
    if column_type == "BOOLEAN":
        return "boolean"
    if column_type == "DATE":
        return "date"
    return "timestamp" if column_type.startswith("TIMESTAMP") else "text"


def known_names(columns: Iterable[str], renamed: Mapping[str, str]) -> list[tuple[str, str]]:
    """The (known name, column) pairs of a source; a column that is mapped is known by its mapped names only."""
    mapped = set(renamed.values())
    own = [(column, column) for column in columns if column not in mapped and column not in renamed]
    return [*renamed.items(), *own]


def columns_sql(
    columns: Mapping[str, str], renamed: Mapping[str, str], declared: Mapping[str, AttributeWords]
) -> tuple[dict[str, str], list[Sql]]:
    """Every column of a customers source under its known name, by kind; empty text is missing.

    A declared type casts. Where a value can be lost (it does not parse, or is no number or date that the language
    knows), the value as it came is kept as `raw NAME`, so that it can be counted.
    """
    kinds: dict[str, str] = {}
    selected: list[Sql] = []
    for name, column in known_names(columns, renamed):
        column_type, value = columns[column], x.col("s", column)
        kind = "text" if name in CUSTOMER_COLUMNS else kind_of(column_type)
        if kind == "text":
            value = exp.Nullif(this=exp.Trim(this=x.cast(value, "VARCHAR")), expression=x.text(""))
        elif kind == "timestamp":
            value = _instant(value, column_type)
        came = value.copy()
        wanted = declared.get(name)
        if wanted is not None and wanted.type != kind and name not in CUSTOMER_COLUMNS:
            value, kind = _declared(value, kind, wanted.type), wanted.type
        value = _usable(value, kind, column_type)
        if value != came:
            selected.append(x.named(came, f"raw {name}"))
        kinds[name] = kind
        selected.append(x.named(value, name))
    return kinds, selected


def _usable(value: Sql, kind: str, column_type: str) -> Sql:
    """Numbers below 10 to the 18 and dates of the years 1 to 9999; what else a file can hold is missing."""
    match kind:
        case "number" if not column_type.startswith(_SMALL):
            return x.case([(x.compare("<", exp.Abs(this=value.copy()), x.integer(10**18)), value)], exp.null())
        case "date" | "timestamp":
            first, last = (x.cast(x.text(f"{day}"), "DATE") for day in (dt.date.min, dt.date.max))
            return x.case([(exp.Between(this=value.copy(), low=first, high=last), value)], exp.null())
        case _:
            return value


def told_sql(value: Sql, kind: str) -> Sql:
    """A value that came as text, as an attribute of a kind; what does not parse is missing."""
    text = exp.Nullif(this=exp.Trim(this=value), expression=x.text(""))
    return text if kind == "text" else _usable(_declared(text, "text", kind), kind, "VARCHAR")


def _instant(value: Sql, column_type: str) -> Sql:
    return utc(value) if "WITH TIME ZONE" in column_type else x.cast(value, "TIMESTAMP")


def utc(instant: Sql) -> Sql:
    """An instant with zone as naive UTC, by its microseconds: conversions by zone are slow where there are many."""
    micros = exp.Anonymous(this="epoch_us", expressions=[instant])
    return exp.Anonymous(this="make_timestamp", expressions=[micros])


def _declared(value: Sql, kind: str, wanted: str) -> Sql:
    if wanted == "text":
        return x.cast(value, "VARCHAR")
    text = x.cast(value, "VARCHAR")
    if wanted == "timestamp":
        return utc(x.try_cast(text, "TIMESTAMPTZ"))
    sql_type = {"number": x.NUMBER, "boolean": "BOOLEAN", "date": "DATE"}[wanted]
    return x.try_cast(text, sql_type)


def event_reading(columns: Mapping[str, str], source: Source, as_of: dt.datetime) -> dict[str, Sql]:
    """The parts of the statement that reads an events source: columns, instant, properties and why a row is unfit."""
    names = {name: source.columns.get(name, name) for name in EVENT_COLUMNS}
    texts: list[Sql] = []
    for name in ("event_id", "customer_id", "name"):
        value = x.cast(x.col("s", names[name]), "VARCHAR")
        texts.append(x.named(_id(value) if name == "event_id" else _filled(value), name))
    occurred_type = columns[names["occurred_at"]]
    texts.append(x.named(x.col("s", names["occurred_at"]), "occurred"))
    held = names["properties"] if names["properties"] in columns else None
    texts.append(x.named(_properties(held, columns), "given"))
    occurred = _occurred(occurred_type, source.timezone)
    raw = [x.col("s", column) for column in dict.fromkeys(names.values()) if column in columns]
    return {
        "row_hash": exp.Anonymous(this="hash", expressions=raw),
        "columns": exp.Tuple(expressions=texts),
        "occurred_at": occurred,
        "properties": _compact(x.col("r", "given")),
        "reason": _reason(occurred_type, source.timezone),
        "zone_join": exp.Var(this=_zone_join(occurred_type, source.timezone)),
    }


def _filled(value: Sql) -> Sql:
    """A text without the spaces around it; NULL when nothing is left."""
    return exp.Nullif(this=exp.Trim(this=value), expression=x.text(""))


def _id(value: Sql) -> Sql:
    """The same for texts that all differ: to look for any space in ASCII costs less than to trim each."""
    plain = (
        x.compare(">", value, x.text("")),
        x.compare("=", exp.Anonymous(this="strlen", expressions=[value.copy()]), x.call("LENGTH", value.copy())),
        x.negate(exp.Anonymous(this="contains", expressions=[value.copy(), x.text(" ")])),
    )
    return x.case([(x.both(list(plain)), value.copy())], _filled(value.copy()))


def _properties(column: str | None, columns: Mapping[str, str]) -> Sql:
    if column is None:
        return x.text("{}")
    value = x.col("s", column)
    if columns[column].startswith(("STRUCT", "MAP")):
        return x.cast(x.call("TO_JSON", value), "VARCHAR")
    return exp.Coalesce(this=_filled(x.cast(value, "VARCHAR")), expressions=[x.text("{}")])


def _compact(value: Sql) -> Sql:
    """The properties as compact JSON text; NULL when they are no JSON."""
    valid = exp.Anonymous(this="json_valid", expressions=[value])
    none = (x.compare("=", value.copy(), x.text("{}")), x.text("{}"))  # many have none: nothing is read then
    compact = x.cast(exp.Anonymous(this="json", expressions=[value.copy()]), "VARCHAR")
    return x.case([none, (valid, compact)], exp.null())


_FAR_OFFSET = r"[+-](1[6-9]|[2-9][0-9])(:?[0-9]{2})?$|[+-][0-9]{2}:?[6-9][0-9]$"
"""Offsets of 16 hours and more, or of 60 minutes, which no engine and no place has (ISO 8601, PostgreSQL)."""
_ZONED = r":[0-9]{2}([.,][0-9]+)?\s?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$"


def _zoned(column_type: str) -> Sql:
    """Whether the instant of a row carries a zone."""
    if kind_of(column_type) == "text":
        return x.call("REGEXP_MATCHES", exp.Trim(this=x.col("r", "occurred")), x.text(_ZONED))
    return exp.convert("WITH TIME ZONE" in column_type)


def _local(column_type: str) -> Sql:
    return (
        x.try_cast(x.col("r", "occurred"), "TIMESTAMP")
        if column_type != "DATE"
        else x.cast(x.col("r", "occurred"), "TIMESTAMP")
    )


def _occurred(column_type: str, zone: str | None) -> Sql:
    """The instant of a row in UTC; one without zone only where the source says which zone it means."""
    with_zone = utc(x.try_cast(x.col("r", "occurred"), "TIMESTAMPTZ"))
    if kind_of(column_type) == "text":
        trimmed = exp.Trim(this=x.col("r", "occurred"))
        near = x.negate(x.call("REGEXP_MATCHES", trimmed, x.text(_FAR_OFFSET)))
        with_zone = x.case([(near, with_zone)], x.cast(exp.null(), "TIMESTAMP"))
    if kind_of(column_type) not in ("text", "timestamp", "date"):
        return x.cast(exp.null(), "TIMESTAMP")
    shift = exp.Anonymous(this="to_seconds", expressions=[x.col("z", "seconds")])
    without = exp.Sub(this=_local(column_type), expression=shift) if zone else x.cast(exp.null(), "TIMESTAMP")
    return x.case([(_zoned(column_type), with_zone)], without)


def _zone_join(column_type: str, zone: str | None) -> str:
    if zone is None:
        return ""
    local = x.written(_local(column_type))
    named = x.written(x.text(zone))
    return f"LEFT JOIN zone_offsets AS z ON z.zone = {named} AND {local} >= z.local_from AND {local} < z.local_until"


def _reason(column_type: str, zone: str | None) -> Sql:
    """Why a row cannot be taken, or NULL."""
    given = x.col("r", "given")
    valid = exp.Anonymous(this="json_valid", expressions=[given])
    kind = exp.Anonymous(this="json_type", expressions=[given.copy()])
    branches: list[tuple[Sql, Sql]] = [
        (x.is_null(x.col("r", name)), x.text(f"no {name}")) for name in ("event_id", "customer_id", "name")
    ]
    branches.append((x.is_null(x.col("r", "occurred")), x.text("no occurred_at")))
    if zone is None and kind_of(column_type) in ("text", "timestamp", "date"):
        parses = x.negate(x.is_null(_local(column_type)))
        unzoned = x.both([x.negate(_zoned(column_type)), parses])
        remedy = "occurred_at has no zone; write it with one, or say `events: {timezone: ...}` in journeys/project.yaml"
        branches.append((unzoned, x.text(remedy)))
    unusable = x.either(
        [x.is_null(x.col("r", "occurred_at")), x.compare("<", x.col("r", "occurred_at"), x.stamp(FAR_PAST))]
    )
    branches.append((unusable, x.text("occurred_at is no instant")))
    branches.append((x.compare("=", given.copy(), x.text("{}")), x.cast(exp.null(), "VARCHAR")))
    branches.append((x.negate(x.sure(valid)), x.text("properties are no JSON")))
    branches.append((x.compare("<>", kind, x.text("OBJECT")), x.text("properties are no JSON object")))
    return x.case(branches, x.cast(exp.null(), "VARCHAR"))


def typed_columns(table: str, name: str, number: int, kind: Sql | None = None) -> Iterator[tuple[str, Sql]]:
    """The typed columns of a property: JSON text alone cannot tell 100 from "100". `kind` is a column of its kind."""
    kind = kind if kind is not None else property_kind(table, name)
    text = x.pointed_text(x.col(table, "properties"), name)
    readings: tuple[tuple[str, tuple[str, ...], Any], ...] = (
        ("num", ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"), x.number_or_null(text)),
        ("txt", ("VARCHAR",), text.copy()),
        ("flag", ("BOOLEAN",), x.try_cast(text.copy(), "BOOLEAN")),
    )
    for suffix, types, reading in readings:
        fits = exp.In(this=kind.copy(), expressions=[x.text(item) for item in types])
        yield f"p{number}_{suffix}", x.case([(fits, reading)], exp.null())


def typed_once(table: str, numbers: Iterable[tuple[str, int]]) -> tuple[list[Sql], list[tuple[str, Sql]]]:
    """The same of many rows: the kind of each property as a column, and the typed columns over these."""
    kinds: list[Sql] = []
    typed: list[tuple[str, Sql]] = []
    for name, number in numbers:
        kinds.append(x.named(property_kind(table, name), f"kind{number}"))
        typed += typed_columns(table, name, number, x.col(table, f"kind{number}"))
    return kinds, typed


def property_kind(table: str, name: str) -> Sql:
    """The kind of JSON that a property is; NULL where there is none."""
    return exp.Anonymous(this="json_type", expressions=[x.pointer(x.col(table, "properties"), name)])
