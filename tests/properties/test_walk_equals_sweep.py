"""The two readings tell the same of every world: each night's moves, decisions and passes, and what stands after it.

A world is one customer's history under one project's rules; a hundred of them are run at once.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.properties.agreement import by_walk, first_difference
from tests.properties.common import PEOPLE, SEEDS, made, swept
from tests.properties.cutting import cut_down
from tests.properties.faults import FAULTS, Fault
from tests.properties.faults_in_caps import CAP_FAULTS
from tests.properties.faults_in_ways import WAY_FAULTS
from tests.properties.scenario import Scenario
from tests.properties.told import Told
from tests.properties.worlds import Maker


@pytest.mark.parametrize("seed", SEEDS)
def test_walk_and_sweep_tell_the_same_of_every_world(seed: int) -> None:
    agree(seed, made(seed), swept(seed))


# Hypothesis chooses the seeds, and keeps those that failed; a failing scenario is cut down here, not by its seed.
@pytest.mark.long
@settings(max_examples=100, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=st.integers(min_value=0, max_value=2**32 - 1))
def test_walk_and_sweep_tell_the_same_of_ten_thousand_worlds(seed: int) -> None:
    agree(seed, Maker(seed).scenario(PEOPLE))


# Each of these shows in one of a few scenarios; the others need more worlds than the default suite has.
COMMON = frozenset((
    "what_happened_on_the_window_s_edge_counts", "what_happened_at_as_of_is_left_for_the_next_run", "same_is_not_asked",
    "same_takes_two_missing_values_for_equal", "a_closed_pass_gets_no_goal", "caps_count_days_in_utc",
    "re_entry_after_a_length_needs_a_moment_more", "late_events_start_nothing",
    "a_corrected_event_triggers_with_its_new_content", "conditions_read_the_first_content",
    "the_deadline_itself_is_too_late", "the_last_allowed_hour_includes_its_end", "every_missed_firing_counts",
    "what_a_journey_set_stands_for_ever", "a_segment_s_first_evaluation_fires",
    "the_first_way_is_taken_whoever_reads_it", "what_the_reader_said_does_not_matter",
))  # fmt: skip
EVERY = (*FAULTS, *CAP_FAULTS, *WAY_FAULTS)


@pytest.mark.parametrize("fault", [one for one in EVERY if one.__name__ in COMMON], ids=lambda one: one.__name__)
def test_a_mistake_in_the_plain_reading_is_told(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fault(patch)
        told = any(first_difference(made(seed), swept(seed)) is not None for seed in SEEDS)
    assert told or looked_for(fault, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("fault", EVERY, ids=lambda one: one.__name__)
def test_every_mistake_in_the_plain_reading_is_told_by_more_worlds(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looked_for(fault, monkeypatch)


def test_faults_that_are_looked_for_each_time_exist() -> None:
    assert {one.__name__ for one in EVERY} >= COMMON
    assert len(COMMON) >= 15


def looked_for(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether one of many more seeds tells a fault."""
    return any(told_by(fault, seed, monkeypatch) for seed in range(10, 310))


def told_by(fault: Fault, seed: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the worlds of a seed tell a fault: where it tells other than the plain reading, `sweep` must disagree."""
    scenario = Maker(seed).scenario(PEOPLE)
    plain = list(by_walk(scenario))
    with monkeypatch.context() as patch:
        fault(patch)
        for night, faulty in zip(plain, by_walk(scenario), strict=True):
            for person in scenario.people:
                if night[person.customer_id] != faulty[person.customer_id]:
                    return first_difference(replace(scenario, people=(person,))) is not None
    return False


def agree(seed: int, scenario: Scenario, telling: list[dict[str, Told]] | None = None) -> None:
    difference = first_difference(scenario, telling)
    if difference is not None:
        pytest.fail(f"seed {seed}: {cut_down(difference)}", pytrace=False)
