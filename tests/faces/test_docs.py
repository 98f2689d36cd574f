"""The pages say what is there: an undocumented command, option, setting or state fails here."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
import yaml

from journey_engine.checks import check_journey
from journey_engine.cli.parser import build
from journey_engine.load import LoadedProject, load_project
from journey_engine.load.journeys import lower_journey
from journey_engine.mailroom import ENDED_BY, MEANING, State
from journey_engine.project import Project
from journey_engine.yamlfile import read

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands() -> dict[str, argparse.ArgumentParser]:
    (subparsers,) = (one for one in build()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(subparsers.choices)


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_documented_with_all_of_its_options(name: str) -> None:
    section = re.search(rf"^## journey {name}\n(.*?)(?=^## |\Z)", text("docs/cli.md"), re.M | re.S)
    assert section, f"docs/cli.md has no section '## journey {name}'"
    usage = re.search(r"(?m)((?:^    .*\n)+)", section[1])
    assert usage, "the section begins with the usage, indented"
    for action in commands()[name]._actions:
        if action.help == argparse.SUPPRESS:
            continue  # one that a command says to another
        longest = max(action.option_strings, key=len, default=None)
        if longest not in (None, "--help", "--debug"):
            assert longest in usage[1], f"{longest} is missing in the usage of journey {name}"
        for choice in action.choices or ():
            assert str(choice) in section[1]


def test_no_command_is_documented_that_is_not_there() -> None:
    assert set(re.findall(r"(?m)^## journey (\S+)", text("docs/cli.md"))) == set(commands())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_pages_exist_with_their_options(page: Path) -> None:
    known = commands()
    for line in re.findall(r"(?m)^    .*|`[^`\n]+`", page.read_text(encoding="utf-8")):
        for found in re.finditer(r"(?:^|[\s`/])journey ([a-z]+)((?: [^`#|&;]*)?)", line):
            name, rest = found[1], found[2]
            if name in ("engine",):
                continue
            assert name in known, f"{page.name}: {line}"
            options = {option for action in known[name]._actions for option in action.option_strings}
            for option in re.findall(r"(?<=[\s\[])--[a-z-]+", rest):
                assert option in options, f"{page.name}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_setting_is_on_the_operators_page() -> None:
    table = text("docs/operator.md").partition("## The settings")[2].partition("\n## ")[0]
    for name, field in Project.model_fields.items():
        assert f"`{field.alias or name}`" in table, f"the setting '{name}' is not in docs/operator.md"


def test_every_state_of_a_message_is_documented_with_what_ends_it() -> None:
    page = text("docs/mailroom.md")
    for state in State:
        (row,) = re.findall(rf"(?m)^\| `{state.value}` \| .*$", page)
        assert MEANING[state] in row
        assert ("final" in row) is (ENDED_BY[state] is None)


@pytest.fixture(scope="module")
def loaded() -> LoadedProject:
    return load_project(ROOT)


def test_the_journey_in_the_readme_is_valid(loaded: LoadedProject) -> None:
    (shown,) = re.findall(r"(?s)```yaml\n(journey: .*?)```", text("README.md"))
    found = check_journey(lower_journey(read(shown, "README.md"), loaded.file), loaded)
    assert [str(problem) for problem in found.problems if "first_name" not in problem.message] == []


def test_what_the_readme_says_of_make_is_in_the_makefile() -> None:
    for target in ("run", "test"):
        assert f"make {target} " in text("README.md")
        assert f"\n{target}: setup\n" in text("Makefile")


def test_python_in_the_developers_page_compiles() -> None:
    for block in re.findall(r"(?s)```python\n(.*?)```", text("docs/developer.md")):
        compile(block, "developer.md", "exec")


def test_yaml_in_the_pages_is_yaml() -> None:
    for page in PAGES:
        for block in re.findall(r"(?s)```yaml\n(.*?)```", page.read_text(encoding="utf-8")):
            yaml.safe_load(block)
