"""Rules 8 to 10: who enters, when, and under which identity."""

from __future__ import annotations

from dataclasses import replace

import pytest

from journey_engine.records import identity
from journey_engine.rules import Night
from tests.histories.story import (
    NIGHTLY,
    Evening,
    Reading,
    at,
    customer,
    ends,
    entries,
    evenings,
    event,
    messages,
    nights,
    rules,
)

ORDERS = """
journey: thanks
topic: receipts
trigger: {{event: order_placed}}
reentry: {reentry}
steps: [{{wait: 2 days}}, {{send: thanks}}]
"""

VIP = "vip: {event: {name: order_placed, count: {at_least: 2}}}"
GREET_VIP = """
journey: greet-vip
topic: receipts
trigger: {enters: {segment: vip}}
steps: [{send: hello-vip}]
"""


# Orders on 1, 2 and 6 March at 10:00. Each pass waits two days from its order: those of 1 and 2 March are
# open until the 3rd and 4th at 10:00.
@pytest.mark.parametrize(
    ("reentry", "expected"),
    [
        # The first order takes the one pass there will ever be.
        ("never", ["thanks 2026-03-01 10:00"]),
        # The 2nd finds the pass of the 1st open; the 6th comes after its end on the 3rd.
        ("after_exit", ["thanks 2026-03-01 10:00", "thanks 2026-03-06 10:00"]),
        # 1 March + 5 days = 6 March 10:00, and the last order is at that very instant: it enters.
        ("{after: 5 days}", ["thanks 2026-03-01 10:00", "thanks 2026-03-06 10:00"]),
        # One minute more, and it does not.
        ("{after: 5 days 1 minute}", ["thanks 2026-03-01 10:00"]),
        (
            "each_occurrence",
            ["thanks 2026-03-01 10:00", "thanks 2026-03-02 10:00", "thanks 2026-03-06 10:00"],
        ),
    ],
)
def test_reentry_word_decides_which_occurrences_enter(reading: Reading, reentry: str, expected: list[str]) -> None:
    rows = [event("order_placed", f"2026-03-0{day} 10:00") for day in (1, 2, 6)]
    told = reading(evenings(rules(ORDERS.format(reentry=reentry)), rows, nights("2026-03-01", "2026-03-10")))["c1"]
    assert entries(told) == expected


@pytest.mark.parametrize(
    ("reentry", "expected"),
    [
        # All three in one night: `never` takes the first in order, `after_exit` at most one a run, the others
        # look at the entry admitted just before: 10:00 + 2 hours = 12:00 admits the third, not the second at
        # 11:00.
        ("never", ["thanks 2026-03-01 10:00"]),
        ("after_exit", ["thanks 2026-03-01 10:00"]),
        ("{after: 2 hours}", ["thanks 2026-03-01 10:00", "thanks 2026-03-01 12:00"]),
        (
            "each_occurrence",
            ["thanks 2026-03-01 10:00", "thanks 2026-03-01 11:00", "thanks 2026-03-01 12:00"],
        ),
    ],
)
def test_occurrences_of_one_night_are_admitted_in_order(reading: Reading, reentry: str, expected: list[str]) -> None:
    rows = [event("order_placed", f"2026-03-01 {hour}:00") for hour in (12, 10, 11)]
    told = reading(evenings(rules(ORDERS.format(reentry=reentry)), rows, nights("2026-03-01", "2026-03-10")))["c1"]
    assert entries(told) == expected


def test_after_exit_admits_what_is_later_than_the_exit(reading: Reading) -> None:
    # The pass of 1 March 10:00 waits until 3 March 10:00; the run of 3 March 02:00 looks ahead and ends it at
    # that instant. The order of 3 March 12:00 is later than the exit; the one of 09:00 is not.
    rows = [event("order_placed", "2026-03-01 10:00"), event("order_placed", "2026-03-03 12:00")]
    told = reading(evenings(rules(ORDERS.format(reentry="after_exit")), rows, nights("2026-03-01", "2026-03-07")))["c1"]
    assert entries(told) == ["thanks 2026-03-01 10:00", "thanks 2026-03-03 12:00"]
    rows[1] = event("order_placed", "2026-03-03 09:00")
    told = reading(evenings(rules(ORDERS.format(reentry="after_exit")), rows, nights("2026-03-01", "2026-03-07")))["c1"]
    assert entries(told) == ["thanks 2026-03-01 10:00"]


