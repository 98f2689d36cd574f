"""Referrals (rule 25): who was sent by whom, and whether it counts.

A friend is sent once, by whoever was first; a reward of a program with `referral` needs a referral of its own, so that
no way round the journeys makes money. Everything happens at the door, in the transaction of its run, or at a word of a
person; every change is guarded by the state it leaves, and is an event of the next night for both sides.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, insert, or_, select, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom import rewards as ledger
from journey_engine.mailroom.likeness import alike, same
from journey_engine.mailroom.redeeming import Used
from journey_engine.mailroom.states import ReferralState, RewardState
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import feedback, referrals, rewards
from journey_engine.program import POOL, Program
from journey_engine.records import Decision, identity
from journey_engine.times import iso

SIDES = ("advocate", "friend")
OPEN = (ReferralState.PENDING, ReferralState.FLAGGED)
_LISTED = (
    "referral_id", "program", "advocate", "friend", "code", "first_touch", "state", "reason", "qualified_at",
    "hold_until", "changed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Touch:
    """An event of a friend that brought the code of an advocate; `new`: they had not qualified before it.

    The persons are what is known of both, by attribute, as text.
    """

    program: str
    event_id: str
    friend: str
    at: dt.datetime
    code: str
    advocate: str
    new: bool = True
    person: Mapping[str, str] = field(default_factory=dict)
    advocates_person: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What a friend did later: what the referral is for, or that they gave it back; `key` tells one from another."""

    program: str
    event_id: str
    friend: str
    at: dt.datetime
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Referred:
    """What a run's events say of referrals."""

    joined: Sequence[Touch] = ()
    qualified: Sequence[Step] = ()
    returned: Sequence[Step] = ()
    used: Sequence[Used] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """One referral in a list."""

    referral_id: str
    program: str
    advocate: str
    friend: str
    code: str
    first_touch: dt.datetime
    state: str
    reason: str | None
    qualified_at: dt.datetime | None
    hold_until: dt.datetime | None
    changed_at: dt.datetime


# the door


def take(
    store: Store, db: Connection, referred: Referred, programs: Mapping[str, Program | None], as_of: dt.datetime
) -> None:
    """Take in what a run's events say, in the order in which it happened; again, it changes nothing."""
    for touch in sorted(referred.joined, key=_when):
        program = programs.get(touch.program)
        if program is not None and program.referral is not None:
            _join(store, db, touch, program, as_of)
    for step in sorted(referred.qualified, key=_when):
        program = programs.get(step.program)
        if program is not None and program.referral is not None:
            _qualify(store, db, step, program, as_of)
    for step in sorted(referred.returned, key=_when):
        row = _of(db, step)
        if row is not None and _undone_by(row, step):
            _void(store, db, row, as_of, "returned")


def _undone_by(row: Row[Any], step: Step) -> bool:
    """Whether what the referral is for was given back."""
    undone = row.qualified_at is not None and step.key == row.qualified_key and step.at >= row.qualified_at
    return undone and row.state != ReferralState.VOIDED


def _when(one: Touch | Step) -> tuple[dt.datetime, str]:
    return one.at, one.event_id


def _join(store: Store, db: Connection, touch: Touch, program: Program, as_of: dt.datetime) -> None:
    referral_id = identity("referral", touch.friend)  # also of a friend who was erased and is here again
    known = select(referrals.c.referral_id).where(
        (referrals.c.friend == touch.friend) | (referrals.c.referral_id == referral_id)
    )
    if db.execute(known).first() is not None:  # the first touch counts, of whichever program
        return
    state, reason = _judged(db, touch, program)
    row = {
        "referral_id": referral_id, "program": touch.program, "advocate": touch.advocate,
        "friend": touch.friend, "code": touch.code, "event_id": touch.event_id, "first_touch": touch.at,
        "state": state.value, "reason": reason, "changed_at": as_of,
    }  # fmt: skip
    db.execute(insert(referrals), row)
    made = db.execute(select(referrals).where(referrals.c.referral_id == row["referral_id"])).one()
    _tell(store, db, made, "joined", touch.at)
    if state is not ReferralState.PENDING:
        _tell(store, db, made, state.value, as_of)


