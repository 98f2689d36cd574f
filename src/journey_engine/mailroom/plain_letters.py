"""Plain letters on their way through the door: what the engine wrote becomes rows without a record for each.

What the letters of a step have alike stands at the front of their payload and is read once; behind it stand where each
one goes and its values, which stay the text that they are. Whatever looks otherwise is left to the door.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection

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


@lru_cache(maxsize=1024)
def _front(text: str) -> dict[str, Any]:
    """What the letters of a step have alike."""
    payload = json.loads(text + "}")
    hours = payload.get("send_hours") or (None, None)
    return {
        "template": payload["template"], "topic": payload.get("topic"),
        "topic_class": payload.get("topic_class") or "marketing", "channel": payload.get("channel") or "file",
        "max_lateness_s": payload.get("max_lateness_s"), "send_from": hours[0], "send_until": hours[1],
    }  # fmt: skip


class Letters:
    """The plain letters of one run, in piles of those that have most columns alike."""

    def __init__(self, store: Store, db: Connection, changed: Any) -> None:
        self.store, self.db, self.changed = store, db, changed
        self.piles: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        self.states: Counter[str] = Counter()
        self.waiting = self.offered = self.new = 0

    def take(self, row: Told) -> bool:
        """One decision into its pile; False when it is no plain letter."""
        front, found, back = row[13].partition(TO)
        if not found or row[1] != "message":
            return False
        try:
            told = orjson.loads('{"to":' + back)
        except ValueError:
            return False
        if not BACK.issuperset(told) or next(reversed(told)) != "values":
            return False
        alike = (front, row[2], row[3], row[4], row[7], row[8], row[9], row[10])
        pile = self.piles.get(alike)
        if pile is None:
            pile = self.piles[alike] = []
        due, values = row[11], back.partition(VALUES)[2][:-1]
        pile.append((
            row[0], row[5], row[6], due, row[12], due, told["to"], told.get("name"), told.get("locale"),
            told.get("timezone") or "UTC", values, told.get("addressee"),
        ))  # fmt: skip
        self.waiting += 1
        if self.waiting >= FULL:
            self.flush()
        return True

    def flush(self) -> None:
        """Write what waits."""
        few: list[tuple[Any, ...]] = []
        columns = messages.columns.keys()
        for key, rows in self.piles.items():
            alike = self._alike(key)
            self.states[alike["state"]] += len(rows)
            if self.store.is_sqlite and len(rows) >= ALIKE:
                self.new += self.store.insert_alike(self.db, messages, alike, OWN, rows)
            else:
                same = tuple(alike.values())
                few += [row + same for row in rows]
                columns = [*OWN, *alike]
        self.new += self.store.insert_new(self.db, messages, columns, few)
        self.offered += self.waiting
        self.piles, self.waiting = {}, 0

    def _alike(self, key: tuple[Any, ...]) -> dict[str, Any]:
        front, run, journey, version, step, occurrence, state, reason = key
        return {
            "run": run, "journey": journey, "version": version, "step": step, "occurrence": occurrence,
            "state": State(state).value, "reason": reason, "detail": None, "changed_at": self.changed, "attempts": 0,
            "claimed_by": None, "address": None, **_front(front),
        }  # fmt: skip
