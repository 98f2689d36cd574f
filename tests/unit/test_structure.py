"""The hash of a structure (rule 20): what the first form wrote keeps its version, whatever the program learns since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter

from journey_engine.graph import Graph
from journey_engine.predicates import Frozen, Predicate
from journey_engine.structure import structure, version_of
from tests.histories.story import journey

FIRST_FORM = Path(__file__).parents[1] / "failures" / "version_1"
STORED = [json.loads(line) for line in (FIRST_FORM / "graphs.jsonl").read_text(encoding="utf-8").splitlines()]
CONDITIONS = [json.loads(line) for line in (FIRST_FORM / "conditions.jsonl").read_text(encoding="utf-8").splitlines()]

TEXT = """
journey: one
topic: receipts
trigger: {event: signed_up}
reentry: never
audience: {all: [{customer: {plan: pro}}, {customer: {country: NG}}]}
steps: [{send: hello}, {wait: 3 days}, {send: {template: hello, id: again}}]
"""


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: str(stored["graph"]["journey"]))
def test_a_graph_that_the_first_form_stored_loads_and_keeps_its_version(stored: dict[str, Any]) -> None:
    graph = Graph.model_validate_json(json.dumps(stored["graph"]))
    assert graph.version == stored["version"]
    assert graph.with_version().version == stored["version"]


@pytest.mark.parametrize("stored", CONDITIONS, ids=lambda stored: str(stored["version"]))
def test_a_definition_of_the_first_form_is_no_new_baseline(stored: dict[str, Any]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Predicate)
    assert version_of(adapter.validate_python(stored["condition"])) == stored["version"]


class Early(Frozen):
    """Fields that a form has known for ever."""

    name: str
    kind: Literal["early"] = "early"


class Grown(Early):
    """The same when the language has learned more."""

    only_on: str | None = None
    parts: tuple[Early, ...] = ()


def test_a_field_that_came_later_counts_once_it_says_something() -> None:
    early, grown = Early(name="a"), Grown(name="a")
    assert version_of(grown) == version_of(early)
    assert version_of(Grown(name="a", only_on="monday")) != version_of(early)
    assert structure(Grown(name="a", parts=(early,))) == {
        "name": "a",
        "kind": "early",
        "parts": [{"name": "a", "kind": "early"}],
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("all: [{customer", "any: [{customer"),
        ("wait: 3 days", "wait: 4 days"),
        ("reentry: never", "reentry: after_exit"),
        ("id: again", "id: once-more"),
        ("plan: pro", "plan: {is_not: pro}"),
        ("trigger: {event: signed_up}", "trigger: {event: {name: signed_up, first: true}}"),
    ],
)
def test_an_edit_is_another_version(old: str, new: str) -> None:
    assert old in TEXT
    assert journey(TEXT.replace(old, new)).version != journey(TEXT).version
