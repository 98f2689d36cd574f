"""Rules 3, 4, 6 and 7: waits until a time of day, and until a date of the customer."""

from __future__ import annotations

import pytest

from journey_engine.records import Customer
from journey_engine.rules import Night
from tests.histories.story import (
    NIGHTLY,
    Evening,
    Reading,
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


def journey(wait: str) -> str:
    """A journey on receipts that waits when somebody signs up, and then says hello."""
    head = "journey: one\ntopic: receipts\ntrigger: {event: signed_up}\nreentry: never\n"
    return f"{head}steps: [{{wait: {wait}}}, {{send: hello}}]"


RENEWAL = journey('{until: {date: customer.renews, offset: 3 days before, at: "10:00"}}')


def waited(reading: Reading, wait: str, arrival: str, zone: str, first: str, last: str) -> str:
    """When the wait of somebody who signed up at that instant was over."""
    told = evenings(rules(journey(wait)), [event("signed_up", arrival)], nights(first, last), [customer(zone=zone)])
    return next(line.partition(": waited ")[2] for line in moves(reading(told)["c1"]) if "waited" in line)


def test_a_wait_until_nine_ends_at_the_customers_nine_and_is_decided_the_night_before(reading: Reading) -> None:
    told = rules(journey('{until: "09:00"}'))
    who = [customer("c1", "Europe/Berlin"), customer("c2", "Asia/Tokyo"), customer("c3", "Pacific/Honolulu")]
    rows = [event("signed_up", "2026-03-01 10:00", f"e {one.customer_id}", who=one.customer_id) for one in who]
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-04"), who))
    # Berlin's nine is 08:00 UTC, Tokyo's 00:00, which the night of 02:00 notices late; Honolulu's is 19:00 the
    # same day as the sign-up, which is over by then too.
    assert messages(found["c1"]) == ["hello 2026-03-02 08:00"]
    assert [one.run for one in found["c1"].decisions] == [2]
    assert messages(found["c2"]) == messages(found["c3"]) == ["hello 2026-03-02 02:00"]
    assert moves(found["c2"])[1] == "run 2: waited 2026-03-02 00:00"
    assert moves(found["c3"])[1] == "run 2: waited 2026-03-01 19:00"


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        ("2026-03-02 07:59", "2026-03-02 08:00"),
        ("2026-03-02 08:00", "2026-03-03 08:00"),  # at nine itself: nine comes again tomorrow
        ("2026-03-02 08:01", "2026-03-03 08:00"),
        ("2026-03-01 23:30", "2026-03-02 08:00"),  # in Berlin it is the 2nd already
    ],
)
def test_the_next_nine_is_later_than_the_arrival(reading: Reading, arrival: str, expected: str) -> None:
    assert waited(reading, '{until: "09:00"}', arrival, "Europe/Berlin", "2026-03-01", "2026-03-05") == expected


@pytest.mark.parametrize(
    ("days", "arrival", "zone", "expected"),
    [
        # 1 March 2026 is a Sunday.
        ("[tue, thu]", "2026-03-01 10:00", "UTC", "2026-03-03 09:00"),
        ("[thu, tue]", "2026-03-03 09:00", "UTC", "2026-03-05 09:00"),
        ("[tue]", "2026-03-03 08:59", "UTC", "2026-03-03 09:00"),
        ("[tue]", "2026-03-03 09:00", "UTC", "2026-03-10 09:00"),
        ("[sun]", "2026-03-01 09:01", "UTC", "2026-03-08 09:00"),
        # In Auckland (+13) this is Tuesday 09:30: the next Tuesday nine is on Monday in UTC.
        ("[tue]", "2026-03-02 20:30", "Pacific/Auckland", "2026-03-09 20:00"),
        ("[tue]", "2026-03-02 19:30", "Pacific/Auckland", "2026-03-02 20:00"),
        # In Honolulu (-10) this is Monday evening; Tuesday nine is 19:00.
        ("[mon]", "2026-03-03 05:00", "Pacific/Honolulu", "2026-03-09 19:00"),
    ],
)
def test_weekdays_are_those_of_the_customers_calendar(
    reading: Reading, days: str, arrival: str, zone: str, expected: str
) -> None:
    wait = f'{{until: "09:00", weekdays: {days}}}'
    assert waited(reading, wait, arrival, zone, "2026-03-01", "2026-03-12") == expected


