"""DuckDB: the default engine, one file, in this process."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from journey_engine.engines.base import QueryFailed, Row, published
from journey_engine.engines.files import first_line, relation_of, unreadable
from journey_engine.engines.store import check_readable, prepare
from journey_engine.errors import JourneyError

BATCH = 20_000
_DAMAGE = re.compile(r"Could not read enough bytes|[Cc]orrupt|checksum|not a valid DuckDB", re.ASCII)
PLAIN_CSV = "nullstr = '\\N', quote = '\"', escape = '\"', delim = ',', auto_detect = false"


class DuckDB:
    """A DuckDB connection with the engine's tables."""

    own_schema = "main"
    gaps: Mapping[str, str] = {}

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
    def open(cls, path: Path, *, environment: str, memory: str | None = None) -> DuckDB:
        """Open or make the store. Raises JourneyError for a newer store, another environment or a locked file.

        With `memory`, such as 4GB, what needs more goes to files beside the store until the night is done.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            engine = cls(duckdb.connect(str(path), config={} if memory is None else {"memory_limit": memory}), path)
        except (duckdb.Error, OSError) as error:
            raise _unopened(path, error) from error
        try:
            prepare(engine, environment, str(path))
        except BaseException:
            engine.close()
            raise
        return engine

    @classmethod
    def read(cls, path: Path) -> DuckDB:
        """Open a published copy, in a database of its own: what else this process has open must not be shown instead.

        Raises JourneyError when it cannot be read.
        """
        engine = cls(duckdb.connect(":memory:"), None)
        quoted = str(path).replace("'", "''")
        try:
            engine.connection.execute(f"ATTACH '{quoted}' AS published (READ_ONLY)")
            engine.connection.execute("USE published")
        except duckdb.Error as error:
            engine.close()
            raise _unopened(path, error) from error
        try:
            check_readable(engine, str(path))
        except BaseException:
            engine.close()
            raise
        return engine

    @classmethod
    def plain(cls) -> DuckDB:
        """Open a database that is gone with this object, without the engine's tables."""
        return cls(duckdb.connect(":memory:"), None)

    @classmethod
    def memory(cls) -> DuckDB:
        """Open a store that is gone with this object."""
        engine = cls.plain()
        prepare(engine, "memory", "in memory")
        return engine

    def exists(self, table: str) -> bool:
        """Whether there is a table of this name."""
        known = (
            "SELECT 1 FROM duckdb_tables() "
            "WHERE database_name = current_database() AND schema_name = 'main' AND table_name = ?"
        )
        return bool(self.rows(known, (table,)))  # to look into a table that is not there would end a transaction

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        if self.listener is not None:
            self.listener(sql)
        self.statements += 1
        with _explained(sql):
            self.connection.execute(sql, list(parameters) or None)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self.execute(sql, parameters)
        with _explained(sql):
            return self.connection.fetchall()

    def batches(self, sql: str, size: int = 10_000) -> Iterator[list[Row]]:
        self.execute(sql)
        while True:
            with _explained(sql):
                rows = self.connection.fetchmany(size)
            if not rows:
                return
            yield rows

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Columns travel as lists, a batch in one statement: as fast as a file, without one, and nothing to quote."""
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join("unnest(?)" for _ in columns)
        count, rest = 0, iter(rows)
        while batch := list(islice(rest, BATCH)):
            lists = [list(column) for column in zip(*batch, strict=True)]
            self.execute(f"INSERT INTO {table} ({names}) SELECT {places}", lists)
            count += len(batch)
        return count

    def columns(self, relation: str) -> dict[str, str]:
        described = self.rows(f"DESCRIBE SELECT * FROM {relation}")  # noqa: S608 (built as an expression)
        return {row[0]: row[1] for row in described}

    def reader(self) -> DuckDB:
        """DuckDB reads the sources itself."""
        return self

    def table(self, name: Sequence[str]) -> tuple[str, ...]:
        """A table of the file, never one of this night only."""
        file = self.rows("SELECT current_database()")[0][0]
        return tuple([file, *([] if len(name) > 1 else ["main"]), *name][-3:])

    def lend(self, query: str, table: str) -> None:
        """Make what a query finds a table."""
        self.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")

    def bring(self, table: str, json: Collection[str] = ()) -> None:
        """What the reader has made is here already."""

    def source(self, path: str) -> str:
        relation = relation_of(path)
        try:
            self.columns(relation)
        except QueryFailed as error:
            raise unreadable(path, error.said) from error
        return relation

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("BEGIN TRANSACTION")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):
                self.connection.execute("ROLLBACK")
            raise

    def publish(self) -> Path | None:
        """Checkpoint, copy the file beside it and rename: readers keep the copy they have open."""
        if self.path is None:
            return None
        target = published(self.path)
        self.execute("CHECKPOINT")
        part = target.with_suffix(".part")  # one at a time: who publishes has the store open for writing
        try:
            _copy(self.path, part)
            os.replace(part, target)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise JourneyError(
                f"the copy for reading, {target}, cannot be written: {error.strerror or error}",
                remedy="free space on the disk or mend the folder's permissions; the next run writes it anew",
                code="not-published",
            ) from error
        return target

    def close(self) -> None:
        self.connection.close()


def _copy(source: Path, target: Path) -> None:
    """Copy the open store in a process of its own: closing the file here would let go of the engine's lock on it."""
    done = subprocess.run(["cp", "--", source, target], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip().rpartition(": ")[2] or f"cp ended with {done.returncode}")


@contextmanager
def _explained(sql: str) -> Iterator[None]:
    """What the engine could not do is the statement's fault, or else the machine's."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException) as error:
        raise _stopped(sql, str(error)) from error
    except duckdb.Error as error:
        raise QueryFailed(str(error), sql) from error


def _stopped(sql: str, said: str) -> JourneyError:
    """Why the engine cannot go on, and what stands: after the commit only its file could not be brought up to date."""
    if _DAMAGE.search(said):
        return JourneyError(
            f"the engine file is damaged: {first_line(said)}",
            remedy="restore it from a copy; then `journey run` goes on from there, and nothing is sent twice",
            code="engine-unreadable",
        )
    if "checkpoint" in said.lower() or sql in ("COMMIT", "CHECKPOINT"):
        return JourneyError(
            "the engine could not write its file to the end: the disk is full or cannot be written",
            remedy="free space on the disk and run again; the night may be committed, and then it is only finished: "
            "nothing is lost, nothing is sent twice",
            code="engine-resources",
        )
    return JourneyError(
        f"the engine cannot go on: {first_line(said)}",
        remedy="free space on the disk, or allow more memory with `engine: duckdb:///...?memory=` in "
        "journeys/project.yaml, and run again; nothing was committed",
        code="engine-resources",
    )


def _unopened(path: Path, error: Exception) -> JourneyError:
    """Why an engine file cannot be opened."""
    said, code = first_line(str(error)), "engine-unreadable"
    remedy = "restore it from a copy, or use the version of the journey engine that wrote it"
    if _DAMAGE.search(said):
        said = f"it is damaged ({said})"
    elif "lock" in said.lower():
        code, remedy = "engine-unavailable", "another process has it open for writing: wait for it to end"
    elif "ermission denied" in said or "annot open" in said or "ead-only" in said:
        code, remedy = (
            "engine-unavailable",
            "mend the permissions of the file and its folder, or `engine:` in project.yaml",
        )
    elif "No space left" in said or "File too large" in said:
        code, remedy = "engine-resources", "free space on the disk and run again"
    return JourneyError(f"the engine file {path} cannot be opened: {said}", remedy=remedy, code=code)
