"""The measurement of the door runs to its end at a small size; both stores and both floors take in the same."""

from __future__ import annotations

from bench import door, page


def test_the_door_and_bare_insertion_take_in_the_same_letters() -> None:
    told: list[str] = []
    result = door.measure(120, 1, told.append)  # asserts that every decision came in, and as many rows by hand
    assert len(told) == 2
    assert set(result["median"]) == {"load", "sqlite", "postgresql"}
    text = door.figures(result)
    assert "120 letters" in text
    assert "load average" in text
    assert text.count("\n| ") == 4


def test_the_page_has_a_place_for_every_measurement() -> None:
    from bench.__main__ import WORK

    text = page.PAGE.read_text(encoding="utf-8")
    for name in WORK:
        if name != "head-to-head":
            assert f"<!-- figures {name} -->" in text
            assert f"<!-- end of figures {name} -->" in text
        assert f"`{name}`" in text
