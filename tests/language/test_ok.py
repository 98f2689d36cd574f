"""What the language can say: the files of `ok/`, and the example of every class."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest

from journey_engine import conditions, project
from journey_engine.checks import defaults, open_project
from journey_engine.conditions import CONDITIONS, amounts
from journey_engine.journey import After, GoalWords, Journey
from journey_engine.language import Word
from journey_engine.load import schema
from journey_engine.load.shape import allowed_words, examples
from journey_engine.program import Program, Side
from journey_engine.project import Project
from journey_engine.steps import STEPS
from journey_engine.steps.branch import Way
from journey_engine.steps.send import EventLines
from journey_engine.steps.set import Value
from journey_engine.triggers import TRIGGERS
from journey_engine.yamlfile import read, read_file

HERE = Path(__file__).parent
OK = sorted((HERE / "ok").glob("*.yaml"))
SHIPPED = Path(__file__).parents[2]

HEAD = {"journey": "sample", "trigger": {"event": {"name": "signed_up", "first": True}}, "topic": "orders"}
STEP = {"send": "hello"}
SETTINGS = {
    "project": "sample",
    "customers": "data/customers.csv",
    "events": "data/events.csv",
    "sender": {"name": "Corner Shop", "email": "hello@example.com"},
}


def json_of(value: Any) -> Any:
    """YAML data as JSON has it."""
    if isinstance(value, dict):
        return {key: json_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [json_of(item) for item in value]
    return value if isinstance(value, str | bool | int | None) else float(value)


@pytest.mark.parametrize("source", OK, ids=lambda path: path.stem)
def test_project_without_a_mistake_has_no_problem(source: Path, put: Callable[[Path], Path]) -> None:
    loaded = open_project(put(source))
    assert [str(problem) for problem in loaded.problems if problem.place.file != "journeys/second.yaml"] == []


Kind = Literal["journey", "project", "program"]


def kind_of(source: Path) -> Kind:
    first = source.read_bytes().partition(b"\n")[0]
    kinds: dict[bytes, Kind] = {b"# project.yaml": "project", b"# program": "program"}
    return "project" if source.stem == "project" else kinds.get(first, "journey")


@lru_cache
def checker(of: Kind) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(of))


@pytest.mark.parametrize("source", OK, ids=lambda path: path.stem)
def test_schema_accepts_what_the_loader_accepts(source: Path) -> None:
    checker(kind_of(source)).validate(json_of(read_file(source).data))


def words_with_examples() -> list[type[Word]]:
    """Every word whose docstring shows it."""
    inside = [item for room in (conditions, amounts, project) for item in vars(room).values()]
    rooms = [item for item in inside if isinstance(item, type) and issubclass(item, Word)]
    found = {*rooms, *CONDITIONS, *STEPS, *TRIGGERS, Program, Side, Way, Value, EventLines, After, GoalWords}
    return sorted((word for word in found if examples(word)), key=lambda word: word.__name__)


def whole(shown: dict[str, Any]) -> tuple[type[Word], dict[str, Any]]:
    """The smallest file that an example can stand in."""
    key = next(iter(shown))
    if key in {word.key for word in STEPS}:
        return Journey, {**HEAD, "steps": [shown]}
    if key in ("goal", "reentry"):
        return Journey, {**HEAD, **shown, "steps": [STEP]}
    if key in ("program", "sides"):
        own = {"program": "sample", "currency": "EUR", "sides": {"customer": 5}, "budget": 100}
        return Program, {**own, **shown}
    if key in allowed_words(Project):
        return Project, {**SETTINGS, **shown}
    if key == "expects":
        return Project, {**SETTINGS, "customers": {"path": "data/customers.csv", **shown}}
    if key in {word.key for word in TRIGGERS} and key not in {word.key for word in CONDITIONS}:
        return Journey, {**HEAD, "trigger": shown, "steps": [STEP]}
    return Journey, {**HEAD, "audience": shown, "steps": [STEP]}


@pytest.mark.parametrize("word", words_with_examples(), ids=lambda word: word.__name__)
def test_example_of_every_word_loads(word: type[Word]) -> None:
    for text in examples(word):
        source = read(text, "example")
        assert source.problems == ()
        model, data = whole(source.data)
        if word in CONDITIONS:
            model, data = Journey, {**HEAD, "audience": source.data, "steps": [STEP]}
        if word.__name__ == "EventTrigger":
            data = {**HEAD, "trigger": source.data, "steps": [STEP]}
        model.model_validate(data)


@pytest.mark.parametrize("word", [*CONDITIONS, *STEPS, *TRIGGERS], ids=lambda word: word.__name__)
def test_every_condition_step_and_trigger_shows_an_example_of_itself(word: type[Word]) -> None:
    assert any(re.search(rf"\b{word.key}\b", text) for text in examples(word))


@pytest.mark.parametrize("of", ["journey", "project", "program"])
def test_schema_is_a_schema(of: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(of))
    assert "title" in schema(of)


def test_schema_refuses_what_a_schema_can_refuse() -> None:
    refused = set()
    for path in (HERE / "err").glob("*.yaml"):
        source = read_file(path)
        if not source.problems:
            fits = checker(kind_of(path)).is_valid(json_of(source.data))
            refused |= set() if fits else {path.stem}
    shape = (
        "unknown-key",
        "missing-key",
        "unknown-kind",
        "one-word",
        "not-one-of",
        "wrong-type",
        "out-of-range",
        "bad-name",
    )
    expected = {path.stem for path in (HERE / "err").glob("*.yaml") if path.stem.partition("--")[0] in shape}
    assert expected - refused == set()


def test_shipped_journeys_have_no_problem_and_fit_the_schema() -> None:
    for folder in (SHIPPED, SHIPPED / "examples/cdnow"):
        loaded = open_project(folder)
        assert [str(problem) for problem in loaded.problems if problem.code != "missing-source"] == []
        for journey in loaded.journeys.values():
            checker("journey").validate(json_of(read_file(folder / journey.file).data))
        checker("project").validate(json_of(read_file(folder / "journeys/project.yaml").data))


def test_defaults_are_told(put: Callable[[Path], Path]) -> None:
    loaded = open_project(put(HERE / "ok" / "trigger-date.yaml"))
    assert defaults(loaded.journeys["trigger-date"]) == [
        "reentry: each_occurrence",
        "owner: marketing",
        "status: live",
        "on_change: pin",
        "on_cap: skip",
        "to: customer",
        "backfill: none",
        "send:hello: topic orders (transactional), channel file, skipped when more than 4 days late",
    ]
