"""The measurement of several dispatchers runs to its end at a small size; every letter leaves, whoever has it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench import workers


def test_one_and_two_dispatchers_hand_over_the_same_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PROCESSES", (1, 2))
    told: list[str] = []
    result = workers.measure(60, 1, told.append)  # asserts that every letter left
    assert len(told) == 2
    assert result["median"]["1"]["least"] == 60
    text = workers.figures(result)
    assert "load average" in text
    assert text.count("\n| ") == 4
    drawn = ElementTree.fromstring(workers.plots(result)["workers"])
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == 1 + 2 + 4  # the paper, the legend, the bars
