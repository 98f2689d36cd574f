"""The door (rule 22): the decisions of a run come in together with its number, in one transaction, once.

What has an id that is already here stays as it is, so that a restored engine which decides the same again
sends nothing twice.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom import calls, redeeming, referrals, rewards
from journey_engine.mailroom.addresses import in_words_of_sql, of_letter
from journey_engine.mailroom.consents import Said, Word, from_data, suppress
from journey_engine.mailroom.entitled import Entitled
from journey_engine.mailroom.fuse import Fuse, blown, silent, usual
from journey_engine.mailroom.holds import Hold, HoldKind, put
from journey_engine.mailroom.referrals import Referred
from journey_engine.mailroom.standing import UNSUBSCRIBED
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import in_state, loaded_runs, messages, tasks
from journey_engine.message import WEBHOOK, plain
from journey_engine.program import Program
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


@dataclass(frozen=True, slots=True)
class MissedRun:
    """A run that the engine committed and the mailroom does not have."""

    run: int
    run_id: str
    as_of: dt.datetime
    decisions: Iterable[Decision]
    programs: Mapping[str, Program | None] = field(default_factory=dict)
    referred: Callable[[], Referred] = Referred  # what its events say of referrals; asked for once it is sure to be new


def last_loaded(store: Store) -> int:
    """The newest run in the mailroom; 0 when none."""
    with store.read() as db:
        return int(db.execute(select(func.coalesce(func.max(loaded_runs.c.run), 0))).scalar_one())


def load_run(store: Store, run: MissedRun, fuse: Fuse | None = None) -> LoadResult:
    """Take a run in; a fuse that blows holds it in the same transaction.

    Raises JourneyError when runs before it are missing.
    """
    with store.write() as db:
        newest = db.execute(select(func.coalesce(func.max(loaded_runs.c.run), 0))).scalar_one()
        if run.run > newest + 1:
            raise JourneyError(
                f"the mailroom knows the runs up to {newest}, and this is run {run.run}: it was "
                "restored from an older copy, or is not the mailroom of this engine",
                remedy="`journey mailroom recover` takes the missing runs in as unsure: none is sent blindly",
                code="mailroom_behind",
            )
        result = _take(store, db, run, unsure=False)
        return result if result.already or fuse is None else _guarded(db, run, result, fuse)


def _guarded(db: Connection, run: MissedRun, result: LoadResult, fuse: Fuse) -> LoadResult:
    count = result.messages.get(State.PENDING.value, 0)
    median, empty = usual(db, run.run)
    held = blown(fuse, count, median)
    if held is not None:
        put(db, Hold(HoldKind.RUN, str(run.run), held, run.as_of))
    return replace(result, held=held, silent=silent(fuse, count, median, empty))


def recover(store: Store, runs: Iterable[MissedRun], now: dt.datetime | None = None) -> list[LoadResult]:
    """Take missing runs in as `unsure`, oldest first, each in its own transaction.

    What was due in the copy by `now` may have left since it was made, and becomes unsure too.
    """
    if now is not None:
        with store.write() as db:
            _doubt(db, now)
    done = []
    for run in sorted(runs, key=lambda one: one.run):
        with store.write() as db:
            done.append(_take(store, db, run, unsure=True))
    return done


def _doubt(db: Connection, now: dt.datetime) -> None:
    due = update(messages).where(in_state(State.PENDING), messages.c.try_at <= now)
    went = in_words_of_sql()
    db.execute(due.values(state=State.UNSURE.value, reason="recovered", changed_at=now, address=went))


def _take(store: Store, db: Connection, run: MissedRun, *, unsure: bool) -> LoadResult:
    # A restored engine may number another run the same: its run_id differs, and what it newly decided
    # must not be lost.
    known = select(loaded_runs.c.run).where(loaded_runs.c.run == run.run, loaded_runs.c.run_id == run.run_id)
    if db.execute(known).first() is not None:
        return LoadResult(run.run, already=True)
    load = _Load(store, db, run.as_of, unsure)
    for decision in run.decisions:
        load.take(decision)
    referred = run.referred()
    referrals.take(store, db, referred, run.programs, run.as_of)
    redeeming.use(store, db, referred.used)
    result = load.finish(run.run, Entitled(db, run.programs))
    db.execute(
        insert(loaded_runs),
        {
            "run": run.run, "run_id": run.run_id, "as_of": run.as_of, "decisions": load.decisions,
            "messages": result.messages.get(State.PENDING.value, 0),
        },
    )  # fmt: skip
    return result


class _Load:
    """The rows of one run on their way in."""

    def __init__(self, store: Store, db: Connection, as_of: dt.datetime, unsure: bool) -> None:
        self.store, self.db, self.unsure = store, db, unsure
        self.as_of, self.changed = as_of, store.instant(as_of)
        self.message_rows: list[tuple[Any, ...]] = []
        self.task_rows: list[tuple[Any, ...]] = []
        self.rewards: list[Decision] = []
        self.cancels: list[dict[str, str]] = []
        self.told: dict[str, tuple[Said, dt.datetime]] = {}
        self.stops: list[tuple[str, str, str, str, dt.datetime]] = []
        self.states: Counter[str] = Counter()
        self.webhooks: Counter[str] = Counter()
        self.decisions = self.tasks = self.offered = self.new = 0

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
        known = self.offered - self.new + len(self.rewards) - given.total()
        return LoadResult(
            run, False, dict(self.states), self.tasks, dict(given), cancelled, suppressed, known,
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
        )

    def _standing(self, decision: Decision, state: str, reason: str | None) -> tuple[Any, ...]:
        """The first columns of a row of `messages`: whose it is and where it stands."""
        due = self.store.instant(decision.due_at)
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
