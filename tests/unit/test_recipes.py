"""Recipes: every stage of both shipped cycles has some, and what they bring with them is put where it belongs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.cycles import SHIPPED
from journey_engine.errors import JourneyError
from journey_engine.journeytest import run_tests
from journey_engine.recipes import shelf
from journey_engine.recipes.settings import Entry, entry, with_entries
from journey_engine.records import identity
from journey_engine.yamlfile import read

ROOT = Path(__file__).parents[2]
SKELETON = ROOT / "src/journey_engine/scaffold/files/templates"
OFFERS = Entry("topics", "offers", ("  # What is new.", "  offers:", "    label: Offers"))


def test_every_stage_of_both_cycles_has_a_recipe() -> None:
    wanted = {stage["stage"] for stages in SHIPPED.values() for stage in stages}
    assert {recipe.stage for recipe in shelf()} == wanted


def test_recipes_lie_in_the_folder_of_their_stage_and_say_what_they_are_for() -> None:
    for recipe in shelf():
        assert recipe.journey.file == f"journeys/{recipe.stage}/{recipe.name}.yaml"
        assert 30 <= len(recipe.about) <= 110, recipe.title


def test_every_recipe_is_on_the_page_of_recipes() -> None:
    page = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
    for recipe in shelf():
        link = rf"\[`{recipe.name}`\]\(\S+/{recipe.stage}/{recipe.name}\.yaml\)"
        assert re.search(rf"(?m)^\| {link} \|", page), recipe.title


@pytest.mark.parametrize("name", ["blocks/parts.html", "layouts/base.html", "layouts/base.txt"])
def test_new_projects_and_the_service_example_have_the_shared_parts_of_the_shop(name: str) -> None:
    shared = (ROOT / "templates" / name).read_bytes()
    assert (SKELETON / name).read_bytes() == shared
    assert (ROOT / "examples/service/templates" / name).read_bytes() == shared


def test_entry_comes_with_the_comment_above_it_and_without_the_next_ones() -> None:
    text = "segments:\n  # The first.\n  a:\n    event: x\n\n  # The second.\n  b: {event: y}\n\n# More.\nproject: p\n"
    source = read(text, "project.yaml")
    first, second = (entry(source.lines, source.positions, "segments", name) for name in ("a", "b"))
    assert first.lines == ("  # The first.", "  a:", "    event: x")
    assert second.lines == ("  # The second.", "  b: {event: y}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("topics:\n  a: {}\n", "topics:\n  # What is new.\n  offers:\n    label: Offers\n  a: {}\n"),
        ("topics:\n    a: {}\n", "topics:\n    # What is new.\n    offers:\n      label: Offers\n    a: {}\n"),
        ("project: p\n\n\n", "project: p\n\ntopics:\n  # What is new.\n  offers:\n    label: Offers\n"),
        ("topics:\r\n  a: {}", "topics:\r\n  # What is new.\r\n  offers:\r\n    label: Offers\r\n  a: {}\r\n"),
    ],
    ids=["block", "deeper", "absent", "crlf"],
)
def test_entry_is_put_in_as_the_file_is_written(before: str, after: str) -> None:
    assert with_entries(before.encode(), [OFFERS]).decode() == after


@pytest.mark.parametrize("text", ["topics: {a: {}}\n", "topics:\n  {a: {}}\n", "topics: {}\n", "topics: text\n"])
def test_text_without_a_place_for_it_is_refused_with_the_lines(text: str) -> None:
    with pytest.raises(JourneyError) as caught:
        with_entries(text.encode(), [OFFERS])
    assert caught.value.remedy is not None
    assert "\n    topics:\n      # What is new.\n      offers:\n        label: Offers" in caught.value.remedy


ENROLLED = {
    "make-it-right": (
        ROOT / "examples/service", "service_completed: {request_id: r-1}", "2026-03-04",
        "question: send-to-a-neighbour, answer: never",
        'tasks: [{team: service, title: "Ring Ada about the last repair: scored low"}], messages: []',
    ),
    "referral": (
        ROOT, "order_placed: {order_id: o-1, total: 30, currency: EUR}", "2026-03-16",
        "question: send-a-friend, answer: gladly",
        "messages: [bring-a-friend]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENROLLED)
def test_who_answers_a_letter_of_feedback_enters_the_journey_that_follows(name: str, tmp_path: Path) -> None:
    project, began, day, answer, expect = ENROLLED[name]
    for folder in ("journeys", "templates"):
        shutil.copytree(project / folder, tmp_path / folder)
    asked = identity("feedback", "c1", "event 0001")  # the pass that the first event began
    path = tmp_path / "journeys/enrolled.test.yaml"
    path.write_text(
        f"journey: {name}\ntests:\n  - name: enrolled\n"
        "    customer: {customer_id: c1, kind: person, first_name: Ada, email: ada@example.com, timezone: UTC}\n"
        f"    events:\n      - {{at: 2026-03-01T10:00:00Z, {began}}}\n"
        f"      - {{at: {day}T10:00:00Z, answer_given: {{{answer}, enrollment_id: {asked}}}}}\n"
        f"    nights: {{from: 2026-03-01, until: {day[:8]}{int(day[8:]) + 3:02}}}\n"
        f"    expect: {{entered: 1, {expect}}}\n",
        encoding="utf-8",
    )
    report = run_tests(open_project(tmp_path), [path])
    assert report.passed, "\n".join(report.lines())
