"""Rules 1 to 7: the instants of a run, what is known, looking ahead, lateness, local time and dates."""

from __future__ import annotations

import datetime as dt

import pytest

from journey_engine.rules import Night
from tests.histories.story import (
    HOURLY,
    NIGHTLY,
    Evening,
    Reading,
    at,
    customer,
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

BIRTHDAY = """
journey: birthday
topic: offers
trigger: {date: {of: customer.birth_date, every: year, at: "09:00"}}
steps: [{send: wish}]
"""


# --- rules 1 and 2: the run, and what it knows --------------------------------------------------------------


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


# --- rule 3: looking ahead ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "due", "run"),
    [
        # 9 March in each zone; the night before it that can still reach 09:00 local decides it.
        ("Europe/Berlin", "2026-03-09 08:00", 9),  # 09:00 +01:00, decided at 02:00 the same day
        ("Asia/Tokyo", "2026-03-09 00:00", 8),  # 09:00 +09:00 is midnight UTC: the night of the 8th
        ("Pacific/Kiritimati", "2026-03-08 19:00", 8),  # +14:00
        ("Pacific/Honolulu", "2026-03-09 19:00", 9),  # -10:00
        ("America/New_York", "2026-03-09 13:00", 9),  # summer time since the 8th: -04:00
    ],
)
def test_a_birthday_wish_arrives_at_nine_in_the_customers_morning(
    reading: Reading, zone: str, due: str, run: int
) -> None:
    who = [customer(zone=zone, birth_date="1990-03-09")]
    told = reading(evenings(rules(BIRTHDAY), [], nights("2026-03-01", "2026-03-12"), who))["c1"]
    assert messages(told) == [f"wish {due}"]
    assert [one.run for one in told.decisions] == [run]


def test_a_wait_that_ends_before_the_next_night_sends_at_its_very_end(reading: Reading) -> None:
    # Seen on 2 March 02:00; 1 March 10:00 + 30 hours is 2 March 16:00, before 3 March 02:00: decided now, due
    # then.
    text = WAITS.replace("[{send: first}, {wait: 1 day},", "[{wait: 30 hours},")
    told = reading(evenings(rules(text), [event("signed_up", "2026-03-01 10:00")], nights("2026-03-01", "2026-03-02")))
    assert messages(told["c1"]) == ["second 2026-03-02 16:00"]
    assert [one.run for one in told["c1"].decisions] == [2]


def test_what_falls_due_at_the_next_night_is_left_to_it(reading: Reading) -> None:
    # 1 March 02:00 + 2 days is the instant of the night of the 3rd itself: not before the horizon of the 2nd.
    text = WAITS.replace("[{send: first}, {wait: 1 day},", "[{wait: 2 days},")
    rows = [event("signed_up", "2026-03-01 02:00")]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-03")))["c1"]
    assert [(one.step, one.run) for one in told.decisions] == [("send:second", 3)]


BRANCH_AHEAD = """
journey: ahead
topic: receipts
trigger: {event: signed_up}
reentry: never
steps:
  - wait: 30 hours
  - branch:
      - {when: {event: order_placed}, steps: [{send: bought}]}
      - {otherwise: [{send: not-yet}]}
  - branch:
      - {when: {event: order_placed}, steps: [{send: bought-then}]}
      - {otherwise: [{send: not-then}]}
"""


