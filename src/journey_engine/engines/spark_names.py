"""Types, names and values in the words of Spark, of DuckDB beside it, and of the files between them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from journey_engine.engines.to_spark import Layout

_FROM_SPARK = {"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "boolean": "BOOLEAN", "date": "DATE",
               "double": "DOUBLE", "timestamp_ntz": "TIMESTAMP", "timestamp": "TIMESTAMP"}  # fmt: skip
TO_SPARK = {"BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp_ntz", "DOUBLE": "double", "BIGINT": "bigint"}
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")


def layout_of(rows: DataFrame) -> Layout:
    """The columns of rows."""
    return {field.name: (field.dataType.simpleString(), None) for field in rows.schema.fields}


def fitted(query: str, layout: Layout, names: Sequence[str] | None = None) -> str:
    """A query in the layout of a table: its columns are the named ones in this order, or have the names themselves."""
    values = []
    for name, (kind, default) in layout.items():
        if names is None or name in names:
            values.append(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}")
        else:
            values.append(f"CAST({default or 'NULL'} AS {kind}) AS {quoted(name)}")
    columns = f" ({', '.join(quoted(name) for name in names)})" if names is not None else ""
    return f"SELECT {', '.join(values)} FROM ({query}) AS q{columns}"  # noqa: S608 (names are quoted)


def literal(value: Any) -> str:
    """A value in Spark's SQL."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case dt.datetime():
            return f"TIMESTAMP_NTZ '{value.isoformat(sep=' ')}'"
        case dt.date():
            return f"DATE '{value.isoformat()}'"
        case dt.time():
            return f"INTERVAL '{value.isoformat()}' HOUR TO SECOND"
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case _:
            return f"CAST('{value}' AS DECIMAL(38, 6))"


def duck(kind: str) -> str:
    """A type of Spark's in DuckDB's words."""
    return (
        kind.upper().replace(" ", "")
        if kind.upper().startswith("DECIMAL")
        else _FROM_SPARK.get(kind.lower(), "VARCHAR")
    )


def held(kind: str) -> str:
    """The type of DuckDB's that holds every value of another and that Spark has too."""
    if kind in _WHOLE:
        return "BIGINT"
    match kind:
        case "UBIGINT":
            return "DECIMAL(20, 0)"
        case "HUGEINT" | "UHUGEINT":
            return "DECIMAL(38, 0)"
        case "FLOAT":
            return "DOUBLE"
        case "DOUBLE" | "BOOLEAN" | "DATE" | "TIMESTAMP":
            return kind
        case _:
            return kind if kind.startswith("DECIMAL") else "VARCHAR"


def quoted(name: str) -> str:
    """A name in Spark's SQL."""
    return "`" + name.replace("`", "``") + "`"


def double(name: str) -> str:
    """A name in DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'


def path(place: Path) -> str:
    """A folder within a text of DuckDB's SQL."""
    return str(place).replace("'", "''")


def place_of(folder: Path) -> str:
    """A folder as Spark is told of it; it reads no escapes."""
    return f"file://{folder}"
