"""docs/marketer.md: what it tells people to write loads as it stands, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from journey_engine.load import load_project
from journey_engine.scaffold import make_project

DOCS = Path(__file__).parents[2] / "docs"
FILE = re.compile(r"`(?P<name>[\w./-]+)`:\n\n```(?:yaml|jinja)\n(?P<text>.*?)```\n", re.DOTALL)


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """A new project, with every file of the page written as the page says."""
    make_project(tmp_path)
    for match in FILE.finditer((DOCS / "marketer.md").read_text(encoding="utf-8")):
        path = tmp_path / match["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match["text"], encoding="utf-8")
    return tmp_path


def test_new_project_loads_without_a_problem(tmp_path: Path) -> None:
    make_project(tmp_path)
    loaded = load_project(tmp_path)
    assert loaded.problems == []
    assert list(loaded.journeys) == ["hello"]


def test_project_loads_after_every_file_of_the_page_is_written(followed: Path) -> None:
    loaded = load_project(followed)
    assert loaded.problems == []
    assert sorted(loaded.journeys) == ["hello", "thank-you"]
    assert (followed / "buyers.yaml").is_file()


@pytest.mark.parametrize("page", ["marketer.md", "recipes.md"])
def test_links_of_the_page_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (DOCS / page).read_text(encoding="utf-8"))
    assert links
    for link in links:
        if not link.startswith("https:") and link != "operator.md":  # written by the operator's author
            assert (DOCS / link).exists(), link
