"""PostgreSQL: an engine on a server, in a schema of its own. Sources are read by DuckDB in this process and copied in.

The night's SQL is translated statement by statement. Readers open a connection that cannot write; they need no copy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql as words
from psycopg.pq import TransactionStatus
from sqlglot.errors import SqlglotError

from journey_engine.address import Address
from journey_engine.engines.base import QueryFailed, Row
from journey_engine.engines.copying import borrow, lines_of
from journey_engine.engines.duckdb import DuckDB
from journey_engine.engines.files import first_line
from journey_engine.engines.store import check_readable, prepare
from journey_engine.engines.to_postgres import to_postgres
from journey_engine.errors import JourneyError
from journey_engine.queries import statements

OLDEST = 13
LOCK = 7215624513109  # of ours alone in pg_locks; the second key is the schema's
SETTINGS = {
    "TimeZone": "UTC", "DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "client_encoding": "UTF8",
    "standard_conforming_strings": "on", "extra_float_digits": "1", "jit": "off", "client_min_messages": "warning",
}  # fmt: skip
KINDS = {
    16: "BOOLEAN", 20: "BIGINT", 21: "SMALLINT", 23: "INTEGER", 700: "FLOAT", 701: "DOUBLE", 1082: "DATE", 1083: "TIME",
    1114: "TIMESTAMP", 1184: "TIMESTAMP WITH TIME ZONE", 1700: "DECIMAL",
}  # fmt: skip


class Postgres:
    """A connection to PostgreSQL with the engine's tables in one schema."""

    gaps: Mapping[str, str] = {
        "files": "the server does not see them: DuckDB reads them in this process, and the rows travel by COPY",
        "source tables in place": "DuckDB reads a copy of them, so that every value means the same on every engine",
        "zero characters in text": "U+FFFD stands in their place",
    }

    def __init__(self, connection: psycopg.Connection[Any], address: Address) -> None:
        self.connection = connection
        self.address = address
        self.own_schema = address.schema
        self.listener: Callable[[str], None] | None = None
        self.statements = 0
        self.cursor = psycopg.RawCursor(connection)
        self.beside: DuckDB | None = None
        self.replacing: list[str] = []
        for name, value in SETTINGS.items():
            connection.execute("SELECT set_config(%s, %s, FALSE)", (name, value))
        self._plain(words.SQL("SET search_path TO {}, public").format(words.Identifier(address.schema)))

    # --- opening ----------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, url: str, *, environment: str) -> Postgres:
        """Open or make the store, for this process alone. Raises JourneyError for what stands in the way."""
        engine = cls._connect(Address.of(url))
        try:
            with _explained("", engine.address):
                engine._alone()
                engine._make_schema()
            prepare(engine, environment, str(engine.address))
        except BaseException:
            engine.close()
            raise
        return engine

    @classmethod
    def read(cls, url: str) -> Postgres:
        """Open for reading what the last committed run left, also while another runs; one state until it is closed."""
        engine = cls.look(url)
        try:
            if not engine.exists("meta") or not engine.rows("SELECT 1 FROM runs LIMIT 1"):
                raise JourneyError(
                    "there is nothing to read yet: no night has been run in this project",
                    remedy="run one with `journey run`",
                    code="no-run",
                )
            check_readable(engine, str(engine.address))
        except BaseException:
            engine.close()
            raise
        return engine

    @classmethod
    def look(cls, url: str, beside: DuckDB | None = None) -> Postgres:
        """Open for reading whatever is there; `beside` takes the source tables that are read."""
        engine = cls._connect(Address.of(url))
        engine.beside = beside
        engine._plain("SET default_transaction_read_only = on")
        engine._plain("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return engine

    @classmethod
    def _connect(cls, address: Address) -> Postgres:
        try:
            connection = psycopg.connect(address.url, autocommit=True, password=address.password())
        except (psycopg.Error, UnicodeError) as error:
            raise address.unreachable(str(error)) from None
        try:
            if connection.info.server_version < OLDEST * 10_000:
                raise _unfit(
                    address, f"is PostgreSQL {connection.info.server_version // 10_000}", f"use {OLDEST} or newer"
                )
            if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
                raise _unfit(address, f"keeps text as {encoding}", "make a database with ENCODING 'UTF8'")
            return cls(connection, address)
        except BaseException:
            connection.close()
            raise

    def _alone(self) -> None:
        """One process writes at a time; the lock ends with the connection."""
        key = "SELECT pg_try_advisory_lock(hashtextextended(current_database() || $1, $2))"
        if not self._plain(key, (self.address.schema, LOCK)).fetchall()[0][0]:
            raise JourneyError(
                f"the engine {self.address} is in use: another process has it open for writing",
                remedy="wait for it to end",
                code="engine-unavailable",
            )

    def _make_schema(self) -> None:
        with self.connection.transaction():
            if not self._plain("SELECT 1 FROM pg_namespace WHERE nspname = $1", (self.address.schema,)).fetchall():
                self._plain(words.SQL("CREATE SCHEMA {}").format(words.Identifier(self.address.schema)))
            for statement in statements("postgres").values():
                self._plain(statement)

    def exists(self, table: str) -> bool:
        """Whether the engine has a table of this name in its own schema."""
        query = "SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = $2"
        return bool(self._plain(query, (self.address.schema, table)).fetchall())

    # --- statements -------------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self.statements += 1
        with _explained(sql, self.address):
            word = sql.split(None, 1)[0].upper()
            if word == "BEGIN":
                self._say("BEGIN")
            elif word == "COMMIT":
                self._put_in_place()
                self._say("COMMIT")
            elif word == "ROLLBACK":
                self.replacing.clear()
                self._say("ROLLBACK")
            else:
                self._translated(sql, parameters)

    def _translated(self, sql: str, parameters: Sequence[Any]) -> None:
        done = to_postgres(sql)
        for statement in done.statements:
            self._say(statement, parameters if statement is done.statements[-1] else ())
        if done.replaces is not None:
            self.replacing.append(done.replaces)
            if self.connection.info.transaction_status == TransactionStatus.IDLE:
                with self.connection.transaction():
                    self._put_in_place()

    def _put_in_place(self) -> None:
        """Lasting tables made anew, as the last thing of a transaction: readers wait no longer than that takes."""
        while self.replacing:
            name = self.replacing.pop()
            place = f'"{self.own_schema}".{name}'
            self._say(f"DROP TABLE IF EXISTS {place}")
            self._say(f"CREATE TABLE {place} AS SELECT * FROM pg_temp.{name}")  # noqa: S608 (a name of the night's SQL)
            self._say(f"DROP TABLE pg_temp.{name}")

    def _say(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        if self.listener is not None:
            self.listener(statement)
        self._plain(statement, parameters)

    def _plain(self, statement: Any, parameters: Sequence[Any] = ()) -> psycopg.RawCursor[Any]:
        return self.cursor.execute(statement, parameters or None, prepare=False)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self.execute(sql, parameters)
        return self.cursor.fetchall()

    def batches(self, sql: str, size: int = 10_000) -> Iterator[list[Row]]:
        (statement,) = to_postgres(sql).statements
        self.statements += 1
        with (
            _explained(sql, self.address), self.connection.transaction(),
            psycopg.RawServerCursor(self.connection, "batches") as cursor,
        ):  # fmt: skip
            cursor.execute(statement)
            while rows := cursor.fetchmany(size):
                yield rows

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """By COPY: nothing to quote."""
        names = words.SQL(", ").join(words.Identifier(name) for name in columns)
        count = 0
        self.statements += 1
        with _explained(f"COPY {table}", self.address):
            copying = words.SQL("COPY {} ({}) FROM STDIN").format(words.SQL(table), names)
            with self.cursor.copy(copying) as copy:
                for row in rows:
                    copy.write_row(row)
                    count += 1
        return count

    def columns(self, relation: str) -> dict[str, str]:
        self.execute(f"SELECT * FROM {relation} LIMIT 0")  # noqa: S608 (built as an expression)
        return {column.name: KINDS.get(column.type_code, "VARCHAR") for column in self.cursor.description or ()}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("BEGIN")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with suppress(psycopg.Error, JourneyError):
                self.execute("ROLLBACK")
            raise

    # --- sources ----------------------------------------------------------------------------------------------

    def reader(self) -> DuckDB:
        """DuckDB in this process: it reads files, and copies of the source tables."""
        if self.beside is None:
            self.beside = DuckDB.plain()
        return self.beside

    def source(self, path: str) -> str:
        return self.reader().source(path)

    def table(self, name: Sequence[str]) -> tuple[str, ...]:
        """Copy a source table beside, with the types of its columns. Raises QueryFailed when there is none."""
        *schema, table = name
        found = self._plain(
            "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE lower(c.relname) = lower($1) AND n.nspname = ANY($2) AND c.relkind IN ('r', 'v', 'm', 'f', 'p') "
            "ORDER BY array_position($2, n.nspname), c.relname <> $1, c.relname LIMIT 1",
            (table, list(schema) or [self.address.schema, "public"]),
        ).fetchall()
        if not found:
            raise QueryFailed(f"there is no table {'.'.join(name)}", "")
        source = words.SQL("SELECT * FROM {}").format(words.Identifier(*found[0]))
        copy = self.reader().table(name)
        with _explained(f"COPY {'.'.join(name)}", self.address):
            borrow(self.cursor, source, self.reader(), copy)
        return copy

    def lend(self, query: str, table: str) -> None:
        """Copy what a query finds into a table beside."""
        with _explained(query, self.address):
            (statement,) = to_postgres(query).statements
            borrow(self.cursor, words.SQL(statement), self.reader(), self.reader().table([table]))

    def bring(self, table: str, json: Collection[str] = ()) -> None:
        """Take a table from beside as a temporary one of ours."""
        layout, lines = lines_of(self.reader(), table, json)
        self.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({layout})")
        with _explained(f"COPY {table}", self.address), self.cursor.copy(f"COPY pg_temp.{table} FROM STDIN") as copy:
            for part in lines:
                copy.write(part)

    def publish(self) -> Path | None:
        """Nothing to do: readers see what is committed."""
        return None

    def close(self) -> None:
        self.connection.close()
        if self.beside is not None:
            self.beside.close()


@contextmanager
def _explained(sql: str, address: Address) -> Iterator[None]:
    """What the engine could not do is the statement's fault, or else the server's; the words hold no values."""
    try:
        yield
    except SqlglotError as error:
        raise QueryFailed(f"PostgreSQL has no words for it: {error}", sql) from error
    except psycopg.Error as error:
        said, state = error.diag.message_primary or str(error), error.sqlstate or "08000"
        if state.startswith(("08", "53", "57P", "58", "XX")):
            raise JourneyError(
                f"the engine {address} cannot go on: {first_line(said)}",
                remedy="see to the server and run again; nothing was committed",
                code="engine-resources",
            ) from error
        if state in ("42501", "25006"):
            raise JourneyError(
                f"the engine {address} is not allowed what it needs: {first_line(said)}",
                remedy=f"let an administrator run: CREATE SCHEMA {address.schema} AUTHORIZATION <user>; "
                "GRANT TEMPORARY ON DATABASE ... TO <user>; source tables need SELECT",
                code="engine-unavailable",
            ) from error
        raise QueryFailed(re.sub(r': ".*"', ": ...", said), sql) from error


def _unfit(address: Address, what: str, remedy: str) -> JourneyError:
    return JourneyError(f"the engine {address} {what}", remedy=remedy, code="engine-unavailable")
