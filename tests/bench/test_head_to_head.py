"""The head-to-head runs to its end at a small size, and what it compares is the same work."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import page, sinks
from bench.__main__ import WORK
from bench.head_to_head import measure


def test_the_engine_and_the_floors_do_the_same_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "SOURCE", tmp_path / "absent.c")
    told: list[str] = []
    result = measure(300, 1, told.append, style_sheet=True)  # asserts that both found and sent the same
    assert result["sink"].startswith("Python")
    assert len(told) == 2
    nights = result["median"]["nights"]
    assert nights["enter"]["entered"] > 30
    assert nights["send"]["mails"] > 20
    text = page.figures(result)
    assert "load average" in text
    assert "mails/s, all states durable" in text


def test_figures_go_to_their_own_place_in_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "performance.md"
    monkeypatch.setattr(page, "PAGE", path)
    path.write_text("a\n<!-- figures 10 -->\nold\n<!-- end of figures 10 -->\nb\n", encoding="utf-8")
    page.write("new\n", 10)
    assert path.read_text(encoding="utf-8") == "a\n<!-- figures 10 -->\nnew\n<!-- end of figures 10 -->\nb\n"
    with pytest.raises(SystemExit, match="no place for '20'"):
        page.write("new\n", 20)


@pytest.mark.parametrize("what", WORK)
def test_what_is_measured_can_be_put_into_words(what: str) -> None:
    assert callable(WORK[what].module.measure)
    assert callable(WORK[what].module.figures)
