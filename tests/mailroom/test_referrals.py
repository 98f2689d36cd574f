"""Referrals at the door: the first touch, one a friend, nobody oneself, and a reward only for one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from journey_engine.errors import JourneyError
from journey_engine.mailroom import (
    REFERRAL_MEANING,
    Balance,
    LoadResult,
    Mailroom,
    ReferralState,
    Referred,
    Touch,
    Used,
)
from journey_engine.mailroom.likeness import alike, same
from journey_engine.mailroom.referrals import Step
from journey_engine.mailroom.rewards import settle
from journey_engine.program import Program
from journey_engine.records import Decision
from tests.mailroom.house import NOW, open_mailroom
from tests.mailroom.test_rewards import DAY, reward

WORDS = {
    "program": "bring", "currency": "EUR", "sides": {"advocate": {"amount": 10, "cap": 2}, "friend": 5}, "budget": 100,
    "hold": "14 days", "return_window": "14 days",
    "referral": {
        "joins": "signed_up", "qualifies": "order_placed", "returned": "order_returned", "same": "order_id",
        "within": "60 days",
    },
}  # fmt: skip
HOUR = timedelta(hours=1)


class Shop:
    """A mailroom, and runs that say what happened to friends."""

    def __init__(self, mailroom: Mailroom, **more: Any) -> None:
        self.mailroom, self.run, self.program = mailroom, 0, Program.model_validate({**WORDS, **more})

    def night(self, *decisions: Decision, run_id: str | None = None, **said: Any) -> LoadResult:
        """A run with what it decided and what its events say."""
        self.run += run_id is None
        programs, referred = {"bring": self.program}, Referred(**said)
        return self.mailroom.load_run(
            self.run, run_id or f"run-{self.run}", NOW + self.run * DAY, decisions, programs=programs,
            referred=lambda: referred,
        )  # fmt: skip

    def states(self) -> dict[str, str]:
        """How the referral of each friend stands: `voided self_referral`."""
        return {one.friend: " ".join(filter(None, (one.state, one.reason))) for one in self.mailroom.referrals()}

    def told(self, word: str) -> list[tuple[str, str]]:
        """Who was told of it: (customer, side)."""
        found = [one for one in self.mailroom.feedback() if one.name == f"referral_{word}"]
        return sorted((one.customer_id, one.properties["side"]) for one in found)


def touch(friend: str, advocate: str, at: timedelta = timedelta(), **more: Any) -> Touch:
    return Touch("bring", f"up {friend} {advocate}", friend, NOW + at, f"CODE-{advocate}", advocate, **more)


def order(friend: str, at: timedelta = DAY, key: str = "o-1", word: str = "order") -> Step:
    return Step("bring", f"{word} {friend} {key}", friend, NOW + at, key)


def back(friend: str, at: timedelta = 2 * DAY, key: str = "o-1") -> Step:
    return order(friend, at, key, "back")


def given(number: int, who: str, side: str = "advocate", **more: Any) -> Decision:
    """A reward of the program that a journey decided for somebody."""
    made = reward(number, held=14, program="bring", side=side, amount=10 if side == "advocate" else 5, **more)
    return replace(made, customer_id=who)


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    with open_mailroom(tmp_path) as mailroom:
        yield Shop(mailroom)


def test_friend_who_joins_and_orders_is_a_referral_of_both_and_brings_each_a_reward_once(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")])
    assert shop.states() == {"f": "pending"}
    assert shop.told("joined") == [("a", "advocate"), ("f", "friend")]
    assert shop.night(given(1, "a")).rewards == {"refused": 1}  # nothing has come of it yet
    shop.night(qualified=[order("f")])
    assert shop.states() == {"f": "approved"}
    assert shop.told("approved") == [("a", "advocate"), ("f", "friend")]
    (one,) = shop.mailroom.referrals()
    assert (one.qualified_at, one.hold_until) == (NOW + DAY, NOW + 15 * DAY)
    both = [given(2, "a"), given(3, "f", "friend")]
    assert shop.night(*both).rewards == {"pending": 2}
    assert shop.night(given(4, "a"), given(5, "f", "friend"), given(6, "b")).rewards == {"refused": 3}
    assert shop.mailroom.reward_counts()["bring", "refused", "no_referral"] == 4
    assert shop.mailroom.balance("bring", "EUR").total == 15


def test_first_touch_counts_and_a_friend_is_sent_once(shop: Shop) -> None:
    shop.night(joined=[touch("f", "late", HOUR), touch("f", "first")])
    shop.night(joined=[touch("f", "early", -HOUR)])  # it came in a night later: nothing is taken from anybody
    (one,) = shop.mailroom.referrals()
    assert (one.advocate, one.state) == ("first", "pending")


@pytest.mark.parametrize(
    ("one", "other", "state"),
    [
        ({"email": "Ada.L+shop@Googlemail.com"}, {"email": "adal@gmail.com"}, "voided self_referral"),
        ({"phone": "+49 (176) 123-45"}, {"phone": "004917612345"}, "voided self_referral"),
        ({"email": ""}, {"email": ""}, "pending"),
        ({"phone": "+44 7700 900 123"}, {"phone": "07700 900123"}, "flagged like_phone"),
        ({"account_id": "h1"}, {"account_id": "h1"}, "flagged same_account_id"),
        ({"address": "1 Main  Street"}, {"address": "1 main street"}, "flagged same_address"),
        ({"device_id": "d1"}, {"device_id": "d2"}, "pending"),
        (
            {"first_name": "Ada", "last_name": "Byron", "email": "ada@byron.example"},
            {"first_name": "ADA", "last_name": "byron", "email": "ada.b@byron.example"},
            "flagged same_name_and_domain",
        ),
        ({"first_name": "Ada", "email": "ada@x.example"}, {"first_name": "Ada", "email": "a@x.example"}, "pending"),
    ],
)
def test_the_same_person_is_refused_and_who_is_alike_is_looked_at(
    shop: Shop, one: dict[str, str], other: dict[str, str], state: str
) -> None:
    shop.night(joined=[touch("f", "a", person=one, advocates_person=other)])
    assert shop.states() == {"f": state}
    assert same(one, other) == same(other, one)
    assert alike(one, other) == alike(other, one)


def test_nobody_sends_themself_nor_somebody_who_was_here_nor_back_and_forth(shop: Shop) -> None:
    shop.night(joined=[touch("x", "x"), touch("old", "a", new=False), touch("f", "a"), touch("a", "f", HOUR)])
    assert shop.states() == {
        "x": "voided self_referral", "old": "voided not_new", "f": "pending", "a": "flagged each_other"
    }  # fmt: skip
    shop.night(qualified=[order(who) for who in ("x", "old", "f", "a")])
    assert shop.states() == {
        "x": "voided self_referral", "old": "voided not_new", "f": "approved", "a": "flagged each_other"
    }  # fmt: skip
    assert shop.night(given(1, "x"), given(2, "a"), given(3, "f")).rewards == {"pending": 1, "refused": 2}


def test_flagged_one_waits_for_a_word_whatever_the_friend_does(shop: Shop) -> None:
    like = {"person": {"address": "1 Main Street"}, "advocates_person": {"address": "1 Main Street"}}
    shop.night(joined=[touch("f", "a", **like), touch("g", "a", **like), touch("h", "a", **like)])
    shop.night(qualified=[order("f"), order("g")])
    ids = {one.friend: one.referral_id for one in shop.mailroom.referrals()}
    assert shop.mailroom.approve_referral(ids["f"][:10], NOW + 5 * DAY, "a flat of three") == "approved"
    assert shop.mailroom.approve_referral(ids["h"], NOW + 5 * DAY, "a flat of three") == "pending"
    shop.mailroom.void_referral(ids["g"], NOW + 5 * DAY, "one and the same")
    assert shop.states() == {
        "f": "approved a flat of three", "g": "voided one and the same", "h": "pending a flat of three"
    }  # fmt: skip
    for refused in ("f", "g", "h"):
        with pytest.raises(JourneyError, match="so it cannot be approved"):
            shop.mailroom.approve_referral(ids[refused], NOW, "again")
    with pytest.raises(JourneyError, match="is voided"):
        shop.mailroom.void_referral(ids["g"], NOW, "again")
    with pytest.raises(JourneyError, match="there is no referral"):
        shop.mailroom.void_referral("nothing", NOW, "again")
    assert shop.night(given(1, "a"), given(2, "a")).rewards == {"pending": 1, "refused": 1}


def test_what_the_friend_gives_back_is_voided_while_held_and_reversed_after(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a"), touch("g", "a", HOUR), touch("h", "a", 2 * HOUR)])
    shop.night(qualified=[order("f"), order("g", key="o-2"), order("h", key="o-3")])
    shop.night(given(1, "a"), given(2, "f", "friend"))
    shop.night(returned=[back("f", key="another order"), back("g", key="o-2")])
    assert shop.states() == {"f": "approved", "g": "voided returned", "h": "approved"}
    assert shop.night(given(3, "a")).rewards == {"pending": 1}  # for h: that of g is gone
    settle(shop.mailroom.store, NOW + 15 * DAY)
    shop.mailroom.redeem(given(1, "a").decision_id, NOW + 16 * DAY, "order o-9")
    shop.night(returned=[back("f", at=17 * DAY)])
    assert shop.mailroom.balance("bring", "EUR", "a") == Balance(available=Decimal(10))
    assert shop.mailroom.balance("bring", "EUR", "f") == Balance()
    assert shop.told("voided") == [("a", "advocate"), ("a", "advocate"), ("f", "friend"), ("g", "friend")]
    shop.night(joined=[touch("f", "b", 20 * DAY)], qualified=[order("f", 21 * DAY)])
    assert shop.states()["f"] == "voided returned"  # sent once and for all


def test_what_comes_before_the_touch_or_too_late_brings_nothing(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a"), touch("g", "a")], qualified=[order("f", -HOUR)])
    assert shop.states() == {"f": "pending", "g": "pending"}
    shop.night(qualified=[order("f", 60 * DAY), order("g", 60 * DAY + timedelta(microseconds=1))])
    assert shop.states() == {"f": "approved", "g": "voided too_late"}


def test_friend_may_have_theirs_on_joining_where_the_program_says_so(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        shop = Shop(mailroom, referral={**WORDS["referral"], "friend_on": "joined"})
        shop.night(joined=[touch("f", "a"), touch("x", "x")])
        assert shop.night(given(1, "f", "friend"), given(2, "a"), given(3, "x", "friend")).rewards == {
            "pending": 1, "refused": 2
        }  # fmt: skip


def test_cap_and_budget_hold_for_referrals_as_for_all(shop: Shop) -> None:
    friends = ("f", "g", "h")
    shop.night(joined=[touch(who, "a") for who in friends])
    shop.night(qualified=[order(who) for who in friends])
    assert shop.night(*(given(n, "a", cap=2) for n in range(3))).rewards == {"pending": 2, "refused": 1}
    assert shop.night(*(given(n, "a", budget=25) for n in (3, 4))).rewards == {"refused": 2}


def test_run_that_comes_again_changes_nothing(shop: Shop) -> None:
    said = {"joined": [touch("f", "a")], "qualified": [order("f")]}
    shop.night(**said)
    before = list(shop.mailroom.feedback())
    assert shop.night(run_id="run-1", **said).already
    shop.night(run_id="run-1-restored", **said)
    assert list(shop.mailroom.feedback()) == before
    shop.night(given(1, "a"))
    assert shop.night(given(1, "a"), run_id="run-2-restored").rewards == {}
    assert shop.mailroom.balance("bring", "EUR").total == 10


def test_voucher_that_the_shop_says_was_used_is_redeemed_once(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")], qualified=[order("f")])
    shop.night(given(1, "a"), given(2, "f", "friend"))

    def use(event_id: str, who: str, code: str, at: timedelta) -> Used:
        return Used(event_id, who, NOW + at, code)

    shop.night(used=[use("u1", "a", "c1", 13 * DAY), use("u2", "f", "C2", 13 * DAY)])
    assert shop.mailroom.balance("bring", "EUR") == Balance(pending=Decimal(15))  # held for fourteen days
    again, unknown = use("u4", "a", "C1", 20 * DAY), use("u5", "f", "NONE", 20 * DAY)
    shop.night(used=[use("u3", "a", " c1 ", 20 * DAY), again, unknown])
    assert shop.mailroom.balance("bring", "EUR") == Balance(pending=Decimal(5), redeemed=Decimal(10))
    told = [one.occurred_at for one in shop.mailroom.feedback() if one.name == "reward_redeemed"]
    assert told == [NOW + 20 * DAY]


def test_voucher_used_in_time_is_redeemed_though_the_shop_tells_of_it_after_its_end(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")], qualified=[order("f")])
    shop.night(given(1, "a", lives=16))
    settle(shop.mailroom.store, NOW + 31 * DAY)
    assert shop.mailroom.balance("bring", "EUR") == Balance()
    shop.night(used=[Used("late", "a", NOW + 31 * DAY, "C1")])
    assert shop.mailroom.balance("bring", "EUR") == Balance()
    shop.night(used=[Used("in time", "a", NOW + 29 * DAY, "C1"), Used("again", "a", NOW + 29 * DAY, "C1")])
    assert shop.mailroom.balance("bring", "EUR") == Balance(redeemed=Decimal(10))


def test_lists_have_the_flagged_first_and_filters(shop: Shop) -> None:
    like = {"person": {"address": "1"}, "advocates_person": {"address": "1"}}
    shop.night(joined=[touch("f", "a"), touch("x", "x"), touch("g", "a", **like)])
    assert shop.mailroom.referrals()[0].friend == "g"
    assert [one.friend for one in shop.mailroom.referrals(customer="x")] == ["x"]
    assert shop.mailroom.referrals(program="other") == []
    assert len(shop.mailroom.referrals(limit=2)) == 2
    shop.night(qualified=[order("f")])
    shop.night(given(1, "a"), given(2, "a"))
    assert [(one.state, one.reason) for one in shop.mailroom.rewards(customer="a", state="refused")] == [
        ("refused", "no_referral")
    ]
    assert shop.mailroom.reward_named("c1", None) == given(1, "a").decision_id
    with pytest.raises(JourneyError, match="there is no reward 'C9'"):
        shop.mailroom.reward_named("C9", None)


def test_every_state_of_a_referral_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mailroom.md").read_text(encoding="utf-8")
    for state in ReferralState:
        assert f"| {state.value} | {REFERRAL_MEANING[state]} |" in page


def test_who_is_erased_is_named_by_no_referral_and_no_event_of_the_other_side(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")], qualified=[order("f")])
    shop.night(given(1, "a"), given(2, "f", "friend"))
    assert [one["friend"] for one in shop.mailroom.export("a")["referrals"]] == ["f"]
    shop.mailroom.erase("f", [], NOW)
    (one,) = shop.mailroom.referrals()
    assert (one.advocate, one.state, one.code) == ("a", "approved", "")
    assert one.friend != "f"
    told = [(event.customer_id, *event.properties.values()) for event in shop.mailroom.feedback()]
    assert told
    assert not any("f" in values for values in told)
    assert shop.mailroom.balance("bring", "EUR").total == 15
    # Here again, they are nobody new: the referral that counted stays the only one.
    shop.night(joined=[touch("f", "b")], qualified=[order("f", key="o-2")])
    assert [one.advocate for one in shop.mailroom.referrals()] == ["a"]
