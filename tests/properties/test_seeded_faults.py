"""The worlds have teeth: a plausible mistake in one reading is told from the other within the default suite's worlds."""

from __future__ import annotations

import pytest

from tests.properties.agreement import by_walk, first_difference
from tests.properties.common import SEEDS, made, swept
from tests.properties.faults import FAULTS, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_mistake_in_the_plain_reading_is_found(fault: Fault) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        assert any(first_difference(made(seed), swept(seed)) is not None for seed in SEEDS)
