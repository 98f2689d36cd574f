"""Spark: an engine whose state is a folder of Parquet files. Sources are read by DuckDB in this process and taken over.

Spark has no transactions and changes no rows: every statement of the night makes a new form of a table, which stays in
memory or in Spark's own storage until the run commits (see `warehouse`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from sqlglot.errors import SqlglotError

from journey_engine.engines.base import QueryFailed, Row, published
from journey_engine.engines.duckdb import DuckDB
from journey_engine.engines.spark_names import TO_SPARK, double, duck, held, layout_of, literal, path, place_of, quoted
from journey_engine.engines.spark_session import new_session
from journey_engine.engines.spark_tables import Part, SparkTables, Table, copy_table
from journey_engine.engines.store import prepare
from journey_engine.engines.to_spark import Layout, Told, to_spark
from journey_engine.engines.warehouse import Warehouse
from journey_engine.errors import JourneyError

INLINE = 200  # so many rows travel as literals
COPY = "engine.duckdb"


class Spark:
    """A Spark session with the engine's tables as views."""

    own_schema = "main"
    gaps: Mapping[str, str] = {
        "files": "DuckDB reads them in the process of the run, and the rows travel as Parquet",
        "source tables": "name files in journeys/project.yaml; tables of Spark's own catalog are not read",
        "keys": "Spark enforces none; the night's SQL never writes a key twice",
        "readers during a night": "they read the published copy, a DuckDB file",
    }

    def __init__(self, session: SparkSession, warehouse: Warehouse) -> None:
        self.session = session
        self.kept = SparkTables(session, warehouse)
        self.listener: Callable[[str], None] | None = None
        self.statements = 0
        self.beside: DuckDB | None = None

    @classmethod
    def open(cls, folder: Path, master: str, *, environment: str) -> Spark:
        """Open or make the store, for this process alone. Raises JourneyError for what stands in the way."""
        warehouse = Warehouse.open(folder)
        try:
            engine = cls(new_session(master), warehouse)
            with _explained(""):
                engine.kept.take_up()
            prepare(engine, environment, str(folder))
        except BaseException:
            warehouse.close()
            raise
        return engine

    def exists(self, table: str) -> bool:
        """Whether there is a table of this name."""
        return table.lower() in self.kept.tables

    # --- statements -------------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        word = sql.split(None, 1)[0].upper()
        self.statements += 1
        with _explained(sql):
            match word:
                case "BEGIN":
                    self.kept.begin()
                case "COMMIT":
                    self.kept.commit()
                case "ROLLBACK":
                    self.kept.roll_back()
                case _:
                    self._do(self._told(sql, parameters))

    def _told(self, sql: str, parameters: Sequence[Any] = ()) -> Told:
        told = to_spark(sql, parameters, lambda table: list(self.kept.of(table).layout))
        if self.listener is not None:
            self.listener(told.query or sql)
        return told

    def _do(self, told: Told) -> None:
        match told.does:
            case "make":
                rows = self._ask(told.query) if told.query else None
                layout = told.layout if rows is None else layout_of(rows)
                parts = () if rows is None else self.kept.parts(rows, told.reads)
                self.kept.put(told.table, Table(layout or {}, parts, told.lasting))
            case "append":
                self.kept.append(told.table, told.query, told.names, told.reads)
            case "change":
                self.kept.change(told.table, told.query, told.reads)
            case "widen":
                self.kept.widen(told.table, told.layout or {})
            case _:
                self._ask(told.query)
        if self.kept.before is None and told.table and self.kept.of(told.table).lasting:
            self.kept.commit()

    def _ask(self, query: str) -> DataFrame:
        """A query; instants are without zone, whatever Spark's functions make of them."""
        rows = self.session.sql(query)
        zoned = [field.name for field in rows.schema.fields if field.dataType.typeName() == "timestamp"]
        if not zoned:
            return rows
        return rows.selectExpr(*(
            f"CAST({quoted(name)} AS TIMESTAMP_NTZ) AS {quoted(name)}" if name in zoned else quoted(name)
            for name in rows.columns
        ))  # fmt: skip

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("BEGIN")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with suppress(JourneyError):
                self.execute("ROLLBACK")
            raise

    # --- rows out and in --------------------------------------------------------------------------------------

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self.statements += 1
        with _explained(sql):
            return [tuple(row) for row in self._ask(self._told(sql, parameters).query).collect()]

    def batches(self, sql: str, size: int = 10_000) -> Iterator[list[Row]]:
        self.statements += 1
        with _explained(sql):
            rest = iter(self._ask(self._told(sql).query).toLocalIterator())
            while batch := [tuple(row) for row in islice(rest, size)]:
                yield batch

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """A few as literals, more by a file."""
        self.statements += 1
        every = [tuple(row) for row in rows]
        if not every:
            return 0
        with _explained(f"INSERT INTO {table}"):
            if len(every) <= INLINE:
                lines = ", ".join(f"({', '.join(literal(value) for value in row)})" for row in every)
                self._do(Told(f"SELECT * FROM VALUES {lines}", "append", table, tuple(columns)))  # noqa: S608
            else:
                layout = self.kept.of(table).layout
                kinds = ", ".join(f'"{name}" {duck(layout[name][0])}' for name in columns)
                reader = self.reader()
                reader.execute(f"CREATE OR REPLACE TEMP TABLE loading ({kinds})")
                reader.load("loading", columns, every)
                self.bring("loading")
                names = ", ".join(quoted(name) for name in columns)
                self._do(Told(f"SELECT {names} FROM loading", "append", table, tuple(columns), reads=("loading",)))  # noqa: S608
        return len(every)

    def columns(self, relation: str) -> dict[str, str]:
        if relation.lower() in self.kept.tables:
            return {name: duck(kind) for name, (kind, _) in self.kept.tables[relation.lower()].layout.items()}
        with _explained(relation):
            return {name: duck(kind) for name, (kind, _) in layout_of(self._ask(
                self._told(f"SELECT * FROM {relation}").query  # noqa: S608 (built as an expression)
            )).items()}  # fmt: skip

    # --- sources ----------------------------------------------------------------------------------------------

    def reader(self) -> DuckDB:
        """DuckDB in this process reads the files."""
        if self.beside is None:
            self.beside = DuckDB.plain()
        return self.beside

    def source(self, path: str) -> str:
        return self.reader().source(path)

    def table(self, name: Sequence[str]) -> tuple[str, ...]:
        """Copy a table of this store beside. Raises QueryFailed when there is none."""
        self.kept.of(".".join(name))
        self.lend(f'SELECT * FROM "{name[-1]}"', name[-1])  # noqa: S608
        return self.reader().table(name)

    def lend(self, query: str, table: str) -> None:
        """Copy what a query finds into a table beside."""
        reader = self.reader()
        with _explained(query):
            told = self._told(query)
            rows = self._ask(told.query)
            parts, layout = self.kept.parts(rows, told.reads), layout_of(rows)
            kinds = ", ".join(f'"{name}" {duck(kind)}' for name, (kind, _) in layout.items())
            reader.execute(f"CREATE OR REPLACE TABLE {table} ({kinds})")
            for part in parts:
                if part.few is not None:
                    reader.load(table, list(layout), [tuple(row) for row in part.rows.collect()])
                    continue
                place = self.kept.warehouse.stage()
                part.rows.write.parquet(place_of(place))
                reader.execute(f"INSERT INTO {table} SELECT * FROM read_parquet('{path(place)}/*.parquet')")  # noqa: S608

    def bring(self, table: str, json: Collection[str] = ()) -> None:
        """Take a table from beside as a temporary one of ours."""
        reader = self.reader()
        kinds = {name: held(kind) for name, kind in reader.columns(table).items()}
        count = int(reader.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608
        layout: Layout = {name: (TO_SPARK.get(kind, kind if kind.startswith("DECIMAL") else "string").lower(), None)
                          for name, kind in kinds.items()}  # fmt: skip
        parts: tuple[Part, ...] = ()
        with _explained(f"COPY {table}"):
            if count:
                place = self.kept.warehouse.stage()
                place.mkdir(parents=True)
                values = ", ".join(f"CAST({double(name)} AS {kind}) AS {double(name)}" for name, kind in kinds.items())
                reader.execute(f"COPY (SELECT {values} FROM {table}) TO '{path(place)}/rows.parquet' (FORMAT parquet)")  # noqa: S608
                rows = self.kept.read(place, layout)
                few = count <= self.kept.few
                parts = (
                    Part(self.kept.local(rows._jdf.collectAsList(), rows) if few else rows, count if few else None),
                )
            self.kept.put(table, Table(layout, parts))

    # --- the copy for reading ---------------------------------------------------------------------------------

    def publish(self) -> Path | None:
        """Write the committed tables into a DuckDB file beside, by rename."""
        target = published(self.kept.warehouse.folder / COPY)
        part = target.with_suffix(".part")
        try:
            part.unlink(missing_ok=True)
            with duckdb.connect(str(part)) as copy:
                for name, table in self.kept.warehouse.tables.items():
                    copy_table(copy, name, table, self.kept.warehouse)
            os.replace(part, target)
        except (duckdb.Error, OSError) as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise JourneyError(
                f"the copy for reading, {target}, cannot be written: {str(error).splitlines()[0]}",
                remedy="free space on the disk or mend the folder's permissions; the next run writes it anew",
                code="not-published",
            ) from error
        return target

    def close(self) -> None:
        with suppress(PySparkException, Py4JError):
            for name in self.kept.tables:
                self.session.catalog.dropTempView(name)
        if self.beside is not None:
            self.beside.close()
        self.kept.warehouse.close()


@contextmanager
def _explained(sql: str) -> Iterator[None]:
    """What the engine could not do is the statement's fault, or else the machine's; the words hold no values."""
    try:
        yield
    except SqlglotError as error:
        raise QueryFailed(f"Spark has no words for it: {error}", sql) from error
    except (PySparkException, Py4JError, OSError) as error:
        said = str(error)
        if isinstance(error, Py4JNetworkError | OSError) or re.search(
            "No space left|OutOfMemory|Connection refused", said
        ):
            raise JourneyError(
                f"the engine on Spark cannot go on: {_plainly(said)}",
                remedy="see to the cluster, its disks and its memory, and run again; nothing was committed",
                code="engine-resources",
            ) from error
        raise QueryFailed(_plainly(said), sql) from error


def _plainly(said: str) -> str:
    """Spark's words in one line, without values from the data."""
    found = re.search(r"\[[A-Z][A-Z0-9_.]+\][^\n]*", said)
    line = found[0] if found else (said.strip().splitlines() or ["no reason given"])[0]
    return re.sub(r"'[^']*'", "...", line)[:400]
