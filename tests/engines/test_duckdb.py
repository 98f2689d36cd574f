"""The engine interface on DuckDB: what goes in comes out, all or nothing, and readers are never in the way."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from journey_engine.address import FilePlace
from journey_engine.engines import QueryFailed, memory, open_engine, open_reader
from journey_engine.engines.duckdb import BATCH, DuckDB
from journey_engine.engines.store import SCHEMA_VERSION
from journey_engine.errors import JourneyError
from journey_engine.times import FAR_PAST, naive, parse_instant

URL = "duckdb:///var/engine.duckdb"
ODD = [
    "plain", "", " ", "a,b", 'with "quotes"', "''; DROP TABLE words; --", "two\nlines", "cr\r\nlf", "\\N", "NULL",
    "tab\there", "nul\x00inside", "Grüße, 東京, 🎈", "\u2028", "back\\slash", "{{ jinja }}", "x" * 1_000_000,
]  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> DuckDB:
    made = open_engine(URL, tmp_path)
    assert isinstance(made, DuckDB)
    return made


@pytest.mark.parametrize("times", [1, 5])
def test_loaded_text_comes_back_to_the_letter_and_empty_text_is_not_null(engine: DuckDB, times: int) -> None:
    engine.execute("CREATE TABLE words (place INTEGER, word VARCHAR)")
    rows = [*enumerate(ODD * times), (-1, None)]
    assert engine.load("words", ("place", "word"), rows) == len(rows)
    assert engine.rows("SELECT place, word FROM words ORDER BY place") == sorted(rows, key=lambda row: row[0])


def test_every_type_that_the_night_loads_comes_back(engine: DuckDB) -> None:
    engine.execute("CREATE TABLE kinds (i INTEGER, b BIGINT, f BOOLEAN, s TIMESTAMP, t TIME, v VARCHAR)")
    rows = [
        (1, 10**17, True, naive(parse_instant("2026-03-01T02:03:04.567890Z")), dt.time(9, 30), "v"),
        (None, None, None, None, None, None),
        (-1, -(10**17), False, naive(FAR_PAST), dt.time(0, 0), ""),
    ]
    engine.load("kinds", ("i", "b", "f", "s", "t", "v"), rows)
    assert engine.rows("SELECT * FROM kinds ORDER BY i NULLS FIRST") == [rows[1], rows[2], rows[0]]


def test_a_column_without_any_value_loads(engine: DuckDB) -> None:
    engine.execute("CREATE TABLE empty (i INTEGER, v VARCHAR, s TIMESTAMP)")
    engine.load("empty", ("i", "v", "s"), [(None, None, None)] * 3)
    assert engine.rows("SELECT count(*), count(i), count(v), count(s) FROM empty") == [(3, 0, 0, 0)]


def test_more_rows_than_a_batch_keep_their_order_and_none_are_needed(engine: DuckDB) -> None:
    engine.execute("CREATE TABLE numbers (n INTEGER)")
    assert engine.load("numbers", ("n",), ((n,) for n in range(2 * BATCH + 1))) == 2 * BATCH + 1
    assert engine.load("numbers", ("n",), []) == 0
    assert [row for rows in engine.batches("SELECT n FROM numbers") for row in rows] == [
        (n,) for n in range(2 * BATCH + 1)
    ]


def test_a_transaction_that_fails_leaves_nothing(engine: DuckDB) -> None:
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


def test_a_failure_while_rows_are_fetched_is_a_failed_query_without_the_value(engine: DuckDB) -> None:
    late = "SELECT CAST(CASE WHEN i = 900000 THEN 'secret' ELSE '1' END AS INTEGER) FROM range(1000000) AS t(i)"
    with pytest.raises(QueryFailed) as found:
        engine.rows(late)
    assert "secret" not in str(found.value)
    with pytest.raises(QueryFailed):
        list(engine.batches(late))


def test_a_reader_keeps_its_copy_while_a_new_one_is_published(engine: DuckDB, tmp_path: Path) -> None:
    engine.execute("CREATE TABLE seen (n INTEGER)")
    engine.execute("INSERT INTO seen VALUES (1)")
    engine.publish()
    early = open_reader(URL, tmp_path)
    engine.execute("INSERT INTO seen VALUES (2)")
    engine.publish()
    late = open_reader(URL, tmp_path)
    assert early.rows("SELECT n FROM seen ORDER BY n") == [(1,)]
    assert late.rows("SELECT n FROM seen ORDER BY n") == [(1,), (2,)]
    early.close()
    late.close()


def test_another_process_reads_the_copy_while_a_night_writes(engine: DuckDB, tmp_path: Path) -> None:
    engine.execute("CREATE TABLE seen (n INTEGER)")
    engine.execute("INSERT INTO seen VALUES (1)")
    engine.publish()
    engine.execute("BEGIN TRANSACTION")
    engine.execute("INSERT INTO seen VALUES (2)")
    script = (
        "import sys; from pathlib import Path; from journey_engine.engines import open_reader, open_engine\n"
        f"print(open_reader('{URL}', Path(sys.argv[1])).rows('SELECT n FROM seen'))\n"
        "try:\n"
        f"    open_engine('{URL}', Path(sys.argv[1]))\n"
        "except Exception as error:\n"
        "    print(error.code, '|', error)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    read, refused = done.stdout.split("\n", 1)
    assert read == "[(1,)]"
    assert refused.startswith("engine-unavailable")
    assert "wait for it to end" in refused


def test_the_copy_cannot_be_written(engine: DuckDB, tmp_path: Path) -> None:
    engine.publish()
    reader = open_reader(URL, tmp_path)
    with pytest.raises(QueryFailed, match="read-only"):
        reader.execute("DELETE FROM runs")
    reader.close()


def test_without_a_night_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(JourneyError, match="nothing to read yet") as found:
        open_reader(URL, tmp_path)
    assert found.value.remedy == "run one with `journey run`"


def test_a_copy_left_half_written_by_a_killed_run_is_replaced(engine: DuckDB, tmp_path: Path) -> None:
    (tmp_path / "var" / "engine.read.part").write_bytes(b"half")
    engine.publish()
    assert sorted(path.name for path in (tmp_path / "var").iterdir()) == ["engine.duckdb", "engine.read.duckdb"]


@pytest.mark.parametrize("opens", ["engine", "copy"])
def test_a_file_that_is_no_store_is_named_with_the_remedy(tmp_path: Path, opens: str) -> None:
    (tmp_path / "var").mkdir()
    name = "engine.duckdb" if opens == "engine" else "engine.read.duckdb"
    (tmp_path / "var" / name).write_bytes(b"this is no database" * 1000)
    with pytest.raises(JourneyError) as found:
        (open_engine if opens == "engine" else open_reader)(URL, tmp_path)
    assert str(tmp_path / "var" / name) in found.value.message
    assert "restore it from a copy" in (found.value.remedy or "")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where a folder should be")
    with pytest.raises(JourneyError, match=r"engine\.duckdb cannot be opened") as found:
        open_engine(URL, tmp_path)
    assert found.value.remedy


def test_a_newer_store_is_left_as_it_is(engine: DuckDB, tmp_path: Path) -> None:
    engine.execute("UPDATE meta SET value = '99' WHERE name = 'schema_version'")
    engine.publish()
    engine.close()
    before = (tmp_path / "var" / "engine.duckdb").read_bytes()
    for opens in (open_engine, open_reader):
        with pytest.raises(JourneyError, match=f"version 99; this program knows up to {SCHEMA_VERSION}") as found:
            opens(URL, tmp_path)
        assert found.value.code == "newer-store"
        assert "upgrade" in (found.value.remedy or "")
    assert (tmp_path / "var" / "engine.duckdb").read_bytes() == before


def test_a_store_of_another_environment_is_refused(engine: DuckDB, tmp_path: Path) -> None:
    engine.close()
    with pytest.raises(JourneyError, match="belongs to the environment 'development', the project says 'production'"):
        open_engine(URL, tmp_path, environment="production")


def test_tables_of_another_maker_under_our_names_are_not_taken_over(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "var").mkdir()
    with duckdb.connect(str(tmp_path / "var" / "engine.duckdb")) as other:
        other.execute("CREATE TABLE events AS SELECT 'precious' AS value")
    with pytest.raises(JourneyError, match="tables of another maker under our names: events") as found:
        open_engine(URL, tmp_path)
    assert "raw.customers" in (found.value.remedy or "")
    with duckdb.connect(str(tmp_path / "var" / "engine.duckdb")) as other:
        assert other.execute("SELECT * FROM events").fetchall() == [("precious",)]


def test_an_engine_in_memory_has_the_same_tables(engine: DuckDB) -> None:
    names = "SELECT table_name FROM information_schema.tables ORDER BY 1"
    assert memory().rows(names) == engine.rows(names)


def test_a_night_takes_no_more_memory_than_it_is_given_and_goes_on_by_way_of_the_disk(tmp_path: Path) -> None:
    engine = open_engine(f"{URL}?memory=60MB", tmp_path)
    try:
        engine.execute(
            "CREATE TEMP TABLE wide AS SELECT i, repeat(md5(CAST(i AS VARCHAR)), 8) AS text FROM range(600000) t(i)"
        )
        assert engine.rows("SELECT count(*), count(DISTINCT text) FROM wide") == [(600_000, 600_000)]
        assert engine.rows("SELECT sum(size) > 0 FROM duckdb_temporary_files()") == [(True,)]
    finally:
        engine.close()
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["engine.duckdb"]


@pytest.mark.parametrize("asked", ["4", "4 GB", "0GB", "-1GB", "4gb", "80%", "4GB&threads=1", ""])
def test_an_amount_of_memory_is_whole_megabytes_or_gigabytes(asked: str) -> None:
    with pytest.raises(ValueError, match=r"write (whole megabytes or gigabytes, such as 4GB|it as duckdb:///)"):
        FilePlace.of(f"{URL}?memory={asked}")
