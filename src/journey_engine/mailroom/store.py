"""Opening the mailroom's database and its transactions, with every failure explained.

SQLite runs in WAL mode and flushes every commit to the disk: a receipt that a power cut takes back would
be a message sent twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    inspect,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from journey_engine.errors import JourneyError, masked
from journey_engine.mailroom.bulk import copy_new, showable
from journey_engine.mailroom.migrations import upgrade
from journey_engine.mailroom.tables import SCHEMA_VERSION, meta, metadata

BUSY_MS = 30_000
ROOM_MIB = 256
COPIED = 500  # from so many rows on PostgreSQL takes them by COPY
_FULL = ("SQLITE_FULL", "SQLITE_IOERR", "53100")
_EXPLAINED = (
    (_FULL, "no_space", "the disk is full or cannot be written", "free some space and run it again"),
    (("SQLITE_BUSY",), "busy", "another process keeps it locked", "wait for the other command to end"),
    (
        ("SQLITE_NOTADB", "SQLITE_CORRUPT"),
        "damaged",
        "the file is no intact SQLite database",
        "restore it from a copy; then `journey mailroom recover` takes the missing runs in",
    ),
    (
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"),
        "unwritable",
        "the file or its folder cannot be written",
        "mend its permissions, or `mailroom:` in project.yaml",
    ),
)


class Store:
    """One database: transactions for reading and for writing."""

    def __init__(self, url: str) -> None:
        self.url, self.shown = url, masked(url)
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = _engine(url)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise JourneyError(
                f"the mailroom '{self.shown}' cannot be opened: {masked(str(error))}",
                remedy="write `mailroom: sqlite:///var/mailroom.sqlite` in project.yaml",
                code="mailroom_settings",
            ) from None
        except OSError as error:
            raise JourneyError(
                f"the folder of the mailroom '{self.shown}' cannot be made: {error.strerror}",
                remedy="mend its permissions, or `mailroom:` in project.yaml",
                code="unwritable",
            ) from None
        self.writing = self.engine.execution_options(writing=True)
        self.dialect = self.engine.dialect
        self.is_sqlite = self.dialect.name == "sqlite"
        self._inserts: dict[tuple[Table, tuple[str, ...]], tuple[str, Sequence[str] | None]] = {}

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; one at a time on SQLite."""
        with self._explained(), self.writing.begin() as db:
            yield db

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view."""
        with self._explained(), self.engine.begin() as db:
            yield db

    def insert_new(self, db: Connection, table: Table, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> int:
        """Insert tuples as they are, leaving rows whose key is there already; how many were new.

        Instants must have gone through `instant`. Bypasses SQLAlchemy's parameters, which cost more than
        the insert itself.
        """
        if not rows:
            return 0
        if not self.is_sqlite and len(rows) >= COPIED:
            return copy_new(db, table, columns, lambda: rows)
        statement, order = self._insert(table, tuple(columns))
        if order is None:
            named = [dict(zip(columns, showable(row), strict=True)) for row in rows]
            return db.exec_driver_sql(statement, named).rowcount
        places = [list(columns).index(name) for name in order]
        if places != list(range(len(columns))):
            rows = [tuple(row[place] for place in places) for row in rows]
        return db.exec_driver_sql(statement, rows).rowcount

    def _insert(self, table: Table, columns: tuple[str, ...]) -> tuple[str, Sequence[str] | None]:
        """The statement, made once, and the order of its values where it does not name them."""
        if (table, columns) not in self._inserts:
            flavour = sqlite if self.is_sqlite else postgresql
            statement = flavour.insert(table).on_conflict_do_nothing()
            compiled = statement.compile(dialect=self.dialect, column_keys=list(columns))
            self._inserts[table, columns] = str(compiled), compiled.positiontup
        return self._inserts[table, columns]

    def instant(self, value: dt.datetime | None) -> Any:
        """An instant as the driver stores it."""
        if value is None:
            return None
        return _text(value) if self.is_sqlite else value.astimezone(dt.UTC).replace(tzinfo=None)

    def make_room(self, db: Connection) -> None:
        """SQLite keeps what a large transaction touches in memory, as far as it needs to: ids and passes fall anywhere
        in their indexes, and a page that had to leave is written and read again for almost every row."""
        if self.is_sqlite:
            db.exec_driver_sql(f"PRAGMA cache_size = {-1024 * ROOM_MIB}")

    def overwrite(self, db: Connection) -> None:
        """What this transaction takes away is overwritten in SQLite's pages, not only let go."""
        if self.is_sqlite:
            db.exec_driver_sql("PRAGMA secure_delete = ON")

    def flush_away(self) -> None:
        """SQLite keeps older pages in its log until it is emptied; others may read on meanwhile."""
        if self.is_sqlite:
            with closing(self.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            name = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
            for names, code, what, remedy in _EXPLAINED:
                if str(name).startswith(names):
                    message = f"the mailroom {self.shown}: {what}"
                    raise JourneyError(message, remedy=remedy, code=code) from error
            if name is None and not self.is_sqlite and isinstance(error, OperationalError):  # no answer, so no state
                said = str(error.orig).splitlines()
                raise JourneyError(
                    f"the mailroom {self.shown} cannot be reached: {masked(said[0]) if said else 'no reason given'}",
                    remedy="start the server, or mend `mailroom:` in project.yaml",
                    code="mailroom-unavailable",
                ) from error
            raise

    def prepare(self, environment: str) -> dict[str, str]:
        """Make the tables when there are none, check whose they are, bring older ones up to date; what `meta` holds."""
        with self.read() as db:
            made = inspect(db).has_table("meta")
        if not made:
            self._make(environment)
        with self.read() as db:
            known = {row.key: row.value for row in db.execute(select(meta))}
        self._check(known, environment)
        if known["schema_version"] != str(SCHEMA_VERSION):
            self._upgrade()
        return known

    def _make(self, environment: str) -> None:
        with self.write() as db:
            if not inspect(db).has_table("meta"):  # another process may have been faster
                metadata.create_all(db)
                key = secrets.token_hex(32)
                key_id = hashlib.sha256(key.encode()).hexdigest()[:8]
                start = {
                    "schema_version": str(SCHEMA_VERSION),
                    "environment": environment,
                    "store_id": secrets.token_hex(16),
                    "link_key": key_id,
                    f"link_key.{key_id}": key,
                }
                db.execute(meta.insert(), [{"key": key, "value": value} for key, value in start.items()])

    def _upgrade(self) -> None:
        """All or nothing; of several processes that open an older mailroom at once, one does it."""
        version = meta.c.key == "schema_version"
        with self.write() as db:
            found = int(db.execute(select(meta.c.value).where(version).with_for_update()).scalar_one())
            if found < SCHEMA_VERSION:
                upgrade(db, found)
                db.execute(meta.update().where(version).values(value=str(SCHEMA_VERSION)))

    def _check(self, known: dict[str, str], environment: str) -> None:
        told = known.get("schema_version", "0")
        if not told.isdecimal():
            raise JourneyError(
                f"the mailroom {self.shown} is damaged: its schema version is no number",
                remedy="restore it from a copy; then `journey mailroom recover` takes the missing runs in",
                code="damaged",
            )
        version = int(told)
        if not version:
            raise JourneyError(
                f"{self.shown} is a database, but no mailroom",
                remedy="mend `mailroom:` in project.yaml; a mailroom has a database of its own",
                code="mailroom_settings",
            )
        if version > SCHEMA_VERSION:
            raise JourneyError(
                f"the mailroom {self.shown} was made by a newer version "
                f"(schema {version}, this one knows {SCHEMA_VERSION})",
                remedy="install the newer version of journey-engine; this one changes nothing",
                code="newer_schema",
            )
        if known["environment"] != environment:
            raise JourneyError(
                f"the mailroom {self.shown} belongs to the environment '{known['environment']}', "
                f"and this project says '{environment}'",
                remedy="a copy must not send what the original sends: give this environment "
                "its own `mailroom:` in project.yaml",
                code="other_environment",
            )


@lru_cache(maxsize=4096)
def _text(value: dt.datetime) -> str:
    """An instant as SQLite keeps it; a run repeats few of them many times."""
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _engine(url: str) -> Engine:
    engine = create_engine(url, hide_parameters=True)  # an error that nobody foresaw must not tell names and addresses
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    for pragma in (f"busy_timeout = {BUSY_MS}", "journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(db: Connection) -> None:
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("writing") else "BEGIN")
