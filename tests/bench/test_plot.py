"""Plots are well-formed, the same for the same data, and their steps are round and reach the largest value."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from bench import page, plot


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


def test_plots_stand_beside_the_page_and_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench import __main__ as command

    path = tmp_path / "performance.md"
    path.write_text("<!-- figures workers -->\nold\n<!-- end of figures workers -->\n", encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", path)
    monkeypatch.setattr(command, "PLOTS", tmp_path / "plots")
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    measured = SimpleNamespace(
        figures=lambda _: "new\n", plots=lambda _: {"a-b": plot.bars("t", {"a": {"x": 1}}, "up")}
    )
    command.keep(measured, {"what": "x"}, "workers", "workers")  # type: ignore[arg-type]
    text = path.read_text(encoding="utf-8")
    assert text == "<!-- figures workers -->\nnew\n\n![a b](plots/a-b.svg)\n<!-- end of figures workers -->\n"
    assert (tmp_path / "plots/a-b.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert (tmp_path / "results/workers.json").exists()
