"""What customers say of being written to: the log of it, which only grows, and what it stops or lets go again.

A customer's own yes lifts their own no, and nothing else: a dead address and a complaint stay, and data that is read in
lifts nothing (rule 19). Each word becomes an event of the next night in the same transaction.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, select, update

from journey_engine.mailroom.marks import is_erased
from journey_engine.mailroom.standing import UNSUBSCRIBED, Standing, Stop
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import FEEDBACK, among, consent_texts, consents, feedback, messages, suppressions
from journey_engine.records import identity

CHUNK = 1_000
TICK = dt.timedelta(microseconds=1)


class Word(StrEnum):
    """What a customer said."""

    UNSUBSCRIBED = UNSUBSCRIBED
    SUBSCRIBED = "subscribed"
    CONFIRMED = "confirmed"  # by the link of a letter that went to the address: double opt-in


YES = (Word.SUBSCRIBED.value, Word.CONFIRMED.value)


_STOPS = select(suppressions).where(among(suppressions.c.customer_id, "customers"))
_GRANTED = (
    select(consents)
    .where(among(consents.c.customer_id, "customers"), consents.c.channel == "", consents.c.word.in_(YES))
    .order_by(consents.c.given_at)
)


@dataclass(frozen=True, slots=True)
class Said:
    """One word of a customer, of a topic or of a channel; of everything when both are empty.

    `source` is where it was said, `text` what they read there, `message_id` the letter that led there.
    """

    customer_id: str
    word: Word
    topic: str = ""
    channel: str = ""
    source: str = "front door"
    text: str | None = None
    message_id: str | None = None

    @property
    def version(self) -> str | None:
        """Which text they read: the log has this, the text itself is kept once."""
        return None if self.text is None else hashlib.sha256(self.text.encode()).hexdigest()[:32]


def say(store: Store, db: Connection, said: Said, at: dt.datetime) -> bool:
    """Write a customer's word down with what follows from it; False when it is what already stands."""
    if is_erased(db, said.customer_id):
        return False  # nothing reaches them, and nothing new is kept of them
    scope = (
        consents.c.customer_id == said.customer_id,
        consents.c.topic == said.topic,
        consents.c.channel == said.channel,
    )
    before = db.execute(select(consents).where(*scope).order_by(consents.c.given_at)).all()
    standing = standings(db, {said.customer_id})[said.customer_id]
    if _stands(said, standing, before[-1].word if before else None):
        return False
    newest = [row.given_at for row in before] + [stop.since for stop in standing.stops]
    at = max([at, *(one + TICK for one in newest)])  # a word is later than what it changes, whatever clocks say
    number = str(len(before) + 1)  # after a yes in between, the same word is said anew
    event_id = identity(said.word.value, said.customer_id, said.topic, said.channel, number)
    # The next night decides to suppress for its event, under this very id, and so finds it said already.
    consent_id = identity("suppress", event_id)
    new = _log(store, db, [(consent_id, said, at)])
    if new:
        store.insert_new(db, feedback, FEEDBACK, [_event(store, db, event_id, consent_id, said, at)])
        _follow(store, db, said, at)
    return bool(new)


def _stands(said: Said, standing: Standing, last: str | None) -> bool:
    """Whether a word changes nothing."""
    if said.word is Word.UNSUBSCRIBED:
        mine = (said.topic, said.channel, UNSUBSCRIBED)
        stops = [one for one in standing.stops if (one.topic, one.channel, one.reason) == mine]
        since = [yes for topic, yes in standing.granted.items() if said.topic in ("", topic) and not said.channel]
        return last == said.word and bool(stops) and all(yes < stops[0].since for yes in since)
    if said.channel:
        return not standing.refuses_channel(said.channel)
    return said.topic in standing.granted and not standing.refuses(said.topic)


def _follow(store: Store, db: Connection, said: Said, at: dt.datetime) -> None:
    if said.word is Word.UNSUBSCRIBED:
        suppress(store, db, [(said.customer_id, said.topic, said.channel, UNSUBSCRIBED, at)])
    else:
        db.execute(delete(suppressions).where(*_row(said, UNSUBSCRIBED)))


