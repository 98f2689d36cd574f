"""The ledger of rewards: within budget and cap, at their instants, once; sums that say what was given."""

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from journey_engine.errors import JourneyError
from journey_engine.mailroom import REWARD_MEANING, Balance, Mailroom, RewardState, dispatch
from journey_engine.mailroom.rewards import settle, untold
from journey_engine.mailroom.tables import messages
from journey_engine.records import Decision, DecisionKind, DecisionState
from journey_engine.times import iso
from tests.mailroom.house import NOW, clock, file_channel, message, open_mailroom, other, renderer, state_of

DAY = timedelta(days=1)


def reward(
    number: int, *, run: int = 1, who: int | None = None, held: int = 0, lives: int | None = 30, **more: Any
) -> Decision:
    """A reward of ten for a customer; `held` and `lives` are days."""
    available = NOW + held * DAY
    payload = {
        "program": "voucher", "side": "customer", "amount": 10, "percent": None, "currency": "EUR",
        "code": f"C{number}",
        "available_at": iso(available), "expires_at": iso(available + lives * DAY) if lives else None,
        "budget": 1000, "cap": None, **more,
    }  # fmt: skip
    made = other(DecisionKind.REWARD, number, run=run, **payload)
    return made if who is None else replace(made, customer_id=f"c{who}")


def states(mailroom: Mailroom) -> dict[str, int]:
    """How many rewards stand so: `refused budget`."""
    return {" ".join(filter(None, key[1:])): count for key, count in mailroom.reward_counts().items()}


def told(mailroom: Mailroom) -> list[tuple[str, datetime]]:
    return sorted(((one.name, one.occurred_at) for one in mailroom.feedback()), key=lambda pair: (pair[1], pair[0]))


def test_reward_becomes_available_and_expires_at_its_instants_whenever_that_is_noticed(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        assert mailroom.load_run(1, "run-1", NOW, [reward(1, held=14)]).rewards == {"pending": 1}
        assert mailroom.balance("voucher", "EUR") == Balance(pending=Decimal(10))
        assert settle(mailroom.store, NOW + 14 * DAY - timedelta(microseconds=1)) == 0
        assert settle(mailroom.store, NOW + 20 * DAY) == 1
        assert mailroom.balance("voucher", "EUR", "c1") == Balance(available=Decimal(10))
        assert mailroom.balance("voucher", "EUR", "c2") == Balance()
        assert settle(mailroom.store, NOW + 20 * DAY) == 0
        assert settle(mailroom.store, NOW + 44 * DAY) == 1
        assert mailroom.balance("voucher", "EUR") == Balance()
        at = [("reward_pending", NOW), ("reward_available", NOW + 14 * DAY), ("reward_expired", NOW + 44 * DAY)]
        assert told(mailroom) == at
        assert states(mailroom) == {"expired": 1}


def test_reward_without_a_hold_passes_through_both_in_one_go(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [reward(1, lives=1)])
        assert settle(mailroom.store, NOW + 9 * DAY) == 2
        assert [name for name, _ in told(mailroom)] == ["reward_available", "reward_pending", "reward_expired"]


def test_event_of_a_reward_tells_what_a_journey_may_ask_about(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [reward(1, lives=None, amount=12.5, percent=15)])
        (event,) = mailroom.feedback()
        given = reward(1)
        assert (event.event_id, event.customer_id) == (f"{given.decision_id}:pending", "c1")
        assert dict(event.properties) == {
            "reward_id": given.decision_id, "program": "voucher", "side": "customer", "amount": 12.5, "percent": 15,
            "currency": "EUR", "code": "C1", "journey": "welcome", "enrollment_id": given.enrollment_id,
            "step": "send:hello",
        }  # fmt: skip


def test_what_the_budget_has_no_room_for_is_refused_oldest_first(tmp_path: Path) -> None:
    late = replace(reward(1, budget=25), due_at=NOW + DAY)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [late, reward(2, budget=25), reward(3, budget=25)])
        assert states(mailroom) == {"pending": 2, "refused budget": 1}
        assert mailroom.balance("voucher", "EUR", "c1") == Balance()
        smaller = reward(4, run=2, budget=25, amount=5)
        assert mailroom.load_run(2, "run-2", NOW, [smaller]).rewards == {"pending": 1}
        assert mailroom.balance("voucher", "EUR").total == 25
        assert mailroom.load_run(3, "run-3", NOW, [reward(5, run=3, budget=25, amount=0.000001)]).rewards == {
            "refused": 1
        }


