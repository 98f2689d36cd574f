"""Rules 1 and 2: the instants of a run, and what it knows."""

from __future__ import annotations

import pytest

from journey_engine.rules import Night
from journey_engine.times import Duration
from tests.histories.story import (
    NIGHTLY,
    Reading,
    at,
    entries,
    evenings,
    event,
    messages,
    moves,
    nights,
    rules,
)

HELLO = """
journey: hello
topic: receipts
trigger: {event: signed_up}
reentry: each_occurrence
steps: [{send: hello}]
"""

WAITS = """
journey: waits
topic: receipts
trigger: {event: signed_up}
reentry: never
steps: [{send: first}, {wait: 1 day}, {send: second}, {wait: 1 day}, {send: third}]
"""


def test_missed_nights_are_covered_by_the_next_run_not_replayed(reading: Reading) -> None:
    # Entered 1 March 10:00, first mail at the night of the 2nd 02:00. The wait ends on 3 March 02:00, no run
    # until the 6th: the second mail happens at 6 March 02:00 and the next wait counts from there, not from
    # the 4th.
    when = [*nights("2026-03-01", "2026-03-02"), Night.of(3, at("2026-03-06 02:00"), NIGHTLY)]
    when += [Night.of(4, at("2026-03-07 02:00"), NIGHTLY)]
    told = reading(evenings(rules(WAITS), [event("signed_up", "2026-03-01 10:00")], when))["c1"]
    assert messages(told) == ["first 2026-03-02 02:00", "second 2026-03-06 02:00", "third 2026-03-07 02:00"]
    assert moves(told)[2] == "run 3: waited 2026-03-03 02:00"


def test_a_night_run_twice_enters_moves_and_sends_nothing_more(reading: Reading) -> None:
    when = nights("2026-03-01", "2026-03-04")
    rows, told = [event("signed_up", "2026-03-01 10:00")], rules(WAITS)
    once = reading(evenings(told, rows, when))["c1"]
    twice = reading(evenings(told, rows, [night for night in when for _ in range(2)]))["c1"]
    assert twice == once
    assert len(once.decisions) == 3


def test_one_day_waits_keep_their_hour_when_a_night_runs_late(reading: Reading) -> None:
    # The second run is 20 seconds late by hand. Its as_of is what it was told, and the waits count from
    # there; the third mail is due at 2 + 2 days and 20 seconds, decided by the run of the 4th looking ahead.
    late = Night.of(2, at("2026-03-02 02:00:20"), NIGHTLY)
    when = [nights("2026-03-01", "2026-03-01")[0], late]
    when += [Night.of(run, at(f"2026-03-0{run} 02:00"), NIGHTLY) for run in (3, 4, 5)]
    told = reading(evenings(rules(WAITS), [event("signed_up", "2026-03-01 10:00")], when))["c1"]
    assert messages(told) == [
        "first 2026-03-02 02:00:20",
        "second 2026-03-03 02:00:20",
        "third 2026-03-04 02:00:20",
    ]


def test_an_event_of_one_that_arrives_at_half_past_three_still_counts(reading: Reading) -> None:
    # It happened before the night of the 2nd, but its file came after it: the night of the 3rd is the first
    # to see it.
    rows = [event("signed_up", "2026-03-02 01:00", arrived="2026-03-02 03:30")]
    told = reading(evenings(rules(HELLO), rows, nights("2026-03-01", "2026-03-04")))["c1"]
    assert moves(told)[0] == "run 3: entered 2026-03-02 01:00"
    assert messages(told) == ["hello 2026-03-03 02:00"]


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        # It arrives for the night of 8 March. The last run was 7 March 02:00; less 72 hours that is 4 March
        # 02:00.
        ("2026-03-04 02:00", []),  # not later than that instant
        ("2026-03-04 02:01", ["hello 2026-03-04 02:01"]),
    ],
)
def test_a_late_file_starts_a_journey_within_accept_late_and_not_behind_it(
    reading: Reading, happened: str, expected: list[str]
) -> None:
    rows = [event("signed_up", happened, arrived="2026-03-07 12:00")]
    assert entries(reading(evenings(rules(HELLO), rows, nights("2026-03-01", "2026-03-09")))["c1"]) == expected


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        ("2026-03-04 02:00", []),  # as_of less one interval: not later than it
        ("2026-03-04 02:01", ["hello 2026-03-04 02:01"]),
    ],
)
def test_a_journeys_first_run_looks_back_one_interval(reading: Reading, happened: str, expected: list[str]) -> None:
    # The journey begins on 5 March. The second night must not find what the first left out.
    rows = [event("signed_up", happened)]
    assert entries(reading(evenings(rules(HELLO), rows, nights("2026-03-05", "2026-03-08")))["c1"]) == expected


