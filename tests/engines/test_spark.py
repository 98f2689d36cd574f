"""The engine on Spark: what goes in comes out, nights are as on DuckDB, and who dies leaves the state as it was.

All of it is in one file, so that one process has the one Spark.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from journey_engine.checks import open_project
from journey_engine.engines import Engine, QueryFailed, memory, open_reader, warehouse
from journey_engine.errors import JourneyError
from journey_engine.night import run
from journey_engine.times import FAR_PAST, naive, parse_instant
from tests.engines.kept import kept, same
from tests.engines.sparked import URL, opened, start_spark
from tests.engines.test_commands import answers, shop
from tests.engines.test_conformance import NIGHTS, shipped
from tests.engines.test_duckdb import ODD
from tests.properties.readings import Sweeping
from tests.properties.worlds import Maker

if TYPE_CHECKING:
    from journey_engine.engines.spark import Spark

# A world, and how many rows stay with the driver: what is more is kept in Spark's storage and in files.
# A statement takes Spark a quarter of a second: two nights of one world, and all nights of more in the long profile.
WORLDS = [
    (10, 5, 2),
    *(pytest.param(*one, 9, marks=pytest.mark.long) for one in ((10, 5), (30, 2000), (4, 5), (22, 2000), (207, 5))),
]


@pytest.fixture(scope="module", autouse=True)
def spark() -> None:
    start_spark()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Spark]:
    made = opened(tmp_path)
    yield made
    made.close()


# --- rows -----------------------------------------------------------------------------------------------------


def test_loaded_text_comes_back_to_the_letter_and_empty_text_is_not_null(engine: Spark) -> None:
    engine.execute("CREATE TABLE words (place INTEGER, word VARCHAR)")
    rows = [*enumerate(ODD), (-1, None)]
    assert engine.load("words", ("place", "word"), rows) == len(rows)
    few = engine.rows("SELECT place, word FROM words ORDER BY place")
    assert few == sorted(rows, key=lambda row: row[0])
    engine.execute("CREATE OR REPLACE TABLE many (place INTEGER, word VARCHAR)")
    engine.load("many", ("place", "word"), rows * 150)  # more than stay with the driver, and than travel as literals
    assert engine.rows("SELECT DISTINCT place, word FROM many ORDER BY place") == few
    assert sum(len(batch) for batch in engine.batches("SELECT place FROM many", 1000)) == len(rows) * 150
    engine.lend("SELECT place, word FROM many WHERE word IS NOT NULL", "back")
    assert engine.reader().rows("SELECT DISTINCT place, word FROM back ORDER BY place") == few[1:]


def test_every_type_that_the_night_loads_comes_back(engine: Spark) -> None:
    engine.execute(
        "CREATE TABLE kinds (i INTEGER, b BIGINT, f BOOLEAN, s TIMESTAMP, d DATE, v VARCHAR, n DECIMAL(38, 6))"
    )
    instant, day = naive(parse_instant("2026-03-01T02:03:04.567890Z")), dt.date(2026, 2, 28)
    rows = [
        (1, 10**17, True, instant, day, "v", None),
        (None, None, None, None, None, None, None),
        (-1, -(10**17), False, naive(FAR_PAST), dt.date(1, 1, 1), "", None),
    ]
    engine.load("kinds", ("i", "b", "f", "s", "d", "v", "n"), rows)
    assert engine.rows("SELECT * FROM kinds ORDER BY i NULLS FIRST") == [rows[1], rows[2], rows[0]]
    asked = "SELECT i FROM kinds WHERE s = ? AND d = ? AND f = ? AND v = ?"
    assert engine.rows(asked, [instant, day, True, "v"]) == [(1,)]
    kinds = ("INTEGER", "BIGINT", "BOOLEAN", "TIMESTAMP", "DATE", "VARCHAR", "DECIMAL(38,6)")
    assert tuple(engine.columns("kinds").values()) == kinds


CHANGES = (
    "CREATE TABLE a (k VARCHAR PRIMARY KEY, n INTEGER, flag BOOLEAN DEFAULT FALSE)",
    "INSERT INTO a VALUES ('x', 1, TRUE), ('y', 2, NULL), ('z', 3, FALSE)",
    "INSERT INTO a (n, k) SELECT n + 10, k || k FROM a WHERE n < 3",
    "UPDATE a SET n = n * 2 WHERE flag",
    "UPDATE a SET flag = TRUE",
    "CREATE OR REPLACE TEMP TABLE b AS SELECT k, n + 100 AS n FROM a WHERE n > 2",
    "UPDATE a AS o SET n = w.n, flag = (SELECT max(n) > 0 FROM b) FROM b AS w WHERE w.k = o.k AND o.n < 100",
    "INSERT INTO a (k, n) SELECT k, n FROM b WHERE TRUE ON CONFLICT (k) DO UPDATE SET n = excluded.n",
    "INSERT INTO a (k, n, flag) SELECT '!' || k, 0, TRUE FROM b WHERE n > 0 ON CONFLICT (k) DO UPDATE SET n = 0",
    "DELETE FROM a AS o USING b AS w WHERE w.k = o.k AND w.n > 111",
    "DELETE FROM a WHERE n IN (SELECT n FROM b) AND n <= (SELECT min(n) FROM b)",
    "ALTER TABLE a ADD COLUMN IF NOT EXISTS more VARCHAR",
    "ALTER TABLE a ADD COLUMN IF NOT EXISTS held BOOLEAN DEFAULT FALSE",
    "INSERT INTO a (k, more) VALUES ('q', 'it''s')",
    "DELETE FROM b",
)


def test_changes_of_rows_do_what_they_do_in_duckdb(engine: Spark) -> None:
    plain: Engine = memory()
    for statement in CHANGES:
        for one in (plain, engine):
            one.execute(statement)
        for table in ("a", "b"):
            if plain.exists(table):
                query = f"SELECT * FROM {table} ORDER BY k, n"
                assert engine.rows(query) == plain.rows(query), statement
    plain.close()


EXPRESSIONS = (
    "concat('a', NULL, 5, TRUE)", "'a' || NULL", "concat_ws(',', NULL, 'a', 'b')", "md5('é')", "length('é🎈')",
    "s + to_months(1)", "s + to_days(-1)", "s + to_seconds(90)", "s + to_microseconds(7200000001)",
    "date_trunc('week', s)", "CAST(s AS DATE) + 1 + CAST('09:30:00' AS TIME)",
    "CAST(s AS TIME) < CAST('02:03:05' AS TIME)", "CAST(s AS VARCHAR)", "CAST(d AS VARCHAR)",
    "strftime(s, '%Y-%m-%dT%H:%M:%S')", "strftime(s, '.%f')", "make_date(2024, month(d), day(d))",
    "CAST(CAST(d + to_months(1) + to_days(3) AS DATE) AS TIMESTAMP)", "CAST(0.0 * n AS DECIMAL(38, 6))",
    "greatest(s, NULL)", "least(s, s + to_days(1))", "CAST(n AS VARCHAR)",
    r"regexp_replace(CAST(n AS VARCHAR), '\.?0+$', '')", r"regexp_matches(v || chr(10), '^[a-z]+$')",
    "translate('0a9f', '0123456789abcdef', 'CDFHJKMNPRTWXY47')", "strpos(v, 'b')", "starts_with(v, 'a')",
    "TRY_CAST(v AS DECIMAL(38, 6))", "left(v, 2)", "nullif(v, 'abc')", "v < '_'", "s IS DISTINCT FROM NULL",
    "TRY_CAST('2026-01-31T02:00:00+05:30' AS TIMESTAMPTZ) AT TIME ZONE 'UTC'", "'${v} \\ ''quoted'''",
    "CAST(to_json(n) AS VARCHAR)", "CAST(to_json(s) AS VARCHAR)", "CAST(to_json(f) AS VARCHAR)", "to_json(NULL)",
    "CAST(json_object('v', v, 'n', n, 'null', NULL, 'inner', json_object('n', n, 'j', json_extract(j, '/a'))) AS TEXT)",
    "CAST(json_object('j', CASE WHEN f THEN json_extract(j, '/b') ELSE json_extract(j, '/a') END) AS VARCHAR)",
    "json_type(json_extract(j, '/b'))", "json_extract_string(j, '/b/c~1d')",
    "json_merge_patch(j, json_object('a', 'now'))",
)  # fmt: skip


def test_expressions_mean_what_they_mean_in_duckdb(engine: Spark) -> None:
    plain: Engine = memory()
    rows = (
        "SELECT TIMESTAMP '2026-01-31 02:03:04.5' AS s, DATE '2023-02-28' AS d, CAST('12.5' AS DECIMAL(38, 6)) AS n, "
        """'abc' AS v, TRUE AS f, '{"a":[1,"x"],"b":{"c/d":"é"}}' AS j"""
    )
    query = f"SELECT {', '.join(f'{one} AS e{place}' for place, one in enumerate(EXPRESSIONS))} FROM ({rows}) AS w"
    told = [engine.rows(query)[0], plain.rows(query)[0]]
    for expression, found, expected in zip(EXPRESSIONS, *told, strict=True):
        assert found == expected, expression
    ordered = (
        "SELECT string_agg(v, ',' ORDER BY n, v) AS a, bool_or(n > 2) AS b, count(*) FILTER (WHERE n > 1) AS c, "
        "any_value(v) AS d FROM (VALUES (2, 'x'), (1, 'z'), (2, NULL), (1, 'y')) AS w (n, v) WHERE v IS NOT NULL"
    )
    told = [engine.rows(ordered)[0], plain.rows(ordered)[0]]
    assert told[0][:3] == told[1][:3] == ("y,z,x", False, 1)
    assert told[0][3] in "xyz"
    plain.close()


def test_rows_numbered_in_no_order_have_numbers_of_their_own(engine: Spark) -> None:
    engine.execute("CREATE TABLE w (k VARCHAR)")
    engine.load("w", ("k",), [(str(n),) for n in range(3000)])
    engine.execute("CREATE OR REPLACE TEMP TABLE numbered AS SELECT row_number() OVER () AS ask, k FROM w")
    assert engine.rows("SELECT count(DISTINCT ask), count(*), min(ask) > 0 FROM numbered") == [(3000, 3000, True)]


def test_what_spark_says_of_a_failure_holds_no_value(engine: Spark) -> None:
    with pytest.raises(QueryFailed) as found:
        engine.rows("SELECT CAST(word AS INTEGER) FROM (SELECT 'secret' AS word) AS w")
    assert "CAST_INVALID_INPUT" in str(found.value)
    assert "secret" not in str(found.value)
    with pytest.raises(QueryFailed, match="no table nowhere"):
        engine.execute("DELETE FROM nowhere WHERE TRUE")
    with pytest.raises(QueryFailed, match="TABLE_OR_VIEW_NOT_FOUND"):
        engine.rows("SELECT 1 FROM nowhere")


# --- state ----------------------------------------------------------------------------------------------------


def test_a_transaction_that_fails_leaves_nothing(engine: Spark, tmp_path: Path) -> None:
    engine.execute("CREATE TABLE counts (n INTEGER)")

    def insert(number: int, then: Callable[[], object]) -> None:
        with engine.transaction():
            engine.execute("INSERT INTO counts VALUES (?)", [number])
            engine.execute("CREATE OR REPLACE TABLE made AS SELECT 1 AS n")
            then()

    with pytest.raises(QueryFailed):
        insert(1, lambda: engine.execute("INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(ZeroDivisionError):
        insert(2, lambda: 1 // 0)
    assert not engine.exists("made")
    assert engine.rows("SELECT n FROM counts") == []
    insert(3, lambda: None)
    assert engine.rows("SELECT n FROM counts") == [(3,)]
    engine.close()
    with pytest.raises(JourneyError, match="belongs to the environment 'development'"):
        opened(tmp_path, "production")
    again = opened(tmp_path)
    assert again.rows("SELECT n FROM counts") == [(3,)]
    again.close()


def test_tables_of_many_rows_and_many_parts_are_there_again(engine: Spark, tmp_path: Path) -> None:
    engine.execute("CREATE TABLE counts (n INTEGER, word VARCHAR)")
    engine.load("counts", ("n", "word"), [(n, "many") for n in range(2500)])
    for n in range(14):
        engine.execute("INSERT INTO counts (n) VALUES (?)", [2500 + n])
    engine.execute("UPDATE counts SET word = 'late' WHERE n >= 2400 AND word IS NOT NULL")
    engine.execute("ALTER TABLE counts ADD COLUMN more BOOLEAN")
    engine.publish()
    query = "SELECT word, more, count(*), min(n), max(n) FROM counts GROUP BY word, more ORDER BY word"
    expected = [("late", None, 100, 2400, 2499), ("many", None, 2400, 0, 2399), (None, None, 14, 2500, 2513)]
    assert engine.rows(query) == expected
    engine.close()
    again = opened(tmp_path)
    assert again.rows(query) == expected
    again.close()
    with duckdb.connect(str(tmp_path / "spark" / "engine.read.duckdb"), read_only=True) as copy:
        assert copy.execute(query).fetchall() == expected


def state_of(folder: Path) -> dict[str, str]:
    """What is committed, to the byte: the file that names it, and every file that it names."""
    current = folder / "spark" / "CURRENT"
    found = {"CURRENT": hashlib.sha256(current.read_bytes()).hexdigest()}
    for table in json.loads(current.read_text())["tables"].values():
        for part in table["parts"]:
            for file in sorted((folder / "spark" / "parts" / part["folder"]).iterdir()):
                found[str(file.relative_to(folder))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


# --- nights ---------------------------------------------------------------------------------------------------


class Died(BaseException):
    """The run's process is gone."""


