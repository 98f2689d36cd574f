"""The two readings tell the same of every world: each night's moves, decisions and passes, and what stands after it.

A world is one customer's history under one project's rules; a hundred of them are run at once.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.properties.agreement import first_difference
from tests.properties.common import PEOPLE, SEEDS, made, swept
from tests.properties.cutting import cut_down
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


def agree(seed: int, scenario: Scenario, telling: list[dict[str, Told]] | None = None) -> None:
    difference = first_difference(scenario, telling)
    if difference is not None:
        pytest.fail(f"seed {seed}: {cut_down(difference)}", pytrace=False)
