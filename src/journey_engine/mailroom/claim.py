"""Changes of state while messages leave: claim, settle, and take back what a dead dispatcher held.

Every change names the state it leaves, so a row that somebody else has changed meanwhile is left alone.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Update, bindparam, select, update

from journey_engine.mailroom import (
    addresses,
    consents,
    erasing,
    holds,
    limits,
    marks,
    pools,
    rewards,
)
from journey_engine.mailroom.consents import Said, Word
from journey_engine.mailroom.eligible import Verdict, judge
from journey_engine.mailroom.limits import Gate
from journey_engine.mailroom.states import RewardState, State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import FEEDBACK, among, feedback, in_state, messages
from journey_engine.message import WEBHOOK, medium
from journey_engine.spelling import Number, no_number

ERASED = Verdict(State.SKIPPED, "erased", "this customer was erased, and is in the data again")
NO_REWARD = Verdict(State.SKIPPED, "no_reward", "it tells of a reward that was not given")
TAKEN_BACK = Verdict(State.SKIPPED, "taken_back", "it tells of a reward that was taken back, and does not know it")

CHUNK = 5_000
Settled = tuple[Row[Any], Verdict]

_DUE = (
    select(messages)
    .where(in_state(State.PENDING), messages.c.try_at <= bindparam("as_of"), among(messages.c.channel, "channels"))
    .where(messages.c.recipient.is_(None) | ~among(messages.c.recipient, "without"))
    .where(~among(messages.c.journey, "held"), ~holds.held())
    .order_by(messages.c.try_at, messages.c.message_id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A batch in hand, and what was decided without sending. Empty when nothing is due any more."""

    rows: list[Row[Any]] = field(default_factory=list)
    others: list[Settled] = field(default_factory=list)
    again_at: dt.datetime | None = None
    """something is due, but the channel has no room for it before this instant"""

    @property
    def nothing(self) -> bool:
        """Whether nothing was due."""
        return not self.rows and not self.others


@dataclass(frozen=True, slots=True)
class Share:
    """What to claim: at most so many messages of these channels, and none to those `without`."""

    channels: Sequence[str]
    messages: int
    without: Collection[str] = ()


def claim(
    store: Store, as_of: dt.datetime, worker: str, share: Share, held: Collection[str] = (), gate: Gate | None = None,
    double: Collection[str] = (), number: Number = no_number, at: dt.datetime | None = None,
) -> Claimed:  # fmt: skip
    """Take the due messages of a share in one transaction; skip what must not go, leave what must wait.

    Those of `held` journeys, and of what is stopped at this very moment, are not looked at. With a `gate` no more are
    taken than the limits of its channel have room for. Marketing of `double` topics goes only to who has confirmed.
    `number` reads phone numbers, so that one that was erased is known in another spelling. What is due at `as_of` is
    judged at the instant `at`, which is later in a long dispatch.
    """
    at = at or as_of
    with store.write() as db:
        room = None if gate is None else limits.room(db, gate)
        most = share.messages if room is None else max(min(share.messages, room.messages), 1)
        asked = {"as_of": as_of, "channels": share.channels, "without": list(share.without), "held": list(held)}
        rows = db.execute(_DUE, {**asked, "most": most}).all()
        if room is not None and not room.messages:
            return Claimed(again_at=room.again_at if rows else None)
        readers = {row.message_id: reader(row) for row in rows}
        stands = consents.standings(db, set(readers.values()))
        gone = marks.forgotten(db, rows, readers, number)
        worded = pools.write_in(db, messages, rows)
        untold = dict.fromkeys(worded.gone, NO_REWARD) | {
            message_id: TAKEN_BACK if state is RewardState.REVERSED else NO_REWARD
            for message_id, state in rewards.untold(db, rows).items()
        }
        verdicts = [
            (
                row,
                ERASED
                if row.message_id in gone
                else untold.get(row.message_id) or judge(row, at, stands[readers[row.message_id]], double),
            )
            for row in worded.rows
        ]
        verdicts = [(row, _with_code(row, verdict, worded.waiting, at)) for row, verdict in verdicts]
        _change(db, State.PENDING, None, as_of, verdicts, worker)
        if gone:
            erasing.forget(db, gone)
        if gate is not None and room is not None:
            limits.take(db, gate, room, sum(verdict.state is State.CLAIMED for _, verdict in verdicts))
    return Claimed(
        [row for row, verdict in verdicts if verdict.state is State.CLAIMED],
        [(row, verdict) for row, verdict in verdicts if verdict.state is not State.CLAIMED],
    )


def _with_code(row: Row[Any], verdict: Verdict, waiting: Mapping[str, str], as_of: dt.datetime) -> Verdict:
    """What would leave waits while a reward that it tells of has no code yet."""
    if verdict.state is not State.CLAIMED or row.message_id not in waiting:
        return verdict
    return Verdict(State.PENDING, "no_code", f"the pool of {waiting[row.message_id]} is empty", as_of + pools.AGAIN)


