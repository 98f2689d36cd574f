"""Rules 4, 11, 14 and 21: when another system is told, what of, and what a journey sees of it afterwards."""

from __future__ import annotations

from dataclasses import replace

from journey_engine.message import webhook_data
from journey_engine.records import Decision, DecisionKind, DecisionState, identity
from journey_engine.rules import Night
from tests.histories.story import (
    HOURLY,
    NIGHTLY,
    Reading,
    Told,
    at,
    clock,
    customer,
    evenings,
    event,
    journey,
    kinds,
    messages,
    moves,
    nights,
    rules,
)

SIGNED_UP = event("signed_up", "2026-03-01 22:00", plan="pro", total=12.5)
WHEN = nights("2026-03-01", "2026-03-02")


def one(steps: str, head: str = "") -> str:
    """A journey that a sign-up starts."""
    return (
        f"journey: one\ntopic: offers\ntrigger: {{event: signed_up}}\nreentry: each_occurrence\n{head}steps:\n{steps}"
    )


def calls(told: Told) -> list[Decision]:
    return kinds(told, DecisionKind.WEBHOOK)


def test_webhook_is_decided_once_with_the_values_its_step_names(reading: Reading) -> None:
    step = (
        "  - webhook: {to: crm, with: {mail: customer.email, age: customer.age, paid: trigger.total, at: trigger.plan}}"
    )
    told = reading(evenings(rules(one(step)), [SIGNED_UP], nights("2026-03-01", "2026-03-05"), [customer(age=41)]))[
        "c1"
    ]
    (made,) = calls(told)
    assert made.decision_id == identity(made.enrollment_id, "webhook:crm", "1")
    assert (made.state, made.reason, made.payload["endpoint"]) == (DecisionState.PENDING, None, "crm")
    assert webhook_data(made.payload) == {"mail": "c1@example.com", "age": 41, "paid": 12.5, "at": "pro"}


def test_webhook_happens_at_once_and_keeps_to_no_send_hours(reading: Reading) -> None:
    steps = "  - webhook: crm\n  - send: hello"  # both are decided at 02:00; letters of offers leave from 09:00 on
    told = reading(evenings(rules(one(steps)), [SIGNED_UP], WHEN))["c1"]
    assert [clock(made.due_at) for made in calls(told)] == ["2026-03-02 02:00"]
    assert messages(told) == ["hello 2026-03-02 09:00"]


def test_webhook_behind_a_letter_happens_when_the_letter_leaves(reading: Reading) -> None:
    told = reading(evenings(rules(one("  - send: hello\n  - webhook: crm")), [SIGNED_UP], WHEN))["c1"]
    assert [clock(made.due_at) for made in calls(told)] == ["2026-03-02 09:00"]
    assert moves(told)[-2:] == ["run 2: webhook 2026-03-02 09:00", "run 2: finished 2026-03-02 09:00"]


def test_webhook_that_time_alone_decides_is_decided_ahead_and_happens_then(reading: Reading) -> None:
    told = reading(evenings(rules(one("  - wait: 10 hours\n  - webhook: crm")), [SIGNED_UP], WHEN))["c1"]
    assert [(made.run, clock(made.due_at)) for made in calls(told)] == [(2, "2026-03-02 08:00")]


def test_webhook_is_never_too_late_and_happens_now(reading: Reading) -> None:
    late = event("signed_up", "2026-03-01 22:00", arrived="2026-03-04 12:00")
    apart = [*nights("2026-03-01", "2026-03-02"), *nights("2026-03-20", "2026-03-20")]
    when = [replace(night, run=number) for number, night in enumerate(apart, 1)]
    steps = "  - wait: 3 days\n  - webhook: crm\n  - send: {template: hello, max_lateness: 1 day}"
    told = reading(evenings(rules(one(steps)), [SIGNED_UP, late], when))["c1"]
    assert [(made.state, clock(made.due_at)) for made in calls(told)] == [(DecisionState.PENDING, "2026-03-20 02:00")]


def test_missing_value_is_null(reading: Reading) -> None:
    step = "  - webhook: {to: crm, with: {plan: customer.plan, city: trigger.address.city}}"
    told = reading(evenings(rules(one(step)), [SIGNED_UP], WHEN, [customer()]))["c1"]
    assert [webhook_data(made.payload) for made in calls(told)] == [{"plan": None, "city": None}]


