"""Passes that only wait are left alone by a night that cannot end their wait; here each night could, or must not."""

from __future__ import annotations

import pytest

from tests.histories.story import (
    Evening,
    Reading,
    customer,
    ends,
    evenings,
    event,
    moves,
    nights,
    rules,
)

SIGNED_UP = event("signed_up", "2026-03-01 10:00")
WAITING = """
journey: one
topic: receipts
trigger: {event: signed_up}
reentry: never
steps:
  - wait_for: {event: {name: answered, where: {plan: gold}}, timeout: 20 days, on_timeout: exit}
  - send: done
"""
EVERY_NIGHT = nights("2026-03-01", "2026-03-08")


def test_a_wait_of_many_nights_ends_by_the_event_of_its_last_one(reading: Reading) -> None:
    rows = [
        SIGNED_UP,
        event("answered", "2026-03-03 10:00", plan="silver"),
        event("answered", "2026-03-06 10:00", plan="gold"),
    ]
    told = reading(evenings(rules(WAITING), rows, EVERY_NIGHT))["c1"]
    assert moves(told)[1] == "run 7: event 2026-03-06 10:00"


def test_an_event_that_comes_into_the_data_nights_later_ends_the_wait_then(reading: Reading) -> None:
    rows = [SIGNED_UP, event("answered", "2026-03-02 10:00", arrived="2026-03-05 12:00", plan="gold")]
    told = reading(evenings(rules(WAITING), rows, EVERY_NIGHT))["c1"]
    assert moves(told)[1] == "run 6: event 2026-03-02 10:00"


def test_an_event_that_is_corrected_into_an_awaited_one_ends_the_wait(reading: Reading) -> None:
    rows = [
        SIGNED_UP,
        event("answered", "2026-03-02 10:00", "a", plan="silver"),
        event("answered", "2026-03-02 10:00", "a", arrived="2026-03-05 12:00", plan="gold"),
    ]
    told = reading(evenings(rules(WAITING), rows, EVERY_NIGHT))["c1"]
    assert moves(told)[1] == "run 6: event 2026-03-02 10:00"


def test_an_event_whose_first_content_counts_again_ends_the_wait(reading: Reading) -> None:
    # It came corrected in the first place, and the correction is taken back on the 5th.
    gold, silver = (event("answered", "2026-03-02 10:00", "a", plan=plan) for plan in ("gold", "silver"))
    again = event("answered", "2026-03-02 10:00", "a", arrived="2026-03-05 12:00", plan="gold")
    told = reading(evenings(rules(WAITING), [SIGNED_UP, gold, silver, again], EVERY_NIGHT))["c1"]
    assert moves(told)[1] == "run 6: event 2026-03-02 10:00"


@pytest.mark.parametrize("away", [("05",), ("04", "05")])
def test_a_stage_reached_on_the_night_before_a_customer_was_away_ends_the_wait_when_they_are_back(
    reading: Reading, away: tuple[str, ...]
) -> None:
    # A buyer from the order of 2 March on, seen on the night of the 3rd: a wait can see it on the 4th at the earliest.
    waits = """
    journey: one
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps: [{wait_for: {event: {name: stage_entered, where: {stage: buyer}}}}, {send: done}]
    """
    cycle = "aware: {customer: {customer_id: {exists: true}}}\nbuyer: {event: order_placed}"
    told = rules(waits, cycle=cycle)
    rows = [SIGNED_UP, event("order_placed", f"2026-03-0{int(away[0]) - 2} 10:00")]
    there = [customer(), customer("c2")]
    gone = {f"2026-03-{day}" for day in away}
    lived = [
        Evening(night, told, there[1:] if f"{night.as_of:%Y-%m-%d}" in gone else there, rows) for night in EVERY_NIGHT
    ]
    found = reading(lived)["c1"]
    assert moves(found)[1] == f"run 6: event 2026-03-0{int(away[0]) - 1} 02:00"


def test_an_event_of_a_night_without_the_journey_ends_the_wait_when_it_is_back(reading: Reading) -> None:
    rows = [SIGNED_UP, event("answered", "2026-03-04 10:00", plan="gold")]
    with_it, without = rules(WAITING), rules()
    lived = [Evening(night, without if night.run == 5 else with_it, [customer()], rows) for night in EVERY_NIGHT]
    assert moves(reading(lived)["c1"])[1] == "run 6: event 2026-03-04 10:00"


def test_a_wait_reached_since_the_last_run_ends_by_what_that_run_knew(reading: Reading) -> None:
    # The run of 2 March goes ahead to 3 March 01:00, and reads no event there; what was asked since the entry is known.
    words = """
    journey: one
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps: [{wait: 39 hours}, {wait_for: {event: answered, since: entry}}, {send: done}]
    """
    rows = [SIGNED_UP, event("answered", "2026-03-01 12:00")]
    told = reading(evenings(rules(words), rows, EVERY_NIGHT))["c1"]
    assert moves(told)[1:3] == ["run 2: waited 2026-03-03 01:00", "run 3: event 2026-03-03 01:00"]


def test_a_timeout_comes_while_nothing_happens(reading: Reading) -> None:
    words = WAITING.replace("20 days", "4 days")
    told = reading(evenings(rules(words), [SIGNED_UP], EVERY_NIGHT))["c1"]
    assert moves(told)[1] == "run 6: timeout 2026-03-05 10:00"
    assert ends(told) == ["exited timeout 2026-03-05 10:00"]


def test_missed_nights_are_made_up_for(reading: Reading) -> None:
    rows = [
        SIGNED_UP,
        event("answered", "2026-03-04 10:00", plan="gold"),
        event("answered", "2026-03-06 10:00", plan="gold"),
    ]
    some = [night for night in EVERY_NIGHT if night.run not in (4, 5, 6)]
    told = reading(evenings(rules(WAITING), rows, some))["c1"]
    assert moves(told)[1] == "run 7: event 2026-03-04 10:00"
