"""A night reads what is new, was changed or waits, on either database, and what it says that its ledger has no more."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import text

from journey_engine.mailroom import Mailroom, answers
from journey_engine.mailroom.states import COLLECTING_MEANING, Collecting
from journey_engine.news import Told
from journey_engine.records import Event
from tests.mailroom.house import NOW

MINUTE = dt.timedelta(minutes=1)


def tell(mailroom: Mailroom, *ids: str) -> None:
    mailroom.hear([Told(one, "page_viewed", NOW, {}, "c1") for one in ids], NOW)


def in_hand(mailroom: Mailroom, *, every: bool = False) -> list[str]:
    return [one.event_id for one in mailroom.take_in_hand(every=every)]


def answer(mailroom: Mailroom, said: int, minutes: int) -> None:
    answers.keep(mailroom.store, Event("a", "c1", "answered", NOW + minutes * MINUTE, {"answer": said}))


def test_what_a_ledger_has_is_not_read_again(mailroom: Mailroom) -> None:
    tell(mailroom, "a", "b", "c")
    assert in_hand(mailroom) == ["a", "b", "c"]
    mailroom.collected("run 1", ["b"])
    tell(mailroom, "d")
    assert in_hand(mailroom) == ["b", "d"]
    mailroom.collected("run 2", [])
    assert (in_hand(mailroom), mailroom.collected_by()) == ([], "run 2")
    assert in_hand(mailroom, every=True) == [one.event_id for one in mailroom.feedback()] == ["a", "b", "c", "d"]


def test_night_that_died_before_it_said_so_is_followed_by_one_that_reads_it_all_again(mailroom: Mailroom) -> None:
    tell(mailroom, "a")
    assert in_hand(mailroom) == ["a"]
    tell(mailroom, "b")
    assert in_hand(mailroom) == ["a", "b"]


def test_what_was_told_while_the_night_ran_is_for_the_next(mailroom: Mailroom) -> None:
    tell(mailroom, "a")
    in_hand(mailroom)
    tell(mailroom, "b")
    mailroom.collected("run 1", [])
    assert in_hand(mailroom) == ["b"]


def test_answer_that_was_changed_is_read_again_also_when_it_changed_while_the_night_ran(mailroom: Mailroom) -> None:
    answer(mailroom, 1, 0)
    for minutes in (1, 2):
        assert in_hand(mailroom) == ["a"]
        answer(mailroom, 1 + minutes, minutes)
        mailroom.collected("run 1", [])
    assert [one.properties for one in mailroom.take_in_hand(every=False)] == [{"answer": 3}]
    mailroom.collected("run 2", [])
    answer(mailroom, 3, 3)
    assert in_hand(mailroom) == [], "it says what was said before"


def test_some_events_are_told_again_whoever_has_them(mailroom: Mailroom) -> None:
    tell(mailroom, "a", "b", *(f"e{number}" for number in range(1_200)))
    in_hand(mailroom)
    mailroom.collected("run 1", [])
    wanted = ["b", "none", *(f"e{number}" for number in range(1_200))]
    assert {one.event_id for one in mailroom.told_of(wanted)} == {*wanted} - {"none"}


def test_export_of_a_customer_does_not_tell_who_read_it(mailroom: Mailroom) -> None:
    tell(mailroom, "a")
    assert set(mailroom.export("c1")["feedback"][0]) == {
        "event_id", "customer_id", "name", "occurred_at", "properties",
    }  # fmt: skip


def test_what_is_due_is_found_by_an_index(mailroom: Mailroom) -> None:
    if not mailroom.store.is_sqlite:
        return  # it has no such plan before the table is large
    query = "EXPLAIN QUERY PLAN SELECT event_id FROM feedback WHERE event_id > '' AND collecting = 2 ORDER BY event_id"
    with mailroom.store.read() as db:
        plan = " ".join(row[3] for row in db.execute(text(query)))
    assert "feedback_due" in plan and "TEMP B-TREE" not in plan


def test_every_mark_has_a_meaning() -> None:
    assert set(COLLECTING_MEANING) == set(Collecting)
