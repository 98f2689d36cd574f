"""Plain letters on their way through the door: what the engine wrote becomes rows without a record for each.

What the letters of a step have alike stands at the front of their payload and is read once; behind it stand where each
one goes and its values, which stay the text that they are. Whatever looks otherwise is left to the door.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection

from journey_engine.mailroom.bulk import Row, copy_new, insert_alike
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import messages
from journey_engine.records import Decision, DecisionKind, DecisionState

Told = tuple[Any, ...]
"""A decision as the engine keeps it: the fields of `Decision` in their order, instants as SQL writes them in UTC, with
six places of a second, the payload as JSON."""

TO, VALUES = ',"to":', ',"values":'
"""Where the front of a payload ends, and where the values begin: within a text the quotes would be escaped."""
BACK = frozenset(("to", "name", "locale", "timezone", "addressee", "values"))
"""All that may stand behind the front: with anything else a letter goes the long way, where somebody may know it."""
FULL = 20_000
ALIKE = 500  # from so many rows on a statement of their own is worth its making

OWN = (
    "message_id", "enrollment_id", "customer_id", "due_at", "reached_at", "try_at", "recipient", "recipient_name",
    "locale", "timezone", "variables", "addressee",
)  # fmt: skip
SAME = (
    "run", "journey", "version", "step", "occurrence", "state", "reason", "detail", "changed_at", "attempts",
    "claimed_by", "address", "template", "topic", "topic_class", "channel", "max_lateness_s", "send_from", "send_until",
)  # fmt: skip
Key = tuple[Any, ...]


def decision_of(row: Told) -> Decision:
    """A decision as a record; one whose values cannot be read is skipped, which must stop this one only."""
    payload, unread = _payload(row[13])
    due, reached = (dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) for text in row[11:13])
    state = DecisionState.SKIPPED if unread else DecisionState(row[9])
    run, journey, version, enrollment_id, customer_id, step, occurrence = row[2:9]
    return Decision(
        row[0], DecisionKind(row[1]), run, journey, version, enrollment_id, customer_id, step, occurrence, state,
        unread or row[10], due, reached, payload,
    )  # fmt: skip


def _payload(text: str) -> tuple[dict[str, Any], str | None]:
    """What goes with a decision; a reason when its values cannot be read."""
    try:
        return json.loads(text), None
    except (ValueError, RecursionError):
        known, _, _ = text.partition(VALUES)
        return json.loads(known + "}"), "unreadable_values"


def _plain(row: Told) -> tuple[Key, Row] | None:
    """What a letter has alike with others of its step, and its own columns; None for what is no plain letter."""
    front, found, back = row[13].partition(TO)
    if not found or row[1] != "message":
        return None
    try:
        told = orjson.loads('{"to":' + back)
    except ValueError:
        return None
    if not BACK.issuperset(told) or next(reversed(told)) != "values":
        return None
    due, values = row[11], back.partition(VALUES)[2][:-1]
    return (front, row[2], row[3], row[4], row[7], row[8], row[9], row[10]), (
        row[0], row[5], row[6], due, row[12], due, told["to"], told.get("name"), told.get("locale"),
        told.get("timezone") or "UTC", values, told.get("addressee"),
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _front(text: str) -> tuple[Any, ...]:
    """The last columns that the letters of a step have alike, in the order of `SAME`."""
    payload = json.loads(text + "}")
    start, end = payload.get("send_hours") or (None, None)
    kind, channel = payload.get("topic_class") or "marketing", payload.get("channel") or "file"
    return payload["template"], payload.get("topic"), kind, channel, payload.get("max_lateness_s"), start, end


class Letters:
    """The plain letters of one run: by COPY as they are read, or on SQLite in piles that have most columns alike."""

    def __init__(self, store: Store, db: Connection, changed: Any) -> None:
        self.store, self.db, self.changed = store, db, changed
        self.piles: dict[Key, list[Row]] = {}
        self.states: Counter[str] = Counter()
        self.waiting = self.offered = self.new = 0

    def take(self, rows: Sequence[Told]) -> list[Told]:
        """Take the plain letters among these; returns the others."""
        others: list[Told] = []
        if self.store.is_sqlite:
            self._pile(rows, others)
        else:
            counts: Counter[Key] = Counter()
            self.new += copy_new(self.db, messages, (*OWN, *SAME), lambda: self._whole(rows, others, counts))
            self._count(counts)
        return others

    def flush(self) -> None:
        """Write what waits."""
        few: list[Row] = []
        for key, rows in self.piles.items():
            same = self._same(key)
            if len(rows) >= ALIKE:
                self.new += insert_alike(self.db, messages, dict(zip(SAME, same, strict=True)), OWN, rows)
            else:
                few += [row + same for row in rows]
        self.new += self.store.insert_new(self.db, messages, (*OWN, *SAME), few)
        self._count(Counter({key: len(rows) for key, rows in self.piles.items()}))
        self.piles, self.waiting = {}, 0

    def _pile(self, rows: Iterable[Told], others: list[Told]) -> None:
        for row in rows:
            found = _plain(row)
            if found is None:
                others.append(row)
                continue
            key, own = found
            pile = self.piles.get(key)
            if pile is None:
                pile = self.piles[key] = []
            pile.append(own)
            self.waiting += 1
            if self.waiting >= FULL:
                self.flush()

    def _whole(self, rows: Iterable[Told], others: list[Told], counts: Counter[Key]) -> Iterator[Row]:
        """The rows with all their columns, from the first one on, however often it is asked."""
        others.clear()
        counts.clear()
        known: dict[Key, Row] = {}
        for row in rows:
            found = _plain(row)
            if found is None:
                others.append(row)
                continue
            key, own = found
            same = known.get(key)
            if same is None:
                same = known[key] = self._same(key)
            counts[key] += 1
            yield own + same

    def _count(self, counts: Counter[Key]) -> None:
        for key, count in counts.items():
            self.states[State(key[6]).value] += count
        self.offered += counts.total()

    def _same(self, key: Key) -> Row:
        """The columns that are alike, in the order of `SAME`."""
        front, run, journey, version, step, occurrence, state, reason = key
        return (
            run, journey, version, step, occurrence, State(state).value, reason, None, self.changed, 0, None, None,
            *_front(front),
        )  # fmt: skip
