"""The rows of one run on their way through the door, kind by kind."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, update

from journey_engine.mailroom import calls, rewards
from journey_engine.mailroom.addresses import of_letter
from journey_engine.mailroom.consents import Said, Word, from_data, suppress
from journey_engine.mailroom.entitled import Entitled
from journey_engine.mailroom.plain_letters import Letters, Told, decision_of
from journey_engine.mailroom.standing import UNSUBSCRIBED
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import in_state, messages, tasks
from journey_engine.message import WEBHOOK, plain
from journey_engine.records import Decision, DecisionKind
from journey_engine.times import parse_instant

BATCH = 5_000
_MESSAGE = tuple(column.name for column in messages.columns)
_TASK = tuple(column.name for column in tasks.columns)
_to_json = json.JSONEncoder(default=plain, separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a run brought in. `already`: it was here before, nothing was done. `known`: ids that were here.

    `held` says why a fuse holds it, `silent` why it is odd that nothing came.
    """

    run: int
    already: bool = False
    messages: Mapping[str, int] = field(default_factory=dict)
    tasks: int = 0
    rewards: Mapping[str, int] = field(default_factory=dict)
    cancelled: int = 0
    suppressed: int = 0
    known: int = 0
    webhooks: Mapping[str, int] = field(default_factory=dict)
    held: str | None = None
    silent: str | None = None


