"""What an operator does about stuck messages: due again, given up, or taken as sent; all that match, or none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom.claim import resolve
from journey_engine.mailroom.eligible import Verdict
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import in_state, messages
from journey_engine.message import WEBHOOK

RETRIED = (State.REFUSED, State.UNSURE)
CANCELLED = (State.PENDING, State.UNSURE, State.REFUSED)
ACCEPTED = (State.UNSURE,)
CHUNK = 5_000


class Chosen(TypedDict, total=False):
    """The words of a choice, as keywords."""

    reason: str | None
    template: str | None
    journey: str | None
    topic: str | None
    channel: str | None
    run: int | None
    before: dt.datetime | None
    ids: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which messages are meant: those for which everything that is said here holds."""

    reason: str | None = None
    template: str | None = None
    journey: str | None = None
    topic: str | None = None
    channel: str | None = None
    run: int | None = None
    before: dt.datetime | None = None
    """they have stood in their state since then or longer"""
    ids: Sequence[str] | None = None

    def where(self, state: State | None) -> ColumnElement[bool]:
        """The same as a condition on messages."""
        terms: list[ColumnElement[bool]] = [true() if state is None else in_state(state)]
        for name in ("reason", "template", "journey", "topic", "channel", "run"):
            value = getattr(self, name)
            if value is not None:
                terms.append(messages.c[name] == value)
        if self.before is not None:
            terms.append(messages.c.changed_at <= self.before)
        if self.ids is not None:
            terms.append(messages.c.message_id.in_(self.ids))
        return and_(*terms)


ALL = Choice()


def retry(store: Store, state: State, as_of: dt.datetime, choice: Choice = ALL, confirm: int | None = None) -> int:
    """Refused or unsure messages become due again at the operator's word; how many."""
    check("retried", state, RETRIED)
    values = {"state": State.PENDING.value, "reason": "retried", "detail": None, "try_at": as_of}
    return _move(store, state, choice, confirm, {**values, "changed_at": as_of})


def too_late(store: Store, state: State, as_of: dt.datetime, choice: Choice = ALL) -> int:
    """How many would be skipped if they became due again: they are past their max_lateness."""
    mine = (choice.where(state), messages.c.channel != WEBHOOK)
    with store.read() as db:
        allowed = select(messages.c.max_lateness_s).where(*mine, messages.c.max_lateness_s.is_not(None)).distinct()
        late = [
            and_(messages.c.max_lateness_s == most, messages.c.reached_at < as_of - dt.timedelta(seconds=most))
            for most in db.execute(allowed).scalars()
        ]
        counted = select(func.count()).select_from(messages).where(*mine, or_(false(), *late))
        return int(db.execute(counted).scalar_one())


def cancel(store: Store, state: State, as_of: dt.datetime, choice: Choice = ALL, confirm: int | None = None) -> int:
    """Pending, unsure or refused messages are given up; how many."""
    check("cancelled", state, CANCELLED)
    values = {"state": State.CANCELLED.value, "reason": "by_hand", "changed_at": as_of}
    return _move(store, state, choice, confirm, values)


def accept(store: Store, as_of: dt.datetime, choice: Choice = ALL, confirm: int | None = None) -> int:
    """Unsure messages did go out, says the operator: they count as sent; how many."""
    with store.write() as db:
        query = select(messages).where(choice.where(State.UNSURE)).order_by(messages.c.message_id).with_for_update()
        settled = [(row, Verdict(State.ACCEPTED, "by_hand")) for row in db.execute(query)]
        _confirmed(len(settled), confirm)
        for start in range(0, len(settled), CHUNK):
            resolve(store, as_of, settled[start : start + CHUNK], db)
    return len(settled)


def check(what: str, state: State, allowed: tuple[State, ...]) -> None:
    """Raises JourneyError when messages in this state cannot be treated so."""
    if state not in allowed:
        raise JourneyError(
            f"messages that are {state} cannot be {what}",
            remedy=f"choose among {', '.join(allowed)}",
            code="final_state",
        )


def _move(store: Store, state: State, choice: Choice, confirm: int | None, values: dict[str, Any]) -> int:
    with store.write() as db:
        moved = db.execute(update(messages).where(choice.where(state)).values(**values)).rowcount
        _confirmed(moved, confirm)
        return moved


def _confirmed(found: int, confirm: int | None) -> None:
    """Raises JourneyError within the transaction, which takes everything back."""
    if confirm is not None and found != confirm:
        raise JourneyError(
            f"{found:,} messages match now, and {confirm:,} were confirmed: nothing was changed",
            remedy="look again with --dry-run",
            code="not-confirmed",
        )
