"""Caps in whole nights: the mailroom says what did not go out; report and explain say what was held back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.engines import open_reader
from journey_engine.explain import Story, explain, read
from journey_engine.night import RunReport, run
from journey_engine.report import as_text
from journey_engine.times import parse_instant

FILES = {
    "journeys/project.yaml": """project: capped
customers: data/customers.csv
events: data/events.csv
sender: {name: Shop, email: hello@shop.example.com, postal_address: 1 Street}
topics: {offers: marketing}
caps: [{topic: offers, at_most: 1, within: 7 days}]
""",
    "journeys/first.yaml": """journey: first
topic: offers
priority: 5
trigger: {event: signed_up}
reentry: never
steps: [{send: note}]
""",
    "journeys/second.yaml": """journey: second
topic: offers
trigger: {event: signed_up}
reentry: never
steps:
  - send: {template: note, on_cap: {delay: 1 day}}
  - send: {template: note, id: again}
  - send: {template: note, id: last, on_cap: exit}
""",
    "templates/note/subject.txt": "A note\n",
    "templates/note/body.txt": "Dear customer\n{{ sender.postal_address }} {{ links.unsubscribe }}\n",
    "data/customers.csv": "customer_id,email\nada,ada@example.com\nben,\n",
    "data/events.csv": """event_id,customer_id,name,occurred_at,properties
e1,ada,signed_up,2026-01-09T10:00:00Z,
e2,ben,signed_up,2026-01-09T10:00:00Z,
""",
}
CAP = "cap:offers-1-in-7-days"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def night(folder: Path, day: str) -> RunReport:
    return run(open_project(folder), parse_instant(f"2026-01-{day}T02:00:00Z"), clock=lambda: datetime.now(UTC))


def story(folder: Path, customer: str, journey: str) -> Story:
    loaded = open_project(folder)
    reader = open_reader(loaded.project.engine, folder)
    try:
        (found,) = explain(loaded, read(reader, customer), {}, journey).stories
    finally:
        reader.close()
    return found


def test_what_caps_hold_back_is_reported_explained_and_tried_again_when_nothing_went_out(shop: Path) -> None:
    # At 09:00 of the 10th the letter of `first` is due to both. Ben has no address, so his is skipped: in the night of
    # the 11th nothing counts against his cap any more, while Ada's letter is put off once again.
    assert open_project(shop).problems == []
    first = night(shop, "10")
    assert first.held_back == {CAP: 2}
    assert f"held back: {CAP} 2" in as_text(first)
    assert story(shop, "ben", "second").waits == (
        "decides letter note at 2026-01-11T09:00:00Z; a cap put it off from 2026-01-09T10:00:00Z"
    )
    second = night(shop, "11")
    assert second.held_back == {"no_address": 1, CAP: 3}  # Ada's first, Ben's second and third
    assert second.messages == {"pending": 1, "skipped": 2}
    told = story(shop, "ada", "second")
    assert [move.words for move in told.moves[1:]] == [
        "letter note held back by the cap offers-1-in-7-days, put off until 2026-01-11T09:00:00Z",
        "letter note held back by the cap offers-1-in-7-days, put off until 2026-01-12T09:00:00Z",
    ]
    left = story(shop, "ben", "second")
    assert (left.state, left.reason) == ("exited", CAP)
    assert [move.words for move in left.moves[2:]] == [
        "letter note: pending, leaves at 2026-01-11T09:00:00Z or later",
        f"letter note: skipped ({CAP})",
        "letter note held back by the cap offers-1-in-7-days, ended",
    ]


def test_a_delay_that_is_too_long_is_found_before_anything_is_sent(shop: Path) -> None:
    path = shop / "journeys/second.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("delay: 1 day", "delay: 1 week"), encoding="utf-8")
    assert [problem.code for problem in open_project(shop).problems] == ["late-delay"]
