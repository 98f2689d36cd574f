"""What the front door was told is of the next night: events, traits and people, alike on every engine."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest

from journey_engine.checks import open_project
from journey_engine.engines import open_reader
from journey_engine.news import News, Told, Traits
from journey_engine.night import open_mailroom, run
from journey_engine.scaffold import make_project
from journey_engine.times import parse_instant
from tests.engines.kept import kept, same

Kept = dict[str, list[tuple[Any, ...]]]
NIGHT = parse_instant("2026-03-02T02:00:00Z")
EARLIER = NIGHT - dt.timedelta(hours=5)
SIGNED_UP = {"original_name": "Signed Up", "plan": "pro", "deep": {"list": [1, "x\ufffd", None]}}
NEWS: list[News] = [
    Told("segment:m1", "signed_up", EARLIER, SIGNED_UP, "n1"),
    Told("segment:m2", "order_placed", EARLIER, {"total": 12.5}, "c3"),
    Told("segment:m3", "order_placed", NIGHT + dt.timedelta(days=1), {}, "c3"),
    Traits(EARLIER, {"email": "new@example.com", "first_name": "Nia", "plan": "pro", "age": "41", "shoes": 3}, "n1"),
    Traits(EARLIER, {"plan": "pro", "first_name": "Nobody", "favourite_genre": "jazz", "vip": True}, "c5"),
    Traits(EARLIER, {"age": "unknown", "birth_date": "1990-02-31", "vip": "no"}, "c6"),
]


def project(folder: Path, people: str, engine: str) -> Path:
    """A shop with declared attributes that its file lacks."""
    make_project(folder)
    settings = folder / "journeys" / "project.yaml"
    text = settings.read_text(encoding="utf-8").replace("attributes:\n", "attributes:\n  age: number\n  vip: boolean\n")
    settings.write_text(
        f"{text}\nfront_door: {{write_keys: [WRITE_KEY], people: {people}}}\nengine: {engine}\n", encoding="utf-8"
    )
    return folder


def night(folder: Path, people: str, engine: str = "duckdb:///var/engine.duckdb") -> Kept:
    loaded = open_project(project(folder, people, engine))
    assert not loaded.problems
    with open_mailroom(loaded) as mailroom:
        mailroom.hear(NEWS, NIGHT)
    report = run(loaded, NIGHT, clock=lambda: NIGHT, accept_loss=True)
    assert not report.broken
    reader = open_reader(engine, folder)
    try:
        found = kept(reader)
        columns = "customer_id, first_name, email, plan, favourite_genre, age, vip"
        found["seen"] = reader.rows(
            f"SELECT {columns} FROM customers WHERE customer_id IN ('c5', 'c6', 'n1') ORDER BY 1"
        )
        return found
    finally:
        reader.close()


@pytest.fixture(scope="module")
def everyone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept]:
    """A shop after a night in which everyone who was identified is a customer, and what it keeps."""
    folder = tmp_path_factory.mktemp("everyone") / "shop"
    return folder, night(folder, "all")


def test_traits_fill_what_the_source_leaves_empty(tmp_path: Path) -> None:
    found = night(tmp_path / "shop", "known")
    assert found["seen"] == [
        ("c5", "Nobody", "noname@example.com", "free", "jazz", None, True),
        ("c6", "Zoë", "zoe@example.org", "pro", "poetry", None, False),
    ]
    assert "segment:m1" not in {row[0] for row in found["events"]}, "its customer is not known, it waits"


def test_people_whom_the_source_lacks_are_customers_where_the_project_says_so(everyone: tuple[Path, Kept]) -> None:
    _, found = everyone
    assert found["seen"][2] == ("n1", "Nia", "new@example.com", "pro", None, 41, None)
    events = {row[0] for row in found["events"]}
    assert {"segment:m1", "segment:m2"} <= events
    assert "segment:m3" not in events, "what is dated after the night waits"
    letters = [row for row in found["decisions"] if row[1] == "message"]
    assert any("n1" in row for row in letters), "the newcomer gets the letter of everyone who signs up"


def test_postgresql_tells_the_same(everyone: tuple[Path, Kept], database: str, tmp_path: Path) -> None:
    same(night(tmp_path / "postgres", "all", database), everyone[1])


def test_news_that_is_repeated_is_taken_once_and_late_news_is_of_the_next_night(
    everyone: tuple[Path, Kept], tmp_path: Path
) -> None:
    shutil.copytree(everyone[0], tmp_path / "shop")
    loaded = open_project(tmp_path / "shop")
    late = Told("segment:m9", "order_placed", EARLIER - dt.timedelta(days=2), {}, "n1")
    with open_mailroom(loaded) as mailroom:
        mailroom.hear([late], NIGHT)
        mailroom.hear(NEWS, NIGHT)
    after = NIGHT + dt.timedelta(days=1)
    run(loaded, after, clock=lambda: after, accept_loss=True)
    reader = open_reader(loaded.project.engine, tmp_path / "shop")
    found = reader.rows("SELECT event_id, count(*) FROM events WHERE event_id LIKE 'segment:%' GROUP BY 1 ORDER BY 1")
    reader.close()
    assert found == [("segment:m1", 1), ("segment:m2", 1), ("segment:m3", 1), ("segment:m9", 1)]
