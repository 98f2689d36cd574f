"""init, validate, schema and test: what needs no data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Journey

TORN = "journey: torn\nstage: nowhere\ntrigger: {event: order_placed}\nreentry: never\nsteps:\n  - sned: hello\n"


@pytest.fixture
def torn(shop: Path) -> Path:
    (shop / "journeys" / "torn.yaml").write_text(TORN, encoding="utf-8")
    return shop


def test_init_makes_a_project_that_is_valid_and_says_what_comes_next(journey: Journey, tmp_path: Path) -> None:
    said = journey("init", tmp_path / "shop")
    assert said.status == 0
    assert "journey validate" in said.out
    assert journey("validate", "--project", tmp_path / "shop").status == 0
    assert journey("test", "--project", tmp_path / "shop").status == 0


def test_init_replaces_nothing(journey: Journey, shop: Path) -> None:
    before = (shop / "journeys/project.yaml").read_bytes()
    said = journey("init", shop)
    assert said.status == 2
    assert "is there already" in said.err
    assert (shop / "journeys/project.yaml").read_bytes() == before


def test_init_into_a_file_is_told_in_words(journey: Journey, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    said = journey("init", tmp_path / "taken")
    assert said.status == 2
    assert "unexpected" not in said.err


def test_validate_shows_every_problem_with_its_line_and_a_caret(journey: Journey, torn: Path) -> None:
    said = journey("validate", "--project", torn)
    assert said.status == 1
    assert "journeys/torn.yaml:6:5: unknown step 'sned' (did you mean 'send'?)" in said.out
    assert "\n  6 |   - sned: hello\n    |     ^~~~\n" in said.out
    assert said.out.endswith("2 journeys checked: 1 error\n")


def test_validate_as_json_is_one_object(journey: Journey, torn: Path) -> None:
    said = journey("validate", "--project", torn, "--json")
    assert said.status == 1
    assert said.err == ""
    found = said.json
    assert (found["journeys"], found["errors"], found["warnings"]) == (2, 1, 0)
    place = {"file": "journeys/torn.yaml", "line": 6, "column": 5}
    assert found["problems"][0] | {"message": ""} == {
        **place, "severity": "error", "code": "unknown-kind", "message": "",
    }  # fmt: skip


def test_validate_of_one_file_leaves_out_what_others_hold(journey: Journey, torn: Path) -> None:
    assert journey("validate", torn / "journeys/hello.yaml").status == 0
    assert journey("validate", torn / "journeys/torn.yaml").status == 1
    assert journey("validate", torn / "journeys").status == 1


@pytest.mark.parametrize("command", ["validate", "test"])
def test_a_path_that_is_not_there_is_named(journey: Journey, shop: Path, command: str) -> None:
    said = journey(command, shop / "journeys/nix.yaml")
    assert said.status == 2
    assert "nix.yaml is not there" in said.err


def test_a_path_of_another_project_is_told_apart(journey: Journey, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("a: b\n")
    said = journey("validate", tmp_path / "other.yaml", "--project", shop)
    assert said.status == 2
    assert "is not in the project" in said.err


def test_warnings_leave_the_exit_status_alone(journey: Journey, shop: Path) -> None:
    file = shop / "journeys/hello.yaml"
    text = file.read_text(encoding="utf-8").replace("- wait: 7 days", "- wait_for: {event: order_placed}")
    file.write_text(text, encoding="utf-8")
    said = journey("validate", "--project", shop)
    assert said.status == 0
    assert "warning: " in said.out


def test_verbose_prints_the_defaults(journey: Journey, shop: Path) -> None:
    said = journey("validate", "--project", shop, "--verbose")
    assert "  backfill: none" in said.out


def test_a_broken_project_file_stops_every_command_with_its_place(journey: Journey, shop: Path) -> None:
    (shop / "journeys/project.yaml").write_text("project: x\nsender: 1\n")
    for command in (["validate"], ["test"], ["run"], ["dispatch"], ["audience", "x"], ["mailroom"], ["report"]):
        said = journey(*command, "--project", shop)
        assert said.status == 1, command
        assert "journeys/project.yaml:" in said.out + said.err, command
        assert "unexpected" not in said.err, command


@pytest.mark.parametrize("of", [[], ["journey"], ["project"]])
def test_schema_is_json_schema(journey: Journey, of: list[str]) -> None:
    schema = json.loads(journey("schema", *of).out)
    assert "properties" in schema
    assert ("steps" in schema["properties"]) is (of != ["project"])


def test_journey_tests_that_fail_show_what_was_expected_and_what_happened(journey: Journey, shop: Path) -> None:
    file = shop / "journeys/hello.test.yaml"
    text = file.read_text(encoding="utf-8").replace("at: 2026-03-02T09:00} #", "at: 2026-03-02T10:00} #")
    file.write_text(text, encoding="utf-8")
    said = journey("test", "--project", shop)
    assert said.status == 1
    assert "expected" in said.out
    assert "happened" in said.out
    assert said.out.endswith("2 tests, 1 passed, 1 failed\n")
    found = journey("test", "--project", shop, "--json")
    assert (found.status, found.json["passed"]) == (1, False)
    assert [one["passed"] for one in found.json["tests"]] == [False, True]


def test_a_mistake_in_a_test_file_has_its_place(journey: Journey, shop: Path) -> None:
    (shop / "journeys/hello.test.yaml").write_text("journey: hello\ntsets: []\n")
    said = journey("test", "--project", shop)
    assert said.status == 1
    assert said.out.count("journeys/hello.test.yaml:2:1") == 1
    assert said.out.endswith("0 tests, 0 passed, 0 failed; 1 test file with mistakes, not run\n")


def test_a_torn_template_is_not_said_to_lack_what_its_layout_shows(journey: Journey, shop: Path) -> None:
    body = shop / "templates/hello/body.html"
    body.write_text(body.read_text(encoding="utf-8").replace("}}", "}", 1), encoding="utf-8")
    found = journey("validate", "--project", shop, "--json").json["problems"]
    assert [one["code"] for one in found] == ["template-syntax"]
    assert "a value" in found[0]["message"]
    assert "}}" in found[0]["message"]


def test_validate_of_one_file_counts_that_one(journey: Journey, shop: Path) -> None:
    other = (shop / "journeys/hello.yaml").read_text(encoding="utf-8").replace("journey: hello", "journey: other")
    (shop / "journeys/other.yaml").write_text(other, encoding="utf-8")
    assert journey("validate", "--project", shop).out.startswith("2 journeys checked")
    assert journey("validate", shop / "journeys/hello.yaml").out.startswith("1 journey checked")
