"""Failures of other systems in who enters, who enters again, and what a change does (docs/failures.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from journey_engine.rules import Night
from tests.failures.small_shop import Shop
from tests.histories.story import (
    HOURLY,
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

WELCOME = """
journey: welcome
topic: receipts
trigger: {{event: signed_up}}
reentry: {reentry}
steps: [{{send: hello}}, {{wait: 3 days}}, {{send: tips}}]
"""


@pytest.mark.parametrize(
    ("reentry", "entered"),
    [
        # Signed up on the 1st, on the 2nd (the first pass runs until the 5th), on the 7th and on the 12th.
        ("never", ["01"]),
        ("after_exit", ["01", "07", "12"]),
        ("{after: 6 days}", ["01", "07"]),  # the 12th is five days after the 7th
        ("{after: 5 days}", ["01", "07", "12"]),
        ("each_occurrence", ["01", "02", "07", "12"]),
    ],
)
def test_each_word_of_reentry_enters_again_when_it_says_so_and_never_otherwise(
    reading: Reading, reentry: str, entered: list[str]
) -> None:
    rows = [event("signed_up", f"2026-03-{day} 10:00") for day in ("01", "02", "07", "12")]
    told = reading(evenings(rules(WELCOME.format(reentry=reentry)), rows, nights("2026-03-01", "2026-03-16")))["c1"]
    assert entries(told) == [f"welcome 2026-03-{day} 10:00" for day in entered]


def test_once_is_once_however_often_the_event_comes_and_the_night_runs(reading: Reading) -> None:
    # A web site that sends its sign-up four times, in the same second too, and every night run twice.
    rows = [event("signed_up", "2026-03-01 10:00", f"e{number}") for number in range(3)]
    rows += [event("signed_up", "2026-03-02 10:00", "e3")]
    when = [night for night in nights("2026-03-01", "2026-03-08") for _ in range(2)]
    told = reading(evenings(rules(WELCOME.format(reentry="never")), rows, when))["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00", "tips 2026-03-05 02:00"]
    assert len(told.passes) == 1


def test_the_store_itself_takes_no_pass_twice(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["welcome"])
    shop.run("02")
    keys = shop.rows("SELECT constraint_column_names FROM duckdb_constraints() "
                     "WHERE table_name = 'enrollments' AND constraint_type = 'PRIMARY KEY'")  # fmt: skip
    assert keys == [(["enrollment_id"],)]
    assert shop.rows("SELECT count(*) - count(DISTINCT enrollment_id) FROM enrollments") == [(0,)]


def test_a_gate_sees_no_event_of_an_earlier_pass(reading: Reading) -> None:
    # The order of the first pass is no order of the second one.
    text = """
    journey: cart
    topic: receipts
    trigger: {event: cart_filled}
    reentry: each_occurrence
    steps:
      - wait: 1 day
      - branch:
          - {when: {event: order_placed}, steps: [{send: thanks}]}
          - {otherwise: [{send: reminder}]}
    """
    rows = [
        event("cart_filled", "2026-03-01 10:00"),
        event("order_placed", "2026-03-01 12:00"),
        event("cart_filled", "2026-03-05 10:00"),
    ]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-08")))["c1"]
    assert messages(told) == ["thanks 2026-03-02 10:00", "reminder 2026-03-06 10:00"]


ASKS = """
journey: asks
topic: offers
trigger: {event: signed_up}
reentry: never
steps:
  - send: hello
  - branch:
      - {when: {message: {template: hello, state: opened}}, steps: [{send: tips}]}
      - {otherwise: [{send: come-back}]}
