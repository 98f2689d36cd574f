"""Plots are well-formed, the same for the same data, and their steps are round and reach the largest value."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench import plot


@pytest.mark.parametrize(
    ("largest", "steps"),
    [(0, [0, 1]), (7, [0, 2, 4, 6, 8]), (100, [0, 20, 40, 60, 80, 100]), (1240, [0, 250, 500, 750, 1000, 1250])],
)
def test_steps_are_round_and_reach_the_largest_value(largest: float, steps: list[float]) -> None:
    assert plot.ticks(largest) == steps


def test_words_of_a_plot_are_escaped_and_the_same_data_give_the_same_file() -> None:
    def draw() -> str:
        return plot.lines("a < b & c", {"<one>": [(1, 2.0), (2, 3.5)]}, "night", "seconds")

    drawn = ElementTree.fromstring(draw())
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b & c", "<one>", "night", "seconds"} <= set(texts)
    assert draw() == draw()


def test_higher_values_stand_higher() -> None:
    drawn = ElementTree.fromstring(plot.bars("t", {"a": {"x": 10.0}, "b": {"x": 20.0}}, "up"))
    heights = [float(bar.attrib["height"]) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