class Load:
    """The rows of one run on their way in."""

    def __init__(self, store: Store, db: Connection, as_of: dt.datetime, unsure: bool) -> None:
        store.make_room(db)
        self.store, self.db, self.unsure = store, db, unsure
        self.as_of, self.changed = as_of, store.instant(as_of)
        self.letters = Letters(store, db, self.changed)
        self.message_rows: list[tuple[Any, ...]] = []
        self.task_rows: list[tuple[Any, ...]] = []
        self.rewards: list[Decision] = []
        self.cancels: list[dict[str, str]] = []
        self.told: dict[str, tuple[Said, dt.datetime]] = {}
        self.stops: list[tuple[str, str, str, str, dt.datetime]] = []
        self.states: Counter[str] = Counter()
        self.webhooks: Counter[str] = Counter()
        self.decisions = self.tasks = self.offered = self.new = 0

    def take_rows(self, rows: Sequence[Told]) -> None:
        """Decisions as the engine keeps them: plain letters go their short way, the others become records."""
        others = rows if self.unsure else self.letters.take(rows)
        self.decisions += len(rows) - len(others)
        for row in others:
            self.take(decision_of(row))

    def take(self, decision: Decision) -> None:
        """One decision into its pile; full piles go to the store."""
        self.decisions += 1
        match decision.kind:
            case DecisionKind.MESSAGE:
                self.message_rows.append(self._message(decision))
                if len(self.message_rows) >= BATCH:
                    self._flush()
            case DecisionKind.TASK:
                self.task_rows.append(self._task(decision))
                if len(self.task_rows) >= BATCH:
                    self._flush()
            case DecisionKind.WEBHOOK:
                self.message_rows.append(self._webhook(decision))
                if len(self.message_rows) >= BATCH:
                    self._flush()
            case DecisionKind.REWARD:
                self.rewards.append(decision)
            case DecisionKind.CANCEL:
                reason = decision.reason or str(decision.payload.get("reason", "left"))
                self.cancels.append({"pass_": decision.enrollment_id, "why": reason})
            case DecisionKind.SUPPRESS:
                topic = decision.payload.get("topic") or ""
                channel = decision.payload.get("channel") or ""
                reason = decision.payload.get("reason") or decision.reason or UNSUBSCRIBED
                if reason == UNSUBSCRIBED:
                    said = Said(decision.customer_id, Word.UNSUBSCRIBED, topic, channel, source="data")
                    self.told[decision.decision_id] = (said, decision.reached_at)
                else:
                    self.stops.append((decision.customer_id, topic, channel, reason, decision.reached_at))
            case DecisionKind.SET | DecisionKind.ENROLL:
                pass  # an attribute, another journey: they live in the engine

    def finish(self, run: int, entitled: Entitled) -> LoadResult:
        """Write what is left, then take back the messages of passes that ended."""
        self._flush()
        self.letters.flush()
        cancelled = 0
        if self.cancels:
            statement = (
                update(messages)
                .where(
                    messages.c.enrollment_id == bindparam("pass_"),
                    in_state(State.PENDING),
                    messages.c.channel != WEBHOOK,
                )
                .values(state=State.CANCELLED.value, reason=bindparam("why"), changed_at=self.as_of)
            )
            cancelled = self.db.execute(statement, self.cancels).rowcount
        suppressed = from_data(self.store, self.db, self.told) + suppress(self.store, self.db, self.stops)
        given = rewards.take(self.store, self.db, self.rewards, self.as_of, entitled)
        known = self.offered - self.new + self.letters.offered - self.letters.new + len(self.rewards) - given.total()
        return LoadResult(
            run, False, dict(self.states + self.letters.states), self.tasks, dict(given), cancelled, suppressed, known,
            dict(self.webhooks),
        )  # fmt: skip

    def _flush(self) -> None:
        self.offered += len(self.message_rows) + len(self.task_rows)
        self.new += self.store.insert_new(self.db, messages, _MESSAGE, self.message_rows)
        self.new += self.store.insert_new(self.db, tasks, _TASK, self.task_rows)
        self.tasks += len(self.task_rows)
        self.message_rows, self.task_rows = [], []

    def _state(self, decision: Decision) -> tuple[str, str | None]:
        if self.unsure and decision.state == "pending":
            return State.UNSURE.value, "recovered"
        return decision.state.value, decision.reason

    def _message(self, decision: Decision) -> tuple[Any, ...]:
        payload, (state, reason) = decision.payload, self._state(decision)
        self.states[state] += 1
        hours = payload.get("send_hours") or (None, None)
        return (
            *self._standing(decision, state, reason),
            payload["template"],
            payload.get("topic"),
            payload.get("topic_class") or "marketing",
            payload.get("channel") or "file",
            payload.get("to"),
            payload.get("name"),
            payload.get("locale"),
            payload.get("timezone") or "UTC",
            payload.get("max_lateness_s"),
            hours[0],
            hours[1],
            _to_json(payload.get("values") or {}),
            payload.get("addressee"),
            of_letter(payload.get("channel") or "file", payload.get("to")) if state == State.UNSURE else None,
            payload.get("knows_reversal"),
        )

    def _webhook(self, decision: Decision) -> tuple[Any, ...]:
        """A call in the place of a letter: it goes to its endpoint, at any hour and however late."""
        payload, (state, reason) = decision.payload, self._state(decision)
        self.webhooks[state] += 1
        endpoint = payload["endpoint"]
        return (
            *self._standing(decision, state, reason),
            calls.named(endpoint),
            None,  # topic
            "transactional",
            WEBHOOK,
            endpoint,  # recipient
            None,  # recipient_name
            None,  # locale
            "UTC",
            None,  # max_lateness_s
            None,  # send_from
            None,  # send_until
            _to_json(calls.kept(payload)),
            None,  # addressee
            None,  # address
            payload.get("knows_reversal"),
        )

    def _standing(self, decision: Decision, state: str, reason: str | None) -> tuple[Any, ...]:
        """The first columns of a row of `messages`: whose it is and where it stands."""
        due = self.store.instant(decision.due_at)
        return (
            *_whose(decision, state, reason),
            due,
            self.store.instant(decision.reached_at),
            due,  # try_at
            self.changed,
            0,  # attempts
            None,  # claimed_by
        )

    def _task(self, decision: Decision) -> tuple[Any, ...]:
        payload, (state, reason) = decision.payload, self._state(decision)
        deadline = payload.get("due_at")
        if isinstance(deadline, str):
            deadline = parse_instant(deadline)
        return (
            *_whose(decision, state, reason),
            self.store.instant(decision.due_at),
            self.changed,
            payload["team"],
            payload["title"],
            self.store.instant(deadline),
            None,  # done_at
            _to_json(payload.get("values") or {}),
            _to_json(payload["outcomes"]) if payload.get("outcomes") else None,
            None,  # owner
            None,  # outcome
            None,  # note
            None,  # visitor
        )


def _whose(decision: Decision, state: str, reason: str | None) -> tuple[Any, ...]:
    """What rows of messages and of tasks begin with."""
    return (
        decision.decision_id,
        decision.run,
        decision.journey,
        decision.version,
        decision.enrollment_id,
        decision.customer_id,
        decision.step,
        decision.occurrence,
        state,
        reason,
        None,  # detail
    )