def test_a_conversion_of_this_run_lets_the_next_silence_in(reading: Reading) -> None:
    # Quiet for 5 days after 1 March 10:00: enters at 6 March 10:00, seen on the 7th. The order of 8 March
    # 10:00 converts it on the 9th, and being quiet again until 13 March 10:00 starts the second pass on the
    # 14th.
    text = """
    journey: win-back
    topic: receipts
    trigger: {inactive: {event: order_placed, for: 5 days}}
    goal: {event: order_placed}
    steps: [{wait: 20 days}, {send: we-miss-you}]
    """
    rows = [event("order_placed", "2026-03-01 10:00"), event("order_placed", "2026-03-08 10:00")]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-15")))["c1"]
    assert entries(told) == ["win-back 2026-03-06 10:00", "win-back 2026-03-13 10:00"]
    assert ends(told) == ["converted goal 2026-03-08 10:00", "open"]


def test_two_occurrences_missed_in_a_gap_are_judged_in_order_of_their_instants(reading: Reading) -> None:
    # No run between 2 and 6 March. Both orders are younger than 2 March 02:00 less 72 hours, so both are
    # considered on the 6th; after_exit admits the first.
    when = [nights("2026-03-02", "2026-03-02")[0], Night.of(2, at("2026-03-06 02:00"), NIGHTLY)]
    rows = [event("order_placed", "2026-03-04 10:00"), event("order_placed", "2026-03-03 10:00")]
    told = reading(evenings(rules(ORDERS.format(reentry="after_exit")), rows, when))["c1"]
    assert entries(told) == ["thanks 2026-03-03 10:00"]


def test_the_audience_decides_on_the_night_the_occurrence_is_considered_and_never_again(
    reading: Reading,
) -> None:
    # On 2 March the customer is not in Nigeria; on the 3rd they are, but the sign-up was considered the night
    # before.
    text = """
    journey: hello
    topic: receipts
    trigger: {event: signed_up}
    reentry: each_occurrence
    audience: {customer: {country: NG}}
    steps: [{send: hello}]
    """
    rows = [event("signed_up", "2026-03-01 10:00")]
    when, told = nights("2026-03-01", "2026-03-04"), rules(text)
    moved = [Evening(night, told, [customer(country="GH" if night.run < 3 else "NG")], rows) for night in when]
    assert entries(reading(moved)["c1"]) == []
    stayed = [Evening(night, told, [customer(country="NG")], rows) for night in when]
    assert entries(reading(stayed)["c1"]) == ["hello 2026-03-01 10:00"]


def test_audience_sees_the_whole_history_and_the_trigger(reading: Reading) -> None:
    # Both orders are of 10 or more; only the second is the second ever.
    text = """
    journey: second
    topic: receipts
    trigger: {event: order_placed}
    reentry: each_occurrence
    audience:
      all: [{event: {name: order_placed, count: {at_least: 2}}}, {trigger: {total: {at_least: 10}}}]
    steps: [{send: thanks}]
    """
    rows = [
        event("order_placed", "2026-03-01 10:00", total=10),
        event("order_placed", "2026-03-02 10:00", total=20),
        event("order_placed", "2026-03-02 11:00", total="20"),  # a text is no number
    ]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert entries(told) == ["second 2026-03-02 10:00"]


