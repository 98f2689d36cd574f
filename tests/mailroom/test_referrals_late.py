"""Referrals whose events come late, in another order, or of somebody who is missing tonight; and their end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from journey_engine.mailroom import Balance, Brought, Mailroom, Used
from journey_engine.mailroom.referrals import LATE
from journey_engine.mailroom.rewards import settle
from journey_engine.program import Program
from tests.mailroom.house import NOW, open_mailroom
from tests.mailroom.test_referrals import HOUR, WORDS, Shop, back, given, order, touch
from tests.mailroom.test_rewards import DAY

MOMENT = timedelta(microseconds=1)


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    with open_mailroom(tmp_path) as mailroom:
        yield Shop(mailroom)


def brought(friend: str, code: str = "CODE", at: timedelta = timedelta()) -> Brought:
    return Brought("bring", f"up {friend} {code}", friend, NOW + at, code)


def test_order_whose_goods_are_known_to_be_back_never_counts(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")])
    shop.night(
        qualified=[order("f")], returned=[back("f", at=2 * DAY)]
    )  # the engine tells of both, whichever was first
    assert shop.states() == {"f": "voided returned"}
    assert shop.told("approved") == []  # nobody is told that it counts
    assert shop.told("voided") == [("a", "advocate"), ("f", "friend")]
    assert shop.night(given(1, "a"), given(2, "f", "friend")).rewards == {"refused": 2}


def test_refund_of_the_very_order_counts_though_its_clock_is_behind(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a"), touch("g", "a")], qualified=[order("f"), order("g", key="o-2")])
    shop.night(returned=[back("f", at=DAY - HOUR), back("g", at=DAY - HOUR, key="o-3")])
    assert shop.states() == {"f": "voided returned", "g": "approved"}


def test_refund_without_a_name_undoes_what_came_before_it_and_no_more(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a"), touch("g", "a")])
    nameless = [order("f", key=None), order("g", key=None)]  # type: ignore[arg-type]
    shop.night(qualified=nameless)
    shop.night(returned=[back("f", at=DAY - HOUR, key=None), back("g", at=DAY + HOUR, key=None)])  # type: ignore[arg-type]
    assert shop.states() == {"f": "approved", "g": "voided returned"}


def test_pending_referral_ends_with_nothing_for_anybody(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a"), touch("g", "a", DAY)])
    assert {one.ends_at for one in shop.mailroom.referrals()} == {NOW + 60 * DAY, NOW + 61 * DAY}
    assert shop.mailroom.load_run(2, "run-2", NOW + 60 * DAY + LATE, []).rewards == {}
    assert shop.states() == {"f": "pending", "g": "pending"}  # what the friend did in time may still be told of
    shop.mailroom.load_run(3, "run-3", NOW + 60 * DAY + LATE + MOMENT, [])
    assert shop.states() == {"f": "voided lapsed", "g": "pending"}
    assert shop.told("voided") == [("a", "advocate"), ("f", "friend")]


def test_what_a_friend_did_in_time_counts_though_it_is_told_of_after_the_end(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")])
    shop.run = 62
    for number in range(2, 63):
        shop.mailroom.load_run(number, f"run-{number}", NOW + number * DAY, [])
    shop.night(qualified=[order("f", 60 * DAY)])  # the run of day 63
    assert shop.states() == {"f": "approved"}


def test_flagged_referral_ends_too_but_not_while_a_person_has_to_look_at_what_counts(shop: Shop) -> None:
    like = {"person": {"address": "1"}, "advocates_person": {"address": "1"}}
    shop.night(joined=[touch("f", "a", **like), touch("g", "a", **like)], qualified=[order("g")])
    shop.mailroom.load_run(2, "run-2", NOW + 90 * DAY, [])
    assert shop.states() == {"f": "voided lapsed", "g": "flagged same_address"}


def test_end_is_that_of_the_day_on_which_the_friend_joined_whatever_the_file_says_later(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")])
    shop.program = Program.model_validate({**WORDS, "referral": {**WORDS["referral"], "within": "1 day"}})
    shop.night(joined=[touch("g", "a")], qualified=[order("f", 50 * DAY), order("g", 50 * DAY)])
    assert shop.states() == {"f": "approved", "g": "voided too_late"}


def test_program_that_does_not_say_gives_friends_ninety_days() -> None:
    words = {name: value for name, value in WORDS["referral"].items() if name != "within"}
    program = Program.model_validate({**WORDS, "referral": words})
    assert program.referral is not None
    assert str(program.referral.within) == "90 days"


def test_code_of_nobody_who_is_known_waits_until_somebody_is(shop: Shop) -> None:
    shop.night(unknown=[brought("f"), brought("g")])
    assert shop.states() == {}
    assert [one.friend for one in shop.mailroom.sent().waiting] == ["f", "g"]
    shop.night(unknown=[brought("g")], joined=[touch("f", "a")])  # the engine asks for them each night
    assert shop.states() == {"f": "pending"}
    assert shop.mailroom.sent().waiting == [brought("g")]
    assert [one.friend for one in shop.mailroom.waiting_codes(customer="g")] == ["g"]
    assert shop.mailroom.waiting_codes(program="other") == []


def test_whoever_was_sent_has_no_other_code_that_waits(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")])
    shop.night(unknown=[brought("f", "OTHER", HOUR)])
    assert shop.mailroom.sent().waiting == []
    shop.night(unknown=[brought("g"), brought("g", "OTHER")])
    shop.night(joined=[touch("g", "a")])
    assert shop.mailroom.sent().waiting == []


def test_code_waits_no_longer_than_the_friend_may_take(shop: Shop) -> None:
    shop.night(unknown=[brought("f")])
    shop.mailroom.load_run(2, "run-2", NOW + 60 * DAY + LATE, [])
    assert shop.mailroom.sent().waiting == [brought("f")]
    shop.mailroom.load_run(3, "run-3", NOW + 60 * DAY + LATE + MOMENT, [])
    assert shop.mailroom.sent().waiting == []


def test_erased_friend_leaves_no_code_and_brings_none(shop: Shop) -> None:
    shop.night(unknown=[brought("f"), brought("g")])
    assert [row["code"] for row in shop.mailroom.export("f")["waiting_codes"]] == ["CODE"]
    shop.mailroom.erase("f", [], NOW)
    shop.night(unknown=[brought("f")], joined=[touch("f", "a")])
    assert [one.friend for one in shop.mailroom.sent().waiting] == ["g"]
    assert shop.states() == {}


def test_erased_advocate_sends_nobody_any_more(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")], qualified=[order("f")])
    shop.mailroom.erase("a", [], NOW)
    shop.night(joined=[touch("g", "a")], qualified=[order("g", key="o-2")])
    assert set(shop.states()) == {"f"}
    assert shop.night(given(1, "a")).rewards == {"refused": 1}
    assert shop.mailroom.reward_counts() == {("bring", "refused", "erased"): 1}


def test_what_an_erased_friend_gives_back_is_taken_back_all_the_same(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a"), touch("g", "a")], qualified=[order("f"), order("g", key="o-2")])
    shop.night(given(1, "a"), given(2, "a"))
    ids = {one.friend: one.referral_id for one in shop.mailroom.referrals()}
    shop.mailroom.erase("f", [], NOW)
    assert shop.mailroom.sent().erased == {ids["f"]}
    shop.night(returned=[back("f")])
    assert shop.mailroom.balance("bring", "EUR").total == 10


def test_voucher_of_a_referral_that_counts_no_more_is_not_redeemed_by_a_use_that_is_told_of_later(shop: Shop) -> None:
    shop.night(joined=[touch("f", "a")], qualified=[order("f")])
    shop.night(given(1, "a", lives=16))
    settle(shop.mailroom.store, NOW + 31 * DAY)
    shop.night(returned=[back("f", at=32 * DAY)])
    shop.night(used=[Used("in time", "a", NOW + 29 * DAY, "C1")])
    assert shop.mailroom.balance("bring", "EUR") == Balance()
    assert [one.state for one in shop.mailroom.rewards()] == ["reversed"]


def test_friend_who_had_theirs_on_joining_gives_it_back_when_the_referral_ends(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        shop = Shop(mailroom, referral={**WORDS["referral"], "friend_on": "joined"})
        shop.night(joined=[touch("f", "a"), touch("g", "a")])
        assert shop.night(given(1, "f", "friend"), given(2, "g", "friend")).rewards == {"pending": 2}
        settle(mailroom.store, NOW + 20 * DAY)
        mailroom.redeem(given(1, "f", "friend").decision_id, NOW + 20 * DAY, "order o-9")
        mailroom.load_run(3, "run-3", NOW + 64 * DAY, [])
        assert shop.states() == {"f": "voided lapsed", "g": "voided lapsed"}
        assert mailroom.balance("bring", "EUR") == Balance()


def test_a_whole_story_is_the_same_on_both_databases(mailroom: Mailroom) -> None:
    shop = Shop(mailroom)
    shop.night(joined=[touch("f", "a"), touch("g", "a"), touch("old", "a")], unknown=[brought("w"), brought("x")])
    shop.night(joined=[touch("w", "a", HOUR)], qualified=[order("f"), order("w", key="o-3")], unknown=[brought("x")])
    assert (shop.night(given(1, "a"), given(2, "f", "friend")).rewards, shop.mailroom.sent().waiting) == (
        {"pending": 2}, [brought("x")]
    )  # fmt: skip
    mailroom.erase("f", [], NOW)
    shop.night(qualified=[order("g", key="o-2")], returned=[back("f"), back("g", key="o-2")])
    mailroom.load_run(shop.run + 1, "late", NOW + 64 * DAY, [])
    alias = next(one.friend for one in mailroom.referrals() if one.friend.startswith("erased-"))
    assert shop.states() == {
        alias: "voided returned", "g": "voided returned", "old": "voided lapsed", "w": "approved"
    }  # fmt: skip
    assert mailroom.sent().waiting == []
    assert mailroom.balance("bring", "EUR").total == 0