@pytest.mark.parametrize(
    ("zone", "time", "arrival", "expected"),
    [
        ("Europe/Berlin", "02:30", "2026-03-28 12:00", "2026-03-29 01:30"),  # not there: 03:30 +02:00
        ("Europe/Berlin", "02:30", "2026-10-24 12:00", "2026-10-25 00:30"),  # twice: the first
        # Behind the first 02:30 and before the second: that time has passed for today.
        ("Europe/Berlin", "02:30", "2026-10-25 01:00", "2026-10-26 01:30"),
        # Nuuk's clocks jump from Saturday 23:00 to Sunday 00:00: Saturday's 23:30 is Sunday's 00:30, and comes
        # for who arrives on Sunday at 00:10.
        ("America/Nuuk", "23:30", "2026-03-29 01:10", "2026-03-29 01:30"),
    ],
)
def test_a_time_of_day_that_is_missing_or_comes_twice(
    reading: Reading, zone: str, time: str, arrival: str, expected: str
) -> None:
    first, last = arrival[:10], f"{arrival[:8]}{int(arrival[8:10]) + 2}"
    assert waited(reading, f'{{until: "{time}"}}', arrival, zone, first, last) == expected


def test_a_zone_that_is_named_counts_for_everyone(reading: Reading) -> None:
    wait = '{until: "09:00", timezone: Asia/Tokyo}'
    assert waited(reading, wait, "2026-03-01 10:00", "Europe/Berlin", "2026-03-01", "2026-03-03") == "2026-03-02 00:00"


def test_who_moves_house_while_waiting_waits_for_the_new_clock(reading: Reading) -> None:
    # Waiting since Sunday for Friday nine: Berlin's is 08:00 UTC; from the night of the 4th on, New York's (14:00).
    told = rules(journey('{until: "09:00", weekdays: [fri]}'))
    rows = [event("signed_up", "2026-03-01 10:00")]
    moved = [
        Evening(night, told, [customer(zone="Europe/Berlin" if night.run < 4 else "America/New_York")], rows)
        for night in nights("2026-03-01", "2026-03-07")
    ]
    assert messages(reading(moved)["c1"]) == ["hello 2026-03-06 14:00"]


# --- dates ----------------------------------------------------------------------------------------------------


def renewing(reading: Reading, dates: dict[int, str | None], last: str = "2026-03-15", **other: str) -> list[str]:
    """How it goes for somebody in Berlin whose date is another from some runs on: moves and messages, then the end."""
    told, rows = rules(other.get("text", RENEWAL)), [event("signed_up", other.get("arrival", "2026-03-01 10:00"))]
    found = []
    for night in nights("2026-03-01", last):
        renews = dates[max((run for run in dates if run <= night.run), default=min(dates))]
        found.append(Evening(night, told, [customer(zone="Europe/Berlin", renews=renews)], rows))
    result = reading(found)["c1"]
    return [line for line in moves(result) if "waited" in line] + messages(result) + ends(result)


def test_three_days_before_the_renewal_at_ten(reading: Reading) -> None:
    # 7 March 10:00 in Berlin is 09:00 UTC, decided in the night of the 7th.
    assert renewing(reading, {1: "2026-03-10"}) == [
        "run 7: waited 2026-03-07 09:00",
        "hello 2026-03-07 09:00",
        "finished finished 2026-03-07 09:00",
    ]


def test_a_date_that_moves_away_moves_the_wait(reading: Reading) -> None:
    assert renewing(reading, {1: "2026-03-10", 5: "2026-03-15"})[0] == "run 12: waited 2026-03-12 09:00"


def test_a_date_that_moves_nearer_ends_the_wait_when_it_was_due(reading: Reading) -> None:
    # Told in the night of the 8th that the date is the 9th: the wait ended on 6 March 09:00, the letter leaves now.
    assert renewing(reading, {1: "2026-03-20", 8: "2026-03-09"})[:2] == [
        "run 8: waited 2026-03-06 09:00",
        "hello 2026-03-08 02:00",
    ]