def test_what_expired_makes_room_again_and_what_was_redeemed_does_not(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [reward(1, budget=20, lives=1), reward(2, budget=20, lives=1)])
        settle(mailroom.store, NOW)
        assert mailroom.redeem(reward(2).decision_id, NOW, "order o2")
        settle(mailroom.store, NOW + 2 * DAY)
        assert mailroom.balance("voucher", "EUR") == Balance(redeemed=Decimal(10))
        next_run = [reward(3, run=2, budget=20), reward(4, run=2, budget=20)]
        assert mailroom.load_run(2, "run-2", NOW + 2 * DAY, next_run).rewards == {"pending": 1, "refused": 1}


def test_every_program_and_currency_has_a_budget_of_its_own(tmp_path: Path) -> None:
    rewards = [reward(1, budget=10), reward(2, budget=10, program="other"), reward(3, budget=10, currency="USD")]
    with open_mailroom(tmp_path) as mailroom:
        assert mailroom.load_run(1, "run-1", NOW, rewards).rewards == {"pending": 3}


def test_cap_counts_the_rewards_of_one_customer_on_one_side(tmp_path: Path) -> None:
    first = [reward(1, who=1, cap=2), reward(2, who=1, cap=2), reward(3, who=1, cap=2), reward(4, who=2, cap=2)]
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, first)
        assert states(mailroom) == {"pending": 3, "refused cap": 1}
        more = [reward(5, run=2, who=1, cap=2), reward(6, run=2, who=1, cap=2, side="friend"), reward(7, run=2, who=1)]
        assert mailroom.load_run(2, "run-2", NOW, more).rewards == {"pending": 2, "refused": 1}
        kept = {one.customer_id for one in mailroom.feedback()}
        assert kept == {"c1", "c2"}
        mailroom.reverse(first[0].decision_id, NOW, "goods sent back")
        assert mailroom.load_run(3, "run-3", NOW, [reward(8, run=3, who=2, cap=2)]).rewards == {"pending": 1}


def test_run_that_is_loaded_again_gives_nothing_twice(tmp_path: Path) -> None:
    given = [reward(1, budget=15), reward(2, budget=15)]
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, given)
        assert mailroom.load_run(1, "run-1", NOW, given).already
        # A restored engine decides the same again under another run id: a refusal stays one too.
        again = mailroom.load_run(1, "run-1-restored", NOW, [*given, reward(3, amount=5, budget=15)])
        assert (again.rewards, again.known) == ({"pending": 1}, 2)
        assert states(mailroom) == {"pending": 2, "refused budget": 1}
        assert mailroom.balance("voucher", "EUR").total == 15


def test_withheld_and_skipped_rewards_are_kept_and_give_nothing(tmp_path: Path) -> None:
    held = replace(reward(1, budget=10), state=DecisionState.WITHHELD, reason="holdout")
    gone = replace(reward(2), state=DecisionState.SKIPPED, reason="no_program")
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [held, gone, reward(3, budget=10)])
        assert states(mailroom) == {"withheld holdout": 1, "skipped no_program": 1, "pending": 1}
        assert mailroom.balance("voucher", "EUR").total == 10


def test_redeeming_and_reversing_happen_once_and_only_where_they_may(tmp_path: Path) -> None:
    mine = reward(1, held=1, lives=5).decision_id
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [reward(1, held=1, lives=5), reward(2, held=1, lives=5)])
        with pytest.raises(JourneyError, match="is pending, so it cannot be redeemed"):
            mailroom.redeem(mine, NOW, "order o1")
        settle(mailroom.store, NOW + DAY)
        assert mailroom.redeem(mine, NOW + DAY, "order o1")
        assert not mailroom.redeem(mine, NOW + DAY, "order o1")
        with pytest.raises(JourneyError, match="is redeemed, so it cannot be redeemed"):
            mailroom.redeem(mine, NOW + DAY, "order o2")
        assert mailroom.reverse(mine, NOW + 2 * DAY, "goods sent back")
        assert not mailroom.reverse(mine, NOW + 2 * DAY, "goods sent back")
        with pytest.raises(JourneyError, match="is expired, so it cannot be redeemed"):
            mailroom.redeem(reward(2).decision_id, NOW + 6 * DAY, "order o3")  # no dispatch has noticed it yet
        with pytest.raises(JourneyError, match="is unknown"):
            mailroom.redeem("nothing", NOW, "order o4")
        assert mailroom.balance("voucher", "EUR") == Balance(available=Decimal(10))
        assert ("reward_reversed", NOW + 2 * DAY) in told(mailroom)


