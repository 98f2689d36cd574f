"""Rules 4, 21 and 25: when a reward is given, what it says, and what a journey sees of it afterwards."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest

from journey_engine.records import Decision, DecisionKind, DecisionState, identity
from journey_engine.rules import Limit, Night
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
    nights,
    rules,
)

SIGNED_UP = event("signed_up", "2026-01-30 10:00")
WHEN = nights("2026-01-30", "2026-01-31")


def one(steps: str) -> str:
    """A journey that a sign-up starts."""
    return f"journey: one\ntopic: receipts\ntrigger: {{event: signed_up}}\nreentry: never\nsteps:\n{steps}"


def rewards(told: Told) -> list[Decision]:
    return kinds(told, DecisionKind.REWARD)


def spelt(seed: str, reward_id: str) -> str:
    """The code, worked out in another way than the engine does."""
    digest = hashlib.md5(f"{len(seed)}:{seed}32:{reward_id}".encode()).hexdigest()
    signs = ["CDFHJKMNPRTWXY47"[int(digit, 16)] for digit in digest[:16]]
    return "-".join("".join(signs[i : i + 4]) for i in (0, 4, 8, 12))


def test_reward_says_what_it_is_worth_and_until_when_with_a_code_of_its_own(reading: Reading) -> None:
    told = reading(evenings(rules(one("  - reward: voucher")), [SIGNED_UP], WHEN))["c1"]
    (given,) = rewards(told)
    assert given.decision_id == identity(given.enrollment_id, "reward:voucher", "1")
    assert (given.state, given.reason, clock(given.due_at)) == (DecisionState.PENDING, None, "2026-01-31 02:00")
    # Without a hold it may be used at once; a month after 31 January is the last of February.
    assert dict(given.payload) == {
        "program": "voucher", "side": "customer", "amount": 10, "percent": None, "currency": "EUR",
        "code": spelt("voucher", given.decision_id), "reward_id": given.decision_id,
        "available_at": "2026-01-31T02:00:00Z", "expires_at": "2026-02-28T02:00:00Z", "budget": 100, "cap": None,
    }  # fmt: skip


def test_percentage_counts_what_it_is_worth_at_the_most_and_is_held(reading: Reading) -> None:
    told = reading(evenings(rules(one("  - reward: {program: referral, to: friend}")), [SIGNED_UP], WHEN))["c1"]
    (given,) = rewards(told)
    wanted = {"amount": 20, "percent": 15, "code": "FRIENDS", "cap": None, "budget": 500.5}
    assert {name: given.payload[name] for name in wanted} == wanted
    assert (given.payload["available_at"], given.payload["expires_at"]) == ("2026-02-14T02:00:00Z", None)


def test_cap_is_that_of_the_side(reading: Reading) -> None:
    told = reading(evenings(rules(one("  - reward: {program: referral, to: advocate}")), [SIGNED_UP], WHEN))["c1"]
    (given,) = rewards(told)
    assert (given.payload["amount"], given.payload["cap"]) == (12.5, 3)


def test_same_pass_gives_the_same_reward_however_late_it_is_decided(reading: Reading) -> None:
    steps = rules(one("  - wait: 1 day\n  - reward: voucher"))
    in_time = nights("2026-01-30", "2026-02-02")
    missed = [in_time[0], Night.of(2, at("2026-02-01 02:00"), NIGHTLY)]
    (first,) = rewards(reading(evenings(steps, [SIGNED_UP], in_time))["c1"])
    (second,) = rewards(reading(evenings(steps, [SIGNED_UP], missed))["c1"])
    assert (first.decision_id, first.payload["code"]) == (second.decision_id, second.payload["code"])
    assert clock(first.due_at) == "2026-01-31 10:00"  # decided ahead, at its own instant
    assert clock(second.due_at) == "2026-02-01 02:00"  # nothing happens in the past, and it lives from then
    assert second.payload["expires_at"] == "2026-03-01T02:00:00Z"


def test_template_behind_a_reward_names_its_code_and_expiry(reading: Reading) -> None:
    steps = one("""\
  - reward: {program: voucher, id: gift}
  - send: now
  - wait: 3 days
  - send: later