def settle(
    store: Store, as_of: dt.datetime, worker: str, settled: Sequence[Settled], left_by: dt.datetime | None = None
) -> None:
    """Write what became of claimed messages, with the events that come of it, in one transaction.

    `left_by`: what this worker had in hand of channels with a limit has left by then. Of what another has taken over
    meanwhile, since this worker was believed dead, nothing is written: it is theirs to look into.
    """
    if settled or left_by is not None:
        with store.write() as db:
            tried = _tried(db, settled, State.CLAIMED, worker)
            still = [one for one in settled if one[0].message_id in tried]
            _change(db, State.CLAIMED, worker, as_of, still)
            _record(store, db, as_of, still)
            if left_by is not None:
                limits.done(db, [worker], left_by)


def report(store: Store, db: Connection, leaves: State, as_of: dt.datetime, settled: Sequence[Settled]) -> None:
    """Write what a provider told of messages, within its transaction."""
    if settled:
        tried = _tried(db, settled, leaves)
        still = [one for one in settled if one[0].message_id in tried]
        _change(db, leaves, None, as_of, still)
        _record(store, db, as_of, still)


def resolve(store: Store, as_of: dt.datetime, settled: Sequence[Settled], within: Connection | None = None) -> None:
    """Write what was found out about messages that were unsure; `within` a transaction, or in one of its own."""
    if settled:
        with nullcontext(within) if within is not None else store.write() as db:
            # One that has left again since it was read is in doubt anew: what was found out is of the try before. One
            # that a person has ended meanwhile stays as they said, and nothing is told of it.
            tried = _tried(db, settled, State.UNSURE)
            still = [one for one in settled if tried.get(one[0].message_id) == one[0].attempts]
            _change(db, State.UNSURE, None, as_of, still)
            _record(store, db, as_of, still)


def _tried(db: Connection, settled: Sequence[Settled], stand: State, worker: str | None = None) -> Mapping[str, int]:
    """Those that still stand there, ours until the transaction ends, with how often each was tried."""
    found: dict[str, int] = {}
    mine = {} if worker is None else {"worker_": worker}
    for start in range(0, len(settled), CHUNK):
        ids = [row.message_id for row, _ in settled[start : start + CHUNK]]
        rows = db.execute(_standing(stand, worker is not None), {"ids_": ids, **mine})
        found |= {row.message_id: row.attempts for row in rows}
    return found


def _change(
    db: Connection,
    leaves: State,
    worker: str | None,
    as_of: dt.datetime,
    verdicts: Iterable[Settled],
    claims: str | None = None,
) -> None:
    """What becomes the same is changed as one, what is different in a statement for each."""
    alike: dict[tuple[Verdict, str | None], list[Row[Any]]] = defaultdict(list)
    for row, verdict in verdicts:
        odd = None if addresses.plain(row.recipient) else row.message_id
        alike[verdict, odd].append(row)
    single: list[dict[str, Any]] = []
    mine = {} if worker is None else {"worker_": worker}
    for (verdict, _), rows in alike.items():
        becomes: dict[str, Any] = {
            "state": verdict.state.value,
            "reason": verdict.reason,
            "detail": verdict.detail,
            "claimed_by": claims if verdict.state is State.CLAIMED else None,
            "changed_at": as_of,
        }
        if verdict.try_at is not None:
            becomes["try_at"] = verdict.try_at
        if len(rows) > 1:
            if verdict.address is not None:
                becomes["address"] = verdict.address
            statement = _change_of_many(leaves, worker is not None, verdict.state is State.CLAIMED, tuple(becomes))
            ids = [row.message_id for row in rows]
            for start in range(0, len(ids), CHUNK):
                db.execute(statement, {"ids_": ids[start : start + CHUNK], **mine, **becomes})
        else:
            (row,) = rows
            tries = row.attempts + (leaves is State.CLAIMED)
            in_hand = State.CLAIMED in (leaves, verdict.state)
            went = addresses.of_letter(row.channel, row.recipient) if in_hand else None
            kept = {"try_at": row.try_at, "address": verdict.address or went or row.address}
            single.append({"id_": row.message_id, "attempts": tries, **mine, **kept, **becomes})
    if single:
        names = tuple(name for name in single[0] if name not in ("id_", "worker_"))
        db.execute(_change_of_one(leaves, worker is not None, names), single)


@cache
def _standing(state: State, own: bool) -> Select[Any]:
    """The statement for the tries of some rows, while they are locked."""
    some = select(messages.c.message_id, messages.c.attempts).where(among(messages.c.message_id, "ids_"))
    return some.where(_guard(state, own)).order_by(messages.c.message_id).with_for_update()


