"""DuckDB: the default engine, one file, in this process."""

from __future__ import annotations

import csv
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from journey_engine.engines.base import QueryFailed, Row
from journey_engine.errors import JourneyError
from journey_engine.queries import statements

SCHEMA_VERSION = 1
PLAIN_CSV = "nullstr = '\\N', quote = '\"', escape = '\"', delim = ',', auto_detect = false"


class DuckDB:
    """A DuckDB connection with the engine's tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None) -> None:
        self.connection = connection
        self.path = path
        self.listener: Callable[[str], None] | None = None
        self.statements = 0
        for setting in (
            "SET TimeZone = 'UTC'",
            "SET preserve_insertion_order = true",
            "SET enable_progress_bar = false",
        ):
            connection.execute(setting)

    @classmethod
    def open(cls, path: Path, *, environment: str) -> DuckDB:
        """Open or make the store. Raises JourneyError for a newer store, another environment or a locked file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            engine = cls(duckdb.connect(str(path)), path)
        except duckdb.IOException as error:
            raise JourneyError(
                f"the engine file {path} cannot be opened: {_first_line(error)}",
                remedy="if another night runs, wait for it; else check the file's permissions and the disk",
                code="engine-unavailable",
            ) from error
        except duckdb.Error as error:
            raise JourneyError(
                f"the engine file {path} cannot be read: {_first_line(error)}",
                remedy="restore it from a backup, or use the version of the journey engine that wrote it",
                code="engine-unreadable",
            ) from error
        try:
            engine._prepare(environment)
        except BaseException:
            engine.close()
            raise
        return engine

    @classmethod
    def read(cls, path: Path) -> DuckDB:
        """Open a published copy."""
        return cls(duckdb.connect(str(path), read_only=True), path)

    @classmethod
    def memory(cls) -> DuckDB:
        """Open a store that is gone with this object."""
        engine = cls(duckdb.connect(":memory:"), None)
        engine._prepare("memory")
        return engine

    def _prepare(self, environment: str) -> None:
        exists = self.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'meta' AND NOT temporary")
        if not exists:
            with self.transaction():
                for sql in statements("schema").values():
                    self.execute(sql)
                self.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)])
                self.execute("INSERT INTO meta VALUES ('environment', ?)", [environment])
        found: dict[str, str] = dict(self.rows("SELECT name, value FROM meta"))
        if int(found["schema_version"]) > SCHEMA_VERSION:
            raise JourneyError(
                f"the engine store {self.path} has schema version {found['schema_version']}; "
                f"this program knows up to {SCHEMA_VERSION}",
                remedy="upgrade the journey engine; the store was left as it is",
                code="newer-store",
            )
        if found["environment"] != environment:
            raise JourneyError(
                f"the engine store {self.path} belongs to the environment '{found['environment']}', "
                f"the project says '{environment}'",
                remedy="use a store of its own for each environment: `engine:` in journeys/project.yaml",
                code="other-environment",
            )

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        if self.listener is not None:
            self.listener(sql)
        self.statements += 1
        try:
            self.connection.execute(sql, list(parameters) or None)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise JourneyError(
                f"the engine cannot go on: {_first_line(error)}",
                remedy="free space on the disk, or give the machine more memory, and run again; nothing was committed",
                code="engine-resources",
            ) from error
        except duckdb.Error as error:
            raise QueryFailed(_first_line(error), sql) from error

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self.execute(sql, parameters)
        return self.connection.fetchall()

    def batches(self, sql: str, size: int = 10_000) -> Iterator[list[Row]]:
        self.execute(sql)
        while rows := self.connection.fetchmany(size):
            yield rows

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Few rows go as parameters; many through a temporary CSV file, which DuckDB reads far faster."""
        held = list(rows)
        names = ", ".join(f'"{name}"' for name in columns)
        if not held:
            return 0
        if len(held) <= 50:
            marks = ", ".join("?" for _ in columns)
            for row in held:
                self.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)  # noqa: S608 (our own names)
            return len(held)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(
                    file, quoting=csv.QUOTE_STRINGS if hasattr(csv, "QUOTE_STRINGS") else csv.QUOTE_MINIMAL
                ).writerows([["\\N" if value is None else value for value in row] for row in held])
            spec = ", ".join(f"'{name}': 'VARCHAR'" for name in columns)
            read = f"read_csv('{path}', header = false, columns = {{{spec}}}, {PLAIN_CSV})"
            self.execute(f"INSERT INTO {table} ({names}) SELECT * FROM {read}")  # noqa: S608 (our own names)
        return len(held)

    def columns(self, relation: str) -> dict[str, str]:
        described = self.rows(f"DESCRIBE SELECT * FROM {relation}")  # noqa: S608 (built as an expression)
        return {row[0]: row[1] for row in described}

    def source(self, path: str) -> str:
        files = sorted(glob.glob(path, recursive=True))
        if not files:
            raise JourneyError(
                f"no file at {path}", remedy="check `path:` in journeys/project.yaml", code="missing-file"
            )
        for file in files:
            if Path(file).stat().st_size == 0:
                raise JourneyError(f"{file} is empty: not even a header", remedy="export it again", code="empty-source")
        quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        kinds = {Path(file).suffix.lower() for file in files}
        if kinds <= {".parquet", ".pq"}:
            relation = f"read_parquet([{quoted}], union_by_name = true)"
        elif kinds <= {".csv", ".tsv", ".txt"}:
            relation = (
                f"read_csv([{quoted}], all_varchar = true, header = true, union_by_name = true, sample_size = 2000)"
            )
        else:
            raise JourneyError(
                f"{path}: files of type {', '.join(sorted(kinds))} cannot be read",
                remedy="give CSV (.csv) or Parquet (.parquet) files of one kind",
                code="unreadable-source",
            )
        try:
            self.columns(relation)
        except QueryFailed as error:
            raise unreadable(path, error) from error
        return relation

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):
                self.connection.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def publish(self) -> Path | None:
        """Checkpoint, copy the file beside it and rename: readers keep the copy they have open."""
        if self.path is None:
            return None
        from journey_engine.engines import published

        target = published(self.path)
        self.connection.execute("CHECKPOINT")
        part = target.with_suffix(f".{os.getpid()}.part")
        try:
            shutil.copyfile(self.path, part)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def close(self) -> None:
        self.connection.close()


def unreadable(path: str, error: Exception) -> JourneyError:
    """The error of a source that DuckDB refuses, in a line."""
    return JourneyError(
        f"{path} cannot be read: {_first_line(error)}",
        remedy="open the file at that place and export it again; nothing was changed",
        code="unreadable-source",
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])[:400]
