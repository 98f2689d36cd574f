"""The measurement of starts runs to its end at a small size."""

from __future__ import annotations

from bench import start
from bench.many import SHIPPED


def test_every_command_is_measured_beside_the_floor() -> None:
    told: list[str] = []
    result = start.measure(len(SHIPPED), 1, told.append)
    assert len(told) == 2
    assert all(result["median"][name]["cpu"] > 0 for name in start.COMMANDS)
    text = start.figures(result)
    assert f"`journey validate` of {len(SHIPPED)} journeys" in text
    assert "load average" in text
    assert text.count("\n| ") == 7