@cache
def _change_of_many(leaves: State, own: bool, claims: bool, names: tuple[str, ...]) -> Update:
    """The statement for rows that become the same; what is claimed gets its address from the row."""
    becomes: dict[str, Any] = {name: bindparam(name) for name in names}
    becomes["attempts"] = messages.c.attempts + int(leaves is State.CLAIMED)
    if claims and "address" not in names:
        becomes["address"] = addresses.in_words_of_sql()
    return update(messages).where(among(messages.c.message_id, "ids_"), _guard(leaves, own)).values(becomes)


@cache
def _change_of_one(leaves: State, own: bool, names: tuple[str, ...]) -> Update:
    """The statement for a row that becomes what no other does."""
    one = update(messages).where(messages.c.message_id == bindparam("id_"), _guard(leaves, own))
    return one.values({name: bindparam(name) for name in names})


def _guard(leaves: State, own: bool) -> ColumnElement[bool]:
    """What is left: a state, and `own` claims only."""
    guard = in_state(leaves)
    return guard & (messages.c.claimed_by == bindparam("worker_")) if own else guard


def _record(store: Store, db: Connection, as_of: dt.datetime, settled: Iterable[Settled]) -> None:
    """Events for the next night; a permanent bounce also stops what is still to come."""
    events: list[tuple[Any, ...]] = []
    bounced: list[tuple[str, str, str, str, dt.datetime]] = []
    instant = store.instant(as_of)
    for row, verdict in settled:
        if verdict.state is State.ACCEPTED and row.channel == WEBHOOK:
            events.append(_delivered(row, instant))
        elif verdict.state is State.ACCEPTED:
            events.append(event_of(row, "sent", "message_sent", instant, {}))
        elif verdict.bounced:
            events.append(event_of(row, "bounced", "message_bounced", instant, {"permanent": True}))
            bounced.append((reader(row), "", medium(row.channel), "bounced", as_of))
        elif verdict.unsubscribed:
            who, way = reader(row), medium(row.channel)
            said = Said(who, Word.UNSUBSCRIBED, channel=way, source="provider", message_id=row.message_id)
            consents.say(store, db, said, as_of)
    store.insert_new(db, feedback, FEEDBACK, events)
    consents.suppress(store, db, bounced)


def reader(row: Row[Any]) -> str:
    """The customer who gets a message: their consent and their address count (rule 27)."""
    return str(row.addressee or row.customer_id)


def event_of(row: Row[Any], word: str, name: str, instant: object, more: dict[str, Any]) -> tuple[Any, ...]:
    """A row of `feedback` about a message; `word` tells its events apart."""
    return (f"{row.message_id}:{word}", row.customer_id, name, instant, json.dumps(properties_of(row) | more))


def properties_of(row: Row[Any]) -> dict[str, Any]:
    """What every event of a message says: which it was, and whose pass it belongs to."""
    return {
        "message_id": row.message_id,
        "template": row.template,
        "journey": row.journey,
        "enrollment_id": row.enrollment_id,
        "step": row.step,
        "topic": row.topic,
        "channel": row.channel,
        **({"addressee": row.addressee} if row.addressee else {}),
    }


def _delivered(row: Row[Any], instant: object) -> tuple[Any, ...]:
    """An endpoint has taken a call; no message was sent to the customer."""
    properties = {
        "message_id": row.message_id,
        "webhook": row.recipient,
        "journey": row.journey,
        "enrollment_id": row.enrollment_id,
        "step": row.step,
    }
    return (f"{row.message_id}:delivered", row.customer_id, "webhook_delivered", instant, json.dumps(properties))


def claimers(store: Store) -> set[str]:
    """Everyone who has a message in hand."""
    with store.read() as db:
        names = db.execute(select(messages.c.claimed_by).where(in_state(State.CLAIMED)).distinct()).scalars()
        return {name or "" for name in names}


def take_over(store: Store, worker: str, dead: Collection[str], at: dt.datetime) -> list[Row[Any]]:
    """Make the claims of dead dispatchers ours and return their messages."""
    with store.write() as db:
        limits.done(db, dead, at)
        db.execute(
            update(messages).where(in_state(State.CLAIMED), messages.c.claimed_by.in_(dead)).values(claimed_by=worker)
        )
        mine = select(messages).where(in_state(State.CLAIMED), messages.c.claimed_by == worker)
        return list(db.execute(mine).all())


def unsure_rows(store: Store, channel: str, until: dt.datetime, after: str, limit: int) -> list[Row[Any]]:
    """Unsure messages of a channel whose records should know them by now, in order of their ids."""
    with store.read() as db:
        return list(
            db.execute(
                select(messages)
                .where(
                    in_state(State.UNSURE),
                    messages.c.channel == channel,
                    messages.c.message_id > after,
                    messages.c.changed_at <= until,
                )
                .order_by(messages.c.message_id)
                .limit(limit)
            ).all()
        )