def from_data(store: Store, db: Connection, told: Mapping[str, tuple[Said, dt.datetime]]) -> int:
    """Take in what customers' own data says, by the ids of the decisions; how many stops are new.

    What the front door has written is here under the same id already. An older no than the customer's own later yes to
    that topic is written down and stops nothing.
    """
    ids = list(told)
    known: set[str] = set()
    for start in range(0, len(ids), CHUNK):
        some = consents.c.consent_id.in_(ids[start : start + CHUNK])
        known.update(db.execute(select(consents.c.consent_id).where(some)).scalars())
    fresh = [(one, *told[one]) for one in ids if one not in known]
    _log(store, db, fresh)
    standing = standings(db, {said.customer_id for _, said, _ in fresh})
    stops = []
    for _, said, at in fresh:
        yes = standing[said.customer_id].granted.get(said.topic)
        if not said.topic or yes is None or yes < at:
            stops.append((said.customer_id, said.topic, said.channel, UNSUBSCRIBED, at))
    return suppress(store, db, stops)


def suppress(store: Store, db: Connection, stops: Collection[tuple[str, str, str, str, dt.datetime]]) -> int:
    """Stop messages: (customer, topic or empty, channel or empty, reason, since); how many are new.

    What stands already counts from its newest word, so that an earlier yes does not undo it.
    """
    rows = [(*stop[:4], store.instant(stop[4])) for stop in stops]
    new = store.insert_new(db, suppressions, ("customer_id", "topic", "channel", "reason", "since"), rows)
    if new < len(rows):
        for customer, topic, channel, reason, since in stops:
            said = Said(customer, Word.UNSUBSCRIBED, topic, channel)
            later = update(suppressions).where(*_row(said, reason), suppressions.c.since < since)
            db.execute(later.values(since=since))
    return new


def standings(db: Connection, customers: Collection[str]) -> Mapping[str, Standing]:
    """What each of some customers may be sent; whoever never said anything may be written to."""
    stops: dict[str, set[Stop]] = defaultdict(set)
    granted: dict[str, dict[str, dt.datetime]] = defaultdict(dict)
    ids = sorted(customers)
    for start in range(0, len(ids), CHUNK):
        some = {"customers": ids[start : start + CHUNK]}
        for row in db.execute(_STOPS, some):
            stops[row.customer_id].add(Stop(row.topic, row.channel, row.reason, row.since))
        for row in db.execute(_GRANTED, some):
            granted[row.customer_id][row.topic] = row.given_at
    return {one: Standing(frozenset(stops[one]), granted[one]) for one in ids}


def _row(said: Said, reason: str) -> tuple[Any, ...]:
    return (
        suppressions.c.customer_id == said.customer_id,
        suppressions.c.topic == said.topic,
        suppressions.c.channel == said.channel,
        suppressions.c.reason == reason,
    )


def _names(table: Any) -> list[str]:
    return [column.name for column in table.columns]


def _log(store: Store, db: Connection, entries: Collection[tuple[str, Said, dt.datetime]]) -> int:
    rows = [
        (
            consent_id, said.customer_id, said.topic, said.channel, said.word.value, said.version, said.source,
            said.message_id, store.instant(at),
        )
        for consent_id, said, at in entries
    ]  # fmt: skip
    new = store.insert_new(db, consents, _names(consents), rows)
    read = {said.version: (said.version, said.text, store.instant(at)) for _, said, at in entries if said.version}
    store.insert_new(db, consent_texts, _names(consent_texts), [read[one] for one in sorted(read)])
    return new


def _event(
    store: Store, db: Connection, event_id: str, consent_id: str, said: Said, at: dt.datetime
) -> tuple[Any, ...]:
    """The event of the next night. `consent_id` marks it as the customer's own word: only then a yes lifts a no."""
    told: dict[str, Any] = {"consent_id": consent_id}
    told |= {name: value for name, value in (("topic", said.topic), ("channel", said.channel)) if value}
    if said.message_id is not None:
        told["message_id"] = said.message_id
        letter = db.execute(select(messages).where(messages.c.message_id == said.message_id)).first()
        if letter is not None:
            told |= {"template": letter.template, "journey": letter.journey, "step": letter.step}
            told["enrollment_id"] = letter.enrollment_id
    name = UNSUBSCRIBED if said.word is Word.UNSUBSCRIBED else Word.SUBSCRIBED.value
    return (event_id, said.customer_id, name, store.instant(at), json.dumps(told))
