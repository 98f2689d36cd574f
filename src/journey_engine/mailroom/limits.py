"""How much may leave through a channel: so many a second, minute or hour, so many a day, less while it is warmed up.

Kept in the mailroom, so that dispatchers of several machines keep it together. What a dispatcher has in hand counts as
leaving now until its receipts are written: in no window of any place do more leave than the limit, however slow a
provider is. Time comes in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import paced, shares

DAY = dt.timedelta(days=1)
PARTS = 10  # of a short window that one dispatcher takes at once, so that others need not wait for it
BEAT = dt.timedelta(milliseconds=50)
_DOUBLINGS = 40


@dataclass(frozen=True, slots=True)
class Limits:
    """At most `rate` messages in each `per`, at most `daily` in 24 hours.

    While it is warmed up `start` in 24 hours, twice as many after each `double_every`, until `daily` is reached.
    """

    rate: int | None = None
    per: dt.timedelta = dt.timedelta(seconds=1)
    daily: int | None = None
    start: int | None = None
    double_every: dt.timedelta = DAY

    def __str__(self) -> str:
        words = "" if self.rate is None else f"{self.rate:,} in {self.per.total_seconds():g} s"
        day = "" if self.daily is None else f"{self.daily:,} a day" + (", and is warmed up" if self.start else "")
        return "the channel takes " + " and ".join(filter(None, (words, day)))

    def a_day(self, warm_for: dt.timedelta) -> int | None:
        """How many may leave in 24 hours, so long after the first one."""
        if self.start is None or self.daily is None:
            return self.daily
        doublings = min(max(warm_for // self.double_every, 0), _DOUBLINGS)
        return min(self.daily, self.start << doublings)

    def windows(self, warm_for: dt.timedelta) -> list[tuple[dt.timedelta, int]]:
        """Each window with what may leave in it."""
        daily = self.a_day(warm_for)
        short = [] if self.rate is None else [(self.per, self.rate)]
        return short if daily is None else [*short, (DAY, daily)]


@dataclass(frozen=True, slots=True)
class Gate:
    """The limits of one channel, for one dispatcher with its clock."""

    channel: str
    limits: Limits
    worker: str
    now: Callable[[], dt.datetime]


@dataclass(frozen=True, slots=True)
class Room:
    """How many messages may be taken in hand now; when there is none, when to ask again."""

    messages: int
    at: dt.datetime
    again_at: dt.datetime


def room(db: Connection, gate: Gate) -> Room:
    """What a channel has room for. Within the transaction that takes it: others wait until it ends."""
    since = _locked(db, gate)
    at = gate.now()  # read behind the lock: whoever was before us has taken earlier
    free, again = None, at + BEAT
    for window, limit in gate.limits.windows(at - since):
        used, oldest = _used(db, gate.channel, window, at)
        left = max(limit - used, 0)
        if window < DAY:
            left = min(left, -(-limit // PARTS))
        if not left and oldest is not None:
            again = max(again, oldest + window)
        free = left if free is None else min(free, left)
    return Room(free or 0, at, again)


def _locked(db: Connection, gate: Gate) -> dt.datetime:
    """When the first message left; the row is ours until the transaction ends."""
    mine = select(paced.c.since).where(paced.c.channel == gate.channel).with_for_update()
    since: dt.datetime | None = db.execute(mine).scalar()
    return since or gate.now()


def _used(db: Connection, channel: str, window: dt.timedelta, at: dt.datetime) -> tuple[int, dt.datetime | None]:
    """How many count in the window that ends now, and when the first of those that have left did."""
    # Far ahead is what somebody tried with another --as-of: it is not of this time.
    mine = (shares.c.channel == channel, shares.c.taken_at <= at + window)
    counted = or_(shares.c.done_at.is_(None), shares.c.done_at > at - window)
    query = select(func.coalesce(func.sum(shares.c.messages), 0), func.min(shares.c.done_at)).where(*mine, counted)
    used, oldest = db.execute(query).one()
    return int(used), oldest


def take(db: Connection, gate: Gate, found: Room, messages: int) -> None:
    """So many are in hand from now on."""
    if messages:
        row = {"channel": gate.channel, "worker": gate.worker, "messages": messages, "taken_at": found.at}
        db.execute(insert(shares), row)
        if gate.limits.start is not None:
            first = (paced.c.channel == gate.channel, paced.c.since.is_(None))
            db.execute(update(paced).where(*first).values(since=found.at))


def done(db: Connection, workers: Collection[str], at: dt.datetime) -> None:
    """What these had in hand has left by now, if it has left at all."""
    mine = (shares.c.worker.in_(workers), shares.c.done_at.is_(None))
    db.execute(update(shares).where(*mine).values(done_at=at))


def begin(store: Store, limits: Mapping[str, Limits], at: dt.datetime) -> None:
    """Note the channels that have a limit now, and forget what is in no window any more."""
    cold = sorted(name for name, one in limits.items() if one.start is None)
    with store.write() as db:
        store.insert_new(db, paced, [column.name for column in paced.columns], [(name, None) for name in limits])
        db.execute(update(paced).where(paced.c.channel.in_(cold)).values(since=None))
        db.execute(delete(shares).where(shares.c.done_at < at - DAY, shares.c.taken_at < at - DAY))
