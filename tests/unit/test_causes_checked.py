"""Journeys that start others: circles of any length are refused, and a journey's tests run with those that start it."""

from __future__ import annotations

import shutil
from pathlib import Path

from journey_engine.checks import open_project
from journey_engine.journeytest import run_tests

PROJECT = Path(__file__).parents[1] / "language" / "project"
HEAD = "journey: {name}\ntopic: orders\ntrigger: {trigger}\nreentry: each_occurrence\nsteps: [{step}]\n"


def project(folder: Path, *journeys: tuple[str, str, str]) -> Path:
    """A project of journeys, each with its name, trigger and step."""
    shutil.copytree(PROJECT, folder)
    for name, trigger, step in journeys:
        (folder / f"journeys/{name}.yaml").write_text(HEAD.format(name=name, trigger=trigger, step=step))
    return folder


def test_a_circle_of_any_length_is_refused_at_each_of_its_starts(tmp_path: Path) -> None:
    folder = project(
        tmp_path / "shop",
        ("a", "{event: x}", "{enroll: b}"),
        ("b", "{event: x}", "{enroll: c}"),
        ("c", "{event: x}", "{send: hello}"),
        ("d", "{journey: c}", "{enroll: a}"),
    )
    found = [problem for problem in open_project(folder).problems if problem.code == "circular-journeys"]
    assert [(problem.place.file, problem.place.line) for problem in found] == [
        ("journeys/a.yaml", 5),
        ("journeys/b.yaml", 5),
        ("journeys/d.yaml", 3),
        ("journeys/d.yaml", 5),
    ]
    assert "'a' starts 'b' starts 'c' starts 'd' starts 'a'" in found[0].message


def test_a_chain_and_two_ways_to_one_journey_are_no_circle(tmp_path: Path) -> None:
    folder = project(
        tmp_path / "shop",
        ("a", "{event: x}", "{enroll: b}, {enroll: c}"),
        ("b", "{event: x}", "{enroll: c}"),
        ("c", "{journey: second}", "{send: hello}"),
    )
    assert [problem for problem in open_project(folder).problems if problem.severity == "error"] == []


def test_a_journeys_test_runs_with_the_journeys_that_start_it(tmp_path: Path) -> None:
    folder = project(
        tmp_path / "shop",
        ("a", "{event: asked}", "{enroll: b}"),
        ("b", "{event: nothing}", "{send: hello}"),
        ("c", "{journey: b}", "{send: hello}"),
    )
    for name, at in (("b", "2026-03-03T02:00"), ("c", "2026-03-04T02:00")):
        (folder / f"journeys/{name}.test.yaml").write_text(f"""
journey: {name}
tests:
  - name: begins when the other does
    customer: {{customer_id: c1, email: c1@example.com, timezone: UTC}}
    events: [{{at: 2026-03-01T10:00:00Z, asked: {{}}}}]
    nights: {{from: 2026-03-01, until: 2026-03-06}}
    expect: {{messages: [{{template: hello, at: {at}}}]}}
""")
    report = run_tests(open_project(folder))
    assert report.passed, "\n".join(report.lines())
    assert len(report.results) == 2
