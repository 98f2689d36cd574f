"""What providers still have to forget: written down with the erasing itself, gone once they have taken it.

The one place where an address outlives its erasing: without it nobody could ask again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Connection, delete, func, select

from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import owed_erasures
from journey_engine.message import is_address
from journey_engine.times import iso

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Owed:
    """So many addresses a channel's provider has still to forget; the first since an instant."""

    channel: str
    addresses: int
    since: dt.datetime
    ended_by: ClassVar[str] = "journey customer erase ID"
    """of any customer, erased before or not: it asks for all that is owed"""

    def __str__(self) -> str:
        es = "es" * (self.addresses != 1)
        return f"{self.channel} has still to forget {self.addresses:,} address{es}, since {iso(self.since)}"


def owe(store: Store, db: Connection, channels: Collection[str], addresses: Collection[str], at: dt.datetime) -> None:
    """Write down that the providers of these channels have to forget these email addresses."""
    known = sorted({one.strip() for one in addresses if is_address(one.strip())})
    rows = [(channel, one, store.instant(at)) for channel in sorted(channels) for one in known]
    store.insert_new(db, owed_erasures, ("channel", "address", "since"), rows)


def standing(store: Store, channel: str) -> set[str]:
    """The addresses that a channel's provider has still to forget."""
    with store.read() as db:
        mine = select(owed_erasures.c.address).where(owed_erasures.c.channel == channel)
        return set(db.execute(mine).scalars())


def settle(store: Store, channel: str, addresses: Collection[str]) -> None:
    """The provider has taken these: nothing of them stays here either."""
    done = sorted(addresses)
    with store.write() as db:
        store.overwrite(db)
        for start in range(0, len(done), CHUNK):
            some = owed_erasures.c.address.in_(done[start : start + CHUNK])
            db.execute(delete(owed_erasures).where(owed_erasures.c.channel == channel, some))


def all_owed(db: Connection) -> list[Owed]:
    """What is owed, by channel."""
    query = select(owed_erasures.c.channel, func.count(), func.min(owed_erasures.c.since)).group_by("channel")
    return [Owed(channel, count, since) for channel, count, since in db.execute(query.order_by("channel"))]
