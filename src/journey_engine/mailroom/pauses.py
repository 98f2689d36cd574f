"""Channels that cannot work now: written down once, so that every dispatcher and every run leaves them alone.

A channel that is down is tried again after 1, 2, 4 ... minutes, at most half an hour apart, by one dispatcher with one
message; who asks for a pause of a certain length gets it. An answer of any other kind ends the pause.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import pauses
from journey_engine.times import iso

FIRST = dt.timedelta(minutes=1)
LONGEST = dt.timedelta(minutes=30)
TRYING = dt.timedelta(minutes=2)  # so long nobody else tries, should the one who does die of it


@dataclass(frozen=True, slots=True)
class Pause:
    """A channel, or one whom it calls (`peer`), that takes nothing: why, since when and until when."""

    channel: str
    peer: str
    reason: str
    detail: str
    since: dt.datetime
    try_at: dt.datetime
    tries: int

    def __str__(self) -> str:
        return f"channel {self.channel}{f' to {self.peer}' if self.peer else ''}"

    @property
    def ended_by(self) -> str:
        """The command that ends it."""
        return f"journey resume --channel {self.channel}"

    @property
    def told(self) -> str:
        """What people read of it."""
        if self.asked:
            return f"asked to be left alone: {self.detail}; goes on at {iso(self.try_at)}"
        tries = "" if self.tries < 2 else f" ({self.tries} tries)"
        return f"takes nothing since {iso(self.since)}{tries}: {self.detail}; tried again at {iso(self.try_at)}"

    @property
    def asked(self) -> bool:
        """It works, and said how long it wants to be left alone."""
        return not self.tries


def put(
    store: Store, channel: str, peer: str, reason: str, detail: str, at: dt.datetime,
    asked: dt.timedelta | None = None, *, tried: bool = False,
) -> None:  # fmt: skip
    """A channel is down, or has asked for a pause. `tried`: it was the caller's to try.

    What another dispatcher has just written is not made shorter and not counted twice.
    """
    mine = (pauses.c.channel == channel, pauses.c.peer == peer)
    names = [column.name for column in pauses.columns]
    instant = store.instant(at)
    with store.write() as db:
        store.insert_new(db, pauses, names, [(channel, peer, reason, detail, instant, instant, 0)])
        row = db.execute(select(pauses).where(*mine).with_for_update()).one()
        known = row.try_at > at and not tried
        tries = 0 if asked else row.tries + (not known)
        until = at + (asked or min(FIRST * 2 ** min(tries - 1, 10), LONGEST))
        if known and until <= row.try_at:
            return
        found = {"reason": reason, "detail": detail, "try_at": until, "tries": tries}
        db.execute(update(pauses).where(*mine).values(**found))


def end(store: Store, channel: str, peer: str | None = "") -> bool:
    """It works again, or somebody says so; without a peer those of all peers end too. False when there was none."""
    mine = [pauses.c.channel == channel, *([] if peer is None else [pauses.c.peer == peer])]
    with store.write() as db:
        return db.execute(delete(pauses).where(*mine)).rowcount > 0


def standing(db: Connection) -> list[Pause]:
    """Every pause, those included whose time is over and that nobody has tried yet."""
    found = [Pause(**row) for row in db.execute(select(pauses)).mappings()]
    return sorted(found, key=lambda one: (one.channel, one.peer))


def to_try(store: Store, channels: Collection[str], at: dt.datetime) -> tuple[list[Pause], set[str]]:
    """The pauses that stand at an instant, and the channels whose time has come: they are the caller's to try."""
    with store.read() as db:
        found = standing(db)
    still, mine = [], set()
    for one in found:
        if one.try_at > at:
            still.append(one)
        elif one.peer:
            end(store, one.channel, one.peer)
        elif one.channel in channels and _takes(store, one, at):
            mine.add(one.channel)
        else:
            still.append(one)
    return still, mine


def _takes(store: Store, pause: Pause, at: dt.datetime) -> bool:
    """Whether nobody was faster."""
    same = (pauses.c.channel == pause.channel, pauses.c.peer == "", pauses.c.try_at == pause.try_at)
    with store.write() as db:
        return db.execute(update(pauses).where(*same).values(try_at=at + TRYING)).rowcount > 0