"""


def test_a_condition_does_not_wait_and_validate_warns_who_believed_it(reading: Reading, tmp_path: Path) -> None:
    # Opened an hour after it came, and still the branch has long gone the other way.
    rows = [event("signed_up", "2026-03-01 10:00"), event("message_opened", "2026-03-02 10:00", template="hello")]
    told = reading(evenings(rules(ASKS), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert messages(told)[:1] == ["hello 2026-03-02 09:00"]
    assert [line.split()[0] for line in messages(told)] == ["hello", "come-back"]
    shop = Shop(tmp_path, journeys=[])
    shop.write("journeys/asks.yaml", ASKS)
    (problem,) = shop.loaded().problems
    assert (problem.code, problem.severity) == ("asked-at-once", "warning")
    shop.write("journeys/asks.yaml", ASKS.replace("  - branch:", "  - wait: 2 days\n  - branch:"))
    assert shop.loaded().problems == []


REMINDERS = """
journey: reminders
topic: offers
trigger: {date: {of: customer.ends, offsets: [3 days before, 2 days before, 1 day before], at: "09:00"}}
steps: [{send: ends}]
"""


def test_who_joins_a_day_before_the_date_gets_one_reminder_and_not_three(reading: Reading) -> None:
    # First in the data on the 9th; the reminders of the 7th and the 8th at nine lie behind.
    told = rules(REMINDERS)
    lives = [
        Evening(night, told, [customer(ends="2026-03-10")] if night.as_of.day >= 9 else [], [])
        for night in nights("2026-03-04", "2026-03-12")
    ]
    assert messages(reading(lives)["c1"]) == ["ends 2026-03-09 09:00"]


@pytest.mark.parametrize("hours", [13, 26])
def test_after_any_outage_no_two_reminders_of_one_date_leave_together(reading: Reading, hours: int) -> None:
    # Every hour, but for an outage that begins on the 7th at eight and is over some hours later.
    back = at("2026-03-07 08:00") + (at("2026-03-07 01:00") - at("2026-03-07 00:00")) * hours
    kept = [
        night
        for night in nights("2026-03-07 06:00", "2026-03-09 10:00", HOURLY)
        if not at("2026-03-07 08:00") <= night.as_of < back
    ]
    when = [Night.of(number, night.as_of, HOURLY) for number, night in enumerate(kept, 1)]
    told = messages(reading(evenings(rules(REMINDERS), [], when, [customer(ends="2026-03-10")]))["c1"])
    assert 1 <= len(told) == len(set(told)) <= 3


@pytest.mark.parametrize("back", ["2026-03-08 02:00", "2026-04-20 02:00"])
def test_switching_on_again_releases_no_overdue_mail(reading: Reading, back: str) -> None:
    # The wait of one day is over on 3 March; from that night on the journey is switched off.
    on, off = rules(WELCOME.format(reentry="never").replace("3 days", "1 day")), rules()
    first, second, third = nights("2026-03-01", "2026-03-03")
    last = Night.of(4, at(back), NIGHTLY)
    rows, who = [event("signed_up", "2026-03-01 10:00")], [customer()]
    lives = [Evening(one, off if one is third else on, who, rows) for one in (first, second, third, last)]
    told = reading(lives)["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00", f"tips {back} too_late"]
    assert ends(told) == [f"finished finished {back}"]


LOST = "\n  - exit: done\n  - send: tips"


def test_a_step_that_no_pass_can_come_to_and_a_letter_that_is_not_there_are_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["wishes"])
    steps = "journey: torn\ntopic: service\ntrigger: {event: signed_up}\nreentry: never\nsteps:\n  - send: "
    shop.write("journeys/lost.yaml", steps.replace("torn", "lost") + "hello" + LOST)
    shop.write("journeys/torn.yaml", steps + "not-written")
    assert {(one.code, one.severity) for one in shop.loaded().problems} == {
        ("unreachable-step", "error"), ("missing-template", "error"),
    }  # fmt: skip
    done = shop.run("02")
    assert sorted(done.journeys) == ["wishes"]
    assert sorted(done.broken) == ["lost", "torn"]


def test_before_a_step_is_added_at_the_end_plan_counts_who_never_comes_to_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", customers=4, journeys=[])
    ends = "journey: welcome\ntopic: service\ntrigger: {event: signed_up}\nreentry: never\nsteps: [{send: hello}%s]\n"
    shop.write("journeys/welcome.yaml", ends % "")
    shop.run("04")
    entered = shop.rows("SELECT count(*) FROM enrollments WHERE state = 'finished'")[0][0]
    assert entered
    shop.write("journeys/welcome.yaml", ends % ", {wait: 1 day}, {send: jazz}")
    said = shop.command("plan", "--as-of", "2026-03-05T02:00:00Z")
    assert said.returncode == 0
    assert "new step send:jazz: 0 passes will come to it" in said.stdout
    assert f"{entered} that finished before it was there will never" in said.stdout
