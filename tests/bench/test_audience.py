"""The measurement of `journey audience` runs to its end at a small size, and its ways say the same."""

from __future__ import annotations

from bench import audience


def test_all_ways_find_the_same_customers() -> None:
    told: list[str] = []
    result = audience.measure(200, 1, told.append)  # asserts that they do
    assert len(told) == 1
    assert "after a night" in audience.figures(result)
    assert "load average" in audience.figures(result)
