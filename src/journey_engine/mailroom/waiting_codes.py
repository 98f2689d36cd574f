"""Codes that friends brought while nobody who is known has them: their advocate may be missing tonight only.

Each waits until a run knows whose it is, or until the friend can no longer do in time what the program asks for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import waiting_codes


@dataclass(frozen=True, slots=True)
class Brought:
    """An event of a friend that brought a code."""

    program: str
    event_id: str
    friend: str
    at: dt.datetime
    code: str


def keep(store: Store, db: Connection, brought: Sequence[tuple[Brought, dt.datetime]]) -> None:
    """Let codes wait, each until its own instant; one that waits already stays as it is."""
    rows = [
        (one.program, one.event_id, one.friend, one.code, store.instant(one.at), store.instant(until))
        for one, until in brought
    ]
    store.insert_new(db, waiting_codes, [column.name for column in waiting_codes.columns], rows)


def every(db: Connection) -> list[Brought]:
    """All that wait, the oldest first."""
    names = ("program", "event_id", "friend", "brought_at", "code")
    query = select(*(waiting_codes.c[name] for name in names))
    rows = db.execute(query.order_by(waiting_codes.c.brought_at, waiting_codes.c.event_id)).all()
    return [Brought(*row) for row in rows]


def settle(db: Connection, friends: Collection[str]) -> None:
    """These friends have been sent: whatever else they brought is of no use any more."""
    for friend in sorted(friends):
        db.execute(delete(waiting_codes).where(waiting_codes.c.friend == friend))


def forget(db: Connection, before: dt.datetime) -> None:
    """Let go of those whose time was over before an instant."""
    db.execute(delete(waiting_codes).where(waiting_codes.c.ends_at < before))