@pytest.mark.parametrize("gone", [None, "", "soon", "2026-02-30"])
def test_a_date_that_vanishes_ends_the_pass_as_date_gone(reading: Reading, gone: str | None) -> None:
    assert renewing(reading, {1: "2026-03-10", 5: gone}) == ["exited date_gone 2026-03-05 02:00"]


def test_who_has_no_date_leaves_as_date_gone(reading: Reading) -> None:
    assert renewing(reading, {1: None}) == ["exited date_gone 2026-03-02 02:00"]


def test_a_date_may_still_come_until_the_pass_arrives(reading: Reading) -> None:
    # The first wait ends 2 March 16:00, after the night of the 2nd; the night of the 3rd knows the date.
    text = RENEWAL.replace("steps: [", "steps: [{wait: 30 hours}, ")
    assert renewing(reading, {1: None, 3: "2026-03-10"}, text=text)[1:3] == [
        "run 7: waited 2026-03-07 09:00",
        "hello 2026-03-07 09:00",
    ]
    assert renewing(reading, {1: None}, text=text)[-1] == "exited date_gone 2026-03-03 02:00"


@pytest.mark.parametrize("date", ["2026-03-04", "2026-01-10", "1999-12-31", "0001-01-01"])
def test_a_date_already_past_on_arrival_is_not_waited_for(reading: Reading, date: str) -> None:
    # 4 March less three days, 10:00 in Berlin: one hour before the sign-up.
    assert renewing(reading, {1: date})[:2] == ["run 2: waited 2026-03-01 10:00", "hello 2026-03-02 02:00"]


def test_a_date_beyond_all_calendars_is_waited_for(reading: Reading) -> None:
    text = RENEWAL.replace("3 days before", "1 month after")
    assert renewing(reading, {1: "9999-12-31"}, text=text) == ["open"]


def test_offsets_of_a_date_clamp_at_the_end_of_a_month(reading: Reading) -> None:
    text = RENEWAL.replace("3 days before", "1 month before")
    told = renewing(reading, {1: "2026-03-31"}, arrival="2026-02-28 08:59", text=text)
    assert told[0] == "run 1: waited 2026-02-28 09:00"


@pytest.mark.parametrize(
    ("renews", "expected"),
    [
        ("2026-03-29", "2026-03-29 00:30"),  # 01:30 +01:00
        ("2026-03-30", "2026-03-30 00:30"),  # 02:30 +02:00
        ("2026-10-25", "2026-10-25 00:30"),
    ],
)
def test_the_offset_is_that_of_the_target_date(reading: Reading, renews: str, expected: str) -> None:
    # Arrived in winter; the day lies months ahead, and nobody ran the engine in between.
    time = "01:30" if renews == "2026-03-29" else "02:30"
    told = rules(journey(f'{{until: {{date: customer.renews, at: "{time}"}}}}'))
    rows, who = [event("signed_up", "2026-01-05 10:00")], [customer(zone="Europe/Berlin", renews=renews)]
    days = ["2026-01-05", "2026-01-06", renews]
    when = [Night.of(run, at(f"{day} 00:00"), "0 0 * * *") for run, day in enumerate(days, 1)]
    assert messages(reading(evenings(told, rows, when, who))["c1"]) == [f"hello {expected}"]


def test_a_date_moved_to_a_day_of_another_season_is_read_with_the_offset_of_that_day(reading: Reading) -> None:
    # Waiting since January for December; in August the date becomes 20 March, when Berlin had +01:00: 09:00 UTC.
    text = RENEWAL.replace("3 days before", "on the day").replace(
        "send: hello", "send: {template: hello, max_lateness: 1 year}"
    )

    def someone(renews: str) -> list[Customer]:
        return [customer(zone="Europe/Berlin", renews=renews)]

    when = [
        Night.of(n, at(day), NIGHTLY)
        for n, day in enumerate(("2026-01-06 02:00", "2026-07-31 02:00", "2026-08-01 02:00"), 1)
    ]
    rows, told = [event("signed_up", "2026-01-05 10:00")], rules(text)
    lives = [Evening(night, told, someone("2026-03-20" if night.run == 3 else "2026-12-01"), rows) for night in when]
    result = reading(lives)["c1"]
    assert moves(result)[1] == "run 3: waited 2026-03-20 09:00"
    assert messages(result) == ["hello 2026-08-01 02:00"]
