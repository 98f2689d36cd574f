"""Whatever the files say, collecting ends well: each row is in the ledger, set aside, of nobody, or of the future."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.collect import Collector, ensure_properties
from journey_engine.engines import Engine, memory
from journey_engine.errors import JourneyError
from journey_engine.project import Project, Source
from journey_engine.queries import fill
from journey_engine.sources import event_reading
from journey_engine.times import UTC
from journey_engine.walk.values import own_number

AS_OF = dt.datetime(2026, 6, 1, 2, tzinfo=UTC)
NAMES = ("total", "a/b~c", "x \"y\" 'z'", "ключ")
PROJECT = {"project": "fuzz", "sender": {"name": "Shop", "email": "shop@example.com"}}
COLUMNS = ("event_id", "customer_id", "name", "occurred_at", "properties")

SOME_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)
PROPERTIES = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), SOME_JSON, max_size=5)
NASTY = st.text(max_size=12) | st.sampled_from(
    ["", " ", "\\N", "NULL", "infinity", "-infinity", "now", "epoch", "today", "2026-02-30", "2026-13-01T00:00:00Z",
     "1e9", "2026-01-01", "2026-01-01T25:00:00Z", "{", "[]", "null", '{"a":', "a,b", 'a"b', "a\nb",
     "\ufeff", "'; DROP TABLE events"]
)  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = memory()
    engine.execute("SET threads = 1")
    ensure_properties(engine, NAMES)
    yield engine
    engine.close()


@st.composite
def rows(draw: st.DrawFn) -> tuple[list[tuple[str, ...]], int]:
    """Rows of an events file, and how many of them lie in the future for sure."""
    found: list[tuple[str, ...]] = []
    ahead = 0
    for number in range(draw(st.integers(0, 8))):
        row = [f"e{number % 6}", "c1", "seen", f"2026-0{1 + number % 4}-05T10:00:00Z", json.dumps(draw(PROPERTIES))]
        match draw(st.sampled_from(["plain", "plain", "future", "nobody", "nasty", "nasty"])):
            case "future":
                row[3], ahead = "2027-01-01T00:00:00+02:00", ahead + 1
                row[4] = "{}"
            case "nobody":
                row[1], row[4] = "c9", "{}"
            case "nasty":
                row[draw(st.integers(0, 4))] = draw(NASTY).replace("\x00", "")
        found.append(tuple(row))
    return found, ahead


@settings(max_examples=60)
@given(given=rows())
def test_every_row_of_any_file_is_taken_set_aside_or_waits(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, given: tuple[list[tuple[str, ...]], int]
) -> None:
    lines, ahead = given
    folder = tmp_path_factory.mktemp("fuzz")
    write(folder / "customers.csv", ("customer_id",), [("c1",), ("c2",)])
    write(folder / "events.csv", COLUMNS, lines)
    collected = collect(engine, folder)
    aside = sum(one.count for one in collected.aside if "wait until" not in one.reason)
    read, waiting = engine.rows("SELECT count(*), count(DISTINCT event_id) FROM incoming_events WHERE reason IS NULL")[
        0
    ]
    assert read + aside + ahead == len(lines), collected
    held = engine.rows("SELECT count(*) FROM events WHERE revision = 1")[0][0]
    assert held == engine.rows("SELECT count(*) FROM events WHERE newest")[0][0]
    unknown = {row[0].strip() for row in lines if row[1].strip() not in ("c1", "c2")}
    assert waiting - len(unknown) <= held <= waiting
    again = collect(engine, folder, again=True)
    assert (again.received, again.corrected, again.aside) == (0, 0, collected.aside)


@settings(max_examples=60)
@given(properties=st.lists(PROPERTIES, max_size=6))
def test_named_properties_are_read_by_their_own_type(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, properties: list[dict[str, Any]]
) -> None:
    """As `walk` reads them: a number is one of the language, a text is a text, a flag a flag; all else is none."""
    folder = tmp_path_factory.mktemp("fuzz")
    write(folder / "customers.csv", ("customer_id",), [("c1",)])
    texts = [json.dumps(one) for one in properties]
    write(folder / "events.csv", COLUMNS, [
        (f"e{number}", "c1", "seen", "2026-01-05T10:00:00Z", text) for number, text in enumerate(texts)
    ])  # fmt: skip
    collect(engine, folder)
    numbers = ensure_properties(engine, NAMES)
    for event_id, held in engine.rows("SELECT event_id, properties FROM events"):
        told = json.loads(texts[int(event_id[1:])])
        assert json.loads(held) == told
        for name, number in numbers.items():
            columns = ", ".join(f"p{number}_{kind}" for kind in ("num", "txt", "flag"))
            row = engine.rows(f"SELECT {columns} FROM events WHERE event_id = ?", [event_id])[0]
            value = told.get(name)
            text, flag = value if isinstance(value, str) else None, value if isinstance(value, bool) else None
            assert row == (own_number(value), text, flag), (name, value)


SPACED = st.text(st.sampled_from(" \u00a0\u3000\u200b\t\n\0a-é日"), max_size=5)


@settings(max_examples=60)
@given(ids=st.lists(SPACED | st.text(max_size=8) | st.none(), min_size=1, max_size=30))
def test_an_id_of_an_event_is_read_without_spaces_as_a_customers_is(engine: Engine, ids: list[str | None]) -> None:
    kinds = dict.fromkeys(COLUMNS, "VARCHAR")
    engine.execute("CREATE OR REPLACE TEMP TABLE spaced (event_id VARCHAR, customer_id VARCHAR, name VARCHAR)")
    engine.load("spaced", ("event_id", "customer_id", "name"), [(one, one, one) for one in ids])
    columns = event_reading(kinds, Source.model_validate({"table": "spaced"}), AS_OF)["columns"].expressions
    read = "SELECT {event_id}, {customer_id}, {name} FROM spaced AS s"
    found = engine.rows(fill(read, {one.alias: one.this for one in columns}))
    assert len(found) == len(ids)
    assert [row for row in found if len({*row}) > 1] == []


@settings(max_examples=40)
@given(customers=st.text(max_size=60), events=st.text(max_size=120), header=st.booleans())
def test_any_text_is_a_source_or_is_refused_in_words(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, customers: str, events: str, header: bool
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    first = "customer_id,plan\nc1,pro\n" if header else ""
    (folder / "customers.csv").write_text(first + customers, encoding="utf-8", errors="replace")
    opening = ",".join(COLUMNS) + "\n" if header else ""
    (folder / "events.csv").write_text(opening + events, encoding="utf-8", errors="replace")
    before = engine.rows("SELECT count(*) FROM events")
    refused = refusal(engine, folder)
    if refused is not None:
        assert refused.remedy
        assert engine.rows("SELECT count(*) FROM events") == before


def refusal(engine: Engine, folder: Path) -> JourneyError | None:
    """Why the sources are not taken; any other exception is a crash."""
    try:
        collect(engine, folder, again=True)
    except JourneyError as error:
        return error
    return None


def collect(engine: Engine, folder: Path, *, again: bool = False) -> Any:
    """Collect into an empty ledger, or once more into the same."""
    if not again:
        engine.execute("DELETE FROM events")
        engine.execute("DELETE FROM event_files")
    project = Project.model_validate(
        PROJECT | {"customers": {"path": "customers.csv"}, "events": {"path": "events.csv"}}
    )
    with engine.transaction():
        collector = Collector(engine, project, folder, AS_OF)
        collector.customers(accept_loss=True)
        collector.events()
    return collector.collected


def write(path: Path, header: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        csv.writer(file).writerows([header, *lines])
