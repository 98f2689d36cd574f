"""Customers who are as they were are left alone; the table is as if all were read and written anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.collect import READ
from journey_engine.engines import Engine
from tests.properties.test_event_files import COLUMNS, PROJECT, both, collect, write

HEAD = ("customer_id", "plan", "timezone", "points")
ROWS = st.tuples(
    st.sampled_from(["c1", "c1", "c2", "c3", "c4", ""]),
    st.sampled_from(["free", "pro", ""]),
    st.sampled_from(["Europe/Oslo", "UTC", "Mars/Olympus", ""]),
    st.sampled_from(["1", "2", "many", ""]),
)
NIGHTS = st.lists(
    st.tuples(st.none() | st.lists(ROWS, min_size=1, max_size=4), st.booleans(), st.booleans()), min_size=2, max_size=6
)  # fmt: skip


@pytest.fixture(name="engines")
def two_engines() -> Iterator[tuple[Engine, Engine]]:
    yield from both()


shared = pytest.fixture(both, name="shared", scope="module")


def customers(engine: Engine) -> list[Any]:
    return engine.rows("SELECT * FROM customers ORDER BY customer_id")


def changed(engine: Engine) -> set[str]:
    return {who for (who,) in engine.rows("SELECT customer_id FROM changed_customers")}


def set_plan(engine: Engine) -> None:
    """What a `set` step does to each customer of the night."""
    engine.execute("DELETE FROM overlays")
    engine.execute(
        "INSERT INTO overlays SELECT customer_id, 'plan', '\"gold\"', NULL FROM customers WHERE plan IS NULL"
    )


@settings(max_examples=12, deadline=None)
@given(nights=NIGHTS)
def test_the_customers_are_as_if_all_were_written_each_night(
    shared: tuple[Engine, Engine], tmp_path_factory: pytest.TempPathFactory, nights: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("customers")
    write(folder / "data/e0.csv", COLUMNS, [("first", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    write(folder / "data/customers.csv", HEAD, [("c1", "free", "UTC", "1")])
    for engine in shared:
        for table in ("events", "roster", "event_files", "meta", "overlays"):
            engine.execute(f"DELETE FROM {table}")
        engine.execute("DROP TABLE IF EXISTS customers")
    before: list[Any] = []
    for night, (rows, sets, narrow) in enumerate(nights):
        if rows is not None and any(row[0] for row in rows):
            head = HEAD[:3] if narrow else HEAD
            write(folder / "data/customers.csv", head, [row[: len(head)] for row in rows])
        some, every = shared
        every.execute("DELETE FROM meta")
        every.execute("DROP TABLE IF EXISTS customers")
        one, whole = collect(some, folder, night), collect(every, folder, night)
        assert customers(some) == customers(every)
        assert (one.customers, one.columns, one.default_zone, one.aside) == (
            whole.customers, whole.columns, whole.default_zone, whole.aside,
        )  # fmt: skip
        assert some.rows("SELECT * FROM roster ORDER BY 1") == every.rows("SELECT * FROM roster ORDER BY 1")
        assert changed(some) >= {row[0] for row in customers(some) if row not in before}
        before = customers(some)
        if sets:
            set_plan(some)
            set_plan(every)


def test_a_source_as_it_was_is_not_read(engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    engine, _ = engines
    write(tmp_path / "data/e0.csv", COLUMNS, [("first", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    write(
        tmp_path / "data/customers.csv",
        HEAD,
        [("c1", "free", "UTC", "1"), ("c2", "pro", "Mars/Olympus", "2"), ("", "", "", "")],
    )
    first = collect(engine, tmp_path, 0)
    asked: list[str] = []
    engine.listener = asked.append  # type: ignore[attr-defined]
    again = collect(engine, tmp_path, 1)
    assert not [sql for sql in asked if "TABLE incoming_customers AS" in sql]
    assert (again.customers, again.columns, [str(one) for one in again.aside]) == (
        2, first.columns, [str(one) for one in first.aside],
    )  # fmt: skip
    assert len(again.aside) == 2  # a row without an id, and a zone that is none
    assert changed(engine) == set()


def test_a_project_that_was_moved_has_the_same_customers(engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    engine, _ = engines
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    write(old / "data/e0.csv", COLUMNS, [("first", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    write(old / "data/customers.csv", HEAD, [("c1", "free", "UTC", "1")])
    collect(engine, old, 0)
    old.rename(new)
    asked: list[str] = []
    engine.listener = asked.append  # type: ignore[attr-defined]
    collect(engine, new, 1)
    assert not [sql for sql in asked if "TABLE incoming_customers AS" in sql]


def test_only_rows_that_changed_are_written(engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    engine, _ = engines
    write(tmp_path / "data/e0.csv", COLUMNS, [("first", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    rows = [(f"c{number}", "free", "UTC", "1") for number in range(20)]
    write(tmp_path / "data/customers.csv", HEAD, rows)
    collect(engine, tmp_path, 0)
    write(tmp_path / "data/customers.csv", HEAD, [*rows[1:19], ("c19", "pro", "UTC", "1"), ("c20", "free", "UTC", "1")])
    collect(engine, tmp_path, 1)
    assert changed(engine) == {"c19", "c20"}
    assert "c0" not in {row[0] for row in customers(engine)}


@pytest.mark.parametrize("why", ["a set attribute", "another time zone of the project", "an erased customer"])
def test_it_is_read_where_something_else_makes_customers_differ(
    engines: tuple[Engine, Engine], tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = engines
    write(tmp_path / "data/e0.csv", COLUMNS, [("first", "c1", "seen", "2026-05-01T10:00:00Z", "{}")])
    write(tmp_path / "data/customers.csv", HEAD, [("c1", "", "", "1")])
    collect(engine, tmp_path, 0)
    match why:
        case "a set attribute":
            set_plan(engine)
        case "another time zone of the project":
            monkeypatch.setitem(PROJECT, "timezone", "Europe/Oslo")
        case _:
            engine.execute("DELETE FROM customers")
            engine.execute("DELETE FROM meta WHERE name = ?", (READ,))
    collect(engine, tmp_path, 1)
    assert [who for who, *_ in customers(engine)] == ["c1"]
    assert changed(engine) == {"c1"}
