"""What ships is sound: the shop, the skeleton and the example validate, and their tests pass every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.journeytest import run_tests

ROOT = Path(__file__).parents[2]
PROJECTS = {
    "shop": ROOT,
    "skeleton": ROOT / "src/journey_engine/scaffold/files",
    "cdnow": ROOT / "examples/cdnow",
    "service": ROOT / "examples/service",
}

each_project = pytest.mark.parametrize("folder", PROJECTS.values(), ids=PROJECTS.keys())


@each_project
def test_shipped_project_has_no_problem_and_no_warning(folder: Path) -> None:
    found = [problem for problem in open_project(folder).problems if problem.code != "missing-source"]
    assert found == []  # the sample's data are made by `make run`


@each_project
def test_shipped_journeys_pass_their_tests_and_every_step_is_covered(folder: Path) -> None:
    loaded = open_project(folder)
    report = run_tests(loaded)
    assert report.passed, "\n".join(report.lines())
    assert {one.journey for one in report.coverage} == set(loaded.journeys)
    assert [(one.journey, one.missing) for one in report.coverage if one.missing] == []
