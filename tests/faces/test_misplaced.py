"""What a newcomer puts in the wrong place or calls by a wrong name is told, with where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from journey_engine.checks import open_project

from .conftest import NIGHT, Journey

TESTS = """journey: hello
tests:
  - name: nobody
    customer: {customer_id: c1}
    nights: {from: 2026-03-01, until: 2026-03-02}
    expect: {entered: 0}
"""
JOURNEY = "journey: bye\ntopic: letters\ntrigger: {event: signed_up}\nreentry: never\nsteps: [{send: hello}]\n"
PROGRAM = "program: ten\ncurrency: EUR\nsides: {customer: {amount: 10, cap: 1}}\nbudget: 100\n"


def put(shop: Path, path: str, text: str) -> None:
    (shop / path).parent.mkdir(parents=True, exist_ok=True)
    (shop / path).write_text(text, encoding="utf-8")


def test_tests_under_a_wrong_name_do_not_take_their_journey_out(journey: Journey, shop: Path) -> None:
    put(shop, "journeys/hello-test.yaml", TESTS)
    said = journey("validate", "--project", shop)
    assert said.status == 1
    told = "journeys/hello-test.yaml:2:1: these are tests, and the file's name does not say so; call it hello.test.yaml"
    assert told in said.out
    loaded = open_project(shop)
    assert loaded.journeys["hello"].sound
    run = journey("run", "--project", shop, "--as-of", NIGHT, "--json")
    assert run.json["journeys"]["hello"]["entered"] == 4


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("bye.yaml", JOURNEY, "journeys/bye.yaml"),
        ("templates/bye.yaml", JOURNEY, "journeys/bye.yaml"),
        ("templates/bye/bye.yml", JOURNEY, "journeys/bye.yml"),
        ("journeys/retention/bye.yaml.txt", JOURNEY, "journeys/retention/bye.yaml"),
        ("hello.test.yaml", TESTS, "journeys/hello.test.yaml"),
        ("templates/ten.yaml", PROGRAM, "journeys/programs/ten.yaml"),
    ],
)
def test_what_nobody_reads_is_told_with_where_it_belongs(
    journey: Journey, shop: Path, path: str, text: str, where: str
) -> None:
    put(shop, path, text)
    put(shop, "buyers.yaml", "event: order_placed\n")  # a condition for `journey audience` may lie anywhere
    put(shop, "notes.yaml", "about: journey: of no meaning\n")
    said = journey("validate", "--project", shop)
    assert said.status == 0
    assert f"{path}:1:1: warning: " in said.out
    assert f"nobody reads this file; move it to {where} [misplaced-file]" in said.out
    assert said.out.endswith("1 journey checked: 1 warning\n")


def test_data_that_are_not_there_are_told_before_the_night(journey: Journey, shop: Path) -> None:
    (shop / "data/customers.csv").unlink()
    said = journey("validate", "--project", shop)
    assert said.status == 0
    assert "warning: there is no data/customers.csv; put the file there before the first night" in said.out
    (shop / "data/events.csv").rename(shop / "data/events-2026.csv")
    settings = shop / "journeys/project.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("data/events.csv", "data/events-*.csv"))
    assert "events-" not in journey("validate", "--project", shop).out


def test_a_recipe_whose_column_is_missing_ends_with_one(journey: Journey, shop: Path) -> None:
    customers = shop / "data/customers.csv"
    text = customers.read_text(encoding="utf-8").replace("birth_date", "born_on")
    customers.write_text(text, encoding="utf-8")
    said = journey("new", "retention/birthday", "--project", shop)
    assert said.status == 1
    assert "provides 'birth_date'" in said.out
