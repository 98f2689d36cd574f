"""The engine on PostgreSQL: what goes in comes out, readers never wait, and mistakes are told with a remedy."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from journey_engine.address import Address
from journey_engine.engines import Engine, QueryFailed, memory, open_engine, open_reader
from journey_engine.engines.postgres import Postgres
from journey_engine.errors import JourneyError
from journey_engine.times import FAR_PAST, naive, parse_instant
from tests.engines.test_duckdb import ODD
from tests.servers import SECRET, Server

HERE = Path()


@pytest.fixture
def engine(database: str) -> Iterator[Postgres]:
    made = open_engine(database, HERE)
    assert isinstance(made, Postgres)
    yield made
    made.close()


def test_loaded_text_comes_back_to_the_letter_and_empty_text_is_not_null(engine: Postgres) -> None:
    engine.execute("CREATE TABLE words (place INTEGER, word VARCHAR)")
    rows = [*enumerate(text for text in ODD if "\0" not in text), (-1, None)]
    assert engine.load("words", ("place", "word"), rows) == len(rows)
    assert engine.rows("SELECT place, word FROM words ORDER BY place") == sorted(rows, key=lambda row: row[0])


def test_text_that_the_reader_hands_over_is_the_same_but_for_zero_characters(engine: Postgres) -> None:
    reader = engine.reader()
    reader.execute("CREATE TABLE words (place INTEGER, word VARCHAR)")
    rows = [*enumerate(ODD), (-1, None)]
    reader.load("words", ("place", "word"), rows)
    engine.bring("words")
    found = engine.rows("SELECT place, word FROM words ORDER BY place")
    assert found == sorted([(n, word and word.replace("\0", "\ufffd")) for n, word in rows], key=lambda row: row[0])
    assert "zero characters in text" in engine.gaps
    engine.lend("SELECT place, word FROM words", "back")
    assert reader.rows("SELECT place, word FROM back ORDER BY place") == found


def test_zero_characters_written_in_json_are_replaced_and_nothing_else(engine: Postgres) -> None:
    reader = engine.reader()
    texts = [r'{"a":"x\u0000y"}', r'{"a":"x\\u0000y"}', r'{"a":"\\\u0000\u0000"}', '{"a":"plain"}']
    reader.execute("CREATE TABLE given (properties VARCHAR)")
    reader.load("given", ("properties",), [(text,) for text in texts])
    engine.bring("given", ["properties"])
    read = engine.rows("SELECT json_extract_string(properties, '/a') FROM given")
    assert read == [("x\ufffdy",), (r"x\u0000y",), ("\\\ufffd\ufffd",), ("plain",)]


def test_every_type_that_the_night_loads_comes_back(engine: Postgres) -> None:
    engine.execute("CREATE TABLE kinds (i INTEGER, b BIGINT, f BOOLEAN, s TIMESTAMP, t TIME, v VARCHAR)")
    rows = [
        (1, 10**17, True, naive(parse_instant("2026-03-01T02:03:04.567890Z")), dt.time(9, 30), "v"),
        (None, None, None, None, None, None),
        (-1, -(10**17), False, naive(FAR_PAST), dt.time(0, 0), ""),
    ]
    engine.load("kinds", ("i", "b", "f", "s", "t", "v"), rows)
    assert engine.rows("SELECT * FROM kinds ORDER BY i NULLS FIRST") == [rows[1], rows[2], rows[0]]
    assert list(engine.batches("SELECT i FROM kinds ORDER BY i NULLS LAST", 2)) == [[(-1,), (1,)], [(None,)]]


FLOATS = (0.0, -0.0, 5.0, 0.1, -2.5, 1e-6, 1e-7, 1.5e-7, 1e20, 1e21, 1.25e300, 123456789.125, 1e15, 0.30000000000000004)
NUMBERS = (
    "5",
    "-7.25",
    "1e3",
    "2.5e-6",
    "0.0000005",
    "+4",
    "1e400",
    "999999999999999999.999999",
    "1e18",
    "",
    "5x",
    ".5",
)
DAYS = ("2026-02-28", "2026-02-29", "2024-02-29", "2026-13-01", "0001-01-01", "9999-12-31")
INSTANTS = ("2026-01-31T02:00:00Z", "2026-01-31", "2026-01-31 02:00", "2026-01-31T02:00:00.123456+05:30",
            "2026-01-31T02:00:60Z", "2026-01-31T25:00:00Z", "2026-02-30T02:00:00Z")  # fmt: skip
TEXTS = ("plain", 'with "quotes"', "back\\slash", "tab\t", "\x01\x08\x0b\x0c\x1b\x1f\x7f", "Grüße, 東京, 🎈", "", "a/b")
READINGS: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "floats as JSON": ("DOUBLE", "CAST(to_json({0}) AS VARCHAR)", FLOATS),
    "floats in an inner object": ("DOUBLE", "CAST(json_object('a', json_object('b', {0})) AS VARCHAR)", FLOATS),
    "floats as numbers": ("DOUBLE", "TRY_CAST({0} AS DECIMAL(38, 6))", (*FLOATS[:8], 12345678901.1, 0.1234565)),
    "numbers in text": ("VARCHAR", "TRY_CAST({0} AS DECIMAL(38, 6))", NUMBERS),
    "exact numbers as JSON": ("DECIMAL(38, 6)", "CAST(to_json({0}) AS VARCHAR)", ("5", "-7.25", "0.000001")),
    "exact numbers in an inner object": (
        "DECIMAL(38, 6)", "CAST(json_object('a', json_object('b', {0})) AS VARCHAR)",
        ("5", "-7.25", "0.000001", "123456789012345678.123456"),
    ),
    "whole numbers": (
        "INTEGER", "CAST(json_object('a', json_object('b', {0}), 'c', {0}) AS VARCHAR)", (0, -5, 2**31 - 1),
    ),
    "days": ("VARCHAR", "TRY_CAST({0} AS DATE)", DAYS),
    "instants": ("VARCHAR", "TRY_CAST({0} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'", INSTANTS),
    "instants in words": (
        "TIMESTAMP", "concat(strftime({0}, '%Y-%m-%dT%H:%M:%S'), strftime({0}, '.%f'), CAST(to_json({0}) AS VARCHAR))",
        ("2026-01-31 02:03:04.5", "2026-12-01 00:00:00", "0999-01-01 23:59:59.000001"),
    ),
    "JSON within JSON": (
        "VARCHAR", "CAST(json_object('a', json_object('b', to_json({0}))) AS VARCHAR)", (*TEXTS, None),
    ),
    "text as JSON": ("VARCHAR", "CAST(to_json({0}) AS VARCHAR)", TEXTS),
    "flags": ("BOOLEAN", "CAST(json_object('a', {0}) AS VARCHAR)", (True, False, None)),
    "what JSON values are": (
        "VARCHAR", "concat(json_type({0}), json_type(json_extract({0}, '/a')))",
        ('{"a":1}', '{"a":1.5}', '{"a":"1"}', '{"a":null}', '{"a":true}', '{"a":[1]}', "{}", "[1]", '"x"', "5"),
    ),
    "values by pointer": (
        "VARCHAR", "concat(json_extract_string({0}, '/a~1b/c'), '|', CAST(json_extract({0}, '/a~1b') AS VARCHAR))",
        ('{"a/b":{"c":"x"}}', '{"a/b":{"c":null}}', '{"a/b":[1,2]}', '{"a/b":"é\\""}', "{}"),
    ),
    "objects put together": (
        "VARCHAR", "json_merge_patch({0}, json_object('at', 'now'))",
        ('{"a":1,"at":2,"b":{"at":null}}', "{}", '{"at":1}', '{"\\"q\\"":"x"}'),
    ),
    "lengths of time": (
        "TIMESTAMP", "{0} + to_months(1) + to_days(-1) + to_seconds(90) + to_microseconds(7200000001)",
        ("2026-01-31 02:03:04.5", "2024-01-30 00:00:00"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", READINGS)
def test_functions_that_postgresql_lacks_mean_what_they_mean_in_duckdb(engine: Postgres, what: str) -> None:
    kind, expression, values = READINGS[what]
    told: list[list[Any]] = []
    plain: Engine = memory()
    for one in (plain, engine):
        one.execute(f"CREATE TABLE given_values (place INTEGER, v {kind})")
        for place, value in enumerate(values):
            one.execute("INSERT INTO given_values VALUES (?, ?)", (place, value))
        told.append(one.rows(f"SELECT v, {expression.format('v')} FROM given_values ORDER BY place"))
    plain.close()
    assert told[1] == told[0]


def test_text_compares_bytewise_whatever_the_database_s_own_order_is(engine: Postgres) -> None:
    engine.execute("CREATE TEMP TABLE words (word VARCHAR)")
    words = ["a", "B", "ä", "Z", "z", "_", "1", " b"]
    engine.load("words", ("word",), [(word,) for word in words])
    assert [word for (word,) in engine.rows("SELECT word FROM words ORDER BY word")] == sorted(words)
    compared = "SELECT CAST(n AS VARCHAR) < '_' FROM (SELECT 5 AS n) AS w"
    assert engine.rows(compared) == memory().rows(compared)
    engine.execute("CREATE OR REPLACE TEMP TABLE made AS SELECT CAST(5 AS VARCHAR) AS word")
    assert engine.rows("SELECT count(*) FROM words AS w JOIN made AS m ON m.word <= w.word") == [(6,)]


def test_a_transaction_that_fails_leaves_nothing(engine: Postgres) -> None:
    engine.execute("CREATE TABLE kept (n INTEGER)")

    def insert(number: int, then: Callable[[], object]) -> None:
        with engine.transaction():
            engine.execute("INSERT INTO kept VALUES (?)", [number])
            then()

    with pytest.raises(QueryFailed):
        insert(1, lambda: engine.execute("INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(ZeroDivisionError):
        insert(2, lambda: 1 // 0)
    insert(3, lambda: None)
    assert engine.rows("SELECT n FROM kept") == [(3,)]


def test_what_the_server_says_of_a_failure_holds_no_value(engine: Postgres) -> None:
    with pytest.raises(QueryFailed) as found:
        engine.rows("SELECT CAST(word AS INTEGER) FROM (SELECT 'secret' AS word) AS w")
    assert "secret" not in str(found.value)


def test_readers_see_the_committed_run_and_wait_for_none(engine: Postgres, database: str) -> None:
    engine.execute("CREATE OR REPLACE TABLE customers AS SELECT 'a' AS customer_id")
    engine.execute("INSERT INTO runs VALUES (1, 'one', TIMESTAMP '2026-03-01 02:00', 1, 0, NULL)")
    early = open_reader(database, HERE)
    assert early.rows("SELECT customer_id FROM customers") == [("a",)]
    early.close()
    engine.execute("BEGIN TRANSACTION")
    engine.execute("CREATE OR REPLACE TABLE customers AS SELECT 'b' AS customer_id")
    assert engine.rows("SELECT customer_id FROM customers") == [("b",)]
    with psycopg.connect(database, options="-c lock_timeout=2s -c search_path=journey_engine") as looking:
        assert looking.execute("SELECT customer_id FROM customers").fetchall() == [("a",)]
    engine.execute("COMMIT")
    late = open_reader(database, HERE)
    assert late.rows("SELECT customer_id FROM customers") == [("b",)]
    with pytest.raises(JourneyError, match="read-only"):
        late.execute("DELETE FROM runs")
    late.close()


def test_a_table_made_anew_in_a_run_that_is_rolled_back_stays_as_it_was(engine: Postgres) -> None:
    engine.execute("CREATE OR REPLACE TABLE customers AS SELECT 'a' AS customer_id")
    engine.execute("BEGIN TRANSACTION")
    engine.execute("CREATE OR REPLACE TABLE customers AS SELECT 'b' AS customer_id")
    engine.execute("ROLLBACK")
    with engine.transaction():
        engine.execute("INSERT INTO meta VALUES ('more', 'more')")
    assert engine.rows("SELECT customer_id FROM customers") == [("a",)]


def test_before_the_first_night_there_is_nothing_to_read(engine: Postgres, database: str, server: Server) -> None:
    for url in (database, server.new("nothing_at_all")):
        with pytest.raises(JourneyError, match="nothing to read yet"):
            open_reader(url, HERE)


def test_one_process_writes_at_a_time_in_a_schema(engine: Postgres, database: str) -> None:
    with pytest.raises(JourneyError, match="another process has it open for writing") as found:
        open_engine(database, HERE)
    assert found.value.code == "engine-unavailable"
    open_engine(f"{database}?schema=another", HERE).close()
    engine.close()
    open_engine(database, HERE).close()


def test_newer_stores_other_environments_and_strangers_are_refused(engine: Postgres, database: str) -> None:
    engine.close()
    with pytest.raises(JourneyError, match="belongs to the environment 'development', the project says 'production'"):
        open_engine(database, HERE, environment="production")
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("UPDATE journey_engine.meta SET value = '99' WHERE name = 'schema_version'")
        other.execute("CREATE SCHEMA strange")
        other.execute("CREATE TABLE strange.events (value text)")
    with pytest.raises(JourneyError, match="schema version 99"):
        open_engine(database, HERE)
    with pytest.raises(JourneyError, match="tables of another maker under our names: events"):
        open_engine(f"{database}?schema=strange", HERE)


def test_source_tables_are_read_with_their_types_in_their_order(engine: Postgres, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("CREATE SCHEMA raw")
        other.execute(
            "CREATE TABLE raw.people (id text, age integer, spent numeric(10, 2), vip boolean, born date, "
            "seen timestamptz, score double precision, tags jsonb, free numeric)"
        )
        other.execute(
            "INSERT INTO raw.people VALUES "
            "('b', 5, 12.50, TRUE, '2000-02-29', '2026-01-01 02:00+02', 0.1, '{\"a\": 1}', 1.5),"
            "(E'a\\n\"x\"', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),"
            "('', 1, 0, FALSE, NULL, NULL, 1e20, '[]', 1e40)"
        )
    place = ".".join(f'"{part}"' for part in engine.table(["raw", "people"]))
    reader = engine.reader()
    assert reader.columns(place) == {
        "id": "VARCHAR", "age": "INTEGER", "spent": "DECIMAL(10,2)", "vip": "BOOLEAN", "born": "DATE",
        "seen": "TIMESTAMP WITH TIME ZONE", "score": "DOUBLE", "tags": "VARCHAR", "free": "DECIMAL(38,6)",
    }  # fmt: skip
    found = reader.rows(
        f"SELECT id, age, CAST(spent AS VARCHAR), vip, born, epoch(seen), score, tags, free FROM {place}"
    )
    assert [row[0] for row in found] == ["b", 'a\n"x"', ""]
    assert found[0][1:8] == (5, "12.50", True, dt.date(2000, 2, 29), 1767225600.0, 0.1, '{"a": 1}')
    assert found[1][1:] == (None,) * 8
    assert found[2][8] is None  # larger than any number of the language
    with pytest.raises(QueryFailed, match=r"no table raw\.nobody"):
        engine.table(["raw", "nobody"])


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("postgresql://u:hush@h/d", "the password does not belong in a file"),
        ("postgresql://u@h/d?password=hush", "the password does not belong in a file"),
        ("postgresql://u@h", "names no database"),
        ("postgresql://u@h:x/d", "port is no number"),
        ("postgresql://u@h/d?schema=a;b", "is no name for schema"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_its_password(url: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as found:
        Address.of(url)
    assert "hush" not in str(found.value)


def test_the_password_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.new("guarded")
    url = server.url("guarded", "guarded")
    monkeypatch.setenv("PGPASSWORD", SECRET)
    open_engine(url, HERE).close()
    monkeypatch.setenv("PGPASSWORD", "wrong secret")
    with pytest.raises(JourneyError, match="password authentication failed") as found:
        open_engine(url, HERE)
    assert "the password in PGPASSWORD" in (found.value.remedy or "")
    assert "secret" not in str(found.value)
    with pytest.raises(JourneyError, match="there is no SHOP_DB in the environment") as found:
        open_engine(f"{url}?password_env=SHOP_DB", HERE)
    monkeypatch.setenv("SHOP_DB", SECRET)
    open_engine(f"{url}?password_env=SHOP_DB", HERE).close()


def test_a_server_that_is_down_and_a_database_that_is_not_there_are_told_with_a_remedy(server: Server) -> None:
    with pytest.raises(JourneyError, match="cannot be opened") as found:
        open_engine("postgresql://someone@127.0.0.1:1/shop", HERE)
    assert "start the server" in (found.value.remedy or "")
    with pytest.raises(JourneyError, match="does not exist") as found:
        open_engine(server.url("no_such_thing"), HERE)
    assert found.value.remedy == "make it: createdb no_such_thing"


def test_without_the_driver_the_remedy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "journey_engine.engines.postgres", raising=False)
    with pytest.raises(JourneyError, match="its driver is not installed") as found:
        open_engine("postgresql://someone@127.0.0.1:1/shop", HERE)
    assert found.value.remedy == "pip install 'journey-engine[postgres]'"