def test_what_a_month_at_its_end_leaves_out_no_later_run_lets_in(reading: Reading) -> None:
    # For the run of 31 March 00:00 a month before the last run is 28 February 18:00: the event of 05:00 is too late.
    # A month before that run itself is 28 February 00:00, so the next run looks back further than this one did.
    when = [
        Night.of(run, at(text), "0 */6 * * *")
        for run, text in enumerate(["2026-03-30 18:00", "2026-03-31 00:00", "2026-03-31 06:00"], start=1)
    ]
    rows = [event("signed_up", "2026-02-28 05:00", arrived="2026-03-30 20:00")]
    told = reading(evenings(rules(HELLO, accept_late=Duration.parse("1 month")), rows, when))["c1"]
    assert entries(told) == []


def test_an_event_of_the_future_waits_for_its_night(reading: Reading) -> None:
    rows = [event("signed_up", "2026-03-03 10:00", arrived="2026-03-01 00:00")]
    told = reading(evenings(rules(HELLO), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert moves(told)[0] == "run 4: entered 2026-03-03 10:00"


def test_the_same_id_with_other_content_changes_conditions_and_triggers_nothing(reading: Reading) -> None:
    # The order says 10 on the night of the 2nd and 100 from the 3rd. The journey for large orders read the
    # first content; the branch of 4 March (2 March 02:00 + 2 days) reads the newest.
    large = """
    journey: large
    topic: receipts
    trigger: {event: {name: order_placed, where: {total: {at_least: 100}}}}
    reentry: each_occurrence
    steps: [{send: large}]
    """
    small = """
    journey: small
    topic: receipts
    trigger: {event: order_placed}
    reentry: each_occurrence
    steps:
      - wait: 2 days
      - branch:
          - when: {event: {name: order_placed, where: {total: {at_least: 100}}, ever: true}}
            steps: [{send: newest}]
          - {otherwise: [{send: first}]}
    """
    rows = [
        event("order_placed", "2026-03-01 10:00", "o1", total=10),
        event("order_placed", "2026-03-01 10:00", "o1", arrived="2026-03-02 12:00", total=100),
    ]
    told = reading(evenings(rules(large, small), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert entries(told) == ["small 2026-03-01 10:00"]
    assert messages(told) == ["newest 2026-03-03 10:00"]


def test_where_comes_before_the_first_ever(reading: Reading) -> None:
    # The customer's first order is of 5; the first of 10 or more is on 3 March. One of the same instant adds
    # nothing.
    text = """
    journey: first-large
    topic: receipts
    trigger: {event: {name: order_placed, where: {total: {at_least: 10}}, first: true}}
    reentry: each_occurrence
    steps: [{send: thanks}]
    """
    rows = [
        event("order_placed", "2026-03-01 10:00", total=5),
        event("order_placed", "2026-03-03 10:00", "b", total=30),
        event("order_placed", "2026-03-03 10:00", "a", total=20),
        event("order_placed", "2026-03-04 10:00", total=40),
    ]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert entries(told) == ["first-large 2026-03-03 10:00"]
    assert [one.trigger for one in told.passes] == [{"total": 20}]  # the smallest id of the instant speaks for it


def test_the_first_ever_stays_the_first_beside_triggers_that_look_at_late_events_only(reading: Reading) -> None:
    first, each = (
        f"""
    journey: {name}
    topic: receipts
    trigger: {{event: {{name: order_placed, where: {{total: {{{test}}}}}, first: {flag}}}}}
    reentry: each_occurrence
    steps: [{{send: thanks}}]
    """
        for name, test, flag in (("first", "at_least: 10", "true"), ("each", "exists: true", "false"))
    )
    rows = [event("order_placed", f"2026-03-{day:02} 10:00", f"o{day}", total=20) for day in (1, 8)]
    rows.append(event("order_placed", "2026-03-08 12:00", "of no total"))
    told = reading(evenings(rules(first, each), rows, nights("2026-03-01", "2026-03-10")))["c1"]
    assert entries(told) == ["each 2026-03-01 10:00", "first 2026-03-01 10:00", "each 2026-03-08 10:00"]


def test_two_events_of_one_instant_are_two_occurrences_of_a_plain_trigger(reading: Reading) -> None:
    rows = [event("signed_up", "2026-03-01 10:00", "a"), event("signed_up", "2026-03-01 10:00", "b")]
    told = reading(evenings(rules(HELLO), rows, nights("2026-03-01", "2026-03-03")))["c1"]
    assert entries(told) == ["hello 2026-03-01 10:00", "hello 2026-03-01 10:00"]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        # Quiet for 2 days after 1 March 10:00 is (1 March 10:00, 3 March 10:00].
        (
            "2026-03-03 10:00",
            ["quiet 2026-03-05 10:00"],
        ),  # at the very end: the first was not quiet long enough
        ("2026-03-03 10:01", ["quiet 2026-03-03 10:00", "quiet 2026-03-05 10:01"]),
        ("2026-03-01 10:00", ["quiet 2026-03-03 10:00"]),  # the same instant is one occurrence
    ],
)
def test_inactive_fires_once_the_time_is_over(reading: Reading, second: str, expected: list[str]) -> None:
    text = """
    journey: quiet
    topic: receipts
    trigger: {inactive: {event: order_placed, for: 2 days}}
    reentry: each_occurrence
    steps: [{send: we-miss-you}]
    """
    rows = [event("order_placed", "2026-03-01 10:00", "a"), event("order_placed", second, "b")]
    assert entries(reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-07")))["c1"]) == expected


def test_a_month_of_quiet_ends_with_a_shorter_month(reading: Reading) -> None:
    # Of 31 January it ends on 28 February, although a month before that run was the 28th of January.
    text = """
    journey: quiet
    topic: receipts
    trigger: {inactive: {event: order_placed, for: 1 month}}
    steps: [{send: we-miss-you}]
    """
    rows = [event("order_placed", "2026-01-31 10:00", "a")]
    when = nights("2026-02-27", "2026-03-02", "0 12 * * *")
    told = reading(evenings(rules(text), rows, when))["c1"]
    assert moves(told)[0] == "run 2: entered 2026-02-28 10:00"


@pytest.mark.parametrize(
    ("ordered", "expected"),
    [
        ("2026-03-01 19:00", []),  # at 18:00 + 1 hour exactly: in time
        ("2026-03-01 19:01", ["cart 2026-03-01 19:00"]),  # a minute late: the cart was abandoned
        ("2026-03-01 18:00", ["cart 2026-03-01 19:00"]),  # at the same instant as the cart: not after it
    ],
)
def test_a_cart_is_abandoned_when_neither_product_nor_order_follows(
    reading: Reading, ordered: str, expected: list[str]
) -> None:
    text = """
    journey: cart
    topic: receipts
    trigger: {abandoned: {event: cart_item_added, without: order_placed, for: 1 hour}}
    steps: [{send: cart}]
    """
    rows = [
        event("cart_item_added", "2026-03-01 17:30"),  # followed by the next product within the hour
        event("cart_item_added", "2026-03-01 18:00"),
        event("order_placed", ordered),
    ]
    assert entries(reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-04")))["c1"]) == expected
