"""The staff inbox: what a team has to do, who takes it, and how it ended.

Nothing here words or gives a task (`tasks.py`). Every change is guarded by what it finds, so that of two people who
take or finish the same task one is told.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, select, true, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import tasks
from journey_engine.mailroom.tasks import record

OPEN, DONE = "open", "done"
STANDINGS = (OPEN, DONE, *(state.value for state in State if state not in (State.ACCEPTED, State.CLAIMED)))
"""What may be asked for: `open` is given and not done yet; the rest are the states of the mailroom."""

GIVEN = (State.ACCEPTED.value, State.UNSURE.value)  # unsure: of a restored mailroom, perhaps given before
ENDABLE = (*GIVEN, State.PENDING.value, State.REFUSED.value)
SHORTEST = 4  # signs of a task's id that may stand for it
ANY = "done"  # how a task ended whose step says no words

_LISTED = (
    "task_id", "team", "title", "customer_id", "journey", "step", "enrollment_id", "owner", "reason", "detail",
    "try_at", "due_at", "done_at", "outcome", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Todo:
    """One task in a list. `late`: it is open beyond its deadline; `outcomes`: the only words that may end it."""

    task_id: str
    team: str
    title: str
    customer_id: str
    journey: str
    step: str
    enrollment_id: str
    owner: str | None
    reason: str | None
    detail: str | None
    try_at: dt.datetime
    due_at: dt.datetime | None
    done_at: dt.datetime | None
    outcome: str | None
    note: str | None
    state: str
    late: bool
    outcomes: tuple[str, ...]


def listed(
    store: Store,
    now: dt.datetime,
    state: str = OPEN,
    *,
    team: str | None = None,
    owner: str | None = None,
    late: bool = False,
    limit: int = 100,
) -> list[Todo]:
    """Tasks that stand so, those that are due first before the others; an empty owner: those that nobody has taken."""
    terms: list[ColumnElement[bool]] = [_standing(state)]
    terms += [tasks.c.team == team] if team is not None else []
    terms += [tasks.c.owner == owner] if owner else [tasks.c.owner.is_(None)] if owner == "" else []
    terms += [_standing(OPEN), tasks.c.due_at < now] if late else []
    undated = case((tasks.c.due_at.is_(None), 1), else_=0)
    query = select(tasks).where(*terms).order_by(undated, tasks.c.due_at, tasks.c.try_at, tasks.c.task_id).limit(limit)
    with store.read() as db:
        return [_todo(row, now) for row in db.execute(query)]


def take(store: Store, named: str, owner: str, at: dt.datetime, *, over: bool = False) -> Todo:
    """Somebody takes an open task. Raises JourneyError when somebody else has it, but for `over`."""
    with store.write() as db:
        row = _open(db, named)
        if row.owner not in (None, owner) and not over:
            raise JourneyError(
                f"the task '{row.task_id}' is {row.owner}'s",
                remedy="leave it to them, or say `--over` to take it from them",
                code="task_taken",
            )
        db.execute(update(tasks).where(tasks.c.task_id == row.task_id).values(owner=owner, changed_at=at))
        return _todo(_one(db, row.task_id), at)


def finish(
    store: Store, named: str, at: dt.datetime, outcome: str | None = None, note: str | None = None,
    owner: str | None = None,
) -> bool:  # fmt: skip
    """Somebody has done it: an event of the next night; False when it was done so before.

    Raises JourneyError for a task that is not open, and for an outcome that its step does not know.
    """
    with store.write() as db:
        row = _one(db, named)
        word = _allowed(row, outcome)
        if row.done_at is not None and row.outcome == word:
            return False
        _check_open(row)
        done = {"done_at": at, "changed_at": at, "outcome": word, "note": note, "owner": owner or row.owner}
        db.execute(update(tasks).where(tasks.c.task_id == row.task_id).values(**done))
        record(store, db, at, "done", [row], outcome=word, note=note, owner=owner or row.owner)
        return True


def cancel(store: Store, named: str, at: dt.datetime, reason: str) -> None:
    """It need not be done any more. Raises JourneyError for one that is done or was never to be done."""
    with store.write() as db:
        row = _one(db, named)
        if row.done_at is not None or row.state not in ENDABLE:
            raise _not_open(row)
        ended = {"state": State.CANCELLED.value, "reason": "by_hand", "detail": reason, "changed_at": at}
        db.execute(update(tasks).where(tasks.c.task_id == row.task_id).values(**ended))
        record(store, db, at, "cancelled", [row], reason=reason)


def _allowed(row: Row[Any], outcome: str | None) -> str:
    """The word for how a task ended."""
    words = _outcomes(row)
    if outcome is None and words:
        found = "nothing was said of how it ended"
    elif words and outcome not in words:
        found = f"'{outcome}' is none of the words for how it ended"
    else:
        return outcome or ANY
    raise JourneyError(
        f"{found}: the task '{row.task_id}' (step {row.step} of {row.journey}) has {', '.join(words)}",
        remedy=f"say one of them: --outcome {words[0]}",
        code="unknown_outcome",
    )


def _open(db: Connection, named: str) -> Row[Any]:
    row = _one(db, named)
    _check_open(row)
    return row


def _check_open(row: Row[Any]) -> None:
    if row.done_at is not None or row.state not in GIVEN:
        raise _not_open(row)


def _not_open(row: Row[Any]) -> JourneyError:
    stands = f"done ({row.outcome or ANY})" if row.done_at is not None else row.state
    return JourneyError(
        f"the task '{row.task_id}' is {stands}, not open",
        remedy="`journey tasks` lists the open ones, `journey tasks --state STATE` the others",
        code="no_task",
    )


def _one(db: Connection, named: str) -> Row[Any]:
    """The task of an id, or of its first signs where no other begins so."""
    chosen = tasks.c.task_id == named
    if len(named) >= SHORTEST:
        chosen = tasks.c.task_id.startswith(named, autoescape=True)
    found = db.execute(select(tasks).where(chosen).order_by(tasks.c.task_id).limit(3).with_for_update()).all()
    exact = [row for row in found if row.task_id == named]
    if len(exact or found) == 1:
        return (exact or found)[0]
    raise JourneyError(
        f"several tasks begin with '{named}'" if found else f"there is no task '{named}'",
        remedy="`journey tasks` lists them" + ("; write more of the id" if found else " with their ids"),
        code="no_task",
    )


def _standing(state: str) -> ColumnElement[bool]:
    if state == OPEN:
        return and_(tasks.c.state.in_(GIVEN), tasks.c.done_at.is_(None))
    if state == DONE:
        return tasks.c.done_at.is_not(None)
    return and_(tasks.c.state == state, tasks.c.done_at.is_(None)) if state in STANDINGS else true()


def _outcomes(row: Row[Any]) -> Sequence[str]:
    return tuple(json.loads(row.outcomes)) if row.outcomes else ()


def _todo(row: Row[Any], now: dt.datetime) -> Todo:
    is_open = row.done_at is None and row.state in GIVEN
    stands = DONE if row.done_at is not None else OPEN if row.state == State.ACCEPTED else row.state
    late = is_open and row.due_at is not None and row.due_at < now
    kept = {name: getattr(row, name) for name in _LISTED}
    return Todo(**kept, state=stands, late=late, outcomes=tuple(_outcomes(row)))
