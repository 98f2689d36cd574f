"""The measurement of moves runs to its end at a small size: every pass moves, and the floor writes the same rows."""

from __future__ import annotations

import pytest

from bench import moves


def test_every_pass_moves_and_the_floor_writes_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "JOURNEYS", 3)
    told: list[str] = []
    result = moves.measure(20, 1, told.append)  # asserts that all moved, and the counts of rows
    assert len(told) == 2
    assert result["passes"] == 60
    assert result["median"]["transitions"] > 2 * 60
    assert 0 < result["median"]["decisions"] < 60
    text = moves.figures(result)
    assert "60 passes in flight" in text
    assert "load average" in text
