"""The tables of an engine on Spark: views over parts that never change, so that a transaction is a set of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
from pyspark.sql import DataFrame, SparkSession

from journey_engine.engines.base import QueryFailed
from journey_engine.engines.spark_names import double, duck, fitted, path, place_of, quoted
from journey_engine.engines.to_spark import Layout
from journey_engine.engines.warehouse import Warehouse
from journey_engine.queries import statements

MANY_PARTS = 12


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a table: how many if they are few, and where they are kept if they are committed."""

    rows: DataFrame
    few: int | None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands."""

    layout: Layout
    parts: tuple[Part, ...] = ()
    lasting: bool = False


class SparkTables:
    """Every table by name, of which the lasting ones are in the warehouse as soon as a transaction is committed."""

    few = 2_000  # so many rows of a part stay with the driver, where Spark answers without starting a job

    def __init__(self, session: SparkSession, warehouse: Warehouse) -> None:
        self.session = session
        self.warehouse = warehouse
        self.tables: dict[str, Table] = {}
        self.before: dict[str, Table] | None = None  # as they were when the transaction began

    def take_up(self) -> None:
        for name, kept in self.warehouse.tables.items():
            layout: Layout = {column: (kind, default) for column, kind, default in kept["layout"]}
            parts = []
            for part in kept["parts"]:
                rows = self.read(self.warehouse.part(part["folder"]), layout)
                few = part["few"]
                parts.append(
                    Part(rows if few is None else self.local(rows._jdf.collectAsList(), rows), few, part["folder"])
                )
            self.put(name, Table(layout, tuple(parts), lasting=True))

    def of(self, table: str) -> Table:
        try:
            return self.tables[table.lower()]
        except KeyError:
            raise QueryFailed(f"there is no table {table}", "") from None

    # --- rows that stay ---------------------------------------------------------------------------------------

    def parts(self, rows: DataFrame, reads: Sequence[str], *, small: bool | None = None) -> tuple[Part, ...]:
        """Compute rows once and keep them: a few with the driver, more in Spark's storage, without their history.

        Where all that is looked at is small a try costs little; else what was computed for the try is kept.
        """
        if small is None:
            small = all(
                part.few is not None for name in reads if name in self.tables for part in self.tables[name].parts
            )
        own = rows if small else rows.localCheckpoint(eager=False)
        found = own._jdf.limit(self.few + 1).collectAsList()
        if len(found) == 0:
            return ()
        if len(found) <= self.few:
            return (Part(self.local(found, rows), len(found)),)
        return (Part(rows.localCheckpoint(eager=True) if small else own, None),)

    def local(self, found: Any, like: DataFrame) -> DataFrame:
        """Rows that the driver has, as a relation. They never leave the JVM: Python has no part in it."""
        return DataFrame(self.session._jsparkSession.createDataFrame(found, like._jdf.schema()), self.session)

    def _empty(self, layout: Layout) -> DataFrame:
        columns = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, (kind, _) in layout.items())
        return self.session.sql(f"SELECT {columns} WHERE FALSE")

    def united(self, table: Table) -> DataFrame:
        every = [part.rows for part in table.parts]
        whole = every[0] if every else self._empty(table.layout)
        for rows in every[1:]:
            whole = whole.unionAll(rows)
        return whole

    def put(self, name: str, table: Table) -> None:
        self.tables[name.lower()] = table
        self.united(table).createOrReplaceTempView(name.lower())

    # --- changes ----------------------------------------------------------------------------------------------

    def change(self, name: str, query: str, reads: Sequence[str]) -> None:
        """Give a table other rows."""
        table = self.of(name)
        rows = self.session.sql(fitted(query, table.layout))
        self.put(name, replace(table, parts=self.parts(rows, (*reads, name))))

    def append(self, name: str, query: str, names: Sequence[str], reads: Sequence[str]) -> None:
        """Add what a query finds, in the columns named."""
        table = self.of(name)
        rows = self.session.sql(fitted(query, table.layout, list(names) or list(table.layout)))
        parts = (*table.parts, *self.parts(rows, reads))
        if len(parts) > MANY_PARTS:
            every = self.united(replace(table, parts=parts))
            parts = self.parts(every, (), small=all(part.few is not None for part in parts))
        self.put(name, replace(table, parts=parts))

    def widen(self, name: str, fresh: Layout) -> None:
        """Add columns."""
        table = self.of(name)
        fresh = {column: form for column, form in fresh.items() if column not in table.layout}
        added = [
            f"CAST({default or 'NULL'} AS {kind}) AS {quoted(column)}" for column, (kind, default) in fresh.items()
        ]
        plain = all(default is None for _, default in fresh.values())  # then files without the columns say the same
        parts = tuple(
            Part(part.rows.selectExpr("*", *added), part.few, part.folder if plain else None) for part in table.parts
        )
        self.put(name, replace(table, layout=table.layout | fresh, parts=parts))

    # --- transactions -----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """From here on nothing is committed."""
        self.before = dict(self.tables)

    def roll_back(self) -> None:
        """As it was when the transaction began."""
        if self.before is None:
            return
        before, self.before = self.before, None
        for name in set(self.tables) - set(before):
            self.session.catalog.dropTempView(name)
        changed = [(name, table) for name, table in before.items() if self.tables.get(name) is not table]
        self.tables = {name: table for name, table in self.tables.items() if name in before}
        for name, table in changed:
            self.put(name, table)

    def commit(self) -> None:
        """Write what is new, then name it: the last act, and the only one that others see."""
        written = {name: self._write(name, table) for name, table in self.tables.items() if table.lasting}
        self.warehouse.commit({
            name: {
                "layout": [[column, *form] for column, form in table.layout.items()],
                "parts": [{"folder": part.folder, "few": part.few} for part in table.parts],
            }
            for name, table in written.items()
        })  # fmt: skip
        self.before = None
        for name, table in written.items():
            if table is not self.tables[name]:
                self.put(name, table)
        self.warehouse.tidy()

    def _write(self, name: str, table: Table) -> Table:
        """A table whose parts are all in files; those of this run go into one."""
        fresh = [part for part in table.parts if part.folder is None]
        if not fresh:
            return table
        old = [part for part in table.parts if part.folder is not None]
        if len(old) >= MANY_PARTS:
            fresh, old = [*old, *fresh], []
        rows = self.united(replace(table, parts=tuple(fresh)))
        counts = [part.few for part in fresh]
        few = None if None in counts or sum(n or 0 for n in counts) > self.few else sum(n or 0 for n in counts)
        folder = self.warehouse.new_part(name)
        place = self.warehouse.part(folder)
        self._write_part(rows.coalesce(1) if few is not None else rows, place)
        if few is None:
            rows = self.read(place, table.layout)
        return replace(table, parts=(*old, Part(rows, few, folder)))

    def _write_part(self, rows: DataFrame, place: Path) -> None:
        rows.write.parquet(place_of(place))

    def read(self, folder: Path, layout: Layout) -> DataFrame:
        form = ", ".join(f"{quoted(name)} {kind}" for name, (kind, _) in layout.items())
        return self.session.read.schema(form).parquet(place_of(folder))


def copy_table(copy: duckdb.DuckDBPyConnection, name: str, table: Mapping[str, Any], warehouse: Warehouse) -> None:
    """Copy a committed table into a DuckDB file, in the form that it has there."""
    made = statements("schema").get(name)
    layout = {column: duck(kind) for column, kind, _ in table["layout"]}
    copy.execute(made or f"CREATE TABLE {name} ({', '.join(f'{double(c)} {kind}' for c, kind in layout.items())})")
    if made:
        for column, kind in layout.items():
            copy.execute(f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {double(column)} {kind}")
    for part in table["parts"]:
        relation = f"read_parquet('{path(warehouse.part(part['folder']))}/*.parquet')"
        there = {row[0] for row in copy.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}  # noqa: S608
        columns = ", ".join(double(column) for column in layout if column in there)
        copy.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {relation}")  # noqa: S608
