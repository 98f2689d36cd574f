"""`ask`: a question by letter, its answers as events of the pass, and a way for each."""

from __future__ import annotations

import pytest

from journey_engine.links import ANSWER, Claim, answered
from journey_engine.records import Event, identity
from tests.histories.story import (
    Reading,
    Told,
    at,
    customer,
    ends,
    evenings,
    event,
    messages,
    moves,
    nights,
    rules,
)

TASTE = """
journey: taste
topic: receipts
trigger: {event: signed_up}
reentry: each_occurrence
steps:
  - ask:
      question: taste
      template: what
      options: {jazz: Jazz, folk: Folk, crime: Crime novels}
      timeout: 3 days
      paths:
        - {answer: [jazz, folk], steps: [{send: records}]}
        - {answer: crime, steps: [{send: books}]}
      none: [{send: favourites}]
  - send: bye
"""


def click(answer: str, when: str, key: str = "up", question: str = "taste") -> Event:
    """What the page records when the link of the letter is opened."""
    claim = Claim(ANSWER, "c1", None, "m1", identity("taste", "c1", key), question, answer)
    return answered(claim, at(when))


def lived(reading: Reading, *rows: Event, last: str = "2026-03-08", text: str = TASTE) -> Told:
    up = event("signed_up", "2026-03-01 10:00", "up")
    return reading(evenings(rules(text), [up, *rows], nights("2026-03-01", last), [customer()]))["c1"]


@pytest.mark.parametrize(("answer", "letter"), [("jazz", "records"), ("folk", "records"), ("crime", "books")])
def test_each_answer_goes_its_way_and_they_meet_behind_it(reading: Reading, answer: str, letter: str) -> None:
    # Asked on 2 March 02:00, answered at 18:00, seen in the night of the 3rd.
    told = lived(reading, click(answer, "2026-03-02 18:00"))
    assert messages(told) == ["what 2026-03-02 02:00", f"{letter} 2026-03-03 02:00", "bye 2026-03-03 02:00"]
    assert "run 3: event 2026-03-02 18:00" in moves(told)
    assert told.passes[0].steps["ask:taste"][0] == at("2026-03-02 18:00")


def test_no_answer_in_time_goes_the_way_of_none(reading: Reading) -> None:
    late = click("jazz", "2026-03-05 02:01")
    for rows in ([], [late]):
        told = lived(reading, *rows)
        assert messages(told)[1:] == ["favourites 2026-03-05 02:00", "bye 2026-03-05 02:00"]
    assert messages(lived(reading, click("jazz", "2026-03-05 02:00")))[1] == "records 2026-03-05 02:00"


@pytest.mark.parametrize(
    "row",
    [
        click("poetry", "2026-03-02 18:00"),  # no option (any more)
        click("jazz", "2026-03-02 18:00", question="mood"),
        click("jazz", "2026-03-02 18:00", key="another"),  # another pass asked
        event("answer_given", "2026-03-02 18:00", question="taste", answer="jazz"),  # of no pass at all
    ],
)
def test_what_is_no_answer_of_this_pass_to_this_question_counts_nothing(reading: Reading, row: Event) -> None:
    assert messages(lived(reading, row))[1] == "favourites 2026-03-05 02:00"


def test_a_pass_is_answered_by_its_own_letter_only(reading: Reading) -> None:
    # Signed up twice: two passes wait side by side. The click is in the letter of the second.
    second = event("signed_up", "2026-03-02 10:00", "again")
    told = lived(reading, second, click("crime", "2026-03-03 18:00", key="again"))
    ways = {
        one.enrollment_id: one.payload["template"]
        for one in told.decisions
        if one.step in ("send:books", "send:favourites")
    }
    assert ways == {identity("taste", "c1", "again"): "books", identity("taste", "c1", "up"): "favourites"}


def test_who_changes_their_mind_before_the_night_is_taken_at_their_last_word(reading: Reading) -> None:
    told = lived(reading, click("jazz", "2026-03-02 18:00"), click("crime", "2026-03-02 19:00"))
    assert messages(told)[1] == "books 2026-03-03 02:00"
    # Once the pass has gone on, another click changes nothing.
    told = lived(reading, click("jazz", "2026-03-02 18:00"), click("crime", "2026-03-04 19:00"))
    assert messages(told)[1:] == ["records 2026-03-03 02:00", "bye 2026-03-03 02:00"]


def test_the_answer_is_there_for_what_follows(reading: Reading) -> None:
    text = TASTE.replace("- send: bye", "- set: {taste: {from: step.ask:taste.answer}}\n  - send: bye")
    waits = "{wait_for: {event: bought, since: ask:taste, timeout: 1 day}}"
    text = text.replace("[{send: books}]", f"[{{send: books}}, {waits}]")
    told = lived(reading, click("crime", "2026-03-02 18:00"), event("bought", "2026-03-02 20:00"), text=text)
    assert [one.payload for one in told.decisions if one.step == "set:taste"] == [{"attributes": {"taste": "crime"}}]
    assert "run 3: event 2026-03-03 02:00" in moves(told)
    assert told.passes[0].steps["ask:taste"][0] == at("2026-03-02 18:00")


def test_the_letter_carries_the_question_and_its_answers(reading: Reading) -> None:
    named = {"what": ["customer.email"]}
    up = event("signed_up", "2026-03-01 10:00", "up")
    with_lines = TASTE.replace("template: what", "template: what\n      with: {seen: page_viewed}")
    for text in (TASTE, with_lines):
        lives = evenings(rules(text, values=named), [up], nights("2026-03-01", "2026-03-02"), [customer()])
        told = reading(lives)["c1"]
        values = told.decisions[0].payload["values"]
        assert values["customer"] == {"email": "c1@example.com"}
        assert values["ask"] == {
            "question": "taste",
            "answers": [
                {"answer": "jazz", "label": "Jazz"},
                {"answer": "folk", "label": "Folk"},
                {"answer": "crime", "label": "Crime novels"},
            ],
        }


def test_who_is_passed_by_is_not_asked(reading: Reading) -> None:
    text = TASTE.replace("question: taste", "question: taste\n      only_if: {customer: {plan: pro}}")
    assert messages(lived(reading, text=text)) == ["bye 2026-03-02 02:00"]
    assert ends(lived(reading, text=text)) == ["finished finished 2026-03-02 02:00"]