def _judged(db: Connection, touch: Touch, program: Program) -> tuple[ReferralState, str | None]:
    """Oneself, or somebody who was here before, is nobody who was sent; who is like the other is looked at first."""
    if touch.friend == touch.advocate or same(touch.person, touch.advocates_person):
        return ReferralState.VOIDED, "self_referral"
    if not touch.new:
        return ReferralState.VOIDED, "not_new"
    each_other = (referrals.c.friend == touch.advocate) & (referrals.c.advocate == touch.friend)
    if db.execute(select(referrals.c.referral_id).where(each_other)).first() is not None:
        return ReferralState.FLAGGED, "each_other"
    assert program.referral is not None
    like = alike(touch.person, touch.advocates_person, program.referral.alike)
    return (ReferralState.FLAGGED, like) if like else (ReferralState.PENDING, None)


def _qualify(store: Store, db: Connection, step: Step, program: Program, as_of: dt.datetime) -> None:
    row = _of(db, step)
    if row is None or row.state not in OPEN or row.qualified_at is not None or step.at < row.first_touch:
        return
    assert program.referral is not None
    within = program.referral.within
    if within is not None and step.at > within.after(row.first_touch):
        _void(store, db, row, as_of, "too_late")
        return
    until = program.hold.after(step.at) if program.hold else step.at
    done = {"qualified_at": step.at, "qualified_by": step.event_id, "qualified_key": step.key, "hold_until": until}
    _set(db, row, ReferralState(row.state), **done)
    if row.state == ReferralState.PENDING:
        _approve(store, db, _again(db, row), as_of, None)


def _of(db: Connection, step: Step) -> Row[Any] | None:
    mine = (referrals.c.friend == step.friend) & (referrals.c.program == step.program)
    return db.execute(select(referrals).where(mine).with_for_update()).first()


def _again(db: Connection, row: Row[Any]) -> Row[Any]:
    return db.execute(select(referrals).where(referrals.c.referral_id == row.referral_id)).one()


def _approve(store: Store, db: Connection, row: Row[Any], at: dt.datetime, reason: str | None) -> None:
    """It counts from now on."""
    _set(db, row, ReferralState.APPROVED, reason=reason, changed_at=at)
    _tell(store, db, _again(db, row), "approved", at)


def _void(store: Store, db: Connection, row: Row[Any], at: dt.datetime, reason: str) -> None:
    """It counts no more, and what was given for it is taken back: while it is held, or from what may be used or was."""
    _set(db, row, ReferralState.VOIDED, reason=reason, changed_at=at)
    _tell(store, db, _again(db, row), "voided", at)
    theirs = select(rewards).where(rewards.c.referral_id == row.referral_id).order_by(rewards.c.reward_id)
    for reward in db.execute(theirs.with_for_update()).all():
        state = RewardState(reward.state)
        if (state, RewardState.REVERSED) in ledger.CHANGES:
            ledger.enter(store, db, [(reward, at)], state, RewardState.REVERSED, f"referral {reason}")


def _set(db: Connection, row: Row[Any], becomes: ReferralState, **values: Any) -> None:
    guard = (referrals.c.referral_id == row.referral_id) & (referrals.c.state == row.state)
    if db.execute(update(referrals).where(guard).values(state=becomes.value, **values)).rowcount != 1:
        raise JourneyError(f"the referral '{row.referral_id}' was changed by somebody else", code="referral_state")


def _tell(store: Store, db: Connection, row: Row[Any], word: str, at: dt.datetime) -> None:
    """An event for each side: theirs to wait for, and for journeys to begin with."""
    # Not who the other is: what is told of one customer must not outlive the other's erasure.
    told = {
        "referral_id": row.referral_id, "program": row.program, "reason": row.reason,
        "hold_until": iso(row.hold_until) if row.hold_until else None,
    }  # fmt: skip
    kept = {name: value for name, value in told.items() if value is not None}
    rows: list[tuple[Any, ...]] = [
        (f"{row.referral_id}:{word}:{side}", getattr(row, side), f"referral_{word}", store.instant(at),
         json.dumps({**kept, "side": side}))
        for side in SIDES
    ]  # fmt: skip
    store.insert_new(db, feedback, [column.name for column in feedback.columns], rows)


# rewards