def test_letter_that_tells_of_a_reward_that_was_not_given_does_not_leave(tmp_path: Path) -> None:
    given, none = reward(1, budget=10), reward(2, budget=10)
    letters = [
        message(number, values={"customer": {"first_name": "Ada"}, "step": {"gift": {"reward_id": one.decision_id}}})
        for number, one in enumerate((given, none), 1)
    ]
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [given, none, *letters, message(3)])
        done = dispatch(mailroom, NOW, {"file": file_channel(tmp_path)}, renderer(tmp_path), clock=clock)
        assert (done.accepted, done.skipped) == (2, 1)
        assert state_of(mailroom, letters[1]) == ("skipped", "no_reward")
        assert states(mailroom) == {"available": 1, "refused budget": 1}


def naming(number: int, one: Decision, *, run: int = 1, knows: bool = False) -> Decision:
    """A letter that names a reward by its step."""
    values = {"customer": {"first_name": "Ada"}, "step": {"gift": {"reward_id": one.decision_id}}}
    made = message(number, run=run, values=values)
    return replace(made, payload={**made.payload, "knows_reversal": True}) if knows else made


def test_letter_of_a_reward_that_was_taken_back_leaves_only_where_its_pass_knew_it(tmp_path: Path) -> None:
    one, kept = reward(1), reward(2)
    promise, later, farewell = naming(1, one), naming(2, one, run=2), naming(3, one, run=2, knows=True)
    call = other(
        DecisionKind.WEBHOOK, 4, endpoint="crm", data={}, values={"step": {"gift": {"reward_id": one.decision_id}}}
    )
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [one, kept, promise, naming(5, kept), call])
        mailroom.reverse(one.decision_id, NOW, "goods sent back")
        mailroom.load_run(2, "run-2", NOW, [later, farewell])
        done = dispatch(mailroom, NOW, {"file": file_channel(tmp_path)}, renderer(tmp_path), clock=clock)
        assert (done.accepted, done.skipped) == (2, 2)
        assert [state_of(mailroom, each) for each in (promise, later)] == [("skipped", "taken_back")] * 2
        assert state_of(mailroom, farewell)[0] == "accepted"
        assert state_of(mailroom, call)[0] == "pending"  # no endpoint is here; with one it would be skipped as well
        with mailroom.store.read() as db:
            rows = db.execute(select(messages)).all()
            assert untold(db, rows)[call.decision_id] is RewardState.REVERSED


def test_letter_whose_pass_knew_that_one_reward_was_taken_back_names_none_that_was_never_given(tmp_path: Path) -> None:
    none = reward(1, budget=5)
    letter = naming(1, none, knows=True)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [none, letter])
        dispatch(mailroom, NOW, {"file": file_channel(tmp_path)}, renderer(tmp_path), clock=clock)
        assert state_of(mailroom, letter) == ("skipped", "no_reward")


def test_mailroom_of_a_version_without_rewards_takes_them(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "failures" / "version_1" / "mailroom.sql"
    with sqlite3.connect(tmp_path / "mailroom.sqlite") as db:
        db.executescript(script.read_text(encoding="utf-8"))
        db.execute("UPDATE meta SET value = 'test' WHERE key = 'environment'")
    db.close()
    with open_mailroom(tmp_path) as mailroom:
        known = mailroom.last_loaded()
        done = mailroom.load_run(known + 1, "run-next", NOW, [reward(1, run=known + 1)])
        assert done.rewards == {"pending": 1}


def test_failure_in_the_middle_of_a_run_gives_nothing(tmp_path: Path) -> None:
    broken = replace(reward(2), payload={"program": "voucher"})
    with open_mailroom(tmp_path) as mailroom:
        with pytest.raises(KeyError):
            mailroom.load_run(1, "run-1", NOW, [reward(1), broken])
        assert states(mailroom) == {}
        assert list(mailroom.feedback()) == []


def test_every_state_of_a_reward_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mailroom.md").read_text(encoding="utf-8")
    for state in RewardState:
        assert f"| {state.value} | {REWARD_MEANING[state]} |" in page
