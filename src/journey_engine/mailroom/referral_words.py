"""Referrals as people ask for them, and what a person says of one that waits for a word."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from journey_engine.errors import JourneyError
from journey_engine.mailroom import waiting_codes
from journey_engine.mailroom.referrals import OPEN, change, referral_id
from journey_engine.mailroom.referrals import approve as _approve
from journey_engine.mailroom.referrals import void as _void
from journey_engine.mailroom.states import ReferralState
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import referrals
from journey_engine.mailroom.waiting_codes import Brought

_LISTED = (
    "referral_id", "program", "advocate", "friend", "code", "first_touch", "ends_at", "state", "reason", "qualified_at",
    "hold_until", "changed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """One referral in a list."""

    referral_id: str
    program: str
    advocate: str
    friend: str
    code: str
    first_touch: dt.datetime
    ends_at: dt.datetime
    state: str
    reason: str | None
    qualified_at: dt.datetime | None
    hold_until: dt.datetime | None
    changed_at: dt.datetime

    @property
    def is_open(self) -> bool:
        """Whether the friend may still do what it is for."""
        return self.qualified_at is None and self.state in OPEN


def approve(store: Store, named: str, at: dt.datetime, reason: str) -> str:
    """A flagged referral is one after all; the state it has then. Raises JourneyError for any other."""
    with store.write() as db:
        row = _one(db, named)
        if row.state != ReferralState.FLAGGED:
            raise _stands(row, "approved")
        if row.qualified_at is not None:
            _approve(store, db, row, at, reason)
            return ReferralState.APPROVED.value
        change(db, row, ReferralState.PENDING, reason=reason, changed_at=at)
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


@dataclass(frozen=True, slots=True)
class Sent:
    """Whose events matter: friends whose referral may still change, and codes that wait for whoever they are of.

    Of friends who were erased only the ids of their referrals are known.
    """

    friends: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()
    waiting: Sequence[Brought] = ()


def sent(store: Store) -> Sent:
    """Who was sent so far."""
    with store.read() as db:
        query = select(referrals.c.friend, referrals.c.referral_id, referrals.c.code)
        rows = db.execute(query.where(referrals.c.state != ReferralState.VOIDED)).all()
        erased = (row for row in rows if not row.code)  # of one side or of both
        gone = {row.referral_id for row in erased if referral_id(row.friend) != row.referral_id}
        return Sent(frozenset(row.friend for row in rows), frozenset(gone), waiting_codes.every(db))


def waiting(store: Store, program: str | None = None, customer: str | None = None) -> list[Brought]:
    """Codes that friends brought and nobody who is known has, the oldest first."""
    with store.read() as db:
        return [
            one for one in waiting_codes.every(db)
            if program in (None, one.program) and customer in (None, one.friend)
        ]  # fmt: skip


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
