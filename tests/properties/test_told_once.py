"""A night that reads of the mailroom only what its ledger cannot hold has the ledger of one that reads it all."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.collect import Collector, ensure_properties
from journey_engine.engines import Engine, memory
from journey_engine.mailroom import Mailroom, answers
from journey_engine.night.hearing import unheard
from journey_engine.project import Project
from journey_engine.queries import statements
from journey_engine.records import Event
from journey_engine.times import UTC, naive

FIRST = dt.datetime(2026, 6, 1, 2, tzinfo=UTC)
DAY = dt.timedelta(days=1)
PROJECT = {
    "project": "told", "sender": {"name": "Shop", "email": "shop@example.com"},
    "customers": {"path": "data/customers.csv"}, "events": {"path": "data/events.csv"},
}  # fmt: skip
LEDGER = (
    "SELECT event_id, revision, newest, customer_id, name, occurred_at, received_at, properties, p0_num "
    "FROM events ORDER BY event_id, revision"
)
KEPT = ("events", "roster", "event_files", "runs")
IDS, PEOPLE = st.sampled_from(["e0", "e1", "e2", "e3", " e4"]), st.sampled_from(["c1", "c1", "c1", "c2", "c3"])
TOLD = st.tuples(IDS, PEOPLE, st.integers(-3, 3), st.integers(1, 3))
ROWS = st.tuples(
    IDS.map(str.strip), PEOPLE, st.just("answered"), st.sampled_from(["2026-05-31T10:00:00Z", "2026-06-03T10:00:00Z"]),
    st.sampled_from(['{"answer": 1}', '{"answer":2}', '{"answer": 4}', "{"]),
)  # fmt: skip
ENDS = st.sampled_from(
    ["marked"] * 5 + ["died before its commit", "died before the door", "engine restored", "engine new"]
)
NIGHTS = st.lists(
    st.tuples(
        st.lists(TOLD, max_size=3), st.none() | st.lists(ROWS, max_size=3),
        st.sampled_from([("c1", "c2"), ("c1", "c2"), ("c1",), ("c1", "c3"), ("c2", "c3")]), ENDS,
    ),
    min_size=2, max_size=7,
)  # fmt: skip


class Side:
    """An engine in memory that can be put back to how it was some nights ago."""

    def __init__(self) -> None:
        self.engine: Engine = memory()
        self.engine.execute("SET threads = 1")
        ensure_properties(self.engine, ["answer"])

    def empty(self) -> None:
        for table in KEPT:
            self.engine.execute(f"DELETE FROM {table}")

    def keep(self) -> None:
        for table in KEPT:
            self.engine.execute(f"CREATE OR REPLACE TABLE kept_{table} AS SELECT * FROM {table}")

    def restore(self) -> None:
        self.empty()
        for table in KEPT:
            self.engine.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[Side, Side]]:
    made = Side(), Side()
    yield made
    for one in made:
        one.engine.close()


def collect(side: Side, folder: Path, night: int, mailroom: Mailroom, *, whole: bool, end: str) -> tuple[Any, ...]:
    engine = side.engine
    engine.execute("BEGIN TRANSACTION")
    collector = Collector(engine, Project.model_validate(PROJECT), folder, FIRST + night * DAY)
    collector.customers(accept_loss=True)
    collector.events(mailroom.feedback() if whole else unheard(engine, mailroom), again=mailroom.told_of)
    collector.keep_roster()
    found = collector.collected
    newest = engine.rows(statements("collect")["newest_event"])
    if end == "died before its commit":
        engine.execute("ROLLBACK")
    else:
        run_id = f"night {night}"
        engine.execute("INSERT INTO runs VALUES (?, ?, ?, 0, 0, NULL)", (night, run_id, naive(FIRST + night * DAY)))
        engine.execute("COMMIT")
        if not whole and end != "died before the door":
            mailroom.collected(run_id, found.waiting)
    return found.received, found.corrected, found.aside, found.ahead, newest


def write(path: Path, columns: tuple[str, ...], rows: list[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


@settings(max_examples=60, deadline=None)
@given(nights=NIGHTS)
def test_the_ledger_is_as_if_all_that_was_told_were_read_each_night(
    sides: tuple[Side, Side], tmp_path_factory: pytest.TempPathFactory, nights: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("told")
    columns = ("event_id", "customer_id", "name", "occurred_at", "properties")
    write(folder / "data/events.csv", columns, [])
    for side in sides:
        side.empty()
        side.keep()
    with Mailroom.open(f"sqlite:///{folder}/mailroom.sqlite", environment="test") as mailroom:
        for night, (told, rows, customers, end) in enumerate(nights):
            for event_id, who, days, said in told:
                at = FIRST + (night + days) * DAY - dt.timedelta(hours=5)
                answers.keep(mailroom.store, Event(event_id, who, "answered", at, {"answer": said}))
            if rows is not None:
                write(folder / "data/events.csv", columns, rows)
            write(folder / "data/customers.csv", ("customer_id",), [(name,) for name in customers])
            if end.startswith("engine"):
                for side in sides:
                    side.restore() if end == "engine restored" else side.empty()
            some, whole = sides
            seen = collect(some, folder, night, mailroom, whole=False, end=end)
            assert seen == collect(whole, folder, night, mailroom, whole=True, end=end)
            assert some.engine.rows(LEDGER) == whole.engine.rows(LEDGER)
            if night == 2:
                for side in sides:
                    side.keep()
