"""Rules 6 and 7: the customer's clock, and dates."""

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
    evenings,
    messages,
    nights,
    rules,
)

BIRTHDAY = """
journey: birthday
topic: offers
trigger: {date: {of: customer.birth_date, every: year, at: "09:00"}}
steps: [{send: wish}]
"""


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


# 26 February is a month after 26 January, and in a monthly rhythm a month before 26 March too.
@pytest.mark.parametrize(("every", "wishes"), [("", 1), ("every: year, ", 0), ("every: month, ", 2)])
def test_a_date_at_an_end_of_the_calendar_stops_nobody(reading: Reading, every: str, wishes: int) -> None:
    offsets = "offsets: [on the day, 1 month after, 1 month before]"
    text = BIRTHDAY.replace('every: year, at: "09:00"', f'at: "23:00", {every}{offsets}').replace("offers", "receipts")
    people = [
        customer("c1", "America/New_York", birth_date="9999-12-31"),
        customer("c2", "Pacific/Kiritimati", birth_date="9999-12-31"),
        customer("c3", "Pacific/Kiritimati", birth_date="0001-01-01"),
        customer("c4", birth_date="2026-01-26"),
    ]
    found = reading(evenings(rules(text), [], nights("2026-02-25", "2026-02-27"), people))
    assert [messages(found[who]) for who in ("c1", "c2", "c3")] == [[], [], []]
    assert messages(found["c4"]) == ["wish 2026-02-26 23:00"] * wishes


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


# --- offsets that lie behind ----------------------------------------------------------------------------------

REMINDERS = """
journey: reminders
topic: {topic}
trigger: {{date: {{of: customer.ends, offsets: [{offsets}], at: "09:00"}}}}
steps: [{{send: ends}}]
"""
LAST_THREE = "3 days before, 2 days before, 1 day before"


def reminded(
    reading: Reading, offsets: str, known_from: str, nights_run: list[Night], topic: str = "offers"
) -> list[str]:
    """What somebody gets whose plan ends on 10 March and whom the data know from an instant on."""
    told = rules(REMINDERS.format(offsets=offsets, topic=topic))
    lives = [
        Evening(night, told, [customer(ends="2026-03-10")] if night.as_of >= at(known_from) else [], [])
        for night in nights_run
    ]
    return messages(reading(lives)["c1"])


def test_who_joins_a_day_before_is_reminded_once(reading: Reading) -> None:
    # First seen in the night of the 9th: the 7th and 8th at nine lie behind, the 9th at nine is to come.
    run = nights("2026-03-05", "2026-03-11")
    assert reminded(reading, LAST_THREE, "2026-03-09 02:00", run) == ["ends 2026-03-09 09:00"]
    assert reminded(reading, LAST_THREE, "2026-03-08 02:00", run) == ["ends 2026-03-08 09:00", "ends 2026-03-09 09:00"]


def test_the_last_offset_is_made_up_for_because_nothing_follows_it(reading: Reading) -> None:
    # First seen in the night of the 10th, with all three behind: the newest leaves late, on the day itself.
    run = nights("2026-03-05", "2026-03-13")
    assert reminded(reading, LAST_THREE, "2026-03-10 02:00", run) == ["ends 2026-03-10 09:00"]
    assert reminded(reading, "30 days before", "2026-02-09 02:00", nights("2026-02-05", "2026-02-13")) == [
        "ends 2026-02-09 09:00"
    ]


def test_a_reminder_that_lies_behind_is_not_sent_when_another_follows_in_a_week(reading: Reading) -> None:
    # 3 March at nine is a week before. First seen the next night, the next reminder is that of the 9th.
    run = nights("2026-03-01", "2026-03-11")
    two = "7 days before, 1 day before"
    assert reminded(reading, two, "2026-03-04 02:00", run) == ["ends 2026-03-09 09:00"]
    assert reminded(reading, two, "2026-03-03 02:00", run) == ["ends 2026-03-03 09:00", "ends 2026-03-09 09:00"]


def gone(first: str, missed: str, last: str, cadence: str = NIGHTLY) -> list[Night]:
    """The runs but those from `missed` until before `last`."""
    run = nights(first, last, cadence)
    kept = [night for night in run if not at(missed) <= night.as_of < at(last)]
    return [Night.of(number, night.as_of, cadence) for number, night in enumerate(kept, 1)]


def test_a_reminder_that_no_run_could_send_is_made_up_for_by_the_next_run(reading: Reading) -> None:
    # No run on 3 March; that of the 4th sends what was due on the 3rd at nine, and in five days the next follows.
    run = [*gone("2026-03-01", "2026-03-03", "2026-03-04 02:00"), *nights("2026-03-05", "2026-03-11")]
    run = [Night.of(number, night.as_of, NIGHTLY) for number, night in enumerate(run, 1)]
    assert reminded(reading, "7 days before, 1 day before", "2026-03-01", run) == [
        "ends 2026-03-04 09:00",
        "ends 2026-03-09 09:00",
    ]


def test_what_lay_behind_is_not_made_up_for_because_a_later_run_is_missed(reading: Reading) -> None:
    # First seen on the 4th, a day too late for the reminder of the 3rd; then the run of the 5th is missed.
    run = [*gone("2026-03-01", "2026-03-05", "2026-03-06 02:00"), *nights("2026-03-07", "2026-03-11")]
    run = [Night.of(number, night.as_of, NIGHTLY) for number, night in enumerate(run, 1)]
    assert reminded(reading, "7 days before, 1 day before", "2026-03-04", run) == ["ends 2026-03-09 09:00"]


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        # Every hour; no run from the 8th at eight on. Nine of the 8th (two days before) is over; nine of the 9th is
        # to come. At nine in the evening a late letter would wait for that very hour.
        ("2026-03-08 07:00", ["ends 2026-03-08 09:00", "ends 2026-03-09 09:00"]),
        ("2026-03-08 10:00", ["ends 2026-03-09 09:00"]),
        ("2026-03-08 21:00", ["ends 2026-03-09 09:00"]),
        ("2026-03-09 09:00", ["ends 2026-03-09 09:00"]),
        ("2026-03-09 10:00", ["ends 2026-03-09 10:00"]),
    ],
)
def test_two_reminders_of_one_date_never_leave_together_after_an_outage(
    reading: Reading, back: str, expected: list[str]
) -> None:
    run = [*gone("2026-03-08 00:00", "2026-03-08 06:30", back, HOURLY), *nights(back, "2026-03-10 12:00", HOURLY)[1:]]
    run = [Night.of(number, night.as_of, HOURLY) for number, night in enumerate(run, 1)]
    assert reminded(reading, LAST_THREE, "2026-03-01", run) == expected


def test_switching_a_journey_on_sends_no_reminder_that_lies_behind(reading: Reading) -> None:
    # The journey's first run is that of the 8th at noon, by hand: nine of that day lies behind.
    run = [
        Night.of(1, at("2026-03-08 12:00"), NIGHTLY),
        *(Night.of(2 + n, at(f"2026-03-{9 + n:02} 02:00"), NIGHTLY) for n in (0, 1)),
    ]
    assert reminded(reading, LAST_THREE, "2026-03-01", run) == ["ends 2026-03-09 09:00"]


def test_one_date_in_two_offsets_of_nearly_the_same_length(reading: Reading) -> None:
    # A month before 10 March is 10 February, 30 days before it the 8th: both come in time, each once.
    run = nights("2026-02-05", "2026-02-12")
    assert reminded(reading, "1 month before, 30 days before", "2026-02-05", run) == [
        "ends 2026-02-08 09:00",
        "ends 2026-02-10 09:00",
    ]
