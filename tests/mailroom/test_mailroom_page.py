"""docs/mailroom.md and docs/templates.md say what the code does."""

import re
from pathlib import Path

import pytest
from jinja2 import TemplateSyntaxError

from journey_engine.channels import CHANNELS
from journey_engine.mailroom import ENDED_BY, MEANING, State
from journey_engine.render import Renderer
from journey_engine.render.filters import FILTERS
from journey_engine.render.sandbox import ALLOWED_FILTERS, FUNCTIONS, STR_METHODS

MAILROOM = Path("docs/mailroom.md").read_text(encoding="utf-8")
TEMPLATES = Path("docs/templates.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("state", State)
def test_every_state_is_documented_with_its_meaning_and_what_ends_it(state: State) -> None:
    (row,) = re.findall(rf"^\| `{state}` \| (.+?) \| (.+?) \|$", MAILROOM, re.MULTILINE)
    assert row[0] == MEANING[state]
    ended_by = ENDED_BY[state]
    if ended_by is None:
        assert row[1] == "final"
    else:
        assert set(re.findall(r"journey \w+|retry|cancel|accept", row[1])) == set(
            re.findall(r"journey \w+|retry|cancel|accept", ended_by)
        )


def test_every_reason_in_the_code_is_documented() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for room in ("mailroom", "channels", "render")
        for path in Path("src/journey_engine", room).glob("*.py")
    )
    states = r"(?:State\.(?:PENDING|SKIPPED|REFUSED|UNSURE)|OutcomeKind\.(?:LATER|REFUSED|UNSURE))"
    reasons = set(re.findall(rf'{states},\s*"(?!new_)(\w+)"', source)) | set(
        re.findall(r'code="(\w+_\w+)",\n\s+path', source)
    )
    assert len(reasons) > 12
    assert {reason for reason in reasons if f"`{reason}`" not in MAILROOM} == set()


@pytest.mark.parametrize("name", [name for name, _ in CHANNELS])
def test_every_channel_is_documented(name: str) -> None:
    assert f"| `{name}` |" in MAILROOM


@pytest.mark.parametrize("name", sorted({*ALLOWED_FILTERS, *FILTERS, *FUNCTIONS}))
def test_every_filter_and_function_is_documented(name: str) -> None:
    assert f"`{name}`" in TEMPLATES


@pytest.mark.parametrize("name", sorted(STR_METHODS))
def test_every_method_is_documented(name: str) -> None:
    assert f".{name}()" in TEMPLATES


@pytest.mark.parametrize("example", re.findall(r"```jinja\n(.*?)```", TEMPLATES, re.DOTALL))
def test_every_example_is_a_template_without_mistakes(tmp_path: Path, example: str) -> None:
    files = {
        "t/subject.txt": "S",
        "t/body.txt": "T",
        "t/body.html": example,
        "layouts/base.html": "{% block content %}{% endblock %}",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    try:
        assert Renderer(tmp_path).problems("t") == []
    except TemplateSyntaxError as error:
        pytest.fail(str(error))
