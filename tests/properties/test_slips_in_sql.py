"""The worlds have teeth for the sweep too: a slip in its SQL is told from what the plain reading says."""

from __future__ import annotations

import pytest

from tests.properties.agreement import first_difference
from tests.properties.faults_in_sql import SLIPS, Slip
from tests.properties.worlds import Maker

COMMON = (
    "a timeout is noticed a night too late", "effects happen in the past", "occurrences are considered again",
    "exit_when closes at the run and not at its event", "what ended has its messages sent all the same",
)  # fmt: skip


@pytest.mark.parametrize("slip", [one for one in SLIPS if one.name in COMMON], ids=lambda one: one.name)
def test_a_slip_in_the_sql_is_told(slip: Slip, monkeypatch: pytest.MonkeyPatch) -> None:
    slip.put(monkeypatch)
    assert any(first_difference(Maker(seed).scenario(30)) is not None for seed in range(40))


@pytest.mark.long
@pytest.mark.parametrize("slip", SLIPS, ids=lambda one: one.name)
def test_every_slip_in_the_sql_is_told_by_more_worlds(slip: Slip, monkeypatch: pytest.MonkeyPatch) -> None:
    slip.put(monkeypatch)
    assert any(first_difference(Maker(seed).scenario(100)) is not None for seed in range(10, 60))


@pytest.mark.parametrize("slip", SLIPS, ids=lambda one: one.name)
def test_every_slip_still_finds_its_words(slip: Slip, monkeypatch: pytest.MonkeyPatch) -> None:
    slip.put(monkeypatch)
