"""Files that were read to the end are left alone, and the ledger is what it would be if all were read each night."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.collect import Collected, Collector, ensure_properties
from journey_engine.engines import Engine, memory
from journey_engine.project import Project
from journey_engine.times import UTC

FIRST = dt.datetime(2026, 6, 1, 2, tzinfo=UTC)
PROJECT = {
    "project": "files", "sender": {"name": "Shop", "email": "shop@example.com"},
    "customers": {"path": "data/customers.csv"}, "events": {"path": "data/e*.csv"},
}  # fmt: skip
COLUMNS = ("event_id", "customer_id", "name", "occurred_at", "properties")
LEDGER = (
    "SELECT event_id, revision, newest, customer_id, name, occurred_at, received_at, properties, row_hash, p0_num "
    "FROM events ORDER BY event_id, revision"
)
ROWS = st.tuples(
    st.sampled_from([f"e{number}" for number in range(6)] + [""]),
    st.sampled_from(["c1", "c1", "c1", "c2", "c3"]),
    st.sampled_from(["seen", "bought"]),
    # Before, between the nights, in three days, and no instant.
    st.sampled_from(["2026-05-01T10:00:00Z"] * 4 + ["2026-06-01T10:00:00Z", "2026-06-04T10:00:00Z", "soon"]),
    st.sampled_from(['{"total":1}', '{"total":1}', '{"total": 1}', '{"total":2}', "{"]),
)
CLEAN = st.tuples(
    st.sampled_from([f"e{number}" for number in range(12)]), st.just("c1"), st.just("seen"),
    st.just("2026-05-01T10:00:00Z"), st.sampled_from(['{"total":1}', '{"total":1}', '{"total":2}']),
)  # fmt: skip
CHANGES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.none() | st.lists(ROWS, max_size=3) | st.lists(CLEAN, max_size=3)),
    max_size=2,
)
NIGHTS = st.lists(
    st.tuples(CHANGES, st.sampled_from([("c1", "c2"), ("c1", "c2"), ("c1",), ("c1", "c3"), ("c2", "c3")])),
    min_size=2, max_size=6,
)  # fmt: skip


def both() -> Iterator[tuple[Engine, Engine]]:
    """Two engines in memory, with a typed property."""
    made = memory(), memory()
    for engine in made:
        engine.execute("SET threads = 1")
        ensure_properties(engine, ["total"])
    yield made
    for engine in made:
        engine.close()


engines = pytest.fixture(both, name="engines")
shared = pytest.fixture(both, name="shared", scope="module")


def write(path: Path, columns: tuple[str, ...], rows: list[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def collect(engine: Engine, folder: Path, night: int) -> Collected:
    project = Project.model_validate(PROJECT)
    collector = Collector(engine, project, folder, FIRST + dt.timedelta(days=night))
    collector.customers(accept_loss=True)
    collector.events()
    collector.keep_roster()
    return collector.collected


def read(engine: Engine) -> list[str]:
    return [Path(file).name for (file,) in engine.rows("SELECT file FROM event_files ORDER BY file")]


@settings(max_examples=25, deadline=None)
@given(nights=NIGHTS)
def test_the_ledger_is_as_if_every_file_were_read_each_night(
    shared: tuple[Engine, Engine], tmp_path_factory: pytest.TempPathFactory, nights: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    for engine in shared:
        for table in ("events", "roster", "event_files"):
            engine.execute(f"DELETE FROM {table}")
    write(folder / "data/e0.csv", COLUMNS, [("first", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    for night, (changes, customers) in enumerate(nights):
        for name, rows in changes:
            path = folder / f"data/e{name}.csv"
            if rows is None:
                path.unlink(missing_ok=True)
            else:
                write(path, COLUMNS, rows)
        write(folder / "data/customers.csv", ("customer_id",), [(name,) for name in customers])
        one, every = shared
        every.execute("DELETE FROM event_files")
        some, whole = collect(one, folder, night), collect(every, folder, night)
        assert one.rows(LEDGER) == every.rows(LEDGER)
        assert (some.received, some.corrected, some.aside, some.ahead) == (
            whole.received, whole.corrected, whole.aside, whole.ahead,
        )  # fmt: skip


def test_only_new_files_are_read_again(engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    engine, _ = engines
    old, new, moved = (
        [(name, "c1", "seen", "2026-05-01T10:00:00Z", "{}")] for name in ("e1", "e2", "e1")
    )  # fmt: skip
    write(tmp_path / "data/customers.csv", ("customer_id",), [("c1",)])
    write(tmp_path / "data/e1.csv", COLUMNS, old)
    collect(engine, tmp_path, 0)
    assert read(engine) == ["e1.csv"]
    asked: list[str] = []
    engine.listener = asked.append  # type: ignore[attr-defined]
    collect(engine, tmp_path, 1)
    assert not [sql for sql in asked if "TABLE incoming_events AS" in sql]
    write(tmp_path / "data/e2.csv", COLUMNS, new)
    asked.clear()
    assert collect(engine, tmp_path, 2).received == 1
    (sql,) = [sql for sql in asked if "TABLE incoming_events AS" in sql]
    assert ("e2.csv" in sql, "e1.csv" in sql) == (True, False)
    assert read(engine) == ["e1.csv", "e2.csv"]
    write(tmp_path / "data/e1.csv", COLUMNS, [*moved, ("e3", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    asked.clear()
    assert collect(engine, tmp_path, 3).received == 1
    (sql,) = [sql for sql in asked if "TABLE incoming_events AS" in sql]
    assert ("e2.csv" in sql, "e1.csv" in sql) == (False, True), "the file that has grown"
    (tmp_path / "data/e1.csv").unlink()
    asked.clear()
    collect(engine, tmp_path, 4)
    assert not [sql for sql in asked if "TABLE incoming_events AS" in sql], "what is gone changes nothing"
    assert read(engine) == ["e1.csv", "e2.csv"]


@pytest.mark.parametrize(("row", "why"), [
    (("e2", "c1", "seen", "2026-06-03T10:00:00Z", "{}"), "it waits for its night"),
    (("e2", "c9", "seen", "2026-05-01T10:00:00Z", "{}"), "it waits for its customer"),
    (("e2", "c1", "seen", "soon", "{}"), "it was set aside"),
])  # fmt: skip
def test_a_file_with_a_row_that_was_not_taken_is_read_each_night(
    engines: tuple[Engine, Engine], tmp_path: Path, row: tuple[str, ...], why: str
) -> None:
    engine, _ = engines
    write(tmp_path / "data/customers.csv", ("customer_id",), [("c1",)])
    good = ("e1", "c1", "seen", "2026-05-01T10:00:00Z", "{}")
    write(tmp_path / "data/e1.csv", COLUMNS, [good])
    write(tmp_path / "data/e2.csv", COLUMNS, [good, row])
    write(tmp_path / "data/e3.csv", COLUMNS, [good])
    collect(engine, tmp_path, 0)
    assert read(engine) == ["e1.csv", "e3.csv"], why


def test_another_reading_of_the_files_reads_them_again(engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    engine, _ = engines
    write(tmp_path / "data/customers.csv", ("customer_id",), [("c1",)])
    write(tmp_path / "data/e1.csv", (*COLUMNS, "kind"), [("e1", "c1", "seen", "2026-05-01T10:00:00Z", "{}", "bought")])
    collect(engine, tmp_path, 0)
    known = engine.rows("SELECT digest FROM event_files")
    events = {"path": "data/e*.csv", "columns": {"name": "kind"}}
    project = Project.model_validate({**PROJECT, "events": events})
    collector = Collector(engine, project, tmp_path, FIRST + dt.timedelta(days=1))
    collector.customers()
    collector.events()
    assert collector.collected.corrected == 1
    assert engine.rows("SELECT digest FROM event_files") != known


def test_few_rows_look_once_through_the_ledger(engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    engine, _ = engines
    write(tmp_path / "data/customers.csv", ("customer_id",), [("c1",)])
    write(tmp_path / "data/e1.csv", COLUMNS, [("e1", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    collect(engine, tmp_path, 0)
    write(tmp_path / "data/e2.csv", COLUMNS, [("e2", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    asked: list[str] = []
    engine.listener = asked.append  # type: ignore[attr-defined]
    assert collect(engine, tmp_path, 1).received == 1
    looked = [sql for sql in asked if " events AS l" in sql and "WHERE FALSE" not in sql]
    assert len(looked) == 1
    assert "properties" not in looked[0].partition("SEMI JOIN")[0], "contents are read of nothing that is new"
