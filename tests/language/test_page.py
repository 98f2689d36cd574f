"""docs/language.md says every word of the language as the models have it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from journey_engine.conditions import CONDITIONS
from journey_engine.language import Word
from journey_engine.project import Project
from journey_engine.reference import every_word, page, sentence
from journey_engine.steps import STEPS
from journey_engine.triggers import TRIGGERS

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
HINT = "docs/language.md is not what the models say; write it anew with `make docs` and commit it"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_page_is_what_the_models_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), HINT


@pytest.mark.parametrize("word", every_word(), ids=lambda word: word.__name__)
def test_every_word_and_each_of_its_fields_says_what_it_is(word: type[Word]) -> None:
    silent = [name for name, field in word.model_fields.items() if not field.description]
    assert not silent, f"write Field(..., description='...') on {word.__name__}: {', '.join(silent)}"
    assert sentence(word), f"{word.__name__} needs a docstring"


def test_every_trigger_condition_and_step_has_its_section_with_an_example() -> None:
    for family, words in (("Trigger", TRIGGERS), ("Condition", CONDITIONS), ("Step", STEPS)):
        for word in words:
            section = re.search(rf"(?ms)^### {family} `{word.key}`\n(.*?)(?=^##)", page())
            assert section and re.search(rf"(?s)```yaml\n.*{word.key}.*```", section[1])


def test_every_setting_is_in_the_table_of_the_settings() -> None:
    settings = page().partition("## The settings")[2].partition("\n### ")[0]
    for name, field in Project.model_fields.items():
        assert f"| `{field.alias or name}` |" in settings


def test_links_inside_the_page_lead_somewhere_and_no_heading_stands_twice() -> None:
    text = page()
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    assert len(headings) == len(set(headings))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors(text)


def test_page_speaks_to_people() -> None:
    assert not re.search(r"`None`|NoneType|pydantic|Annotated|typing\.|\(rules? \d|<class", page())
