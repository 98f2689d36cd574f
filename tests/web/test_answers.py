"""Answering by the links of a letter that asks: a look counts nothing, a press counts, the newest answer wins."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from urllib.parse import urlsplit

from journey_engine.links import Claim
from tests.mailroom.house import NOW, message
from tests.web.conftest import Front, serving

ASK = {
    "question": "taste",
    "answers": [{"answer": "jazz", "label": "Jazz & <b>blues</b>"}, {"answer": "folk", "label": "Folk"}],
}


def path(front: Front, answer: str, message_id: str = "m1") -> str:
    address = front.house.links.answer("c1", message_id, "e1", "taste", answer)
    assert address is not None
    return urlsplit(address).path


def given(front: Front) -> list[tuple[str, object]]:
    return [(event.name, event.properties["answer"]) for event in front.house.mailroom.feedback()]


def test_a_look_counts_nothing_and_a_press_counts(front: Front) -> None:
    letter = message(1, values={"ask": ASK})
    front.house.mailroom.load_run(1, "run-1", NOW, [letter])
    address = path(front, "jazz", letter.decision_id)
    page = front.http.get(address).text
    assert "Jazz &amp; &lt;b&gt;blues&lt;/b&gt;" in page
    assert given(front) == []
    assert "Thank you" in front.http.post(address).text
    assert given(front) == [("answer_given", "jazz")]


def test_an_answer_may_be_changed_until_it_is_heard(shop: Path) -> None:
    times = iter(NOW + dt.timedelta(minutes=n) for n in range(10))
    with serving(shop, lambda: next(times)) as front:
        for answer in ("jazz", "jazz", "folk"):
            assert front.http.post(path(front, answer)).status_code == 200
        (event,) = front.house.mailroom.feedback()
        assert (event.properties["answer"], event.occurred_at) == ("folk", NOW + dt.timedelta(minutes=2))
        assert event.properties["enrollment_id"] == "e1"


def test_an_older_answer_that_comes_in_later_does_not_win(shop: Path) -> None:
    times = iter([NOW, NOW - dt.timedelta(hours=1)])
    with serving(shop, lambda: next(times)) as front:
        for answer in ("jazz", "folk"):
            front.http.post(path(front, answer))
        assert given(front) == [("answer_given", "jazz")]


def test_without_the_letter_the_answers_own_name_is_shown(front: Front) -> None:
    assert "<strong>folk</strong>" in front.http.get(path(front, "folk")).text


def test_a_forged_answer_and_another_pages_link_count_nothing(front: Front) -> None:
    forged = path(front, "jazz")[:-1] + "!"
    other = "/answer/" + front.house.links.sign(Claim("unsubscribe", "c1", "letters", "m1"))
    for address in (forged, other, "/answer/"):
        assert front.http.post(address).status_code == 404
    assert given(front) == []
