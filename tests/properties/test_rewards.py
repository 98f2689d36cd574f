"""No sequence of nights, repeated loads, dispatches and customers makes money: the ledger is what was given."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.errors import JourneyError
from journey_engine.mailroom import Mailroom
from journey_engine.mailroom.rewards import settle
from journey_engine.records import Decision, DecisionKind, DecisionState, identity
from journey_engine.times import iso

START = dt.datetime(2026, 3, 1, 2, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
BUDGET, CAP = Decimal("40.5"), 3
AMOUNTS = (Decimal("10"), Decimal("0.1"), Decimal("12.345678"), Decimal("7.3"))

ACTIONS = st.one_of(
    st.tuples(st.just("night"), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=6)),
    st.tuples(st.just("again"), st.just(None)),
    st.tuples(st.just("restored"), st.just(None)),
    st.tuples(st.just("days"), st.integers(0, 12)),
    st.tuples(st.just("redeem"), st.integers(0, 30)),
    st.tuples(st.just("reverse"), st.integers(0, 30)),
)


def reward(number: int, amount: Decimal, run: int, at: dt.datetime) -> Decision:
    """A reward that depends on its number alone, but for when it is given: ids are those of the pass."""
    available = at + number % 4 * DAY
    expires = available + (1 + number % 5) * DAY if number % 3 else None
    payload: dict[str, Any] = {
        "program": "voucher", "side": "customer", "amount": float(amount), "percent": None, "currency": "EUR",
        "code": str(number), "available_at": iso(available), "expires_at": iso(expires) if expires else None,
        "budget": float(BUDGET), "cap": CAP,
    }  # fmt: skip
    return Decision(
        identity("reward", str(number)), DecisionKind.REWARD, run, "welcome", "v1", f"pass {number}", f"c{number % 4}",
        "reward:voucher", 1, DecisionState.PENDING, None, at, at, payload,
    )  # fmt: skip


@settings(deadline=None)
@given(actions=st.lists(ACTIONS, max_size=25))
def test_ledger_is_what_was_given_and_never_more_than_the_budget(actions: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder, Mailroom.open(f"sqlite:///{folder}/m.sqlite", environment="test") as mailroom:
        play(mailroom, actions, Path(folder) / "m.sqlite")


def play(mailroom: Mailroom, actions: list[tuple[str, Any]], file: Path) -> None:
    now, run, last = START, 0, []
    for word, what in actions:
        match word:
            case "night":
                run, now = run + 1, now + DAY
                last = [reward(number, AMOUNTS[amount], run, now) for number, amount in what]
                mailroom.load_run(run, f"run-{run}", now, last)
            case "again" if run:
                assert mailroom.load_run(run, f"run-{run}", now, last).already
            case "restored" if run:
                assert mailroom.load_run(run, f"run-{run}-restored-{now}", now, last).rewards == {}
            case "days":
                now += what * DAY
                settle(mailroom.store, now)
                assert settle(mailroom.store, now) == 0
            case "redeem" | "reverse":
                try:
                    getattr(mailroom, word)(identity("reward", str(what)), now, "somebody said so")
                except JourneyError as error:
                    assert error.code == "reward_state"  # noqa: PT017 - most are in no state for it
            case _:
                pass
        check(mailroom, file)


def check(mailroom: Mailroom, file: Path) -> None:
    """The sums are what the rewards in each state are worth, worked out from the rows and without the ledger."""
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT reward_id, state, amount, customer_id FROM rewards").fetchall()
        entries = db.execute("SELECT reward_id, kind FROM reward_entries").fetchall()
    worth: Counter[str] = Counter()
    for _, state, amount, _ in rows:
        worth[state] += amount
    told = mailroom.balance("voucher", "EUR")
    shares = (told.pending, told.available, told.redeemed)
    assert [int(share.scaleb(6)) for share in shares] == [worth[name] for name in ("pending", "available", "redeemed")]
    assert told.total <= BUDGET
    standing = Counter(who for _, state, _, who in rows if state not in ("refused", "reversed"))
    assert max(standing.values(), default=0) <= CAP
    assert len(set(entries)) == len(entries)
    kinds: dict[str, set[str]] = {}
    for reward_id, kind in entries:
        kinds.setdefault(reward_id, set()).add(kind)
    for reward_id, state, _, _ in rows:
        assert state in kinds.get(reward_id, {"refused"})
    ids = Counter(event.event_id for event in mailroom.feedback())
    assert sorted(ids) == sorted(f"{reward_id}:{kind}" for reward_id, kind in entries)
