"""The pages as people meet them: clicked through in Chromium, on a phone and in the dark, with the keyboard's names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.browser import Tab, chromium
from tests.web.conftest import Front

PICTURES = os.environ.get("JOURNEY_PICTURES")
"""A folder for pictures of every page, for whoever wants to look."""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


def look(tab: Tab, name: str) -> None:
    """Nothing is cut off on a phone, every field has a name, the heading is one; pictures on demand."""
    for word, width, height, dark in (("phone", 360, 720, False), ("dark", 360, 720, True), ("wide", 1200, 800, False)):
        tab.screen(width, height, dark=dark)
        assert tab.run("document.documentElement.scrollWidth") <= width
        if PICTURES:
            tab.picture(Path(PICTURES) / f"{name}-{word}.png")
    assert tab.run("document.querySelectorAll('h1').length") == 1
    assert tab.run("document.documentElement.lang") == "en"
    assert tab.run("[...document.querySelectorAll('input')].every(one => one.labels.length === 1)")
    assert tab.run("[...document.querySelectorAll('button')].every(one => one.offsetHeight >= 44)")
    assert tab.run("document.title").endswith(" · My Shop")


def signed(front: Front, address: str | None) -> str:
    assert address is not None
    return address.replace("https://shop.example.com", front.url)


def test_a_customer_unsubscribes_and_changes_their_mind(front: Front, tab: Tab) -> None:
    mailroom = front.house.mailroom
    tab.open(signed(front, front.house.links.unsubscribe("c1", "letters", "m1")))
    look(tab, "unsubscribe")
    assert mailroom.suppressed("c1") == []
    tab.press("Unsubscribe")
    look(tab, "unsubscribed")
    assert "You are unsubscribed" in tab.text
    assert mailroom.suppressed("c1") == [("letters", "unsubscribed")]
    tab.press("Choose what you get, or undo this")
    look(tab, "preferences")
    tab.tick("letters")
    tab.press("Save")
    look(tab, "saved")
    assert "Saved." in tab.text
    assert mailroom.suppressed("c1") == []
    tab.press("Unsubscribe from everything")
    assert mailroom.suppressed("c1") == [(None, "unsubscribed")]


def test_a_customer_answers_a_question(front: Front, tab: Tab) -> None:
    tab.open(signed(front, front.house.links.answer("c1", "m1", "e1", "taste", "jazz")))
    look(tab, "answer")
    tab.press("Send this answer")
    look(tab, "answered")
    assert "Thank you" in tab.text
    assert [event.name for event in front.house.mailroom.feedback()] == ["answer_given"]


def test_a_link_that_is_cut_off_opens_a_page_that_says_so(front: Front, tab: Tab) -> None:
    tab.open(f"{front.url}/unsubscribe/cut")
    look(tab, "error")
    assert "The address is not complete" in tab.text