@dataclass(slots=True)
class Entitled:
    """Which referrals may still bring a reward, each once a side, while a run comes in."""

    db: Connection
    programs: Mapping[str, Program | None]
    open: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    def needs(self, one: Decision) -> bool:
        """Whether a reward is one of a referral."""
        program = self.programs.get(one.payload["program"])
        return program is not None and program.referral is not None and one.payload["side"] in SIDES

    def referral(self, one: Decision) -> str | None:
        """The oldest referral that this reward may be for; None when there is none."""
        key = (one.payload["program"], one.payload["side"], one.customer_id)
        if key not in self.open:
            self.open[key] = self._find(*key)
        return self.open[key][0] if self.open[key] else None

    def use(self, one: Decision) -> None:
        """It is used up."""
        del self.open[one.payload["program"], one.payload["side"], one.customer_id][0]

    def pooled(self, one: Decision) -> bool:
        """Whether the code of a reward comes from a pool."""
        program = self.programs.get(one.payload["program"])
        return program is not None and program.code == POOL

    def _find(self, name: str, side: str, customer_id: str) -> list[str]:
        program = self.programs[name]
        assert program is not None and program.referral is not None
        early = side == "friend" and program.referral.friend_on == "joined"
        states = [ReferralState.APPROVED.value, *([ReferralState.PENDING.value] if early else [])]
        given = exists().where(rewards.c.referral_id == referrals.c.referral_id, rewards.c.side == side)
        query = (
            select(referrals.c.referral_id)
            .where(referrals.c.program == name, referrals.c[side] == customer_id, referrals.c.state.in_(states), ~given)
            .order_by(referrals.c.first_touch, referrals.c.referral_id)
        )
        return list(self.db.execute(query).scalars())


# what a person says


def approve(store: Store, named: str, at: dt.datetime, reason: str) -> str:
    """A flagged referral is one after all; the state it has then. Raises JourneyError for any other."""
    with store.write() as db:
        row = _one(db, named)
        if row.state != ReferralState.FLAGGED:
            raise _stands(row, "approved")
        if row.qualified_at is not None:
            _approve(store, db, row, at, reason)
            return ReferralState.APPROVED.value
        _set(db, row, ReferralState.PENDING, reason=reason, changed_at=at)
        return ReferralState.PENDING.value


def void(store: Store, named: str, at: dt.datetime, reason: str) -> None:
    """A referral counts no more. Raises JourneyError for one that is voided."""
    with store.write() as db:
        row = _one(db, named)
        if row.state == ReferralState.VOIDED:
            raise _stands(row, "voided")
        _void(store, db, row, at, reason)


def listed(
    store: Store, *, state: str | None = None, program: str | None = None, customer: str | None = None, limit: int = 100
) -> list[Listed]:
    """Referrals, flagged ones first, then the newest."""
    terms: list[ColumnElement[bool]] = []
    terms += [referrals.c.state == state] if state is not None else []
    terms += [referrals.c.program == program] if program is not None else []
    terms += [or_(referrals.c.advocate == customer, referrals.c.friend == customer)] if customer is not None else []
    first = (referrals.c.state == ReferralState.FLAGGED.value).desc()
    columns = [referrals.c[name] for name in _LISTED]
    query = select(*columns).where(*terms).order_by(first, referrals.c.first_touch.desc(), referrals.c.referral_id)
    with store.read() as db:
        return [Listed(**row._asdict()) for row in db.execute(query.limit(limit))]


def known(store: Store, named: str) -> bool:
    """Whether there is a referral of this id, or of these first signs."""
    with store.read() as db:
        return bool(_like(db, named))


def friends(store: Store) -> set[str]:
    """Everybody who was sent and whose referral may still change."""
    with store.read() as db:
        return set(db.execute(select(referrals.c.friend).where(referrals.c.state != ReferralState.VOIDED)).scalars())


def _like(db: Connection, named: str) -> Sequence[Row[Any]]:
    chosen = referrals.c.referral_id == named
    if len(named) >= 4:
        chosen = referrals.c.referral_id.startswith(named, autoescape=True)
    return db.execute(select(referrals).where(chosen).limit(2).with_for_update()).all()


def _one(db: Connection, named: str) -> Row[Any]:
    found = _like(db, named)
    if len(found) == 1:
        return found[0]
    raise JourneyError(
        f"several referrals begin with '{named}'" if found else f"there is no referral '{named}'",
        remedy="`journey rewards` lists them" + ("; write more of the id" if found else ""),
        code="no_referral",
    )


def _stands(row: Row[Any], word: str) -> JourneyError:
    why = f" ({row.reason})" if row.reason else ""
    return JourneyError(
        f"the referral '{row.referral_id}' is {row.state}{why}, so it cannot be {word}",
        remedy="`journey rewards --state flagged` lists those that wait for a word",
        code="referral_state",
    )
