"""Unsubscribing by the link of a letter: what acts, what only shows, what is refused, and what is written down."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select

from journey_engine.links import Claim, Links
from journey_engine.mailroom import Said, Word
from journey_engine.mailroom.tables import consents
from journey_engine.records import DecisionKind, Event, identity
from tests.mailroom.house import NOW, message, other, state_of
from tests.mailroom.test_dispatch import send
from tests.web.conftest import Front

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def path(front: Front, topic: str | None = "letters", customer: str = "c1", message_id: str = "m1") -> str:
    address = front.house.links.unsubscribe(customer, topic, message_id)
    assert address is not None
    return urlsplit(address).path


def log(front: Front) -> list[tuple[str, ...]]:
    """Who said what of what, and where."""
    with front.house.mailroom.store.read() as db:
        rows = db.execute(select(consents).order_by(consents.c.given_at)).all()
    return [(row.customer_id, row.word, row.topic, row.channel, row.source) for row in rows]


def events(front: Front) -> list[Event]:
    return sorted(front.house.mailroom.feedback(), key=lambda event: event.occurred_at)


def test_opening_the_link_only_shows_a_page(front: Front) -> None:
    for method in ("GET", "HEAD"):
        answer = front.http.request(method, path(front))
        assert answer.status_code == 200
    page = front.http.get(path(front)).text
    assert "Letters from the shop" in page
    assert "My Shop" in page
    assert (log(front), events(front), front.house.mailroom.suppressed("c1")) == ([], [], [])


@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_one_click_of_a_mail_program_unsubscribes_from_the_topic(front: Front, encoding: str) -> None:
    address = path(front)
    if encoding == "form":
        answer = httpx.post(front.url + address, data=ONE_CLICK)
    else:
        answer = httpx.post(front.url + address, files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.status_code == 200
    assert front.house.mailroom.suppressed("c1") == [("letters", "unsubscribed")]
    assert log(front) == [("c1", "unsubscribed", "letters", "", "one click")]
    (event,) = events(front)
    assert (event.name, event.customer_id, event.properties["topic"]) == ("unsubscribed", "c1", "letters")
    assert event.properties["message_id"] == "m1"


def test_pressing_twice_or_again_later_changes_nothing_more(front: Front) -> None:
    for number in range(3):
        answer = front.http.post(path(front, message_id=f"m{number}"), data={"what": "topic"})
        assert (answer.status_code, "You are unsubscribed" in answer.text) == (200, True)
    assert len(log(front)) == len(events(front)) == 1


def test_the_second_button_ends_everything(front: Front) -> None:
    answer = front.http.post(path(front), data={"what": "everything"})
    assert "such as a receipt" in answer.text
    assert front.house.mailroom.suppressed("c1") == [(None, "unsubscribed")]
    assert "topic" not in events(front)[0].properties


def test_a_link_without_a_topic_ends_everything(front: Front) -> None:
    front.http.post(path(front, topic=None), data=ONE_CLICK)
    assert front.house.mailroom.suppressed("c1") == [(None, "unsubscribed")]


def test_a_post_with_a_body_that_is_no_form_still_unsubscribes(front: Front) -> None:
    for kind in ("text/plain", 'multipart/form-data; boundary="x', "application/json", "multipart/form-data"):
        answer = front.http.post(path(front), content=b"\xff\xfe{", headers={"Content-Type": kind})
        assert answer.status_code == 200
    assert front.house.mailroom.suppressed("c1") == [("letters", "unsubscribed")]


@pytest.mark.parametrize("part", ["(", '"', ";a="])
def test_a_form_whose_heads_are_nested_without_end_unsubscribes_and_holds_nobody_up(front: Front, part: str) -> None:
    heads, begun = (part * 15_000)[:15_000], time.process_time()
    for kind in ("multipart/form-data; boundary=x", f"multipart/form-data; boundary=x; {heads}"):
        body = f"--x\r\nContent-Disposition: form-data; {heads}\r\n\r\nOne-Click\r\n--x--\r\n"
        assert front.http.post(path(front), content=body, headers={"Content-Type": kind}).status_code == 200
    assert front.house.mailroom.suppressed("c1") == [("letters", "unsubscribed")]
    assert time.process_time() - begun < 2


def test_the_letter_that_led_there_is_named_in_the_event(front: Front) -> None:
    letter = message(1, topic="letters")
    front.house.mailroom.load_run(1, "run-1", NOW, [letter])
    front.http.post(path(front, message_id=letter.decision_id), data=ONE_CLICK)
    told = events(front)[0].properties
    assert (told["journey"], told["template"], told["enrollment_id"]) == ("welcome", "hello", letter.enrollment_id)


def test_what_was_pending_does_not_leave(front: Front, tmp_path: Path) -> None:
    mailroom, letters = front.house.mailroom, [message(1, topic="letters"), message(2, topic="letters")]
    mailroom.load_run(1, "run-1", NOW, letters)
    front.http.post(path(front, message_id=letters[0].decision_id), data=ONE_CLICK)
    send(tmp_path, mailroom)
    assert [state_of(mailroom, one)[0] for one in letters] == ["skipped", "accepted"]


def test_a_link_that_is_not_ours_changes_nothing(front: Front) -> None:
    token = path(front).rpartition("/")[2]
    ours = front.house.links
    for made in (
        token[:-2] + ("aa" if token[-2:] != "aa" else "bb"),  # forged
        Links("x", {ours.current: b"y" * 32}, ours.current).sign(Claim("unsubscribe", "c1", "letters", "m1")),
        ours.sign(Claim("preferences", "c1", None, "m1")),  # for another page
        "%00%0d%0aSet-Cookie:%20a",
        token[:20],
        "a" * 9_000,
    ):
        for method in ("GET", "POST"):
            answer = front.http.request(method, f"/unsubscribe/{made}")
            assert answer.status_code == 404
            assert "The address is not complete, or not ours" in answer.text
            assert "set-cookie" not in answer.headers
    assert (log(front), events(front)) == ([], [])


def test_other_methods_are_refused(front: Front) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        answer = front.http.request(method, path(front))
        assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})
    assert log(front) == []


def test_too_long_a_body_is_refused_and_changes_nothing(front: Front) -> None:
    assert front.http.post(path(front), content=b"x" * 20_000).status_code == 413
    assert log(front) == []


def test_a_topic_that_is_gone_can_still_be_left(front: Front) -> None:
    address = path(front, topic="<script>alert(1)</script>")
    page = front.http.get(address).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert front.http.post(address, data=ONE_CLICK).status_code == 200
    assert front.house.mailroom.suppressed("c1") == [("<script>alert(1)</script>", "unsubscribed")]


def test_the_night_finds_it_said_already(front: Front) -> None:
    """The event comes back as a decision to suppress, under the id of the consent: it must not undo a later yes."""
    front.http.post(path(front), data=ONE_CLICK)
    (event,) = events(front)
    assert event.properties["consent_id"] == identity("suppress", event.event_id)
    stop = other(DecisionKind.SUPPRESS, 1, topic="letters", reason="unsubscribed")
    again = {"decision_id": identity("suppress", event.event_id), "reached_at": event.occurred_at}
    loaded = front.house.mailroom.load_run(1, "run-1", NOW, [replace(stop, **again)])
    assert loaded.suppressed == 0
    assert len(log(front)) == 1


def test_words_that_follow_each_other_are_all_kept_in_order(front: Front) -> None:
    """However fast, and whatever the clock says: each is later than the one it changes."""
    mailroom = front.house.mailroom
    for word in (Word.UNSUBSCRIBED, Word.SUBSCRIBED, Word.UNSUBSCRIBED):
        assert mailroom.say([Said("c1", word, "letters")], NOW) == 1
        assert mailroom.say([Said("c1", word, "letters")], NOW - dt.timedelta(days=1)) == 0
    instants = [event.occurred_at for event in events(front)]
    assert instants == sorted(set(instants))
    assert [event.name for event in events(front)] == ["unsubscribed", "subscribed", "unsubscribed"]
    assert mailroom.suppressed("c1") == [("letters", "unsubscribed")]
    assert [one[1] for one in log(front)] == ["unsubscribed", "subscribed", "unsubscribed"]
