"""What is in doubt: claims of dead dispatchers, and unsure messages that a channel's records should know by now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from itertools import groupby
from typing import Any, assert_never

from sqlalchemy import Row

from journey_engine.mailroom import claim as claims
from journey_engine.mailroom.claim import Settled
from journey_engine.mailroom.eligible import Verdict
from journey_engine.mailroom.lease import Clock, dead_among, machine
from journey_engine.mailroom.notices import settle_reported
from journey_engine.mailroom.states import State
from journey_engine.mailroom.ways import Ways
from journey_engine.message import Presence

LOOKUP = 500


def look_into(
    ways: Ways, worker: str, as_of: dt.datetime, clock: Clock, count: Callable[[list[Settled]], None]
) -> None:
    """Settle what can be known; what a dead dispatcher had in hand is ours for it."""
    store = ways.store
    dead = dead_among(store, claims.claimers(store), clock)
    rows = claims.take_over(store, worker, dead, ways.now()) if dead else []
    rows.sort(key=lambda row: (row.channel, row.message_id))
    for name, group in groupby(rows, key=lambda row: row.channel):
        mine = list(group)
        found = _lookup(ways, name, mine)
        channel = ways.channels.get(name)
        late = channel is not None and bool(channel.hold)  # its records may not have it yet: the hold begins now
        settled = [(row, _looked_up(found[row.message_id], as_of, late=late)) for row in mine]
        claims.settle(store, as_of, worker, settled)
        count(settled)
    for name, channel in ways.channels.items():
        after = ""
        while True:
            unsure = claims.unsure_rows(store, name, as_of - channel.hold, after, LOOKUP)
            if not unsure:
                break
            after = unsure[-1].message_id
            found = _lookup(ways, name, unsure)
            known = [row for row in unsure if found[row.message_id] is not Presence.UNKNOWN]
            resolved = [(row, _looked_up(found[row.message_id], as_of)) for row in known]
            claims.resolve(store, as_of, resolved)
            count(resolved)
    count(settle_reported(store, as_of))


def _lookup(ways: Ways, name: str, rows: Collection[Row[Any]]) -> dict[str, Presence]:
    """What the channel's records say; without an answer, unknown."""
    ids = [row.message_id for row in rows]
    channel = ways.get(name)
    found: Mapping[str, Presence] = {}
    if channel is not None:
        try:
            found = channel.lookup(ids)
        except Exception as error:  # noqa: BLE001 - records that cannot be read say nothing
            ways.trouble(f"channel {name}", "lookup_failed", f"{type(error).__name__}: {error}")
    return {one: found.get(one, Presence.UNKNOWN) for one in ids}


def _looked_up(presence: Presence, as_of: dt.datetime, *, late: bool = False) -> Verdict:
    if late and presence is Presence.ABSENT:
        presence = Presence.UNKNOWN
    match presence:
        case Presence.ACCEPTED:
            return Verdict(State.ACCEPTED, "found", "the channel's records have it")
        case Presence.ABSENT:
            return Verdict(State.PENDING, "not_sent", "the channel's records do not have it", as_of)
        case Presence.UNKNOWN:
            where = f"the dispatcher died with it in hand on {machine().split('/')[0]}"
            return Verdict(State.UNSURE, "dispatcher_died", where)
    assert_never(presence)