""")
    paths = (
        "step.gift.code",
        "step.gift.expires_at",
        "step.gift.amount",
        "step.gift.reward_id",
        "step.gift.occurred_at",
    )
    applied = rules(steps, values={"now": paths, "later": paths})
    told = reading(evenings(applied, [SIGNED_UP], nights("2026-01-30", "2026-02-04")))["c1"]
    (given,) = rewards(told)
    wanted = {
        "code": given.payload["code"], "expires_at": "2026-02-28T02:00:00Z", "amount": 10,
        "reward_id": given.decision_id, "occurred_at": "2026-01-31T02:00:00Z",
    }  # fmt: skip
    sent = kinds(told, DecisionKind.MESSAGE)
    assert [one.payload["template"] for one in sent] == ["now", "later"]
    assert [one.payload["values"] for one in sent] == [{"step": {"gift": wanted}}] * 2


def test_reward_that_was_passed_by_says_nothing(reading: Reading) -> None:
    steps = one("""\
  - reward: {program: voucher, id: gift, only_if: {customer: {plan: pro}}}
  - send: now
""")
    applied = rules(steps, values={"now": ("step.gift.code",)})
    told = reading(evenings(applied, [SIGNED_UP], WHEN, [customer(plan="free")]))["c1"]
    assert rewards(told) == []
    assert [one.payload["values"] for one in kinds(told, DecisionKind.MESSAGE)] == [{}]


@pytest.mark.parametrize(
    ("state", "looked", "seen"),
    [
        ("pending", "2 days", True),
        ("available", "13 days", False),  # held for 14 days from 31 January 02:00
        ("available", "15 days", True),
        ("expired", "40 days", False),  # it never expires
    ],
)
def test_branch_looks_at_what_became_of_the_reward_of_its_pass(
    reading: Reading, state: str, looked: str, seen: bool
) -> None:
    steps = one(f"""\
  - reward: {{program: referral, to: friend}}
  - wait: {looked}
  - branch:
      - when: {{reward: {{program: referral, state: {state}}}}}
        steps: [{{send: told}}]
""")
    told = reading(evenings(rules(steps), [SIGNED_UP], nights("2026-01-30", "2026-03-20")))["c1"]
    assert [one.split()[0] for one in messages(told)] == (["told"] if seen else [])


def test_reward_of_another_pass_counts_only_with_ever(reading: Reading) -> None:
    steps = """\
  - branch:
      - when: {reward: {program: voucher, state: pending}}
        steps: [{send: mine}]
      - when: {reward: {program: voucher, state: pending, ever: true}}
        steps: [{send: before}]
      - otherwise: [{send: none}]
  - reward: voucher
"""
    text = one(steps).replace("reentry: never", "reentry: each_occurrence")
    rows = [SIGNED_UP, event("signed_up", "2026-02-03 10:00")]
    told = reading(evenings(rules(text), rows, nights("2026-01-30", "2026-02-04")))["c1"]
    assert [one.split()[0] for one in messages(told)] == ["none", "before"]


def test_wait_for_a_reward_to_expire_ends_at_that_instant(reading: Reading) -> None:
    steps = one("""\
  - reward: voucher
  - wait_for: {event: {name: reward_expired, where: {program: voucher}}, timeout: 60 days, on_timeout: exit}
  - send: gone
