"""What is in the mailroom, by state and reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Table, func, select, true

from journey_engine.mailroom.by_hand import ALL, Choice
from journey_engine.mailroom.states import ENDED_BY, State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import in_state, messages, tasks
from journey_engine.message import WEBHOOK

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that stand alike: how many, since when, one of their details, what ends their state."""

    state: State
    reason: str | None
    template: str
    count: int
    oldest: dt.datetime
    newest: dt.datetime
    detail: str | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One message in a list."""

    message_id: str
    state: State
    reason: str | None
    detail: str | None
    customer_id: str
    journey: str
    step: str
    template: str
    channel: str
    due_at: dt.datetime
    try_at: dt.datetime
    changed_at: dt.datetime
    attempts: int


def counts(store: Store, run: int | None = None, *, webhooks: bool = False) -> dict[str, int]:
    """How many messages, or webhooks, are in each state, of one run or of all; states without any are left out."""
    mine = messages.c.channel == WEBHOOK if webhooks else messages.c.channel != WEBHOOK
    query = select(messages.c.state, func.count()).where(mine).group_by(messages.c.state).order_by(messages.c.state)
    if run is not None:
        query = query.where(messages.c.run == run)
    with store.read() as db:
        return {str(row[0]): int(row[1]) for row in db.execute(query)}


def reasons(store: Store, run: int) -> dict[str, int]:
    """How many messages of a run have which reason not to have gone; those accepted have none."""
    query = (
        select(messages.c.reason, func.count())
        .where(messages.c.run == run, messages.c.reason.is_not(None), messages.c.state != State.ACCEPTED.value)
        .group_by(messages.c.reason)
        .order_by(messages.c.reason)
    )
    with store.read() as db:
        return {str(row[0]): int(row[1]) for row in db.execute(query)}


def groups(store: Store, state: State | None = None, choice: Choice = ALL) -> list[Group]:
    """Everything, grouped by state, reason and template: a broken template shows up once."""
    keys = (messages.c.state, messages.c.reason, messages.c.template)
    query = (
        select(
            *keys,
            func.count(),
            func.min(messages.c.changed_at),
            func.max(messages.c.changed_at),
            func.min(messages.c.detail),
        )
        .where(choice.where(state))
        .group_by(*keys)
        .order_by(*keys)
    )
    with store.read() as db:
        found = [tuple(row) for row in db.execute(query)]
    return [
        Group(State(state), why, template, count, oldest, newest, detail, ENDED_BY[State(state)])
        for state, why, template, count, oldest, newest, detail in found
    ]


def rows(
    store: Store,
    state: State | None = None,
    choice: Choice = ALL,
    limit: int = 100,
) -> list[Listed]:
    """Single messages, those that have stood longest first."""
    names = list(Listed.__slots__)
    query = (
        select(*(messages.c[name] for name in names))
        .where(choice.where(state))
        .order_by(messages.c.changed_at, messages.c.message_id)
        .limit(limit)
    )
    with store.read() as db:
        found = [row._asdict() for row in db.execute(query)]
    return [Listed(**{**row, "state": State(row["state"])}) for row in found]


def names(store: Store, table: Table, column: str) -> list[str]:
    """What the rows of a table have in a column, sorted."""
    query = select(table.c[column]).where(table.c[column].is_not(None)).distinct().order_by(table.c[column])
    with store.read() as db:
        return [str(one) for one in db.execute(query).scalars()]


def task_counts(store: Store) -> dict[tuple[str, str], int]:
    """How many tasks each team has, by state; a given task that is done counts as `done`."""
    done = tasks.c.done_at.is_not(None)
    keys = (tasks.c.team, tasks.c.state, done)
    query = select(*keys, func.count()).group_by(*keys)
    with store.read() as db:
        found = db.execute(query).all()
    return {(team, "done" if is_done else state): count for team, state, is_done, count in found}


def open_enrollments(store: Store, before_run: int, due_until: dt.datetime | None = None) -> Iterator[str]:
    """The passes with a pending or claimed message of a run before this one, due until an instant or ever (rule 5).

    Webhooks hold up no letter.
    """
    due = true() if due_until is None else messages.c.due_at <= due_until
    last = ""
    while True:
        parts = [
            select(messages.c.enrollment_id)
            .where(
                in_state(state),
                due,
                messages.c.run < before_run,
                messages.c.enrollment_id > last,
                messages.c.channel != WEBHOOK,
            )
            .distinct()
            .order_by(messages.c.enrollment_id)
            .limit(CHUNK)
            for state in (State.PENDING, State.CLAIMED)
        ]
        with store.read() as db:
            found = sorted({one for part in parts for one in db.execute(part).scalars()})[:CHUNK]
        yield from found
        if len(found) < CHUNK:
            return
        last = found[-1]


def unsent(store: Store, since_run: int) -> Iterator[str]:
    """The messages of a run and of later ones that were skipped, refused or cancelled (rule 17)."""
    states, last = [state.value for state in (State.SKIPPED, State.REFUSED, State.CANCELLED)], ""
    while True:
        query = (
            select(messages.c.message_id)
            .where(messages.c.run >= since_run, messages.c.state.in_(states), messages.c.message_id > last)
            .order_by(messages.c.message_id)
            .limit(CHUNK)
        )
        with store.read() as db:
            found = list(db.execute(query).scalars())
        yield from found
        if len(found) < CHUNK:
            return
        last = found[-1]