@pytest.mark.parametrize(("seed", "few", "nights"), WORLDS)
def test_nights_are_told_alike_and_a_run_that_dies_changes_nothing(
    seed: int, few: int, nights: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from journey_engine.engines.spark_tables import SparkTables

    monkeypatch.setattr(SparkTables, "few", few)
    scenario = Maker(seed).scenario(12)
    rows = [row for person in scenario.people for row in person.rows]
    plain = Sweeping(scenario.kinds, scenario.timezone, memory())
    other = Sweeping(scenario.kinds, scenario.timezone, opened(tmp_path, "memory"))
    for index in range(min(nights, len(scenario.nights))):
        known = [(one.customer_id, found) for one in scenario.people if (found := one.nights[index]) is not None]
        night = (scenario.rules(index), scenario.night(index), known, rows)
        if index == 1:
            dies(other, night, tmp_path, dies_in_the_night)
            dies(other, night, tmp_path, dies_in_the_commit)
        decided = [reading.run(*night) for reading in (plain, other)]
        assert decided[0] == decided[1]
        same(kept(other.engine), kept(plain.engine))
    other.engine.publish()
    other.engine.close()
    reader = open_reader(URL, tmp_path)
    same(kept(reader), kept(plain.engine))
    reader.close()
    plain.engine.close()


def dies(reading: Sweeping, night: tuple[Any, ...], folder: Path, when: Callable[..., None]) -> None:
    """A night that comes to no end; the next process opens the folder as it lies there."""
    engine: Any = reading.engine
    post = (list(reading.post.pending), list(reading.post.sent), list(reading.post.coming), set(reading.post.unsent))
    begin = engine.kept.begin

    def begins() -> None:  # what a journey's new words make before is committed
        begin()
        before.update(state_of(folder))

    before: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.kept, "begin", begins)
        patch.setattr(engine.kept, "roll_back", lambda: None)
        when(engine, patch, lambda: state_of(folder) == before)
        with pytest.raises(Died):
            reading.run(*night)
    assert state_of(folder) == before
    engine.kept.warehouse.lock.close()  # as the end of a process does
    reading.engine = opened(folder, "memory")
    assert state_of(folder) == before
    reading.post.pending, reading.post.sent, reading.post.coming, reading.post.unsent = post


