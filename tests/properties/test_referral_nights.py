"""Whole nights of referrals on both stores: late files, missing and erased customers, copies that are put back.

Each customer tries for a reward on each side every night. Whatever comes in whichever order, money is given for a
referral that counts, once a side, and for none whose goods are known to be back; and no code of a friend is lost.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from journey_engine.engines import memory
from journey_engine.mailroom import Mailroom, MissedRun
from journey_engine.mailroom.referrals import LATE, referral_id
from journey_engine.mailroom.rewards import settle
from journey_engine.night.referring import referred
from journey_engine.records import Decision
from journey_engine.times import naive
from tests.properties.test_referrals import DAY, PROGRAM, START, WORTH, reward

PEOPLE = [f"c{number}" for number in range(4)]
COLUMNS = ("event_id", "revision", "newest", "customer_id", "name", "occurred_at", "received_at", "properties")
HOUR = dt.timedelta(hours=1)
FEW = 20 if os.environ.get("JOURNEY_LONG") != "1" else settings.default.max_examples
"""So many worlds in every build; the long profile tries as many as it says."""

WHO = st.integers(0, len(PEOPLE) - 1)
LATER = st.sampled_from([0, 0, 1, 2])  # nights until its file is there
DID = st.sampled_from(["up", "up order", "up order back", "up order back", "order", "back"])
HAPPENS = st.tuples(DID, WHO, WHO, st.tuples(LATER, LATER, LATER))
NIGHT = st.tuples(
    st.just("night"), st.tuples(st.lists(HAPPENS, min_size=1, max_size=4), st.frozensets(WHO, max_size=1))
)
ACTIONS = st.one_of(
    NIGHT,
    NIGHT,
    NIGHT,
    st.tuples(st.sampled_from(["again", "copy", "restore"]), st.just(None)),
    st.tuples(st.just("days"), st.integers(1, 8)),
    st.tuples(st.sampled_from(["erase", "redeem"]), WHO),
)


@dataclass(frozen=True)
class Happening:
    """Something that a customer did, and the night from which on its file is there."""

    event_id: str
    who: str
    name: str
    at: dt.datetime
    properties: dict[str, str]
    from_run: int


class Nights:
    """An engine with what its nights saw, and the mailroom behind it."""

    def __init__(self, folder: Path) -> None:
        self.file, self.copy = folder / "m.sqlite", folder / "copy.sqlite"
        self.engine, self.mailroom = memory(), self.opened()
        self.engine.execute("CREATE OR REPLACE TABLE customers (customer_id VARCHAR)")
        self.now, self.run = START, 0
        self.ahead: list[Happening] = []
        self.seen: list[Happening] = []
        self.runs: list[tuple[int, str, dt.datetime, list[Decision]]] = []
        self.erased: set[str] = set()
        self.kept: set[str] = set()  # who was erased when the copy was made
        self.written: set[tuple[Any, ...]] = set()  # the entries of the ledger so far
        self.due: set[str] = set()  # friends whose code was there on a night that knew both

    def opened(self) -> Mailroom:
        return Mailroom.open(f"sqlite:///{self.file}", environment="test")

    def close(self) -> None:
        self.mailroom.close()
        self.engine.close()

    def play(self, word: str, what: Any) -> None:
        match word:
            case "night":
                happened, missing = what
                self.night(happened, {PEOPLE[number] for number in missing})
            case "again" if self.run:
                self.load(*self.runs[-1])
                number, _, as_of, decisions = self.runs[-1]
                self.load(number, f"run-{number}-restored", as_of, decisions)
            case "days":
                self.now += what * DAY
                settle(self.mailroom.store, self.now)
            case "erase":
                self.mailroom.erase(PEOPLE[what], [], self.now)  # and their rows come in all the same
                self.erased.add(PEOPLE[what])
            case "redeem":
                for one in self.mailroom.rewards(state="available")[:what]:
                    self.mailroom.redeem(one.reward_id, self.now, "at the till")
            case "copy":
                self.mailroom.close()
                shutil.copy(self.file, self.copy)
                self.mailroom, self.kept = self.opened(), set(self.erased)
            case "restore" if self.copy.exists():
                self.mailroom.close()
                shutil.copy(self.copy, self.file)
                self.mailroom, self.erased, self.due = self.opened(), set(self.kept), set()
                self.written = set()
                missed = [run for run in self.runs if run[0] > self.mailroom.last_loaded()]
                self.mailroom.recover([self.missed(*run) for run in missed], now=self.now)
            case _:
                pass

    def night(self, happened: list[tuple[str, int, int, tuple[int, ...]]], missing: set[str]) -> None:
        self.run, self.now = self.run + 1, self.now + DAY
        for number, (did, who, other, laters) in enumerate(happened):
            for place, (name, later) in enumerate(zip(did.split(), laters, strict=False)):
                code, key = {"friend_code": PROGRAM.code_of(PEOPLE[other])}, {"order_id": f"o-{who}-{number}"}
                at = self.now - HOUR * (20 - 4 * number - place)
                event_id, told = f"e{self.run}-{number}-{name}", code if name == "up" else key
                self.ahead.append(Happening(event_id, PEOPLE[who], name, at, told, self.run + later))
        here = [one for one in self.ahead if one.from_run <= self.run and one.who not in missing]
        self.ahead = [one for one in self.ahead if one not in here]
        self.seen += here
        present = [who for who in PEOPLE if who not in missing]
        self.engine.execute("DELETE FROM customers")
        self.engine.load("customers", ("customer_id",), [(who,) for who in present])
        self.engine.load("events", COLUMNS, [
            (one.event_id, 1, True, one.who, one.name, naive(one.at), naive(self.now), json.dumps(one.properties))
            for one in here
        ])  # fmt: skip
        tries = [
            reward(side, number, self.run, self.run, self.now) for number in range(len(PEOPLE)) for side in WORTH
        ]  # fmt: skip
        self.runs.append((self.run, f"run-{self.run}", self.now, tries))
        self.load(*self.runs[-1])
        self.due |= {one.who for one in self.seen if self.must_count(one, present)}

    def must_count(self, one: Happening, present: list[str]) -> bool:
        """Whether a code was brought in time, by and of somebody who is known tonight."""
        advocates = [who for who in present if one.properties.get("friend_code") == PROGRAM.code_of(who)]
        nobody = one.who not in present or not advocates or self.erased & {one.who, *advocates}
        return not nobody and self.now <= one.at + 9 * DAY + LATE

    def missed(self, run: int, run_id: str, as_of: dt.datetime, decisions: list[Decision]) -> MissedRun:
        programs = {"bring": PROGRAM}
        return MissedRun(
            run, run_id, as_of, decisions, programs,
            lambda: referred(self.engine, programs, self.mailroom.sent, as_of),
        )  # fmt: skip

    def load(self, run: int, run_id: str, as_of: dt.datetime, decisions: list[Decision]) -> None:
        one = self.missed(run, run_id, as_of, decisions)
        self.mailroom.load_run(run, run_id, as_of, decisions, programs=one.programs, referred=one.referred)

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.file)) as db:
            return db.execute(query).fetchall()

    def check(self) -> None:
        rewards = self.rows("SELECT state, side, customer_id, referral_id FROM rewards")
        sent = {
            row[0]: row[1:]
            for row in self.rows(
                "SELECT referral_id, advocate, friend, state, qualified_key, qualified_by FROM referrals"
            )
        }
        entries = set(
            self.rows("SELECT entry_id, kind, cause, occurred_at, pending, available, redeemed FROM reward_entries")
        )
        assert self.written <= entries  # they are only ever added to
        self.written = entries
        back = {(referral_id(one.who), one.properties["order_id"]) for one in self.seen if one.name == "back"}
        orders = {one.event_id: one for one in self.seen if one.name == "order"}
        for key, (advocate, friend, state, order, order_event) in sent.items():
            assert state == "voided" or advocate != friend
            if state == "approved":
                assert (key, order) not in back
                assert referral_id(orders[order_event].who) == key
        alive = [row for row in rewards if row[0] in ("pending", "available", "redeemed", "expired")]
        for _, side, customer_id, key in alive:
            advocate, friend, state, *_ = sent[key]
            assert state == "approved"
            assert customer_id == (advocate if side == "advocate" else friend)
        assert max(Counter((row[3], row[1]) for row in rewards if row[3]).values(), default=0) <= 1
        assert max(Counter(row[2] for row in alive if row[1] == "advocate").values(), default=0) <= 2
        total = self.mailroom.balance("bring", "EUR").total
        assert total == sum((WORTH[row[1]] for row in alive if row[0] != "expired"), Decimal(0))
        assert total <= 60
        assert {referral_id(friend) for friend in self.due - self.erased} <= sent.keys()


@settings(max_examples=FEW, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(actions=st.lists(ACTIONS, min_size=8, max_size=16))
def test_no_night_makes_money_or_loses_a_friend(actions: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        nights = Nights(Path(folder))
        try:
            for word, what in actions:
                nights.play(word, what)
                nights.check()
            nights.play("night", ([], frozenset()))  # everybody is here again
            nights.play("again", None)
            nights.check()
        finally:
            nights.close()


def test_the_nights_come_to_refunds_before_orders_missing_advocates_and_copies() -> None:
    """One of them by hand, so that the property above is about something."""
    with TemporaryDirectory() as folder:
        nights = Nights(Path(folder))
        first = [("up order back", 1, 0, (0, 1, 0)), ("up", 2, 0, (0,))]
        nights.play("night", (first, {0}))
        assert [one.friend for one in nights.mailroom.sent().waiting] == ["c1", "c2"]
        nights.play("copy", None)
        nights.play("night", ([("order", 2, 0, (0,))], frozenset()))
        nights.play("night", ([], frozenset()))
        assert nights.due == {"c1", "c2"}
        for word in ("", "restore"):
            nights.play(word, None)
            states = {one.friend: (one.state, one.reason) for one in nights.mailroom.referrals()}
            assert states == {"c1": ("voided", "returned"), "c2": ("approved", None)}
            assert nights.mailroom.balance("bring", "EUR").total == 15
            nights.check()
        nights.play("erase", 2)
        nights.play("night", ([("back", 2, 0, (0,)), ("up", 3, 2, (0,))], frozenset()))
        assert nights.mailroom.balance("bring", "EUR").total == 0
        assert len(nights.mailroom.referrals()) == 2  # who was erased sends nobody
        nights.check()
        nights.close()
