"""What the dice found becomes a journey test: it loads, it runs, and it expects what the world told."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from journey_engine.journeytest import run_tests
from journey_engine.load import load_project
from tests.properties.agreement import Difference, first_difference
from tests.properties.as_journey_test import show
from tests.properties.cutting import cut_down
from tests.properties.faults_in_sql import SLIPS
from tests.properties.scenario import Person, Scenario
from tests.properties.worlds import Maker


def steady(scenario: Scenario, person: Person) -> Scenario:
    """One person's world in which nothing changes but what happens."""
    known = next((attributes for attributes in person.nights if attributes is not None), {})
    still = replace(person, nights=(known,) * len(scenario.nights))
    return replace(scenario, people=(still,), aside=frozenset(), held=frozenset(), later=(), redefined=(), holdout=None)


def test_the_journey_tests_of_worlds_load_and_expect_what_the_worlds_told(tmp_path: Path) -> None:
    told = 0
    for seed, number in itertools.product(range(16, 28), range(4)):
        scenario = Maker(seed).scenario(4)
        world = steady(scenario, scenario.people[number])
        shown = show(world, world.people[0])
        loaded = load_project(shown.write(tmp_path / f"{seed}-{number}"))
        assert [str(problem) for problem in loaded.problems if problem.severity == "error"] == []
        report = run_tests(loaded)
        assert report.results
        assert not report.problems
        if not shown.beyond:
            told += 1
            assert report.passed, "\n".join(report.lines())
    assert told > 0


def test_what_a_journey_test_cannot_say_stands_above_it() -> None:
    scenario = Maker(1).scenario(3)
    person = replace(scenario.people[0], nights=(None, *scenario.people[0].nights[1:]))
    shown = show(scenario, person)
    assert "the customer is absent from some nights" in shown.beyond
    assert str(shown).startswith("# The world has more than a journey test can say:\n# the customer is absent")


def test_a_mistake_is_cut_down_and_shown_as_a_journey_test_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = None
    with monkeypatch.context() as patch:
        SLIPS[0].put(patch)
        for seed in range(20):
            scenario = Maker(seed).scenario(10)
            found = first_difference(scenario)
            if found is not None:
                break
        assert isinstance(found, Difference)
        small = cut_down(found, seconds=30)  # much less where the machine is idle
    assert len(small.scenario.people) == 1
    assert small.lines
    text = str(small)
    assert "journey:" in text and "tests:" in text
    shown = show(small.scenario, small.scenario.people[0])
    report = run_tests(load_project(shown.write(tmp_path)))
    assert report.results
    assert not report.problems
    assert report.passed or shown.beyond