def test_webhook_behind_a_wait_and_a_reward_names_what_they_brought(reading: Reading) -> None:
    steps = """\
  - wait_for: {event: order_placed, id: order}
  - reward: {program: voucher, id: gift}
  - webhook: {to: crm, with: {total: step.order.total, code: step.gift.code, when: step.order.occurred_at}}
"""
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 10:00", total=30)]
    told = reading(evenings(rules(one(steps)), rows, nights("2026-03-01", "2026-03-03")))["c1"]
    (gift,), (made,) = kinds(told, DecisionKind.REWARD), calls(told)
    wanted = {"total": 30, "code": gift.payload["code"], "when": "2026-03-02T10:00:00Z"}
    assert webhook_data(made.payload) == wanted


def test_webhook_of_a_held_out_pass_is_withheld(reading: Reading) -> None:
    told = reading(evenings(rules(one("  - webhook: crm"), holdout="g"), [SIGNED_UP], WHEN))["c1"]
    assert [(made.state, made.reason) for made in calls(told)] == [(DecisionState.WITHHELD, "holdout")]


def test_webhook_uses_no_cap_and_meets_none(reading: Reading) -> None:
    steps = "  - webhook: crm\n  - webhook: stock\n  - send: hello"
    told = reading(evenings(rules(one(steps), caps="[{at_most: 1, within: 7 days}]"), [SIGNED_UP], WHEN))["c1"]
    assert [made.payload["endpoint"] for made in calls(told)] == ["crm", "stock"]
    assert messages(told) == ["hello 2026-03-02 09:00"]


def test_webhook_waits_for_no_letter_that_is_still_pending(reading: Reading) -> None:
    when = [*WHEN, Night.of(3, at("2026-03-02 05:00"), NIGHTLY)]  # between the nights: the letter leaves at nine
    steps = "  - send: hello\n  - wait: 19 hours\n  - {step}"
    told = reading(evenings(rules(one(steps.format(step="webhook: crm"))), [SIGNED_UP], when))["c1"]
    assert [(made.run, clock(made.due_at)) for made in calls(told)] == [(3, "2026-03-03 04:00")]
    told = reading(evenings(rules(one(steps.format(step="send: more"))), [SIGNED_UP], when))["c1"]
    assert messages(told) == ["hello 2026-03-02 09:00"]  # a letter does wait


def test_goal_takes_back_no_webhook(reading: Reading) -> None:
    text = one("  - send: hello\n  - webhook: crm\n  - wait: 20 days", head="goal: {event: order_placed}\n")
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 04:00")]
    when = nights("2026-03-01 02:00", "2026-03-02 06:00", "0 */4 * * *")
    told = reading(evenings(rules(text), rows, when))["c1"]
    assert len(kinds(told, DecisionKind.CANCEL)) == 1
    assert all(made.state is DecisionState.PENDING for made in calls(told))


def test_wait_for_a_delivered_webhook_ends_when_its_endpoint_took_it(reading: Reading) -> None:
    steps = """\
  - webhook: {to: crm, id: tell}
  - wait_for: {event: {name: webhook_delivered, where: {webhook: crm, step: tell}}, since: entry, timeout: 5 days}
  - send: told
"""
    told = reading(evenings(rules(one(steps)), [SIGNED_UP], nights("2026-03-01", "2026-03-04")))["c1"]
    assert "run 3: event 2026-03-02 02:00" in moves(told)
    assert messages(told) == ["told 2026-03-03 09:00"]


def test_delivered_webhook_is_no_message_that_was_sent(reading: Reading) -> None:
    steps = """\
  - webhook: crm
  - wait: 3 days
  - branch:
      - {when: {event: message_sent}, steps: [{send: sent}]}
      - {otherwise: [{send: none}]}
"""
    told = reading(evenings(rules(one(steps)), [SIGNED_UP], nights("2026-03-01", "2026-03-06")))["c1"]
    assert [sent.split()[0] for sent in messages(told)] == ["none"]


def test_hourly_runs_call_once(reading: Reading) -> None:
    when = nights("2026-03-01 22:00", "2026-03-02 03:00", HOURLY)
    told = reading(evenings(rules(one("  - webhook: crm")), [SIGNED_UP], when))["c1"]
    assert [made.due_at for made in calls(told)] == [at("2026-03-01 22:00")]


def test_other_values_make_another_version() -> None:
    plain, more = journey(one("  - webhook: crm")), journey(one("  - webhook: {to: crm, with: {plan: customer.plan}}"))
    assert plain.version != more.version
    assert plain.version != journey(one("  - webhook: {to: stock, id: 'webhook:crm'}")).version
