"""What providers tell of messages: events of the next night, suppressions at once, and an end to doubts.

Repeated and reordered as they come. A notice that names a message proves that it went out, so that one that was unsure,
or would go out once more, becomes accepted.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from journey_engine.mailroom import addresses, claim, consents, marks
from journey_engine.mailroom.claim import Settled
from journey_engine.mailroom.consents import Said, Word
from journey_engine.mailroom.eligible import Verdict
from journey_engine.mailroom.standing import UNSUBSCRIBED
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import FEEDBACK, feedback, heard, in_state, messages
from journey_engine.message import WEBHOOK, medium
from journey_engine.news import Fate, Notice

EVENT, LETTER, MESSAGE, TEXT = "event", "letter", "message", "text"
"""What is remembered: the ids of providers, the Message-IDs of letters, the messages that surely went out, the ids of
texts that came in."""
KEPT = {
    EVENT: dt.timedelta(days=8), MESSAGE: dt.timedelta(days=60),
    LETTER: dt.timedelta(days=400), TEXT: dt.timedelta(days=400),
}  # fmt: skip
RECENT = dt.timedelta(days=7)
"""How long after a send a bounce without our id can be of it."""
COUNTED = (Fate.BOUNCED, Fate.COMPLAINED)
"""What topics are stopped for when there is too much of it."""
REPORTED = Verdict(State.ACCEPTED, "reported", "its provider told what became of it")
CHUNK = 500


def take(store: Store, notices: Sequence[Notice], at: dt.datetime) -> Counter[str]:
    """Keep everything, or nothing; how many were `taken`, came `again`, or are of messages `unknown` here."""
    counted: Counter[str] = Counter()
    with store.write() as db:
        fresh = _fresh(db, notices)
        counted["again"] = len(notices) - len(fresh)
        pairs = _with_messages(db, fresh)
        counted["unknown"] = len(fresh) - len(pairs)
        counted["taken"] = _keep(store, db, pairs, at)
        _remember(store, db, fresh, pairs, at)
        rows = {row.message_id: row for _, row in pairs}
        _settle(store, db, sorted(rows.values(), key=lambda row: str(row.message_id)), at)
    return counted


def settle_reported(store: Store, at: dt.datetime) -> list[Settled]:
    """Unsure messages of which a notice came while somebody still had them in hand are accepted."""
    told = and_(heard.c.kind == MESSAGE, heard.c.key == messages.c.message_id)
    with store.read() as db:
        rows = db.execute(
            select(messages).where(in_state(State.UNSURE), select(heard.c.key).where(told).exists())
        ).all()
    settled = [(row, REPORTED) for row in rows]
    claim.resolve(store, at, settled)
    return settled


def _fresh(db: Connection, notices: Sequence[Notice]) -> list[Notice]:
    """Without those that came before, by either id; twice in one request is once."""
    ids = [key for one in notices for key in (one.notice_id, one.provider_id) if key is not None]
    known = _known(db, EVENT, ids)
    found: list[Notice] = []
    for one in notices:
        mine = {key for key in (one.notice_id, one.provider_id) if key is not None}
        if known.isdisjoint(mine):
            found.append(one)
        known |= mine
    return found


def _known(db: Connection, kind: str, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), CHUNK):
        some = heard.c.key.in_(keys[start : start + CHUNK])
        found.update(db.execute(select(heard.c.key).where(heard.c.kind == kind, some)).scalars())
    return found


def _with_messages(db: Connection, notices: Iterable[Notice]) -> list[tuple[Notice, Row[Any]]]:
    """Each with the message that it is about; a bounce that lost our id is of the newest send to its address."""
    notices = list(notices)
    ids = sorted({one.message_id for one in notices if one.message_id is not None})
    rows: dict[str, Row[Any]] = {}
    for start in range(0, len(ids), CHUNK):
        some = messages.c.message_id.in_(ids[start : start + CHUNK])
        rows |= {row.message_id: row for row in db.execute(select(messages).where(some, messages.c.channel != WEBHOOK))}
    found = []
    for one in notices:
        row = rows.get(one.message_id) if one.message_id is not None else None
        if one.message_id is None and one.fate is Fate.BOUNCED and one.address is not None:
            row = _by_address(db, one.address, one.occurred_at)
        if row is not None:
            found.append((one, row))
    return found


def _by_address(db: Connection, address: str, at: dt.datetime) -> Row[Any] | None:
    """The newest that left for an address not long before."""
    sent = messages.c.state.in_([State.ACCEPTED.value, State.UNSURE.value])
    recent = messages.c.changed_at.between(at - RECENT, at + dt.timedelta(hours=1))
    return db.execute(addresses.sent_to(address.strip().lower()).where(sent, recent).limit(1)).first()


def _keep(store: Store, db: Connection, pairs: Sequence[tuple[Notice, Row[Any]]], at: dt.datetime) -> int:
    """Events, and what they stop; how many were kept. An unsubscription is the customer's word like any other.

    Of somebody who was erased only what a topic's gauges count is kept, under their pseudonym.
    """
    events: list[tuple[Any, ...]] = []
    stops: list[tuple[str, str, str, str, dt.datetime]] = []
    erased = marks.erased_of(db, {claim.reader(row) for _, row in pairs})
    for one, row in sorted(pairs, key=lambda pair: pair[0].notice_id):
        who = claim.reader(row)
        if who in erased and one.fate not in COUNTED:
            continue
        if who in erased:
            pass  # nothing reaches them anyhow
        elif one.stops == UNSUBSCRIBED:
            source = str(one.properties.get("provider", "provider"))
            said = Said(who, Word.UNSUBSCRIBED, source=source, message_id=row.message_id)
            consents.say(store, db, said, one.occurred_at)
        elif one.stops is not None:
            way = medium(row.channel) if one.stops == "bounced" else ""
            stops.append((who, "", way, one.stops, at))
        if one.fate not in (Fate.PROCESSED, Fate.UNSUBSCRIBED):
            name, instant = f"message_{one.fate}", store.instant(one.occurred_at)
            events.append(claim.event_of(row, one.notice_id, name, instant, dict(one.properties)))
    consents.suppress(store, db, sorted(stops))
    store.insert_new(db, feedback, FEEDBACK, sorted(events))
    return len(pairs)


def _remember(
    store: Store, db: Connection, fresh: Iterable[Notice], pairs: Iterable[tuple[Notice, Row[Any]]], at: dt.datetime
) -> None:
    now = store.instant(at)
    rows: set[tuple[str, str, str | None, object]] = set()
    for one in fresh:
        rows.update((EVENT, key, None, now) for key in (one.provider_id, one.notice_id) if key is not None)
    for one, row in pairs:
        rows.add((MESSAGE, row.message_id, row.message_id, now))
        if one.letter_id is not None:
            rows.add((LETTER, one.letter_id, row.message_id, now))
    ordered = sorted(rows, key=lambda one: one[:2])
    store.insert_new(db, heard, [column.name for column in heard.columns], ordered)
    for kind, kept in KEPT.items():
        db.execute(heard.delete().where(heard.c.kind == kind, heard.c.heard_at < at - kept))


def _settle(store: Store, db: Connection, rows: Sequence[Row[Any]], at: dt.datetime) -> None:
    for state in (State.UNSURE, State.PENDING):
        claim.report(store, db, state, at, [(row, REPORTED) for row in rows if row.state == state])