def test_a_branch_ahead_is_read_now_but_not_behind_an_effect_decided_now(reading: Reading) -> None:
    # The wait ends 2 March 16:00. The night of 2 March 02:00 reads the first branch as it stands then: no
    # order. Its mail is an effect, so the second branch rests until the night of the 3rd, which knows the
    # order of 2 March 12:00.
    rows = [event("signed_up", "2026-03-01 10:00"), event("order_placed", "2026-03-02 12:00")]
    told = reading(evenings(rules(BRANCH_AHEAD), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert messages(told) == ["not-yet 2026-03-02 16:00", "bought-then 2026-03-03 02:00"]
    assert [one.run for one in told.decisions] == [2, 3]


def test_a_branch_that_rests_behind_an_effect_is_not_read_ahead_by_a_run_in_between(reading: Reading) -> None:
    # A run by hand on 2 March 12:30 knows the order, but the second branch was reached at 16:00 and stays
    # until then.
    when = nights("2026-03-01", "2026-03-02")
    when += [Night.of(3, at("2026-03-02 12:30"), NIGHTLY), Night.of(4, at("2026-03-03 02:00"), NIGHTLY)]
    rows = [event("signed_up", "2026-03-01 10:00"), event("order_placed", "2026-03-02 12:00")]
    told = reading(evenings(rules(BRANCH_AHEAD), rows, when))["c1"]
    assert [(one.step, one.run) for one in told.decisions] == [("send:not-yet", 2), ("send:bought-then", 4)]


def test_a_wait_for_ahead_rests_until_its_hour_has_come(reading: Reading) -> None:
    # The wait ends 2 March 16:00; `wait_for` may only look from the night of the 3rd on, and sees the answer
    # of 17:00.
    text = """
    journey: ask
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps: [{wait: 30 hours}, {wait_for: {event: answered, timeout: 2 days}}, {send: thanks}]
    """
    rows = [event("signed_up", "2026-03-01 10:00"), event("answered", "2026-03-02 17:00")]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert moves(told) == [
        "run 2: entered 2026-03-01 10:00",
        "run 2: waited 2026-03-02 16:00",
        "run 3: event 2026-03-02 17:00",
        "run 3: sent 2026-03-03 02:00",
        "run 3: finished 2026-03-03 02:00",
    ]


def test_a_run_off_the_cadence_looks_ahead_by_one_interval(reading: Reading) -> None:
    # By hand at 1 March 12:00: the horizon is 2 March 12:00. The wish of 2 March 08:00 UTC is decided now.
    who, when = (
        [customer(zone="Europe/Berlin", birth_date="1990-03-02")],
        [Night.of(1, at("2026-03-01 12:00"), NIGHTLY)],
    )
    assert messages(reading(evenings(rules(BIRTHDAY), [], when, who))["c1"]) == ["wish 2026-03-02 08:00"]
    when = [Night.of(1, at("2026-03-01 07:59"), NIGHTLY)]
    assert messages(reading(evenings(rules(BIRTHDAY), [], when, who))["c1"]) == []


# --- rules 4 and 5: the clock of a pass, and too late -------------------------------------------------------


def test_a_wait_ends_exactly_even_when_the_spring_night_has_23_hours(reading: Reading) -> None:
    # Berlin loses the hour of 02:00 on 29 March 2026. Days are exact lengths: 28 March 10:00 UTC + 1 day.
    text = WAITS.replace("[{send: first}, {wait: 1 day},", "[{wait: 1 day},")
    who = [customer(zone="Europe/Berlin")]
    rows = [event("signed_up", "2026-03-28 10:00")]
    told = reading(evenings(rules(text), rows, nights("2026-03-28", "2026-03-31"), who))["c1"]
    assert moves(told)[1] == "run 2: waited 2026-03-29 10:00"
    assert messages(told)[0] == "second 2026-03-29 10:00"


def test_months_step_in_the_calendar_and_clamp(reading: Reading) -> None:
    # 31 January 10:00 + 1 month is 28 February 10:00.
    text = WAITS.replace("[{send: first}, {wait: 1 day},", "[{wait: 1 month},")
    rows = [event("signed_up", "2026-01-31 10:00")]
    told = reading(evenings(rules(text), rows, nights("2026-02-01", "2026-03-02")))["c1"]
    assert messages(told)[0] == "second 2026-02-28 10:00"


@pytest.mark.parametrize(
    ("run_at", "expected"),
    [
        # The second mail was reached on 3 March 02:00. Up to 4 days late it still goes.
        ("2026-03-07 02:00", ["second 2026-03-07 02:00"]),
        ("2026-03-07 02:01", ["second 2026-03-07 02:01 too_late"]),
    ],
)
def test_a_message_more_than_four_days_late_is_skipped_and_the_pass_goes_on(
    reading: Reading, run_at: str, expected: list[str]
) -> None:
    when = [*nights("2026-03-01", "2026-03-02"), Night.of(3, at(run_at), NIGHTLY)]
    told = reading(evenings(rules(WAITS), [event("signed_up", "2026-03-01 10:00")], when))["c1"]
    assert messages(told)[1:2] == expected
    # Skipped or sent, the next wait counts from the instant of this run.
    when.append(Night.of(4, at("2026-03-08 02:00"), NIGHTLY))
    told = reading(evenings(rules(WAITS), [event("signed_up", "2026-03-01 10:00")], when))["c1"]
    assert messages(told)[2] == f"third 2026-03-08 {run_at[-5:]}"


def test_two_mails_a_day_apart_do_not_leave_in_the_same_minute_after_an_outage(reading: Reading) -> None:
    # Three nights without a run: the wait of one day counts from the mail that really left.
    when = [
        *nights("2026-03-01", "2026-03-02"),
        *(Night.of(3 + n, at(f"2026-03-0{6 + n} 02:00"), NIGHTLY) for n in (0, 1)),
    ]
    told = reading(evenings(rules(WAITS), [event("signed_up", "2026-03-01 10:00")], when))["c1"]
    assert messages(told)[1:] == ["second 2026-03-06 02:00", "third 2026-03-07 02:00"]


def test_no_new_message_while_one_of_an_earlier_run_is_not_handed_over(reading: Reading) -> None:
    # Every hour. The marketing mail decided at 21:00 waits for 09:00. The receipt behind it was reached at
    # 09:00 and, ahead of the run of 09:00, nothing may be decided; that run finds the first handed over.
    text = """
    journey: pair
    topic: offers
    trigger: {event: signed_up}
    reentry: never
    steps: [{send: offer}, {send: {template: receipt, topic: receipts}}]
    """
    rows = [event("signed_up", "2026-03-01 20:30")]
    told = reading(evenings(rules(text), rows, nights("2026-03-01 20:00", "2026-03-02 12:00", HOURLY)))["c1"]
    assert messages(told) == ["offer 2026-03-02 09:00", "receipt 2026-03-02 09:00"]
    assert [one.run for one in told.decisions] == [2, 14]  # 21:00 is run 2, 09:00 is run 14


def test_a_pending_message_holds_back_the_next_one_of_its_pass(reading: Reading) -> None:
    # The run of 21:00 decides the mails of 21:00 and 21:30; 22:00 is the next run's. A run by hand at 21:10
    # has a horizon of one hour, 22:10, but the mail of 21:30 is still pending: the one of 22:00 is left to
    # the run of 22:00.
    text = """
    journey: three
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps: [{send: one}, {wait: 30 minutes}, {send: two}, {wait: 30 minutes}, {send: three}]
    """
    regular = nights("2026-03-01 20:00", "2026-03-01 22:00", HOURLY)
    by_hand = [
        *regular[:2],
        Night.of(3, at("2026-03-01 21:10"), HOURLY),
        Night.of(4, regular[2].as_of, HOURLY),
    ]
    rows = [event("signed_up", "2026-03-01 20:30")]
    for when, last in ((regular, 3), (by_hand, 4)):
        told = reading(evenings(rules(text), rows, when))["c1"]
        assert messages(told) == ["one 2026-03-01 21:00", "two 2026-03-01 21:30", "three 2026-03-01 22:00"]
        assert [one.run for one in told.decisions] == [2, 2, last]


def test_a_task_is_not_held_back_by_a_pending_message(reading: Reading) -> None:
    text = """
    journey: three
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps:
      - send: one
      - wait: 30 minutes
      - send: two
      - wait: 30 minutes
      - task: {team: service, title: Call}
    """
    when = nights("2026-03-01 20:00", "2026-03-01 21:00", HOURLY)
    when.append(Night.of(3, at("2026-03-01 21:10"), HOURLY))
    told = reading(evenings(rules(text), [event("signed_up", "2026-03-01 20:30")], when))["c1"]
    assert [(one.step, one.run) for one in told.decisions][-1] == ("task:service", 3)


@pytest.mark.parametrize(
    ("last_run", "expected"),
    [
        # Of the firings at 09:00 of 2, 3, 4 and 5 March only the newest counts; the one of the 6th lies
        # ahead.
        ("2026-03-05 12:00", ["daily 2026-03-05 09:00", "daily 2026-03-06 09:00"]),
        # At 02:00 the firing of the 5th still lies ahead: the newest missed one is that of the 4th.
        ("2026-03-05 02:00", ["daily 2026-03-04 09:00", "daily 2026-03-05 09:00"]),
    ],
)
def test_of_several_missed_firings_only_the_newest_counts(reading: Reading, last_run: str, expected: list[str]) -> None:
    text = """
    journey: daily
    topic: receipts
    trigger: {schedule: {cron: "0 9 * * *"}}
    steps: [{send: digest}]
    """
    when = [Night.of(1, at("2026-03-01 02:00"), NIGHTLY), Night.of(2, at(last_run), NIGHTLY)]
    told = reading(evenings(rules(text), [], when))["c1"]
    # The first run looks back one interval and ahead one.
    assert entries(told) == ["daily 2026-02-28 09:00", "daily 2026-03-01 09:00", *expected]


# --- rules 6 and 7: local time and dates --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "due"),
    [
        ("Europe/Berlin", "2026-03-28", "2026-03-28 01:30"),  # 02:30 +01:00
        ("Europe/Berlin", "2026-03-29", "2026-03-29 01:30"),  # 02:30 does not exist: 03:30 +02:00
        ("Europe/Berlin", "2026-03-30", "2026-03-30 00:30"),  # 02:30 +02:00
        ("Europe/Berlin", "2026-10-25", "2026-10-25 00:30"),  # 02:30 comes twice: the first, +02:00
        ("America/New_York", "2026-03-08", "2026-03-08 07:30"),  # 02:30 becomes 03:30 -04:00
        ("America/New_York", "2026-11-01", "2026-11-01 07:30"),  # 02:30 -05:00; 01:30 is the doubled one
        ("Asia/Kathmandu", "2026-03-29", "2026-03-28 20:45"),  # +05:45, no summer time
        (
            "Australia/Lord_Howe",
            "2026-10-04",
            "2026-10-03 15:30",
        ),  # half an hour is missing: 02:30 is the first that is
    ],
)
def test_half_past_two_on_the_days_when_clocks_change(reading: Reading, zone: str, day: str, due: str) -> None:
    text = """
    journey: early
    topic: receipts
    trigger: {date: {of: customer.day, at: "02:30"}}
    steps: [{send: hello}]
    """
    around = [str(dt.date.fromisoformat(day) + dt.timedelta(days=days)) for days in (-2, 1)]
    told = reading(evenings(rules(text), [], nights(*around), [customer(zone=zone, day=day)]))["c1"]
    assert messages(told) == [f"hello {due}"]


@pytest.mark.parametrize(
    ("feb29", "year", "expected"),
    [
        ("feb28", 2026, ["wish 2026-02-28 09:00"]),
        ("mar1", 2026, ["wish 2026-03-01 09:00"]),
        ("skip", 2026, []),
        ("feb28", 2028, ["wish 2028-02-29 09:00"]),  # a leap year needs no choice
        ("skip", 2028, ["wish 2028-02-29 09:00"]),
    ],
)
def test_who_was_born_on_29_february_is_wished_by_choice(
    reading: Reading, feb29: str, year: int, expected: list[str]
) -> None:
    text = BIRTHDAY.replace('at: "09:00"', f'at: "09:00", feb29: {feb29}')
    told = evenings(rules(text), [], nights(f"{year}-02-26", f"{year}-03-03"), [customer(birth_date="1996-02-29")])
    assert messages(reading(told)["c1"]) == expected


@pytest.mark.parametrize(
    ("words", "day", "expected"),
    [
        # Yearly from 31 March 2020; one month before is 31 February, clamped to the 28th.
        ("every: year, offsets: [1 month before]", "2020-03-31", ["2026-02-28 09:00"]),
        (
            "every: year, offsets: [3 days before, on the day]",
            "2020-03-01",
            ["2026-02-26 09:00", "2026-03-01 09:00"],
        ),
        ("every: year, offsets: [1 week after]", "2020-02-22", ["2026-03-01 09:00"]),
        # Monthly on the 31st: February has 28 days.
        ("every: month", "2020-01-31", ["2026-02-28 09:00"]),
        # Once, on that very day, and not a year later.
        ("offsets: [on the day]", "2026-02-27", ["2026-02-27 09:00"]),
        ("offsets: [on the day]", "2025-02-27", []),
        # A yearly day never comes on the first day itself: that is no anniversary.
        ("every: year", "2026-02-27", []),
        ("every: year", "2025-02-27", ["2026-02-27 09:00"]),
    ],
)
def test_dates_repeat_and_shift_in_the_calendar(reading: Reading, words: str, day: str, expected: list[str]) -> None:
    text = BIRTHDAY.replace('every: year, at: "09:00"', f'at: "09:00", {words}')
    told = reading(evenings(rules(text), [], nights("2026-02-24", "2026-03-02"), [customer(birth_date=day)]))["c1"]
    assert messages(told) == [f"wish {due}" for due in expected]


def test_a_birthday_is_wished_once_a_year_and_in_each_year(reading: Reading) -> None:
    when = [
        Night.of(n + 1, at(text), NIGHTLY)
        for n, text in enumerate(
            [
                "2026-03-08 02:00",
                "2026-03-09 02:00",
                "2026-03-10 02:00",
                "2027-03-08 02:00",
                "2027-03-09 02:00",
            ]
        )
    ]
    told = reading(evenings(rules(BIRTHDAY), [], when, [customer(birth_date="1990-03-09")]))["c1"]
    assert messages(told) == ["wish 2026-03-09 09:00", "wish 2027-03-09 09:00"]


def test_a_birthday_told_the_day_after_is_wished_late_and_a_week_after_is_not(reading: Reading) -> None:
    # The date comes into the data on 11 March: 9 March 09:00 is later than the last run (the 10th) less 72
    # hours.
    when, told = nights("2026-03-07", "2026-03-20"), rules(BIRTHDAY)
    for known_from, expected in ((11, ["wish 2026-03-11 09:00"]), (16, [])):
        moved = [
            Evening(
                night,
                told,
                [customer(birth_date="1990-03-09" if night.as_of.day >= known_from else None)],
                [],
            )
            for night in when
        ]
        assert messages(reading(moved)["c1"]) == expected


def test_monday_at_eight_is_the_customers_monday(reading: Reading) -> None:
    # 2 March 2026 is a Monday. Tokyo's Monday 08:00 is Sunday 23:00 UTC; Honolulu's is Monday 18:00 UTC.
    text = """
    journey: monday
    topic: receipts
    trigger: {schedule: {cron: "0 8 * * 1", timezone: customer}}
    steps: [{send: week}]
    """
    who = [customer("c1", "Asia/Tokyo"), customer("c2", "Pacific/Honolulu")]
    told = reading(evenings(rules(text), [], nights("2026-02-27", "2026-03-04"), who))
    assert messages(told["c1"]) == ["week 2026-03-01 23:00"]
    assert messages(told["c2"]) == ["week 2026-03-02 18:00"]
    fixed = text.replace("timezone: customer", "timezone: Europe/Berlin")
    told = reading(evenings(rules(fixed), [], nights("2026-02-27", "2026-03-04"), who))
    assert messages(told["c1"]) == messages(told["c2"]) == ["week 2026-03-02 07:00"]
