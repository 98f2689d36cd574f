"""A mailroom of version 1 is brought up to date when it is opened: its rows stay, its tables become like new ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from journey_engine.mailroom import Mailroom
from journey_engine.mailroom.migrations import STEPS
from journey_engine.mailroom.tables import SCHEMA_VERSION
from tests.servers import postgres_server

VERSION_1 = Path(__file__).parents[1] / "failures" / "version_1" / "mailroom.sql"
Shape = dict[str, tuple[dict[str, tuple[str, bool]], set[str], list[str]]]


def shape(url: str) -> Shape:
    """Each table with its columns (type, may be null), its indexes and its key."""
    engine = create_engine(url)
    try:
        with engine.connect() as db:
            found = inspect(db)
            return {
                table: (
                    {str(c["name"]): (str(c["type"]), bool(c["nullable"])) for c in found.get_columns(table)},
                    {str(index["name"]) for index in found.get_indexes(table)},
                    list(found.get_pk_constraint(table)["constrained_columns"]),
                )
                for table in found.get_table_names()
            }
    finally:
        engine.dispose()


def rows(url: str, query: str) -> list[Any]:
    engine = create_engine(url)
    try:
        with engine.connect() as db:
            return [tuple(row) for row in db.execute(text(query))]
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL of a mailroom that version 1 made, with rows in it, and the URL of an empty database."""
    script = VERSION_1.read_text(encoding="utf-8")
    if request.param == "sqlite":
        with sqlite3.connect(tmp_path / "older.sqlite") as db:
            db.executescript(script)
        db.close()
        yield f"sqlite:///{tmp_path}/older.sqlite", f"sqlite:///{tmp_path}/fresh.sqlite"
        return
    with postgres_server() as server:
        url, fresh = (server.new(name).replace("postgresql:", "postgresql+psycopg:") for name in ("older", "fresh"))
        engine = create_engine(url)
        with engine.begin() as db:
            statements = [part for part in script.replace("DATETIME", "TIMESTAMP").split(";\n") if part.strip()]
            for statement in statements[1:-1]:  # without its own BEGIN and COMMIT
                db.exec_driver_sql(statement)
        engine.dispose()
        yield url, fresh


def test_an_older_mailroom_keeps_its_rows_and_becomes_like_a_new_one(older: tuple[str, str]) -> None:
    url, empty = older
    before = rows(url, "SELECT message_id, state, due_at FROM messages ORDER BY message_id")
    with Mailroom.open(url, environment="development") as mailroom:
        assert mailroom.counts() == {"accepted": 9, "pending": 1}
        assert mailroom.last_loaded() == 2
        assert mailroom.link_keys == {"921d3b9c": b"\xab" * 32}
    Mailroom.open(empty, environment="development").close()
    assert shape(url) == shape(empty)
    assert rows(url, "SELECT message_id, state, due_at FROM messages ORDER BY message_id") == before
    assert rows(url, "SELECT value FROM meta WHERE key = 'schema_version'") == [(str(SCHEMA_VERSION),)]


def test_several_that_open_an_older_mailroom_at_once_all_find_it_up_to_date(older: tuple[str, str]) -> None:
    def opened(_: int) -> dict[str, int]:
        with Mailroom.open(older[0], environment="development") as mailroom:
            return mailroom.counts()

    with ThreadPoolExecutor(4) as several:
        assert list(several.map(opened, range(4))) == [{"accepted": 9, "pending": 1}] * 4
    assert rows(older[0], "SELECT value FROM meta WHERE key = 'schema_version'") == [(str(SCHEMA_VERSION),)]


def test_every_version_since_the_first_has_its_steps() -> None:
    assert sorted(STEPS) == list(range(2, SCHEMA_VERSION + 1))


def test_a_mailroom_of_another_environment_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "older.sqlite") as db:
        db.executescript(VERSION_1.read_text(encoding="utf-8"))
    db.close()
    url = f"sqlite:///{tmp_path}/older.sqlite"
    with pytest.raises(Exception, match="belongs to the environment"):
        Mailroom.open(url, environment="production")
    assert rows(url, "SELECT value FROM meta WHERE key = 'schema_version'") == [("1",)]
