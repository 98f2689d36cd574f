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

from sqlalchemy import Connection, Row, insert, select, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom import rewards as ledger
from journey_engine.mailroom import waiting_codes
from journey_engine.mailroom.likeness import alike, same
from journey_engine.mailroom.marks import is_erased
from journey_engine.mailroom.redeeming import Used
from journey_engine.mailroom.states import ReferralState, RewardState
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import FEEDBACK, feedback, referrals, rewards
from journey_engine.mailroom.waiting_codes import Brought
from journey_engine.program import Program
from journey_engine.records import identity
from journey_engine.times import iso

SIDES = ("advocate", "friend")
OPEN = (ReferralState.PENDING, ReferralState.FLAGGED)
LATE = dt.timedelta(days=3)
"""How long after its end a referral still takes what the friend did before it: files come late."""


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
    """What a run's events say of referrals; `unknown` are codes of nobody who is known tonight."""

    joined: Sequence[Touch] = ()
    qualified: Sequence[Step] = ()
    returned: Sequence[Step] = ()
    used: Sequence[Used] = ()
    unknown: Sequence[Brought] = ()


# the door


def take(
    store: Store, db: Connection, referred: Referred, programs: Mapping[str, Program | None], as_of: dt.datetime
) -> None:
    """Take in what a run's events say, in the order in which it happened; again, it changes nothing."""
    terms = {name: one for name, one in programs.items() if one is not None and one.referral is not None}
    for touch in sorted(referred.joined, key=_when):
        if touch.program in terms:
            _join(store, db, touch, terms[touch.program], as_of)
    waiting_codes.settle(db, {touch.friend for touch in referred.joined})
    _wait(store, db, referred.unknown, terms)
    back: dict[tuple[str, str], list[Step]] = {}
    for step in referred.returned:
        back.setdefault((step.program, step.friend), []).append(step)
    for step in sorted(referred.qualified, key=_when):
        if step.program in terms:
            _qualify(store, db, step, terms[step.program], as_of, back.get((step.program, step.friend), ()))
    for step in sorted(referred.returned, key=_when):
        row = _of(db, step)
        if row is not None and _undone_by(row, step):
            void(store, db, row, as_of, "returned")
    _lapse(store, db, as_of)


def _undone_by(row: Row[Any], step: Step) -> bool:
    """Whether what the referral is for was given back: that very one, or anything later where none has a name."""
    if row.qualified_at is None or row.state == ReferralState.VOIDED or step.key != row.qualified_key:
        return False
    return step.key is not None or step.at >= row.qualified_at


def _when(one: Touch | Step) -> tuple[dt.datetime, str]:
    return one.at, one.event_id


def _join(store: Store, db: Connection, touch: Touch, program: Program, as_of: dt.datetime) -> None:
    # The first touch counts, of whichever program. Of who was erased nothing new is written.
    if _was_sent(db, touch.friend) or is_erased(db, touch.friend) or is_erased(db, touch.advocate):
        return
    state, reason = _judged(db, touch, program)
    row = {
        "referral_id": referral_id(touch.friend), "program": touch.program, "advocate": touch.advocate,
        "friend": touch.friend, "code": touch.code, "event_id": touch.event_id, "first_touch": touch.at,
        "ends_at": _end(program, touch.at), "state": state.value, "reason": reason, "changed_at": as_of,
    }  # fmt: skip
    db.execute(insert(referrals), row)
    made = db.execute(select(referrals).where(referrals.c.referral_id == row["referral_id"])).one()
    _tell(store, db, made, "joined", touch.at)
    if state is not ReferralState.PENDING:
        _tell(store, db, made, state.value, as_of)


def referral_id(friend: str) -> str:
    """The referral of a friend: one, whatever comes, and also of one who was erased and is here again."""
    return identity("referral", friend)


def _was_sent(db: Connection, friend: str) -> bool:
    mine = referrals.c.referral_id == referral_id(friend)
    return db.execute(select(referrals.c.referral_id).where(mine)).first() is not None


def _wait(store: Store, db: Connection, unknown: Sequence[Brought], terms: Mapping[str, Program]) -> None:
    """Keep codes whose advocate may be known another night; a friend who was sent already has no use for one."""
    kept = [
        (one, _end(terms[one.program], one.at))
        for one in unknown
        if one.program in terms and not _was_sent(db, one.friend) and not is_erased(db, one.friend)
    ]
    waiting_codes.keep(store, db, kept)


def _end(program: Program, first_touch: dt.datetime) -> dt.datetime:
    """Until when a friend may do what the referral is for."""
    assert program.referral is not None
    return program.referral.within.after(first_touch)


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


def _qualify(
    store: Store, db: Connection, step: Step, program: Program, as_of: dt.datetime, returned: Sequence[Step]
) -> None:
    row = _of(db, step)
    if row is None or row.state not in OPEN or row.qualified_at is not None or step.at < row.first_touch:
        return
    if step.at > row.ends_at:
        void(store, db, row, as_of, "too_late")
        return
    until = program.hold.after(step.at) if program.hold else step.at
    done = {"qualified_at": step.at, "qualified_by": step.event_id, "qualified_key": step.key, "hold_until": until}
    change(db, row, ReferralState(row.state), **done)
    row = _again(db, row)
    if any(_undone_by(row, one) for one in returned):  # it never counts, for nobody to be told that it does
        void(store, db, row, as_of, "returned")
    elif row.state == ReferralState.PENDING:
        approve(store, db, row, as_of, None)


def _lapse(store: Store, db: Connection, as_of: dt.datetime) -> None:
    """End what friends did nothing for in time; what they did may be told of so much later."""
    over = (referrals.c.ends_at < as_of - LATE) & referrals.c.qualified_at.is_(None) & referrals.c.state.in_(OPEN)
    for row in db.execute(select(referrals).where(over).order_by(referrals.c.referral_id).with_for_update()).all():
        void(store, db, row, as_of, "lapsed")
    waiting_codes.forget(db, as_of - LATE)


def _of(db: Connection, step: Step) -> Row[Any] | None:
    mine = (referrals.c.referral_id == referral_id(step.friend)) & (referrals.c.program == step.program)
    return db.execute(select(referrals).where(mine).with_for_update()).first()


def _again(db: Connection, row: Row[Any]) -> Row[Any]:
    return db.execute(select(referrals).where(referrals.c.referral_id == row.referral_id)).one()


def approve(store: Store, db: Connection, row: Row[Any], at: dt.datetime, reason: str | None) -> None:
    """It counts from now on."""
    change(db, row, ReferralState.APPROVED, reason=reason, changed_at=at)
    _tell(store, db, _again(db, row), "approved", at)


def void(store: Store, db: Connection, row: Row[Any], at: dt.datetime, reason: str) -> None:
    """It counts no more, and what was given for it is taken back: while it is held, or from what may be used or was."""
    change(db, row, ReferralState.VOIDED, reason=reason, changed_at=at)
    _tell(store, db, _again(db, row), "voided", at)
    theirs = select(rewards).where(rewards.c.referral_id == row.referral_id).order_by(rewards.c.reward_id)
    for reward in db.execute(theirs.with_for_update()).all():
        state = RewardState(reward.state)
        if (state, RewardState.REVERSED) in ledger.CHANGES:
            ledger.enter(store, db, [(reward, at)], state, RewardState.REVERSED, f"referral {reason}")


def change(db: Connection, row: Row[Any], becomes: ReferralState, **values: Any) -> None:
    """Write what it becomes, guarded by the state it leaves; raises JourneyError when somebody was quicker."""
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
    store.insert_new(db, feedback, FEEDBACK, rows)
