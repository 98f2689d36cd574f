"""The ledger of rewards (rule 25): entries are only ever added, balances are sums of them.

A reward comes in with its run, within its program's budget and caps, or is refused. Hold and expiry are kept by time:
each becomes an entry at its own instant, whenever that is noticed, and an event of the next night.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import BigInteger, Connection, Row, Select, func, select, type_coerce, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom.marks import ERASED, erased_of
from journey_engine.mailroom.pools import fill, reward_ids
from journey_engine.mailroom.states import RewardState
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import FEEDBACK, feedback, in_state, millionths, reward_entries, rewards
from journey_engine.message import plain
from journey_engine.records import Decision
from journey_engine.times import iso, parse_instant

CHUNK = 500
NONE = Decimal(0)
ENDED = (RewardState.REFUSED, RewardState.SKIPPED, RewardState.WITHHELD)
"""States of rewards that nobody got."""

_REWARD = tuple(column.name for column in rewards.columns)
_ENTRY = tuple(column.name for column in reward_entries.columns)


@dataclass(frozen=True, slots=True)
class Balance:
    """What is held, what may be used, and what was used, in one currency. Together: what a budget counts."""

    pending: Decimal = NONE
    available: Decimal = NONE
    redeemed: Decimal = NONE

    @property
    def total(self) -> Decimal:
        """What a program has promised and given."""
        return self.pending + self.available + self.redeemed


CHANGES: Mapping[tuple[RewardState | None, RewardState], tuple[int, int, int]] = {
    (None, RewardState.PENDING): (1, 0, 0),
    (RewardState.PENDING, RewardState.AVAILABLE): (-1, 1, 0),
    (RewardState.PENDING, RewardState.REVERSED): (-1, 0, 0),
    (RewardState.AVAILABLE, RewardState.REDEEMED): (0, -1, 1),
    (RewardState.AVAILABLE, RewardState.EXPIRED): (0, -1, 0),
    (RewardState.AVAILABLE, RewardState.REVERSED): (0, -1, 0),
    (RewardState.REDEEMED, RewardState.REVERSED): (0, 0, -1),
    (RewardState.EXPIRED, RewardState.REDEEMED): (0, 0, 1),  # used in time, and told of afterwards
    (RewardState.EXPIRED, RewardState.REVERSED): (0, 0, 0),  # what is told of afterwards comes too late
}
"""What each entry changes of pending, available and redeemed, in amounts of its reward. No other change is allowed."""


# the door


class Entitles(Protocol):
    """What tells which rewards need a referral, and which referral is theirs; each brings one a side."""

    def needs(self, one: Decision) -> bool:
        """Whether a reward is one of a referral."""

    def referral(self, one: Decision) -> str | None:
        """The referral that it is for; None when there is none."""

    def use(self, one: Decision) -> None:
        """It is given."""

    def pooled(self, one: Decision) -> bool:
        """Whether its code comes from a pool."""


def take(
    store: Store, db: Connection, decisions: Iterable[Decision], as_of: dt.datetime, entitles: Entitles | None = None
) -> Counter[str]:
    """Take the rewards of a run in, oldest first; how many of the new ones are in each state.

    What a program's budget or a customer's cap has no room for is refused, and so is the reward of a referral that is
    none, or of a customer who was erased: whoever is nobody here any more has used up no cap. Ids that are here already
    stay as they are.
    """
    offered = {one.decision_id: one for one in decisions}
    known = _known(db, offered)
    fresh = sorted(
        (one for key, one in offered.items() if key not in known), key=lambda one: (one.due_at, one.decision_id)
    )
    room, gone = _Room(db, fresh), erased_of(db, {one.customer_id for one in fresh})
    states: Counter[str] = Counter()
    taken: list[tuple[Any, ...]] = []
    given: list[str] = []
    for one in fresh:
        reason, referral = one.reason, None
        if one.state == "pending":
            bound = entitles is not None and entitles.needs(one)
            referral = entitles.referral(one) if bound and entitles is not None else None
            reason = ERASED if one.customer_id in gone else None
            reason = reason or ("no_referral" if bound and referral is None else room.refuses(one))
        state = "refused" if one.state == "pending" and reason else one.state.value
        states[state] += 1
        if referral is not None and state == "pending" and entitles is not None:
            entitles.use(one)
        pooled = entitles is not None and entitles.pooled(one)
        taken.append(_row(store, one, state, reason, as_of, referral if state == "pending" else None, pooled))
        given += [one.decision_id] if state == "pending" else []
    store.insert_new(db, rewards, _REWARD, taken)
    if given:
        fill(db)
    for some in _chunks(given):
        rows = db.execute(select(rewards).where(rewards.c.reward_id.in_(some)).order_by(rewards.c.reward_id)).all()
        enter(store, db, [(row, row.given_at) for row in rows], None, RewardState.PENDING, cause="decided")
    return states


def _row(
    store: Store, one: Decision, state: str, reason: str | None, as_of: dt.datetime, referral: str | None, pooled: bool
) -> tuple[Any, ...]:
    payload = one.payload
    percent, expires = payload.get("percent"), payload.get("expires_at")
    return (
        one.decision_id,
        one.run,
        one.journey,
        one.version,
        one.enrollment_id,
        one.customer_id,
        one.step,
        one.occurrence,
        payload["program"],
        payload["side"],
        state,
        reason,
        millionths(_amount(payload["amount"])),
        None if percent is None else millionths(_amount(percent)),
        payload["currency"],
        "" if pooled else payload["code"],
        store.instant(one.due_at),
        store.instant(parse_instant(payload["available_at"])),
        store.instant(parse_instant(expires) if expires else None),
        store.instant(as_of),
        referral,
        payload["code"] if pooled else None,
    )


@dataclass(slots=True)
class _Room:
    """How much each program may still give, and how many rewards each customer has, while a run comes in."""

    db: Connection
    fresh: Sequence[Decision]
    given: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    held: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for some in _chunks(sorted({one.customer_id for one in self.fresh if one.payload.get("cap") is not None})):
            keys = (rewards.c.program, rewards.c.side, rewards.c.customer_id)
            theirs = rewards.c.customer_id.in_(some) & rewards.c.state.not_in([*ENDED, RewardState.REVERSED])
            for program, side, customer_id, count in self.db.execute(
                select(*keys, func.count()).where(theirs).group_by(*keys)
            ):
                self.held[program, side, customer_id] = count

    def refuses(self, one: Decision) -> str | None:
        """Why a reward cannot be given; where nothing stands against it, it counts from now on."""
        payload, amount = one.payload, _amount(one.payload["amount"])
        pot, hand = (payload["program"], payload["currency"]), (payload["program"], payload["side"], one.customer_id)
        if pot not in self.given:
            self.given[pot] = _balance(self.db, *pot).total
        if payload["cap"] is not None and self.held[hand] >= payload["cap"]:
            return "cap"
        if self.given[pot] + amount > _amount(payload["budget"]):
            return "budget"
        self.given[pot] += amount
        self.held[hand] += 1
        return None


def untold(db: Connection, rows: Sequence[Row[Any]]) -> dict[str, RewardState]:
    """The messages that must not tell of a reward as it stands: it was not given, or was taken back and they know not.

    Where a pass had seen that a reward was taken back, what it decided may name it.
    """
    named = {row.message_id: set(reward_ids(row.variables)) for row in rows if '"reward_id"' in row.variables}
    states = (rewards.c.reward_id, rewards.c.state)
    wrong = rewards.c.state.in_([*ENDED, RewardState.REVERSED])
    found: dict[str, RewardState] = {}
    for some in _chunks(set().union(*named.values())):
        asked = select(*states).where(rewards.c.reward_id.in_(some), wrong)
        found |= {reward_id: RewardState(state) for reward_id, state in db.execute(asked)}
    told: dict[str, RewardState] = {}
    for row in rows:
        stand = [found[one] for one in sorted(named.get(row.message_id, ())) if one in found]
        stand = [one for one in stand if one is not RewardState.REVERSED or not row.knows_reversal]
        if stand:
            told[row.message_id] = min(stand, key=lambda one: one is RewardState.REVERSED)
    return told


# time


def settle(store: Store, as_of: dt.datetime) -> int:
    """Make available what was held long enough, and end what was not used in time; how many. Repeat it at will."""
    return _pass_on(store, as_of, RewardState.PENDING, RewardState.AVAILABLE, "available_at", "held") + _pass_on(
        store, as_of, RewardState.AVAILABLE, RewardState.EXPIRED, "expires_at", "time"
    )


def _pass_on(store: Store, as_of: dt.datetime, leaves: RewardState, becomes: RewardState, at: str, cause: str) -> int:
    due = (
        select(rewards)
        .where(in_state(leaves, rewards), rewards.c[at] <= as_of)
        .order_by(rewards.c[at], rewards.c.reward_id)
        .limit(CHUNK)
        .with_for_update(skip_locked=True)
    )
    moved = 0
    while True:
        with store.write() as db:
            rows = db.execute(due).all()
            enter(store, db, [(row, getattr(row, at)) for row in rows], leaves, becomes, cause)
        moved += len(rows)
        if len(rows) < CHUNK:
            return moved


def enter(
    store: Store,
    db: Connection,
    rows: Sequence[tuple[Row[Any], dt.datetime]],
    leaves: RewardState | None,
    becomes: RewardState,
    cause: str,
) -> None:
    """Add an entry for each reward, change its state, and tell the next night."""
    if not rows:
        return
    pending, available, redeemed = CHANGES[leaves, becomes]
    entries: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    for row, at in rows:
        key, amount, instant = f"{row.reward_id}:{becomes.value}", millionths(row.amount), store.instant(at)
        entries.append((
            key, row.reward_id, row.program, row.currency, row.customer_id, becomes.value, cause, instant,
            pending * amount, available * amount, redeemed * amount,
        ))  # fmt: skip
        events.append((key, row.customer_id, f"reward_{becomes.value}", instant, _told(row)))
    new = store.insert_new(db, reward_entries, _ENTRY, entries)
    if new != len(entries):  # an entry without its state, or the other way round, would make the sums lie
        raise JourneyError(
            f"{len(entries) - new} rewards have been {becomes.value} before, though their state says otherwise",
            remedy="restore the mailroom from a copy; then `journey mailroom recover` takes the missing runs in",
            code="damaged",
        )
    if leaves is not None:
        ids = rewards.c.reward_id.in_([row.reward_id for row, _ in rows])
        db.execute(update(rewards).where(ids, in_state(leaves, rewards)).values(state=becomes.value, reason=None))
    store.insert_new(db, feedback, FEEDBACK, events)


def _told(row: Row[Any]) -> str:
    kept = {
        "reward_id": row.reward_id,
        "program": row.program,
        "side": row.side,
        "amount": plain(row.amount),
        "percent": None if row.percent is None else plain(row.percent),
        "currency": row.currency,
        "code": row.code or None,
        "expires_at": iso(row.expires_at) if row.expires_at else None,
        "journey": row.journey,
        "enrollment_id": row.enrollment_id,
        "step": row.step,
    }
    return json.dumps({name: value for name, value in kept.items() if value is not None})


# what people ask


def balance(store: Store, program: str, currency: str, customer_id: str | None = None) -> Balance:
    """The sums of a program's entries, of one customer or of all."""
    with store.read() as db:
        return _balance(db, program, currency, customer_id)


def _balance(db: Connection, program: str, currency: str, customer_id: str | None = None) -> Balance:
    names = ("pending", "available", "redeemed")
    sums = (func.coalesce(func.sum(type_coerce(reward_entries.c[name], BigInteger)), 0) for name in names)
    query: Select[Any] = select(*sums).where(reward_entries.c.program == program, reward_entries.c.currency == currency)
    if customer_id is not None:
        query = query.where(reward_entries.c.customer_id == customer_id)
    row = db.execute(query).one()
    return Balance(*(Decimal(int(value)).scaleb(-6) for value in row))


def _known(db: Connection, ids: Collection[str]) -> set[str]:
    query = select(rewards.c.reward_id)
    return {one for some in _chunks(ids) for one in db.execute(query.where(rewards.c.reward_id.in_(some))).scalars()}


def _chunks(ids: Collection[str]) -> Iterable[list[str]]:
    every = list(ids)
    return (every[start : start + CHUNK] for start in range(0, len(every), CHUNK))


def _amount(value: Any) -> Decimal:
    return Decimal(str(value))
