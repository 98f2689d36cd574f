"""The preference page: what a customer sees and changes, and what is not theirs to lift."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from journey_engine.mailroom import Said, Word
from journey_engine.records import DecisionKind
from tests.mailroom.house import NOW, message, other, state_of
from tests.mailroom.test_dispatch import send
from tests.web.conftest import Front, serving
from tests.web.test_unsubscribe import events, log

TOPICS = """\
topics:
  letters: {class: marketing, label: Letters from the shop}
  offers: {class: marketing, label: "Offers <&> more"}
  receipts: {class: transactional}
"""


@pytest.fixture
def front(shop: Path) -> Iterator[Front]:
    project = shop / "journeys/project.yaml"
    project.write_text(re.sub(r"topics:\n  letters: .*\n", TOPICS, project.read_text()))
    with serving(shop) as open_:
        yield open_


def path(front: Front) -> str:
    address = front.house.links.preferences("c1", "m1")
    assert address is not None
    return urlsplit(address).path


def chosen(front: Front) -> dict[str, bool]:
    """What the page shows as ticked."""
    boxes = re.findall(r'name="topic" value="(\w+)"( checked)?', front.http.get(path(front)).text)
    return {name: bool(ticked) for name, ticked in boxes}


def choose(front: Front, *topics: str) -> None:
    answer = front.http.post(path(front), data={"save": "choice", "topic": list(topics)})
    assert (answer.status_code, "Saved." in answer.text) == (200, True)


def test_the_page_shows_the_topics_of_marketing_as_they_stand(front: Front) -> None:
    assert chosen(front) == {"letters": True, "offers": True}
    assert "Offers &lt;&amp;&gt; more" in front.http.get(path(front)).text
    assert log(front) == []


def test_only_what_changes_is_written_down(front: Front) -> None:
    choose(front, "letters", "offers")
    assert log(front) == []
    choose(front, "letters")
    choose(front, "letters")
    assert log(front) == [("c1", "unsubscribed", "offers", "", "preference page")]
    assert chosen(front) == {"letters": True, "offers": False}
    choose(front, "letters", "offers")
    assert [one[1] for one in log(front)] == ["unsubscribed", "subscribed"]
    assert [event.name for event in events(front)] == ["unsubscribed", "subscribed"]
    assert front.house.mailroom.suppressed("c1") == []


def test_a_page_of_the_project_may_send_its_form_in_parts(front: Front) -> None:
    choice = [(name, (None, value)) for name, value in (("topic", "letters"), ("topic", "offers"), ("save", "choice"))]
    assert front.http.post(path(front), files=choice).status_code == 200
    assert log(front) == [], "both are still wanted"
    assert front.http.post(path(front), files=choice[1:]).status_code == 200
    assert chosen(front) == {"letters": False, "offers": True}


def test_after_a_no_to_everything_one_topic_can_be_chosen_again(front: Front, tmp_path: Path) -> None:
    mailroom = front.house.mailroom
    front.http.post(path(front), data={"save": "nothing"})
    assert chosen(front) == {"letters": False, "offers": False}
    choose(front, "offers")
    assert chosen(front) == {"letters": False, "offers": True}
    wanted, refused = message(1, topic="offers"), message(1, topic="letters", decision_id="other")
    mailroom.load_run(1, "run-1", NOW, [wanted, refused])
    send(tmp_path, mailroom)
    assert state_of(mailroom, wanted) == ("accepted", None)
    assert state_of(mailroom, refused) == ("skipped", "unsubscribed")


def test_a_no_after_the_yes_counts_again(front: Front) -> None:
    for _ in range(2):
        front.http.post(path(front), data={"save": "nothing"})
        assert chosen(front) == {"letters": False, "offers": False}
        choose(front, "offers")
        assert chosen(front) == {"letters": False, "offers": True}


@pytest.mark.parametrize("reason", ["complained", "bounced"])
def test_a_complaint_or_a_dead_address_is_not_the_customers_to_lift(front: Front, tmp_path: Path, reason: str) -> None:
    mailroom = front.house.mailroom
    mailroom.load_run(1, "run-1", NOW, [other(DecisionKind.SUPPRESS, 1, topic=None, reason=reason)])
    choose(front)
    choose(front, "letters", "offers")
    assert mailroom.suppressed("c1") == [(None, reason)]
    assert "hello@shop.example.com" in front.http.get(path(front)).text
    mailroom.load_run(2, "run-2", NOW, [message(1, topic="offers", run=2)])
    send(tmp_path, mailroom)
    assert state_of(mailroom, message(1)) == ("skipped", reason)


def test_data_that_are_read_in_lift_nothing_and_undo_no_later_yes(front: Front) -> None:
    mailroom = front.house.mailroom
    mailroom.say([Said("c1", Word.UNSUBSCRIBED, "offers"), Said("c1", Word.SUBSCRIBED, "offers")], NOW)
    late = other(DecisionKind.SUPPRESS, 1, topic="offers", reason="unsubscribed")  # at NOW: before that yes
    assert mailroom.load_run(1, "run-1", NOW, [late]).suppressed == 0
    assert chosen(front)["offers"]


def test_a_form_that_is_not_ours_changes_nothing(front: Front) -> None:
    forms: list[dict[str, str | list[str]]] = [
        {},
        {"save": "choice", "topic": "unknown"},
        {"save": "choice", "topic": ["offers", "receipts"]},
        {"save": "choice", "channel": "pigeon"},
        {"save": ["choice", "nothing"]},
        {"List-Unsubscribe": "One-Click"},
    ]
    for form in forms:
        answer = front.http.post(path(front), data=form)
        assert answer.status_code == 400
        assert "This cannot be read" in answer.text
    assert log(front) == []


def test_a_channel_that_is_said_no_to_takes_no_marketing(front: Front, tmp_path: Path) -> None:
    mailroom = front.house.mailroom
    mailroom.say([Said("c1", Word.UNSUBSCRIBED, channel="email")], NOW)
    offer, receipt = message(1), message(1, topic="receipts", topic_class="transactional", decision_id="other")
    mailroom.load_run(1, "run-1", NOW, [offer, receipt])
    send(tmp_path, mailroom)
    assert (state_of(mailroom, offer)[0], state_of(mailroom, receipt)[0]) == ("skipped", "accepted")
    assert chosen(front) == {"letters": True, "offers": True}  # the topics stand as they did
    assert mailroom.say([Said("c1", Word.SUBSCRIBED, channel="email")], NOW) == 1
    assert mailroom.standing("c1").stops == frozenset()


def test_what_a_customer_read_can_be_shown_and_is_kept_once(front: Front) -> None:
    pages = front.house.loaded.folder / "templates/pages"
    pages.mkdir()
    (pages / "preferences.de.html").write_text("Was Sie bekommen")
    choose(front)
    choose(front, "offers", "letters")
    front.http.post(urlsplit(str(front.house.links.preferences("c2", "m2"))).path, data={"save": "choice"})
    exported = front.house.mailroom.export("c1")
    (text,) = exported["consent_texts"]
    assert {row["text"] for row in exported["consents"]} == {text["text"]}
    assert "What you get" in text["wording"]
    assert "Letters from the shop" in text["wording"]
    assert path(front) not in text["wording"], "nothing of it is one customer's own"
    assert front.house.mailroom.export("c2")["consent_texts"] == [text]
    front.http.post(path(front), data={"save": "nothing"}, headers={"Accept-Language": "de"})
    german = [row["wording"] for row in front.house.mailroom.export("c1")["consent_texts"] if row != text]
    assert german == ["Was Sie bekommen"], "other words are another text, and those before stay"
    front.house.mailroom.erase("c1", (), NOW)
    alias = str(front.house.mailroom.pseudonym("c1"))
    assert len(front.house.mailroom.export(alias)["consent_texts"]) == 2, "the log stays, under a pseudonym"


def test_links_of_somebody_who_was_erased_say_so_and_leaving_still_works(front: Front) -> None:
    links = front.house.links
    front.house.mailroom.erase("c1", (), NOW)
    kept = [
        links.preferences("c1", "m1"),
        links.answer("c1", "m1", "e1", "taste", "jazz"),
        links.confirm("c1", "letters", "m1"),
    ]
    for link in (urlsplit(str(one)).path for one in kept):
        for answer in (front.http.get(link), front.http.post(link, data={"save": "nothing"})):
            assert answer.status_code == 410
            assert "This link no longer works" in answer.text and "Saved" not in answer.text
    assert front.http.get(path(front), headers={"Accept": "*/*"}).json()["code"] == "gone"
    assert front.http.post(urlsplit(str(links.unsubscribe("c1", "letters", "m1"))).path).is_success
    assert list(front.house.mailroom.feedback()) == []
    assert front.http.get(urlsplit(str(links.preferences("c2", "m2"))).path).is_success


def test_a_project_replaces_a_page_and_speaks_another_language(front: Front) -> None:
    pages = front.house.loaded.folder / "templates/pages"
    pages.mkdir()
    (pages / "preferences.de.html").write_text(
        '{% extends "base.html" %}{% block content %}Was Sie bekommen{% endblock %}'
    )
    german = front.http.get(path(front), headers={"Accept-Language": "fr;q=0.1, de-AT, de;q=0.9"})
    assert "Was Sie bekommen" in german.text
    assert "My Shop" in german.text
    for spoken in ("en, de;q=0.5", "fr", "*", "de;q=0", ";;;,,=", "de" * 5000):
        assert "What you get" in front.http.get(path(front), headers={"Accept-Language": spoken}).text
