"""Failures of other systems in clocks, zones and dates (docs/failures.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from journey_engine.rules import Night
from tests.failures.small_shop import Shop
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
    nights,
    rules,
)


def journey(wait: str) -> str:
    """A journey that waits when somebody signs up, and then says hello."""
    head = "journey: one\ntopic: receipts\ntrigger: {event: signed_up}\nreentry: never\n"
    return f"{head}steps: [{{wait: {wait}}}, {{send: hello}}]"


def test_when_clocks_go_back_a_wait_ends_once_and_does_not_turn_in_a_circle(reading: Reading) -> None:
    # Berlin's 25 October has 02:30 twice. Every hour from the evening before; the first is meant.
    rows, who = [event("signed_up", "2026-10-24 18:30")], [customer(zone="Europe/Berlin")]
    when = nights("2026-10-24 18:00", "2026-10-25 04:00", HOURLY)
    told = reading(evenings(rules(journey('{until: "02:30"}')), rows, when, who))["c1"]
    assert messages(told) == ["hello 2026-10-25 00:30"]
    assert len([one for one in told.transitions if one.reason == "waited"]) == 1


@pytest.mark.parametrize(("day", "utc"), [("2026-03-28", "08:00"), ("2026-03-29", "07:00"), ("2026-10-25", "08:00")])
def test_nine_in_the_morning_has_the_offset_of_its_own_day(reading: Reading, day: str, utc: str) -> None:
    # Signed up in the summer before or the winter before; Berlin's clocks change on 29 March and on 25 October.
    rows, who = [event("signed_up", "2026-03-01 10:00")], [customer(zone="Europe/Berlin", ends=day)]
    text = journey('{until: {date: customer.ends, at: "09:00"}}')
    days = [*nights("2026-03-01", "2026-03-02"), Night.of(3, at(f"{day} 02:00"), NIGHTLY)]
    assert messages(reading(evenings(rules(text), rows, days, who))["c1"]) == [f"hello {day} {utc}"]


@pytest.mark.parametrize(
    ("zone", "instant"),
    [
        ("Asia/Tokyo", "2026-03-01 23:00"),  # Monday 2 March 08:00 there is still Sunday in Greenwich
        ("Pacific/Auckland", "2026-03-01 19:00"),
        ("Europe/Berlin", "2026-03-02 07:00"),
        ("Pacific/Honolulu", "2026-03-02 18:00"),
    ],
)
def test_monday_at_eight_is_monday_at_eight_wherever_the_customer_lives(
    reading: Reading, zone: str, instant: str
) -> None:
    text = """
    journey: week
    topic: receipts
    trigger: {schedule: {cron: "0 8 * * mon", timezone: customer}}
    steps: [{send: week}]
    """
    told = reading(evenings(rules(text), [], nights("2026-02-27", "2026-03-04"), [customer(zone=zone)]))["c1"]
    assert messages(told) == [f"week {instant}"]


BIRTHDAY = """
journey: birthday
topic: offers
trigger: {date: {of: customer.born, every: year, at: "09:00"}}
steps: [{send: wish}]
"""


@pytest.mark.parametrize(
    ("zone", "instant"),
    [
        ("Pacific/Kiritimati", "2026-03-08 19:00"),
        ("Europe/Berlin", "2026-03-09 08:00"),
        ("America/Los_Angeles", "2026-03-09 16:00"),
        ("Pacific/Pago_Pago", "2026-03-09 20:00"),
    ],
)
def test_a_birthday_is_no_day_early_and_no_day_late(reading: Reading, zone: str, instant: str) -> None:
    who = [customer(zone=zone, born="1990-03-09")]
    assert messages(reading(evenings(rules(BIRTHDAY), [], nights("2026-03-06", "2026-03-12"), who))["c1"]) == [
        f"wish {instant}"
    ]


@pytest.mark.parametrize("born", [None, "", "0", "0000-00-00", "soon", "31.12.1990"])
def test_a_date_that_is_none_never_becomes_the_first_of_january_1970(reading: Reading, born: str | None) -> None:
    around: Sequence[Night] = nights("2025-12-28", "2026-01-04")
    who = [customer(born=born)]
    assert entries(reading(evenings(rules(BIRTHDAY), [], around, who))["c1"]) == []


def test_customers_with_a_zone_that_does_not_exist_are_counted_and_not_dropped(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=12, journeys=["welcome"])
    for number, zone in enumerate(("Europe/Berlim", "GMT+25", "local", "")):
        shop.customers[number]["timezone"] = zone
    for row in shop.customers[4:]:
        row["timezone"] = "Europe/Berlin"
    shop.save()
    done = shop.run("02")
    assert done.customers == 12
    assert any(note.startswith("4 customers have no zone, or an unknown one: UTC is used") for note in done.notes)
    entered = {row[0] for row in shop.rows("SELECT customer_id FROM enrollments")}
    assert {"c001", "c003"} <= entered


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_the_clock_of_the_machine_decides_no_day(tmp_path: Path, zone: str) -> None:
    journeys = ["welcome", "wishes"]
    here, there = Shop(tmp_path / "here", 12, journeys), Shop(tmp_path / "there", 12, journeys)
    for day in ("02", "03"):
        here.run(day)
        assert there.command("run", "--as-of", f"2026-03-{day}T02:00:00Z", TZ=zone).returncode == 0
    mine, theirs = here.stands(), there.stands()
    for name in ("enrollments", "transitions", "decisions", "messages"):
        assert mine[name] == theirs[name], name
