"""No sequence of sign-ups, orders, refunds, repeated runs, restored engines and words of people makes money."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.errors import JourneyError
from journey_engine.mailroom import Mailroom, Referred, Touch, Used
from journey_engine.mailroom.referrals import Step
from journey_engine.mailroom.rewards import settle
from journey_engine.program import Program
from journey_engine.records import Decision, DecisionKind, DecisionState, identity
from journey_engine.times import iso

START = dt.datetime(2026, 3, 1, 2, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PROGRAM = Program.model_validate({
    "program": "bring", "currency": "EUR", "sides": {"advocate": {"amount": 10, "cap": 2}, "friend": 5}, "budget": 60,
    "hold": "3 days",
    "referral": {"joins": "up", "qualifies": "order", "returned": "back", "same": "order_id", "within": "9 days"},
})  # fmt: skip
WORTH = {"advocate": Decimal(10), "friend": Decimal(5)}

WHO = st.integers(0, 5)
ORDER = st.integers(0, 2)
HAPPENS = st.one_of(
    st.tuples(st.just("join"), WHO, WHO, st.booleans()),
    st.tuples(st.sampled_from(["order", "back"]), WHO, ORDER, st.integers(-1, 11)),
    st.tuples(st.just("use"), WHO, st.integers(0, 12), st.just(0)),
    st.tuples(st.sampled_from(["advocate", "friend"]), WHO, st.integers(0, 12), st.just(0)),
)
ACTIONS = st.one_of(
    st.tuples(st.just("night"), st.lists(HAPPENS, max_size=8)),
    st.tuples(st.sampled_from(["again", "restored", "crash"]), st.lists(HAPPENS, max_size=3)),
    st.tuples(st.just("days"), st.integers(0, 6)),
    st.tuples(st.sampled_from(["approve", "void", "redeem", "reverse"]), st.integers(0, 12)),
)


def reward(side: str, who: int, number: int, run: int, at: dt.datetime) -> Decision:
    """What a journey decided, rightly or wrongly: its id is that of its pass, whoever runs it again."""
    reward_id = identity("reward", side, str(who), str(number))
    payload: dict[str, Any] = {
        "program": "bring", "side": side, "amount": float(WORTH[side]), "percent": None, "currency": "EUR",
        "code": f"{side}-{who}-{number}", "available_at": iso(at + 3 * DAY), "expires_at": iso(at + 8 * DAY),
        "budget": 60, "cap": 2 if side == "advocate" else None,
    }  # fmt: skip
    return Decision(
        reward_id, DecisionKind.REWARD, run, "bring", "v1", f"pass {who} {number}", f"c{who}", f"reward:{side}", 1,
        DecisionState.PENDING, None, at, at, payload,
    )  # fmt: skip


class World:
    """A mailroom whose runs may come again, be lost on the way, or be decided anew by a restored engine."""

    def __init__(self, folder: str) -> None:
        self.file = Path(folder) / "m.sqlite"
        self.mailroom = Mailroom.open(f"sqlite:///{self.file}", environment="test")
        self.now, self.run, self.serial = START, 0, 0
        self.last: tuple[list[Decision], Referred] = ([], Referred())

    def load(self, run_id: str, *, crash: bool = False) -> None:
        decisions, referred = self.last
        if crash:  # in the middle of the door's transaction
            decisions = [*decisions, replace(reward("friend", 9, 9, self.run, self.now), payload={})]
        try:
            self.mailroom.load_run(
                self.run, run_id, self.now, decisions, programs={"bring": PROGRAM}, referred=lambda: referred
            )
        except KeyError:
            assert crash

    def happens(self, happened: list[tuple[str, int, int, Any]]) -> tuple[list[Decision], Referred]:
        joined, orders, backs, used, decisions = [], [], [], [], []
        for word, who, other, more in happened:
            self.serial += 1
            event_id, key = f"{word} {self.serial}", f"o{other}"
            match word:
                case "join":
                    one = {"address": "1 Street"} if more else {}
                    touch = Touch("bring", event_id, f"c{who}", self.now, f"C{other}", f"c{other}")
                    joined.append(replace(touch, person=one, advocates_person=one))
                case "order":
                    orders.append(Step("bring", event_id, f"c{who}", self.now + more * DAY, key))
                case "back":
                    backs.append(Step("bring", event_id, f"c{who}", self.now + more * DAY, key))
                case "use":
                    used.append(Used(event_id, f"c{who}", self.now, f"advocate-{who}-{other}"))
                case _:
                    decisions.append(reward(word, who, other, self.run + 1, self.now))
        return decisions, Referred(joined, orders, backs, used)

    def play(self, word: str, what: Any) -> None:
        match word:
            case "night":
                self.last = self.happens(what)
                self.run, self.now = self.run + 1, self.now + DAY
                self.load(f"run-{self.run}")
            case "again":
                self.load(f"run-{self.run}")
            case "restored" if self.run:
                self.load(f"run-{self.run}-restored-{self.serial}")
            case "crash":
                before, self.last = self.last, self.happens(what)
                self.run += 1
                self.load("crashes", crash=True)
                self.run, self.last = self.run - 1, before
            case "days":
                self.now += what * DAY
                settle(self.mailroom.store, self.now)
            case "approve" | "void":
                some = self.mailroom.referrals()
                named = some[what % len(some)].referral_id if some else "nothing"
                self.said(lambda: getattr(self.mailroom, f"{word}_referral")(named, self.now, "a word"))
            case "redeem" | "reverse":
                given = self.mailroom.rewards()
                named = given[what % len(given)].reward_id if given else "nothing"
                self.said(lambda: getattr(self.mailroom, word)(named, self.now, f"{word} {what}"))
            case _:
                pass

    def said(self, word: Any) -> None:
        try:
            word()
        except JourneyError as error:
            assert error.code in ("referral_state", "reward_state", "no_referral")  # noqa: PT017 - mostly it cannot be

    def check(self) -> None:
        """What was given is what the referrals allow, worked out from the rows alone."""
        with closing(sqlite3.connect(self.file)) as db:
            rows = db.execute("SELECT reward_id, state, side, customer_id, referral_id FROM rewards").fetchall()
            sent = db.execute("SELECT referral_id, advocate, friend, state FROM referrals").fetchall()
            entries = db.execute("SELECT entry_id, pending, available, redeemed FROM reward_entries").fetchall()
        assert len({friend for _, _, friend, _ in sent}) == len(sent)
        assert all(advocate != friend for _, advocate, friend, state in sent if state != "voided")
        by_id = {referral_id: (advocate, friend, state) for referral_id, advocate, friend, state in sent}
        alive = [row for row in rows if row[1] in ("pending", "available", "redeemed")]
        for _, _, side, customer_id, referral_id in alive:
            advocate, friend, state = by_id[referral_id]
            assert state == "approved"
            assert customer_id == (advocate if side == "advocate" else friend)
        assert max(Counter((row[4], row[2]) for row in rows if row[4]).values(), default=0) <= 1
        assert max(Counter(row[3] for row in alive if row[2] == "advocate").values(), default=0) <= 2
        approved = sum(state == "approved" for *_, state in sent)
        told = self.mailroom.balance("bring", "EUR")
        assert told.total == sum((WORTH[row[2]] for row in alive), Decimal(0))
        assert told.total <= min(Decimal(60), approved * sum(WORTH.values()))
        assert min(told.pending, told.available, told.redeemed) >= 0
        assert len({entry[0] for entry in entries}) == len(entries)
        ids = Counter(event.event_id for event in self.mailroom.feedback())
        assert max(ids.values(), default=0) <= 1


@settings(deadline=None)
@given(actions=st.lists(ACTIONS, max_size=20))
def test_nothing_that_happens_makes_money(actions: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        world = World(folder)
        try:
            for word, what in actions:
                world.play(word, what)
                world.check()
                if word in ("again", "restored", "crash"):  # what comes again changes nothing of what stands
                    before = world.mailroom.balance("bring", "EUR"), len(list(world.mailroom.feedback()))
                    world.play("again", [])
                    assert before == (world.mailroom.balance("bring", "EUR"), len(list(world.mailroom.feedback())))
        finally:
            world.mailroom.close()


def test_the_worlds_come_to_rewards_of_referrals() -> None:
    """One of them by hand, so that the property above is about something."""
    with TemporaryDirectory() as folder:
        world = World(folder)
        world.play("night", [("join", 1, 0, False), ("order", 1, 0, 1)])
        world.play("night", [("advocate", 0, 1, 0), ("friend", 1, 1, 0), ("advocate", 0, 2, 0)])
        world.check()
        assert world.mailroom.balance("bring", "EUR").total == 15
        world.play("days", 4)
        world.play("night", [("use", 0, 1, 0), ("back", 1, 0, 1)])
        world.check()
        assert world.mailroom.balance("bring", "EUR").total == 0
        world.mailroom.close()
