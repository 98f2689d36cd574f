"""The readings that every history is run by. Another reading is a function here and a name in READINGS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from journey_engine.records import Decision, Transition
from journey_engine.walk import Life
from tests.histories.story import Evening, Reading, Told


def by_walk(evenings: Sequence[Evening]) -> Mapping[str, Told]:
    """The plain reading, customer by customer."""
    told = {}
    for customer_id in sorted({one.customer_id for evening in evenings for one in evening.customers}):
        life = Life()
        transitions: list[Transition] = []
        decisions: list[Decision] = []
        for evening in evenings:
            found = {one.customer_id: one for one in evening.customers}
            rows = [row for row in evening.rows if row.customer_id == customer_id]
            result = life.live(evening.rules, evening.night, found.get(customer_id), rows)
            transitions += result.transitions
            decisions += result.decisions
        told[customer_id] = Told(transitions, decisions, life.state.passes)
    return told


READINGS: dict[str, Reading] = {"walk": by_walk}


@pytest.fixture(params=sorted(READINGS))
def reading(request: pytest.FixtureRequest) -> Reading:
    """How the evenings are read; each history must come out alike."""
    return READINGS[request.param]
