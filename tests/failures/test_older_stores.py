"""Stores that version 1 made, with rows in them: they are brought up to date, and the nights go on as if never stopped.

`version_1/` holds what version 1 left after the nights of 2 and 3 March of the small shop, as SQL: never changed again.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import duckdb
import pytest

from journey_engine.engines import Engine, Row, memory, open_engine, open_reader
from journey_engine.engines.store import SCHEMA_VERSION, steps_to
from journey_engine.errors import JourneyError
from journey_engine.queries import statements
from journey_engine.times import naive
from tests.failures.small_shop import Shop, at

VERSION_1 = Path(__file__).parent / "version_1"
URL = "duckdb:///var/engine.duckdb"
VERSION = "SELECT value FROM meta WHERE name = 'schema_version'"
COLUMNS = "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = ?"


def older(folder: Path) -> Path:
    """Put the stores of version 1 into a folder; the engine's file."""
    (folder / "var").mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(folder / "var/engine.duckdb")) as engine:
        engine.execute((VERSION_1 / "engine.sql").read_text(encoding="utf-8"))
    with sqlite3.connect(folder / "var/mailroom.sqlite") as mailroom:
        mailroom.executescript((VERSION_1 / "mailroom.sql").read_text(encoding="utf-8"))
    mailroom.close()
    return folder / "var/engine.duckdb"


@pytest.mark.parametrize("table", sorted(statements("schema")))
def test_a_store_brought_up_to_date_has_the_columns_of_a_new_one(tmp_path: Path, table: str) -> None:
    older(tmp_path)
    fresh, upgraded = memory(), open_engine(URL, tmp_path)
    assert columns(upgraded, table) == columns(fresh, table)
    upgraded.close()


def columns(engine: Engine, table: str) -> list[Row]:
    """Names, types and whether null is allowed, in order.

    The ledger's typed columns come with the properties that journeys name; the roster is made anew each night.
    """
    rows = engine.rows(f"{COLUMNS} ORDER BY {'column_name' if table == 'events' else 'ordinal_position'}", [table])
    rows = [row for row in rows if not re.fullmatch(r"p\d+_(num|txt|flag)", row[0])]
    return [row[:2] for row in rows] if table == "roster" else rows


def test_rows_stay_and_a_second_opening_changes_nothing(tmp_path: Path) -> None:
    path = older(tmp_path)
    count = "SELECT count(*), max(reached_at) FROM enrollments"
    with duckdb.connect(str(path)) as engine:
        before = engine.execute(count).fetchall()
    for _ in range(2):
        opened = open_engine(URL, tmp_path)
        assert opened.rows(count) == before
        assert opened.rows(VERSION) == [(str(SCHEMA_VERSION),)]
        opened.close()


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = older(tmp_path)
    with duckdb.connect(str(path)) as engine:
        engine.execute("ALTER TABLE journeys ADD COLUMN held_as_of TIMESTAMP")  # by hand: the step finds it there
        engine.execute("CHECKPOINT")
    with pytest.raises(JourneyError, match="cannot be brought from schema version 1 to") as found:
        open_engine(URL, tmp_path)
    assert found.value.code == "not-upgraded"
    assert "nothing was changed" in (found.value.remedy or "")
    with duckdb.connect(str(path)) as engine:
        assert engine.execute(VERSION).fetchall() == [("1",)]


def test_a_store_of_another_environment_is_not_brought_up_to_date(tmp_path: Path) -> None:
    path = older(tmp_path)
    with pytest.raises(JourneyError, match="belongs to the environment"):
        open_engine(URL, tmp_path, environment="production")
    with duckdb.connect(str(path)) as engine:
        assert engine.execute(VERSION).fetchall() == [("1",)]


def test_a_copy_published_by_an_older_version_says_what_to_do(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", customers=8)
    older(shop.folder).rename(shop.folder / "var/engine.read.duckdb")
    with pytest.raises(JourneyError) as found:
        open_reader(URL, shop.folder)
    assert found.value.code == "older-store"
    for command in (("report",), ("explain", "c001")):
        done = shop.command(*command)
        assert (done.returncode, done.stdout) == (2, "")
        assert "was written by an older version of the journey engine" in done.stderr
        assert "remedy: `journey run` brings it up to date" in done.stderr


def test_the_next_night_goes_on_as_if_version_1_had_never_been(tmp_path: Path) -> None:
    """Nobody enters again, nothing is sent twice, every pass stands in the same version of its journey."""
    moved, same = Shop(tmp_path / "moved", customers=8), Shop(tmp_path / "same", customers=8)
    older(moved.folder)
    for day in ("02", "03"):
        same.run(day)
    for day in ("04", "05"):
        assert moved.run(day).journeys == same.run(day).journeys
    found, wanted = moved.stands(), same.stands()
    for stands in (found, wanted):  # how many events a night took in was counted otherwise then
        stands["runs"] = [row[:3] for row in stands["runs"]]
    # Which run saw a membership begin was not kept then, and is only asked for journeys that were away.
    wanted["memberships"] = [
        (*row, None if began is None or began <= naive(at("03")) else began) for *row, began in wanted["memberships"]
    ]
    assert any(began is not None for *_, began in wanted["memberships"])
    assert moved.command("report").returncode == 0
    assert {name: rows for name, rows in found.items() if name != "letters"} == {
        name: rows for name, rows in wanted.items() if name != "letters"
    }


def test_every_version_since_the_first_has_its_statements() -> None:
    told = {int(name.split("_")[1]) for name in statements("migrations")}
    assert told == set(range(2, SCHEMA_VERSION + 1))
    assert all(steps_to(version) for version in told)