@pytest.mark.parametrize(
    ("trigger", "key"),
    [
        ("{event: signed_up}", "signed_up 2026-03-02 10:00"),  # the event's id
        ("{event: {name: signed_up, first: true}}", "2026-03-02T10:00:00Z"),  # the instant
        ("{inactive: {event: signed_up, for: 1 day}}", "2026-03-02T10:00:00Z"),  # the instant that went quiet
        ("{date: {of: customer.born, every: year}}", "2026-03-03"),  # the local date
        # The wish is three days early: the date is still the birthday.
        ("{date: {of: customer.child_born, every: year, offsets: [3 days before]}}", "2026-03-06|-3 days"),
        (
            '{schedule: {cron: "30 8 3 * *", timezone: customer}}',
            "2026-03-03T08:30",
        ),  # the reading of the wall clock
        ("{enters: {segment: member}}", "1"),  # the first time
    ],
)
def test_identity_is_made_of_journey_customer_and_occurrence(reading: Reading, trigger: str, key: str) -> None:
    text = f"""
    journey: one
    topic: receipts
    trigger: {trigger}
    reentry: each_occurrence
    steps: [{{send: hello}}]
    """
    who = [customer(zone="Asia/Kolkata", born="1990-03-03", child_born="2020-03-06")]
    rows = [event("signed_up", "2026-03-02 10:00")]
    told = rules(text, segments="member: {event: signed_up}")
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-05"), who))["c1"].passes
    assert [(one.key, one.enrollment_id) for one in found] == [(key, identity("one", "c1", key))]


def test_a_restored_state_gives_the_same_ids_whatever_the_number_of_the_run(reading: Reading) -> None:
    told = rules(ORDERS.format(reentry="each_occurrence"))
    rows = [event("order_placed", "2026-03-01 10:00")]
    once = nights("2026-03-01", "2026-03-05")
    again = [replace(night, run=night.run + 100) for night in once]
    first, second = reading(evenings(told, rows, once))["c1"], reading(evenings(told, rows, again))["c1"]
    assert [one.decision_id for one in first.decisions] == [one.decision_id for one in second.decisions]
    assert [one.enrollment_id for one in first.passes] == [one.enrollment_id for one in second.passes]
    assert len(first.decisions) == 1


def test_first_evaluation_of_a_segment_greets_nobody_and_the_next_member_is_greeted(reading: Reading) -> None:
    # c1 has two orders when the segment is first evaluated; c2 places the second one afterwards.
    rows = [
        event("order_placed", "2026-02-01 10:00"),
        event("order_placed", "2026-02-02 10:00"),
        event("order_placed", "2026-02-01 10:00", "a", who="c2"),
        event("order_placed", "2026-03-01 10:00", "b", who="c2"),
    ]
    who = [customer("c1"), customer("c2")]
    told = reading(evenings(rules(GREET_VIP, segments=VIP), rows, nights("2026-03-01", "2026-03-04"), who))
    assert entries(told["c1"]) == []
    assert entries(told["c2"]) == ["greet-vip 2026-03-02 02:00"]


def test_backfill_takes_the_members_of_the_first_night(reading: Reading) -> None:
    rows = [event("order_placed", "2026-02-01 10:00"), event("order_placed", "2026-02-02 10:00")]
    told = rules(GREET_VIP + "backfill: current\n", segments=VIP)
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-04")))["c1"]
    assert entries(found) == ["greet-vip 2026-03-01 02:00"]


def test_backfill_takes_the_newest_event_ever_and_enters_at_the_night(reading: Reading) -> None:
    # Without it the journey's first run looks back one interval: to 28 February 02:00.
    text = ORDERS.format(reentry="each_occurrence")
    rows = [event("order_placed", "2025-02-01 10:00"), event("order_placed", "2025-06-01 10:00")]
    when = nights("2026-03-01", "2026-03-04")
    assert entries(reading(evenings(rules(text), rows, when))["c1"]) == []
    found = reading(evenings(rules(text + "backfill: current\n"), rows, when))["c1"]
    assert entries(found) == ["thanks 2026-03-01 02:00"]
    # Two days from the entry at the night, not from the order of a year ago.
    assert messages(found) == ["thanks 2026-03-03 02:00"]


