"""Failures that our own earlier draft had, each told by both readings or by whole nights (docs/failures.md)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from journey_engine.engines import open_reader
from journey_engine.records import DecisionKind, DecisionState, identity
from journey_engine.rules import Night
from tests.failures.small_shop import Shop
from tests.histories.story import (
    NIGHTLY,
    Reading,
    at,
    customer,
    ends,
    entries,
    evenings,
    event,
    kinds,
    messages,
    nights,
    rules,
)

DAY = dt.timedelta(days=1)
BIRTHDAY = """
journey: birthday
topic: offers
trigger: {date: {of: customer.birth_date, every: year, at: "09:00"}}
steps: [{send: wish}]
"""
HELLO = """
journey: hello
topic: receipts
trigger: {event: signed_up}
reentry: never
"""
SIGNED_UP = event("signed_up", "2026-03-01 10:00")


def test_a_night_at_two_wishes_happy_birthday_at_nine_on_the_day_itself(reading: Reading) -> None:
    who = [customer(zone="Europe/Berlin", birth_date="1990-03-09")]
    told = reading(evenings(rules(BIRTHDAY), [], nights("2026-03-06", "2026-03-12"), who))["c1"]
    assert messages(told) == ["wish 2026-03-09 08:00"]  # nine in Berlin


def test_six_waits_of_a_day_take_six_days_however_late_a_night_begins(reading: Reading) -> None:
    # The night of the 3rd is run 20 seconds late by hand; in the night of the 29th Berlin's clocks lose an hour.
    steps = ", ".join(f"{{wait: {{for: 1 day, id: w{number}}}}}" for number in range(6))
    text = f"{HELLO}steps: [{steps}, {{task: {{team: service, title: Call}}}}]"
    for first, last in (("2026-03-01", "2026-03-09"), ("2026-03-26", "2026-04-03")):
        late = [
            replace(night, as_of=night.as_of.replace(second=20)) if night.run == 3 else night
            for night in nights(first, last)
        ]
        rows, who = [event("signed_up", f"{first} 10:00")], [customer(zone="Europe/Berlin")]
        told = reading(evenings(rules(text), rows, late, who))["c1"]
        over = at(f"{first} 10:00") + (at("2026-03-07 00:00") - at("2026-03-01 00:00"))
        assert [one.at for one in told.transitions if one.reason == "waited"][-1] == over


def test_what_happened_at_one_and_arrived_at_half_past_three_starts_its_journey(reading: Reading) -> None:
    rows = [event("signed_up", "2026-03-02 01:00", arrived="2026-03-02 03:30")]
    told = reading(evenings(rules(f"{HELLO}steps: [{{send: hello}}]"), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert entries(told) == ["hello 2026-03-02 01:00"]
    assert messages(told) == ["hello 2026-03-03 02:00"]


CART = """
journey: cart
topic: receipts
trigger: {event: cart_filled}
reentry: each_occurrence
goal: {event: order_placed, window: 7 days}
exit_when: {event: order_placed}
steps: [{wait: 1 day}, {send: reminder}]
"""


def test_an_order_converts_though_it_also_ends_the_pass_and_after_the_last_step_too(reading: Reading) -> None:
    filled = event("cart_filled", "2026-03-01 10:00")
    for ordered, state in (
        ("2026-03-01 12:00", "converted goal 2026-03-01 12:00"),  # before the reminder
        ("2026-03-04 12:00", "finished finished 2026-03-02 10:00"),  # two days behind the last step
    ):
        rows = [filled, event("order_placed", ordered)]
        told = reading(evenings(rules(CART), rows, nights("2026-03-01", "2026-03-09")))["c1"]
        assert ends(told) == [state]
        assert told.passes[0].goal_at == at(ordered)


def test_who_has_ever_bought_is_not_thrown_out_by_an_order_of_long_ago(reading: Reading) -> None:
    text = f"{HELLO}exit_when: {{event: order_placed}}\nsteps: [{{wait: 1 day}}, {{send: hello}}]"
    rows = [event("order_placed", "2025-06-01 10:00"), SIGNED_UP]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert messages(told) == ["hello 2026-03-02 10:00"]
    rows.append(event("order_placed", "2026-03-01 12:00"))
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert ends(told) == ["exited exit_when 2026-03-01 12:00"]


def test_an_answer_during_a_reminder_is_seen_by_the_wait_behind_it(reading: Reading) -> None:
    text = f"""{HELLO}steps:
  - remind: {{template: ask, every: 2 days, times: 2}}
  - wait_for: {{event: answered, since: entry, timeout: 5 days, on_timeout: exit}}
  - send: thanks
"""
    rows = [SIGNED_UP, event("answered", "2026-03-03 12:00")]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-12")))["c1"]
    assert [line.split()[0] for line in messages(told)] == ["ask", "ask", "thanks"]


def test_the_control_group_gets_neither_vouchers_nor_calls_nor_letters(reading: Reading) -> None:
    text = f"""{HELLO}holdout: 99%
