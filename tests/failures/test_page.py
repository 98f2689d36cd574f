"""docs/failures.md names a test in this folder for every failure, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/failures.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`((?:\w+/)?test_\w+\.py)::(test_\w+)`")
THEIRS = (
    "test_twice_or_never.py", "test_stuck.py", "test_entering_and_editing.py", "test_time.py",
    "test_size_and_seeing.py", "test_our_own_draft.py",
)  # fmt: skip
"""The files that hold nothing but tests of the failures on the page."""


def file_of(name: str) -> Path:
    """Names without a folder are in this one."""
    return TESTS / name if "/" in name else TESTS / "failures" / name


def names_in(path: Path) -> set[str]:
    """The tests of a file, by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}


def test_every_test_on_the_page_is_there() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 60
    for file, test in named:
        assert test in names_in(file_of(file)), f"{file}::{test}"


def test_every_failure_has_a_test_in_this_folder() -> None:
    rows = [line for line in PAGE.partition("## Owed")[0].splitlines() if line.startswith("| ") and "---" not in line]
    rows = [line for line in rows if not line.startswith("| failure |")]
    assert len(rows) > 45
    for row in rows:
        assert any("/" not in file for file, _ in NAMED.findall(row)), row


def test_every_test_of_the_failures_is_on_the_page() -> None:
    named = set(NAMED.findall(PAGE))
    for file in THEIRS:
        assert {(file, test) for test in names_in(file_of(file))} <= named, file