def test_a_changed_definition_is_a_baseline_again(reading: Reading) -> None:
    # With one order the customer is no vip. On 3 March one order is enough: everyone it holds for belongs
    # silently.
    rows = [event("order_placed", "2026-02-01 10:00")]
    when = nights("2026-03-01", "2026-03-05")
    old, new = rules(GREET_VIP, segments=VIP), rules(GREET_VIP, segments="vip: {event: order_placed}")
    found = reading([Evening(night, old if night.run < 3 else new, [customer()], rows) for night in when])
    assert entries(found["c1"]) == []
    # The other side: with the new definition all along, the first order makes a member.
    rows = [event("order_placed", "2026-03-02 10:00")]
    assert entries(reading(evenings(new, rows, when))["c1"]) == ["greet-vip 2026-03-03 02:00"]


def test_becoming_a_member_again_is_another_occurrence(reading: Reading) -> None:
    # Active means an order within 3 days: until 4 March 10:00, and again from 8 March 10:00.
    text = GREET_VIP + "reentry: each_occurrence\n"
    told = rules(text, segments="vip: {event: {name: order_placed, within: 3 days}}")
    rows = [event("order_placed", "2026-03-01 10:00"), event("order_placed", "2026-03-08 10:00")]
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-10")))["c1"]
    assert entries(found) == ["greet-vip 2026-03-02 02:00", "greet-vip 2026-03-09 02:00"]
    assert sorted(one.key for one in found.passes) == ["1", "2"]


def test_a_customer_first_seen_under_a_known_definition_was_no_member_before(reading: Reading) -> None:
    rows = [event("order_placed", "2026-02-01 10:00"), event("order_placed", "2026-02-02 10:00")]
    told, when = rules(GREET_VIP, segments=VIP), nights("2026-03-01", "2026-03-04")
    found = reading([Evening(night, told, [customer()] if night.run > 2 else [], rows) for night in when])
    assert entries(found["c1"]) == ["greet-vip 2026-03-03 02:00"]


def test_a_customer_absent_for_two_nights_stands_still_and_goes_on(reading: Reading) -> None:
    # The pass of 1 March 10:00 would move on 3 March 10:00. Absent on the nights of the 3rd and 4th, it moves
    # on the 5th: noticed late, the message happens then.
    told = rules(ORDERS.format(reentry="each_occurrence"))
    rows = [event("order_placed", "2026-03-01 10:00")]
    when = nights("2026-03-01", "2026-03-06")
    found = reading([Evening(night, told, [] if night.run in (3, 4) else [customer()], rows) for night in when])
    assert messages(found["c1"]) == ["thanks 2026-03-05 02:00"]


def test_an_absence_is_no_exit_from_a_segment(reading: Reading) -> None:
    # Member from the night of 2 March; absent on the 3rd; on the 4th still the same membership: no second
    # greeting.
    rows = [event("order_placed", "2026-02-01 10:00"), event("order_placed", "2026-03-01 10:00")]
    told = rules(GREET_VIP + "reentry: each_occurrence\n", segments=VIP)
    when = nights("2026-03-01", "2026-03-06")
    found = reading([Evening(night, told, [] if night.run == 3 else [customer()], rows) for night in when])
    assert entries(found["c1"]) == ["greet-vip 2026-03-02 02:00"]


def test_events_of_an_unknown_customer_are_received_when_they_are_known(reading: Reading) -> None:
    # The order of 1 March waits outside until the customer is in the data on 3 March, within the 72 hours.
    told, rows = rules(ORDERS.format(reentry="each_occurrence")), [event("order_placed", "2026-03-01 10:00")]
    when = nights("2026-03-01", "2026-03-09")
    found = reading([Evening(night, told, [customer()] if night.run > 2 else [], rows) for night in when])
    assert entries(found["c1"]) == ["thanks 2026-03-01 10:00"]
    # Known only from 6 March: the last run was on the 5th at 02:00, less 72 hours is 2 March 02:00. Too long
    # ago.
    found = reading([Evening(night, told, [customer()] if night.run > 5 else [], rows) for night in when])
    assert entries(found["c1"]) == []
