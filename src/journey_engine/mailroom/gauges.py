"""The gauges: a topic of marketing about which too many complain, or of which too much bounces, is stopped by itself.

Counted over what left within a window, and only after the last time that somebody let the topic go on. What is
transactional or for staff is never stopped.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal_column, select

from journey_engine.mailroom import holds
from journey_engine.mailroom.holds import Hold, HoldKind
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import feedback, gauged, in_state, messages
from journey_engine.times import Duration

BOUNCED, COMPLAINED = "message_bounced", "message_complained"
TOLD = {COMPLAINED: "were complained about", BOUNCED: "bounced"}
CHUNK = 500
_UNHAPPY = feedback.c.name.in_([literal_column(f"'{BOUNCED}'"), literal_column(f"'{COMPLAINED}'")])


@dataclass(frozen=True, slots=True)
class Gauges:
    """The shares at which a topic is stopped, over what left within `within`, from `at_least` messages on."""

    complaints: Decimal | None = Decimal("0.003")
    bounces: Decimal | None = Decimal("0.05")
    within: dt.timedelta = dt.timedelta(days=7)
    at_least: int = 1000

    def limit(self, name: str) -> Decimal | None:
        """The share for one kind of event."""
        return self.complaints if name == COMPLAINED else self.bounces

    def reads(self, name: str, unhappy: int, sent: int) -> str | None:
        """Why a topic is stopped; None when it is not."""
        limit = self.limit(name)
        if limit is None or sent < self.at_least or not unhappy or Decimal(unhappy) < limit * sent:
            return None
        share = f"{100 * unhappy / sent:.2g} %"
        window = Duration(0, int(self.within.total_seconds()))
        allowed = f"{(100 * limit).normalize():f} %"
        return f"{unhappy:,} of {sent:,} messages of the last {window} {TOLD[name]}: {share}, and {allowed} are allowed"


def check(store: Store, gauges: Gauges, at: dt.datetime) -> list[Hold]:
    """Stop the topics that have gone too far by an instant; those that were stopped now."""
    with store.write() as db:
        return [hold for hold in _gone_too_far(db, gauges, at) if holds.put(db, hold)]


def forgive(db: Connection, topic: str, at: dt.datetime) -> None:
    """Somebody lets a topic go on: what left until now counts no more."""
    db.execute(delete(gauged).where(gauged.c.topic == topic))
    db.execute(insert(gauged), {"topic": topic, "since": at})


def _gone_too_far(db: Connection, gauges: Gauges, at: dt.datetime) -> Iterator[Hold]:
    since = at - gauges.within
    unhappy = _unhappy(db, since, at)
    if not unhappy:
        return
    forgiven = {row.topic: row.since for row in db.execute(select(gauged))}
    for topic, found in sorted(unhappy.items()):
        begin = max(since, forgiven.get(topic, since))
        counted = {name: [row for row in rows.values() if row.changed_at > begin] for name, rows in found.items()}
        if not any(map(len, counted.values())):
            continue
        refused = {row.message_id for rows in counted.values() for row in rows if row.state != State.ACCEPTED.value}
        sent = _sent(db, topic, begin, at) + len(refused)
        for name in (COMPLAINED, BOUNCED):
            why = gauges.reads(name, len(counted.get(name, ())), sent)
            if why is not None:
                yield Hold(HoldKind.TOPIC, topic, why, at)
                break


def _unhappy(db: Connection, since: dt.datetime, at: dt.datetime) -> Mapping[str, Mapping[str, dict[str, Row[Any]]]]:
    """By topic and by what happened: the messages of marketing that somebody complained about, or that bounced."""
    happened: dict[str, set[str]] = defaultdict(set)
    recent = select(feedback.c.name, feedback.c.properties).where(_UNHAPPY, feedback.c.occurred_at > since)
    for name, properties in db.execute(recent.where(feedback.c.occurred_at <= at)):
        told = json.loads(properties)
        if isinstance(told.get("message_id"), str) and told.get("permanent", True):
            happened[told["message_id"]].add(name)
    found: dict[str, dict[str, dict[str, Row[Any]]]] = defaultdict(lambda: defaultdict(dict))
    for ids in _chunks(sorted(happened)):
        columns = (messages.c.message_id, messages.c.topic, messages.c.state, messages.c.changed_at)
        mine = select(*columns).where(messages.c.message_id.in_(ids), messages.c.topic_class == "marketing")
        for row in db.execute(mine.where(messages.c.topic.is_not(None), messages.c.changed_at > since)):
            for name in happened[row.message_id]:
                found[row.topic][name][row.message_id] = row
    return found


def _sent(db: Connection, topic: str, since: dt.datetime, at: dt.datetime) -> int:
    """How many messages of a topic were taken by their channels."""
    mine = (in_state(State.ACCEPTED), messages.c.topic == topic, messages.c.topic_class == "marketing")
    query = select(func.count()).where(*mine, messages.c.changed_at > since, messages.c.changed_at <= at)
    return int(db.execute(query).scalar_one())


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
