import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journey_engine.links import Claim, Links, answered

OLD, NEW = Links("https://shop.example/", {"old": b"a" * 32}, "old"), b"b" * 32
BOTH = Links("https://shop.example/", {"old": b"a" * 32, "new": NEW}, "new")


@given(customer=st.text(), topic=st.none() | st.text(), message=st.text())
def test_a_link_says_who_and_what_and_nothing_else(customer: str, topic: str | None, message: str) -> None:
    address = OLD.unsubscribe(customer, topic, message)
    assert address is not None
    assert address.startswith("https://shop.example/unsubscribe/old.")
    assert address.isascii()
    assert not set(address) & set(" \r\n<>\"'")
    assert OLD.verify(address.rsplit("/", 1)[1]) == Claim("unsubscribe", customer, topic, message)


@given(data=st.data())
def test_a_changed_link_is_no_link(data: st.DataObject) -> None:
    token = OLD.sign(Claim("unsubscribe", "c1", "offers", "m1"))
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(codec="utf-8"))
    changed = token[:place] + letter + token[place + 1 :]
    assert (OLD.verify(changed) is None) == (changed != token)


@pytest.mark.parametrize("token", ["", ".", "..", "...", "old..", "old.e30.", "no.e30.x", "old.😀.x", "a" * 10_000])
def test_nonsense_is_no_link(token: str) -> None:
    assert OLD.verify(token) is None


def test_a_link_of_an_older_key_stays_good_and_of_a_strange_one_never_was() -> None:
    token = OLD.sign(Claim("unsubscribe", "c1", None, "m1"))
    assert BOTH.verify(token) == Claim("unsubscribe", "c1", None, "m1")
    assert OLD.verify(BOTH.sign(Claim("unsubscribe", "c1", None, "m1"))) is None
    forged = "new" + token[3:]
    assert BOTH.verify(forged) is None


def test_links_for_one_purpose_do_not_serve_another() -> None:
    address = OLD.preferences("c1", "m1")
    assert address is not None
    claim = OLD.verify(address.rsplit("/", 1)[1])
    assert claim == Claim("preferences", "c1", None, "m1")


def test_without_a_public_address_there_are_no_links() -> None:
    links = Links(None, {"k": b"x"}, "k")
    assert (links.home, links.unsubscribe("c", None, "m"), links.preferences("c", "m")) == (None, None, None)


def test_a_link_for_an_answer_says_which_pass_asked_what_and_what_is_answered() -> None:
    address = OLD.answer("c1", "m1", "e1", "taste", "jazz")
    assert address is not None
    assert address.startswith("https://shop.example/answer/old.")
    claim = OLD.verify(address.rsplit("/", 1)[1])
    assert claim == Claim("answer", "c1", None, "m1", "e1", "taste", "jazz")


def test_an_answer_is_one_event_of_its_pass_however_often_it_is_given() -> None:
    at = dt.datetime(2026, 3, 2, 18, tzinfo=dt.UTC)
    jazz, folk = (answered(Claim("answer", "c1", None, "m1", "e1", "taste", one), at) for one in ("jazz", "folk"))
    other = answered(Claim("answer", "c1", None, "m2", "e2", "taste", "jazz"), at)
    assert jazz.event_id == folk.event_id != other.event_id
    assert (jazz.name, jazz.customer_id, jazz.occurred_at) == ("answer_given", "c1", at)
    assert jazz.properties == {"question": "taste", "answer": "jazz", "enrollment_id": "e1", "message_id": "m1"}
