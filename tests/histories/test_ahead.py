"""Rules 3 to 5: looking ahead, the clock of a pass, and what comes too late."""

from __future__ import annotations

import pytest

from journey_engine.rules import Night
from tests.histories.story import (
    HOURLY,
    NIGHTLY,
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
