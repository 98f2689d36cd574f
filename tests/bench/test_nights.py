"""The measurement of nights of twenty journeys runs to its end at a small size."""

from __future__ import annotations

import pytest

from bench import nights


def test_most_enter_the_first_night_and_quiet_nights_take_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nights, "PARTS", (1.0,))
    told: list[str] = []
    result = nights.measure(200, 1, told.append)  # asserts that every new event was taken
    assert len(told) == 1
    first, *quiet = result["rounds"][0]["nights"]
    assert first["entered"] > 100
    assert first["events"] == 2000
    assert [one["events"] for one in quiet] == [1, 2, 20, 2]
    text = nights.figures(result)
    assert "10.0% new" in text
    assert "load average" in text
    assert nights.plots(result)["nights"].startswith("<svg")
