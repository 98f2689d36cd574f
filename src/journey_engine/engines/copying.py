"""Rows between DuckDB, which reads the sources, and PostgreSQL: whole tables by COPY, none of them looked at here.

PostgreSQL keeps no zero character in text: U+FFFD, the sign for what cannot be shown, stands in its place there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql as words

from journey_engine.engines.duckdb import DuckDB

ROWS = 10_000
LARGEST = 10**31  # what a DECIMAL(38, 6) surely holds
_SAME = {
    16: "BOOLEAN", 20: "BIGINT", 21: "SMALLINT", 23: "INTEGER", 700: "FLOAT", 701: "DOUBLE", 1082: "DATE",
    1114: "TIMESTAMP", 1184: "TIMESTAMPTZ",
}  # fmt: skip
_NUMERIC = 1700


def borrow(cursor: psycopg.RawCursor[Any], query: words.Composable, reader: DuckDB, place: Sequence[str]) -> None:
    """Copy what a query of PostgreSQL's finds into a table of the reader's: the same order, the same types."""
    cursor.execute(words.SQL("SELECT * FROM ({}) AS q LIMIT 0").format(query))
    taken, layout = [], []
    for column in cursor.description or ():
        kind, value = _SAME.get(column.type_code), words.Identifier(column.name)
        form = "{}" if kind else "CAST({} AS text)"
        if column.type_code == _NUMERIC:
            kind, form = _decimal(column), "CASE WHEN abs({0}) < " + str(LARGEST) + " THEN {0} END"
        taken.append(words.SQL(form).format(value))
        layout.append(f"'{column.name.replace(chr(39), chr(39) * 2)}': '{kind or 'VARCHAR'}'")
    copying = words.SQL("COPY (SELECT {} FROM ({}) AS q) TO STDOUT (FORMAT csv, FORCE_QUOTE *, NULL '')").format(
        words.SQL(", ").join(taken), query
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        with file.open("wb") as out, cursor.copy(copying) as copy:
            out.writelines(copy)
        path, columns, table = str(file).replace("'", "''"), ", ".join(layout), ".".join(f'"{name}"' for name in place)
        reader.execute(f'CREATE SCHEMA IF NOT EXISTS "{place[-2]}"')
        reader.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM read_csv('{path}', columns = {{{columns}}}, "  # noqa: S608
            "auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
            f"allow_quoted_nulls = false, parallel = false, max_line_size = {2**28})"
        )


def _decimal(column: psycopg.Column) -> str:
    precision, scale = column.precision or 0, column.scale or 0
    return f"DECIMAL({precision}, {scale})" if 0 < precision <= 38 and 0 <= scale <= precision else "DECIMAL(38, 6)"


def lines_of(reader: DuckDB, table: str, json: Collection[str]) -> tuple[str, Iterator[bytes]]:
    """A table of the reader's as the layout of a table of PostgreSQL's, and its rows in the text form of COPY.

    Columns named in `json` are compact JSON text.
    """
    layout, values = [], []
    for name, kind in reader.columns(table).items():
        column = '"' + name.replace('"', '""') + '"'
        layout.append(f"{column} {_kind(kind)}")
        if kind == "FLOAT":
            column = f"CAST({column} AS DOUBLE)"
        if name in json:  # between two backslashes written as one sign that JSON text never has bare
            column = f"replace({column}, '\\\\', chr(1))"
            column = f"replace(replace({column}, '\\u0000', '\\ufffd'), chr(1), '\\\\')"
        values.append(f"coalesce({_escaped(column, kind)}, '\\N')")
    query = f"SELECT concat_ws(chr(9), {', '.join(values)}) FROM {table}"  # noqa: S608

    def lines() -> Iterator[bytes]:
        for rows in reader.batches(query, ROWS):
            yield ("\n".join(row for (row,) in rows) + "\n").encode()

    return ", ".join(layout), lines()


def _kind(kind: str) -> str:
    """The type that holds every value of a DuckDB type."""
    match kind:
        case "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "UTINYINT" | "USMALLINT" | "UINTEGER":
            return "BIGINT"
        case "UBIGINT" | "HUGEINT" | "UHUGEINT":
            return "DECIMAL(39, 0)"
        case "FLOAT":
            return "DOUBLE"
        case "DOUBLE" | "BOOLEAN" | "DATE" | "TIME" | "TIMESTAMP":
            return kind
        case _ if kind.startswith("DECIMAL"):
            return kind
        case _:
            return "VARCHAR"


def _escaped(column: str, kind: str) -> str:
    text = f"CAST({column} AS VARCHAR)"
    if _kind(kind) != "VARCHAR":
        return text
    for raw, written in ((0, "chr(65533)"), (92, r"'\\'"), (9, r"'\t'"), (10, r"'\n'"), (13, r"'\r'")):
        text = f"replace({text}, chr({raw}), {written})"
    return text
