"""Whatever stands in a file, the answer is a list of problems: never an exception, never a word of pydantic."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.checks import check, check_journey
from journey_engine.load import LoadedProject, load_project, validated
from journey_engine.load.journeys import lower_journey
from journey_engine.project import Project
from journey_engine.yamlfile import read, read_file

HERE = Path(__file__).parent
JARGON = re.compile(r"Input should|Field required|Extra inputs|Value error|pydantic|Decimal\(|literal\[|\bNone\b|_type")
WORDS = "event customer send wait when otherwise all not name where since id segment in between steps main is_ values"
ODD: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, 0, -1, 3.5, 10**19, "", "vip", "3 days", "hello", "entry", "09:00", "exit", "é"]),
    st.sampled_from([[], {}, [None], [[]], [{}], {"": 1}, {"event": "x"}, {"send": "hello"}, ["3 days"], {"is": {}}]),
    st.dictionaries(st.sampled_from(WORDS.split()), st.sampled_from([1, "x", "1 day", [], {}]), max_size=3),
)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value if isinstance(value, str | bool | int | None) else float(value)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside."""
    inside = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [pair for key, item in inside for pair in ((value, key), *places(item))]


def changed(data: Any, draw: st.DataObject) -> str:
    """The same data with one to three things removed, replaced, renamed or doubled."""
    data = copy.deepcopy(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        container, key = draw.draw(st.sampled_from(places(data) or [({"x": 1}, "x")]))
        match draw.draw(st.sampled_from(["remove", "replace", "rename", "add"])):
            case "remove":
                del container[key]
            case "replace":
                container[key] = copy.deepcopy(draw.draw(ODD))
            case "rename" if isinstance(container, dict):
                container[draw.draw(st.sampled_from(WORDS.split()))] = container.pop(key)
            case _ if isinstance(container, dict):
                container[draw.draw(st.sampled_from(WORDS.split()))] = copy.deepcopy(draw.draw(ODD))
            case _:
                container.append(copy.deepcopy(draw.draw(ODD)))
    return str(yaml.dump(data, Dumper=Unaliased, allow_unicode=True, sort_keys=False))


class Unaliased(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


@pytest.fixture(scope="module")
def shop() -> LoadedProject:
    return check(load_project(HERE / "project"))


@settings(max_examples=400)
@given(st.data())
def test_any_journey_is_answered_with_problems(shop: LoadedProject, data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(sorted((HERE / "ok").glob("[!p]*.yaml"))))
    text = changed(plain(read_file(source).data), data)
    file = read(text, "journeys/any.yaml")
    loaded = check_journey(lower_journey(file, shop.file), shop)
    assert loaded.sound == (not loaded.errors)
    for problem in loaded.problems:
        assert not JARGON.search(problem.message), problem.message
        if problem.place.file == "journeys/any.yaml":
            assert 1 <= problem.place.line <= len(file.lines)
            assert 1 <= problem.place.column <= len(file.lines[problem.place.line - 1]) + 1


@settings(max_examples=200)
@given(st.data())
def test_any_settings_are_answered_with_problems(data: st.DataObject) -> None:
    text = changed(plain(read_file(HERE / "ok" / "project.yaml").data), data)
    project, problems = validated(Project, read(text, "project.yaml"))
    assert (project is None) == bool(problems)
    for problem in problems:
        assert not JARGON.search(problem.message), problem.message


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_answered_with_problems(content: str | bytes) -> None:
    source = read(content, "x")
    assert (source.data is None) == bool(source.problems) or source.data is None
    for problem in source.problems:
        assert problem.place.line >= 1 and problem.place.column >= 1