def dies_in_the_night(engine: Any, patch: pytest.MonkeyPatch, _: Callable[[], bool]) -> None:
    """The process is gone at a statement."""
    do, left = engine._do, [40]

    def does(told: Any) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise Died
        do(told)

    patch.setattr(engine, "_do", does)


def dies_in_the_commit(engine: Any, patch: pytest.MonkeyPatch, stands: Callable[[], bool]) -> None:
    """The state stands before every write of the commit; at the very last one the process is gone."""
    from journey_engine.engines.spark_tables import SparkTables

    writes, replace = [0], os.replace

    def watched(plain: Callable[..., Any]) -> Callable[..., Any]:
        def write(*given: Any, **named: Any) -> Any:
            if engine.exists("night"):
                writes[0] += 1
                assert stands()
            return plain(*given, **named)

        return write

    def last(*given: Any) -> None:
        if not engine.exists("night"):
            replace(*given)
            return
        assert stands()
        assert writes[0] > 10
        raise Died

    patch.setattr(SparkTables, "_write_part", watched(SparkTables._write_part))
    patch.setattr(warehouse, "_sync", watched(warehouse._sync))
    patch.setattr(json, "dump", watched(json.dump))
    patch.setattr(os, "replace", last)


def test_the_commands_say_the_same_as_with_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = answers(shop(tmp_path / "file" / "shop", "duckdb:///var/engine.duckdb"), capsys)
    assert answers(shop(tmp_path / "spark" / "shop", "spark:///var/spark?master=local[1]"), capsys) == plain
    assert plain[1]["messages"] == {"accepted": 1, "pending": 3}


@pytest.mark.parametrize(("customers", "nights"), [(60, 2), pytest.param(1200, 4, marks=pytest.mark.long)])
def test_the_shipped_journeys_are_told_alike(customers: int, nights: int, tmp_path: Path) -> None:
    left = {}
    for name, engine in (("duckdb", "duckdb:///var/engine.duckdb"), ("spark", "spark:///var/spark?master=local[1]")):
        folder = shipped(tmp_path / name, engine, customers)
        for day in NIGHTS[:nights]:
            loaded, as_of = open_project(folder), parse_instant(f"{day}T02:00:00Z")
            report = run(loaded, as_of, clock=lambda now=as_of: now, accept_loss=True)
            assert not report.broken
        reader = open_reader(engine, folder)
        left[name] = kept(reader)
        reader.close()
    assert len(left["duckdb"]["decisions"]) >= customers // 15
    same(left["spark"], left["duckdb"])
