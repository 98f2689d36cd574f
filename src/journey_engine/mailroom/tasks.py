"""Tasks: work for people of the company.

A task is given to its team when it is due; what the team says of it is in `inbox.py`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from journey_engine.mailroom import marks, pools
from journey_engine.mailroom.holds import held as stopped
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import FEEDBACK, feedback, in_state, tasks
from journey_engine.message import Aborted, MessageRef, RenderError, Renders

BATCH = 500
FORGOTTEN: Mapping[str, Any] = {
    "title": marks.ERASED, "variables": "{}", "note": None, "detail": None, "visitor": None,
}  # fmt: skip
"""A task that says nothing of a person any more."""


def give_tasks(
    store: Store, as_of: dt.datetime, renderer: Renders, trouble: Callable[[str, str, str], None],
    held: Collection[str] = (),
) -> int:  # fmt: skip
    """Word the title of every due task and give it to its team, but for those of `held` journeys; how many.

    Nothing here can be in doubt.
    """
    given = 0
    while True:
        with store.write() as db:
            rows = db.execute(
                select(tasks)
                .where(in_state(State.PENDING, tasks), tasks.c.try_at <= as_of)
                .where(tasks.c.journey.not_in(held), ~stopped(tasks))
                .order_by(tasks.c.try_at, tasks.c.task_id)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            ).all()
            if not rows:
                return given
            rows = _without_erased(db, as_of, rows)
            ready = pools.write_in(db, tasks, rows)
            rows = [row for row in ready.rows if row.task_id not in ready.waiting]
            later = update(tasks).where(tasks.c.task_id.in_(ready.waiting), in_state(State.PENDING, tasks))
            if ready.waiting:
                db.execute(later.values(try_at=as_of + pools.AGAIN, reason="no_code"))
            worded = [_word(row, renderer) for row in rows]
            for change in worded:
                if change["new_state"] == State.REFUSED:
                    trouble(f"task of {change['journey']}", change["new_reason"], change["new_detail"])
            _write(store, db, as_of, list(rows), worded)
            given += sum(change["new_state"] == State.ACCEPTED for change in worded)


def _without_erased(db: Connection, as_of: dt.datetime, rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Of somebody who was erased and is in the data again nobody gets a task, and nothing is kept."""
    gone = marks.erased_of(db, {row.customer_id for row in rows})
    if gone:
        mine = [row.task_id for row in rows if row.customer_id in gone]
        ended = {"state": State.SKIPPED.value, "reason": marks.ERASED, "changed_at": as_of}
        db.execute(update(tasks).where(tasks.c.task_id.in_(mine)).values(**ended, **FORGOTTEN))
    return [row for row in rows if row.customer_id not in gone]


def _word(row: Row[Any], renderer: Renders) -> dict[str, Any]:
    change = {"id_": row.task_id, "journey": row.journey, "new_title": row.title}
    try:
        title = renderer.render_line(row.title, json.loads(row.variables), MessageRef(row.task_id, row.customer_id))
    except Aborted as stop:
        return {**change, "new_state": State.SKIPPED, "new_reason": "aborted", "new_detail": stop.reason}
    except RenderError as error:
        return {**change, "new_state": State.REFUSED, "new_reason": error.code, "new_detail": error.message}
    return {**change, "new_title": title, "new_state": State.ACCEPTED, "new_reason": None, "new_detail": None}


def _write(
    store: Store, db: Connection, as_of: dt.datetime, rows: list[Row[Any]], worded: list[dict[str, Any]]
) -> None:
    statement = (
        update(tasks)
        .where(tasks.c.task_id == bindparam("id_"), in_state(State.PENDING, tasks))
        .values(
            state=bindparam("new_state"),
            reason=bindparam("new_reason"),
            detail=bindparam("new_detail"),
            title=bindparam("new_title"),
            changed_at=as_of,
        )
    )
    if not worded:
        return
    db.execute(statement, [{key: one[key] for key in one if key != "journey"} for one in worded])
    pairs = zip(rows, worded, strict=True)
    given = [row for row, change in pairs if change["new_state"] == State.ACCEPTED]
    record(store, db, as_of, "given", given)


def record(
    store: Store, db: Connection, as_of: dt.datetime, word: str, rows: list[Row[Any]], **more: str | None
) -> None:
    """What became of tasks, as events of the next night; `more` are properties that only some have."""
    told = {name: value for name, value in more.items() if value is not None}
    events: list[tuple[Any, ...]] = [
        (
            f"{row.task_id}:{word}",
            row.customer_id,
            f"task_{word}",
            store.instant(as_of),
            json.dumps(
                {
                    "task_id": row.task_id,
                    "team": row.team,
                    "journey": row.journey,
                    "enrollment_id": row.enrollment_id,
                    "step": row.step,
                    **told,
                }
            ),
        )
        for row in rows
    ]
    store.insert_new(db, feedback, FEEDBACK, events)
