"""`hold_when` of the project: who has an open complaint is sold nothing, and everything else goes on."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from journey_engine.conditions import Condition, Context
from journey_engine.records import DecisionKind, DecisionState
from journey_engine.rules import Rules
from tests.histories.story import (
    Reading,
    Told,
    customer,
    evenings,
    event,
    kinds,
    messages,
    nights,
    rules,
)

LETTERS = """
journey: letters
trigger: {event: signed_up}
reentry: each_occurrence
steps:
  - send: {template: offer, topic: offers}
  - send: {template: receipt, topic: receipts}
  - task: {team: service, title: Call}
  - wait: 2 days
  - send: {template: another, topic: offers}
"""
COMPLAINT = {
    "all": [
        {"event": {"name": "complained", "within": "30 days"}},
        {"not": {"event": {"name": "complaint_closed", "within": "30 days"}}},
    ]
}
SENT = "09:00"


def held(text: str = LETTERS, condition: object = COMPLAINT, **settings: object) -> Rules:
    """The rules of a project that holds marketing back."""
    read = TypeAdapter(Condition).validate_python(condition)
    return rules(text, hold_when=read.resolve(Context()), **settings)


def lived(reading: Reading, told: Rules, *rows: object, last: str = "2026-03-05") -> Told:
    up = event("signed_up", "2026-03-01 10:00", "up")
    return reading(evenings(told, [up, *rows], nights("2026-03-01", last), [customer()]))["c1"]


def test_an_open_complaint_holds_offers_and_nothing_else_until_it_is_closed(reading: Reading) -> None:
    rows = event("complained", "2026-02-27 10:00"), event("complaint_closed", "2026-03-02 20:00")
    told = lived(reading, held(), *rows)
    assert messages(told) == [
        "offer 2026-03-02 09:00 on_hold", f"receipt 2026-03-02 {SENT}", f"another 2026-03-04 {SENT}"
    ]  # fmt: skip
    assert {one.state for one in kinds(told, DecisionKind.TASK)} == {DecisionState.PENDING}


@pytest.mark.parametrize(
    ("complained", "reason"), [("2026-01-31 02:00", ""), ("2026-01-31 02:01", " on_hold"), ("2026-03-02 02:01", "")]
)
def test_what_holds_is_read_in_the_night_that_decides(reading: Reading, complained: str, reason: str) -> None:
    told = lived(reading, held(), event("complained", complained), last="2026-03-02")
    assert messages(told)[0] == f"offer 2026-03-02 {SENT}{reason}"


def test_a_letter_on_hold_neither_meets_a_cap_nor_counts_for_it(reading: Reading) -> None:
    cap = "[{topic: offers, at_most: 1, within: 30 days}]"
    rows = event("complained", "2026-02-27 10:00"), event("complaint_closed", "2026-03-02 20:00")
    told = lived(reading, held(caps=cap), *rows)
    assert [one for one in messages(told) if not one.startswith("receipt")] == [
        "offer 2026-03-02 09:00 on_hold", f"another 2026-03-04 {SENT}"
    ]  # fmt: skip


def test_what_is_too_late_says_so_and_who_is_held_out_is_withheld(reading: Reading) -> None:
    late = LETTERS.replace(
        "{template: another, topic: offers}", "{template: another, topic: offers, max_lateness: 1 hour}"
    )
    up, bad = event("signed_up", "2026-03-01 10:00", "up"), event("complained", "2026-02-27 10:00")
    when = [one for one in nights("2026-03-01", "2026-03-07") if one.as_of.day not in (3, 4, 5)]
    told = reading(evenings(held(late), [up, bad], when, [customer()]))["c1"]
    assert messages(told)[-1].endswith("too_late")
    out = LETTERS.replace("reentry:", "holdout: 99.9999%\nreentry:")
    told = lived(reading, held(out), event("complained", "2026-02-27 10:00"), last="2026-03-02")
    assert [one.reason for one in kinds(told, DecisionKind.MESSAGE)] == ["holdout", None]


def test_segments_may_be_named_and_others_are_not_held(reading: Reading) -> None:
    told = held(condition={"customer": {"plan": "unhappy"}})
    up = [event("signed_up", "2026-03-01 10:00", f"up {who}", who=who) for who in ("c1", "c2")]
    who = [customer("c1", plan="unhappy"), customer("c2", plan="pro")]
    found = reading(evenings(told, up, nights("2026-03-01", "2026-03-02"), who))
    assert [messages(found[one])[0].endswith("on_hold") for one in ("c1", "c2")] == [True, False]