steps:
  - reward: {{program: voucher, id: voucher}}
  - send: {{template: ten-off, topic: offers}}
  - task: {{team: service, title: Call}}
  - set: {{treated: true}}
  - enroll: other
"""
    held = next(f"c{number}" for number in range(1, 99) if identity("hello", f"c{number}")[:8] < "80000000")
    rows = [event("signed_up", "2026-03-01 10:00", who=held)]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-05"), [customer(held)]))[held]
    assert {one.kind for one in told.decisions} >= {
        DecisionKind.REWARD, DecisionKind.MESSAGE, DecisionKind.TASK, DecisionKind.SET, DecisionKind.ENROLL,
    }  # fmt: skip
    assert {(one.state, one.reason) for one in told.decisions} == {(DecisionState.WITHHELD, "holdout")}


def test_a_letter_before_an_exit_step_leaves(reading: Reading) -> None:
    # The night is at two; marketing waits for nine, long after the pass has ended.
    text = f"{HELLO}steps: [{{send: {{template: ten-off, topic: offers}}}}, exit]".replace("exit]", "{exit: done}]")
    told = reading(evenings(rules(text), [SIGNED_UP], nights("2026-03-01", "2026-03-05")))["c1"]
    assert messages(told) == ["ten-off 2026-03-02 09:00"]
    assert kinds(told, DecisionKind.CANCEL) == []


def test_a_restored_state_that_runs_at_another_minute_gives_the_same_ids(reading: Reading) -> None:
    text = f"{HELLO}steps: [{{send: hello}}, {{wait: 1 day}}, {{send: tips}}]"
    found = []
    for minute, first in ((0, 1), (7, 41)):
        when = [
            Night.of(first + number, night.as_of.replace(minute=minute), NIGHTLY)
            for number, night in enumerate(nights("2026-03-01", "2026-03-05"))
        ]
        told = reading(evenings(rules(text), [SIGNED_UP], when))["c1"]
        found.append(([one.enrollment_id for one in told.passes], [one.decision_id for one in told.decisions]))
    assert found[0] == found[1]
    assert len(found[0][1]) == 2


def test_half_a_customer_file_makes_nobody_inactive_and_the_whole_one_lets_nobody_in_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=30, journeys=["thanks", "quiet"])
    for day in ("02", "03", "04"):
        shop.run(day)
    everyone, before = shop.customers, shop.stands()
    shop.customers = everyone[:15]
    shop.save()
    assert "15 of the 30" in str(shop.refusal("05"))
    assert shop.stands() == before
    shop.customers = everyone
    shop.save()
    entered = {row[0] for row in before["enrollments"]}
    shop.run("05")
    again = [row for row in shop.stands()["enrollments"] if row[0] not in entered]
    assert {row[1] for row in again} <= {"quiet"}  # whoever turned quiet that very day
    assert shop.rows("SELECT max(ordinal) FROM memberships WHERE name = 'vip'") == [(1,)]


def test_after_a_day_without_the_provider_two_letters_a_day_apart_leave_a_day_apart(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=3, journeys=[])
    text = HELLO.replace("receipts", "service") + "steps: [{send: hello}, {wait: 1 day}, {send: tips}]"
    shop.write("journeys/two.yaml", text)
    outbox = shop.write("var/outbox", "no folder: the channel cannot work")
    for day in ("02", "03"):
        shop.run(day)
        shop.deliver(f"{day} 14:00")
    assert {(state, reason) for state, reason, _ in shop.messages().values()} == {("pending", "channel_settings")}
    outbox.unlink()
    shop.run("04")  # hands over what has waited, and decides nothing behind it
    assert "Tips" not in {subject.split()[0] for subject in shop.letters().values()}
    shop.run("05")
    shop.run("06")
    sent = "SELECT customer_id, name, occurred_at FROM events WHERE name = 'message_sent' ORDER BY 1, 3"
    found = shop.rows(sent)
    assert len(found) == 4
    assert all(second[2] - first[2] == DAY for first, second in zip(found[::2], found[1::2], strict=True))


def test_a_step_put_in_changes_the_id_of_no_other(reading: Reading) -> None:
    ids = []
    for steps in ("[{send: hello}, {send: tips}]", "[{send: hello}, {send: news}, {send: tips}]"):
        told = reading(evenings(rules(f"{HELLO}steps: {steps}"), [SIGNED_UP], nights("2026-03-01", "2026-03-05")))["c1"]
        ids.append({one.step: one.decision_id for one in told.decisions})
    assert ids[1].items() > ids[0].items()


def test_a_page_left_open_blocks_no_night_and_shows_what_it_showed(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["welcome"])
    shop.run("02")
    left_open = open_reader(shop.loaded().project.engine, shop.folder)
    try:
        assert shop.run("03").run == 2
        assert left_open.rows("SELECT max(run) FROM runs") == [(1,)]
    finally:
        left_open.close()
    assert shop.command("explain", "c001").returncode == 0