""")
    told = reading(evenings(rules(steps), [SIGNED_UP], nights("2026-01-30", "2026-03-05")))["c1"]
    assert messages(told) == ["gone 2026-02-28 02:00"]  # the dispatch before the run of that instant notices it
    assert "event 2026-02-28 02:00" in [f"{one.reason} {clock(one.at)}" for one in told.transitions]


def test_reward_of_a_program_that_is_gone_is_skipped_and_the_pass_goes_on(reading: Reading) -> None:
    applied = rules(one("  - reward: voucher\n  - send: after"), programs={"other": Limit(Decimal(1))})
    told = reading(evenings(applied, [SIGNED_UP], WHEN))["c1"]
    assert [(one.state, one.reason) for one in rewards(told)] == [(DecisionState.SKIPPED, "no_program")]
    assert messages(told) == ["after 2026-01-31 02:00"]


def test_goal_takes_back_no_reward(reading: Reading) -> None:
    text = one("  - reward: {program: referral, to: friend}\n  - wait: 20 days")
    text = text.replace("steps:", "goal: {event: order_placed}\nsteps:")
    rows = [SIGNED_UP, event("order_placed", "2026-01-31 12:00")]
    told = reading(evenings(rules(text), rows, nights("2026-01-30", "2026-02-02")))["c1"]
    assert len(rewards(told)) == 1
    assert [one.payload for one in kinds(told, DecisionKind.CANCEL)] == [{}]


def test_terms_are_those_of_the_version_a_pass_entered() -> None:
    before = journey(one("  - reward: voucher"))
    assert before.version != journey(one("  - reward: {program: referral, to: friend}")).version
    assert journey(one("  - reward: voucher")).version == before.version


def test_hourly_runs_give_one_reward(reading: Reading) -> None:
    when = nights("2026-01-30 09:00", "2026-01-30 14:00", HOURLY)
    told = reading(evenings(rules(one("  - reward: voucher")), [SIGNED_UP], when))["c1"]
    assert [clock(one.due_at) for one in rewards(told)] == ["2026-01-30 10:00"]


def steps_that_know(told: Told) -> dict[str, bool]:
    """What was decided for letters and endpoints, and whether it may tell of a reward that was taken back."""
    decided = [*kinds(told, DecisionKind.MESSAGE), *kinds(told, DecisionKind.WEBHOOK)]
    return {one.step: one.payload.get("knows_reversal", False) for one in decided}


@pytest.mark.parametrize("news", [True, False])
def test_what_is_decided_behind_the_news_that_a_reward_was_taken_back_knows_it(reading: Reading, news: bool) -> None:
    back = "reward: {program: voucher, state: reversed, ever: true}"
    text = one(f"""\
  - reward: voucher
  - send: before
  - wait_for: {{event: reward_reversed, timeout: 3 days, on_timeout: [{{send: no-news}}]}}
  - branch:
      - when: {{any: [{{{back}}}, {{all: [{{event: referral_voided}}, {{customer: {{plan: x}}}}]}}]}}
        steps: [{{send: gone}}, {{webhook: crm}}]
      - otherwise: [{{send: still-there}}]
  - send: {{template: after, only_if: {{not: {{{back}}}}}}}
  - branch:
      - when: {{any: [{{{back}}}, {{customer: {{plan: free}}}}]}}
        steps: [{{send: perhaps}}]
      - when: {{event: {{name: reward_reversed, ever: true, count: {{at_most: 5}}}}}}
        steps: [{{send: counted}}]
  - send: last
""")
    rows = [SIGNED_UP, event("reward_reversed", "2026-01-31 12:00", program="voucher")] if news else [SIGNED_UP]
    told = reading(evenings(rules(text), rows, nights("2026-01-31", "2026-02-04"), [customer(plan="pro")]))["c1"]
    assert steps_that_know(told) == (
        # The letters at the end come to others as well, by a way on which there is no news.
        {"send:before": False, "send:gone": True, "webhook:crm": True, "send:perhaps": False, "send:last": False}
        if news
        else {
            "send:before": False, "send:no-news": False, "send:still-there": False, "send:after": False,
            "send:counted": False, "send:last": False,
        }
    )  # fmt: skip


def test_letter_that_only_those_get_whose_wait_ended_with_the_news_knows_it(reading: Reading) -> None:
    text = one("""\
  - reward: voucher
  - wait_for: {event: reward_reversed, timeout: 3 days, on_timeout: exit}
  - send: gone
""")
    rows = [SIGNED_UP, event("reward_reversed", "2026-01-31 12:00", program="voucher")]
    told = reading(evenings(rules(text), rows, nights("2026-01-31", "2026-02-02")))["c1"]
    assert steps_that_know(told) == {"send:gone": True}
