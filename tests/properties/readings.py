"""The two readings of a scenario, night by night: `walk` customer by customer, and `sweep` over tables of an engine.

What becomes of a message is the same for both: it is accepted when it is due, then perhaps opened, clicked or bounced.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from journey_engine.collect import Collector, ensure_properties
from journey_engine.engines import Engine, memory
from journey_engine.engines.duckdb import DuckDB
from journey_engine.links import ANSWER, Claim, answered
from journey_engine.project import Project
from journey_engine.records import (
    Customer,
    Decision,
    DecisionKind,
    DecisionState,
    Enrollment,
    Event,
    PassState,
    Transition,
)
from journey_engine.rules import Night, Rules, looked_up
from journey_engine.sweep import Sweep, affected, named
from journey_engine.times import UTC, iso, naive, zone_names
from journey_engine.walk import Life, Party, Tables, WalkResult, live_together
from journey_engine.walk.life import accepted, delivered, given_out
from journey_engine.walk.rewards import happenings
from journey_engine.walk.values import as_text
from tests.properties import told
from tests.properties.scenario import KEYS
from tests.properties.told import Told

SQL_KINDS = {
    "text": "VARCHAR", "number": "DECIMAL(38, 6)", "whole": "BIGINT", "float": "DOUBLE", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP",
}  # fmt: skip

# Someone who is always there, so that a night on which everyone else is absent is no broken export.
KEEPER = "keeper"

# A customer tonight: the id and the attributes as the data have them.
Known = tuple[str, Mapping[str, Any]]


def responses(sent: Event) -> list[Event]:
    """What a customer does with a message, and a team with a task: decided by its id, the same for both readings."""
    dice = hashlib.md5(sent.event_id.encode(), usedforsecurity=False).digest()
    if sent.name == "task_given":
        return [_done(sent, dice)] if dice[0] < 170 else []
    if sent.name != "message_sent":
        return []
    names = [name for name, byte in zip(("opened", "clicked", "bounced", "complained"), dice, strict=False)
             if byte < (120, 90, 25, 8)[("opened", "clicked", "bounced", "complained").index(name)]]  # fmt: skip
    found = []
    for number, name in enumerate(names):
        at = sent.occurred_at + dt.timedelta(minutes=(0, 5, 60, 1500)[dice[4 + number] % 4])
        properties = {**sent.properties, **({"permanent": dice[9] % 2 == 0} if name == "bounced" else {})}
        found.append(Event(f"{sent.event_id}:{name}", sent.customer_id, f"message_{name}", at, properties, at))
    for number in range((0, 0, 1, 1, 2)[dice[10] % 5]):  # whether it asked or not
        at = sent.occurred_at + dt.timedelta(minutes=(0, 5, 60, 1500)[dice[11 + number] % 4])
        pass_id, step = sent.properties["enrollment_id"], sent.properties["step"]
        claim = Claim(ANSWER, sent.customer_id, None, None, pass_id, step, "abcx"[dice[13 + number] % 4])
        told = answered(claim, at)
        found.append(replace(told, received_at=at))
    return found


def _done(given: Event, dice: bytes) -> Event:
    """A task that somebody does: in time, at the last moment or too late."""
    at = given.occurred_at + dt.timedelta(minutes=(5, 60, 1440, 1500, 4320)[dice[1] % 5])
    event_id = f"{given.properties['task_id']}:done"
    properties = {**given.properties, "outcome": "ab"[dice[2] % 2]}
    return Event(event_id, given.customer_id, "task_done", at, properties, at)


def refused(message: Decision) -> bool:
    """Whether the channel does not take a message: decided by its id too."""
    return message.decision_id < "1"


# --- walk -----------------------------------------------------------------------------------------------------


class Walking:
    """The plain reading of many customers."""

    def __init__(self, timezone: str, tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None) -> None:
        self.timezone, self.tables = timezone, by_key(tables or {})
        self.lives: dict[str, Life] = {}

    def night(
        self, rules: Rules, night: Night, known: Sequence[Known], rows: Sequence[Event], everyone: Sequence[str]
    ) -> dict[str, Told]:
        """One night of everyone."""
        found = dict(known)
        mine: dict[str, list[Event]] = {customer_id: [] for customer_id in everyone}
        for row in rows:
            mine[row.customer_id].append(row)
        parties = {who: self._party(who, found.get(who), mine[who]) for who in everyone}
        results = live_together(rules, night, parties)
        found_of = {who: self._told(who, result) for who, result in results.items()}
        for sending in (one for life in self.lives.values() for one in life.state.sendings):
            if sending.recipient in found_of:
                row = (sending.topic, sending.topic_class, sending.day)
                _put(found_of[sending.recipient].counted, sending.message_id, row)
        return found_of

    def _party(self, who: str, attributes: Mapping[str, Any] | None, rows: list[Event]) -> Party:
        life = self.lives.setdefault(who, Life(refuses=refused, tables=self.tables))
        rows = rows + [event for sent in life.sent for event in responses(sent)]
        customer = None if attributes is None else as_customer(who, attributes, self.timezone)
        return Party(life, customer, rows)

    def _told(self, who: str, result: WalkResult) -> Told:
        state = self.lives[who].state
        return Told(
            transitions=told.keyed(told.transition(one) for one in result.transitions),
            decisions=told.keyed(told.decision(one) for one in result.decisions),
            enrollments=told.keyed(told.enrollment(one) for one in state.passes),
            memberships={
                f"{of} {name}": (one.member, one.ordinal, told.stamp(one.began))
                for (of, name), one in state.memberships.items() if one.member or one.ordinal
            },
            overlays={
                name: (told.bare(one.value), told.bare(_json(one.imported))) for name, one in state.overlays.items()
            },
            watched={
                name: (one.value, one.ordinal, one.before, told.stamp(one.changed_at))
                for name, one in state.watched.items()
            },
            considered={f"{journey} {key}": told.stamp(at) for (journey, key), at in state.considered.items()},
        )  # fmt: skip


def as_customer(who: str, attributes: Mapping[str, Any], timezone: str) -> Customer:
    """The customer in the zone of the data, or in the project's when there is none such."""
    zone = attributes.get("timezone")
    present = {"customer_id": who, **{name: value for name, value in attributes.items() if _known(value)}}
    return Customer(who, zone if zone in zone_names() else timezone, present)


def _known(value: Any) -> bool:
    """What collect takes: numbers of the language are smaller than 10 to the 18."""
    if isinstance(value, int | float | Decimal):
        return abs(value) < 10**18
    return value is not None


def _json(value: Any) -> Any:
    """An attribute as JSON keeps it."""
    if isinstance(value, dt.datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, dt.date) else value


# --- sweep ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Post:
    """What stands between the nights: messages not yet due, what was sent and answered, what becomes of the rest."""

    pending: list[Decision] = field(default_factory=list)
    sent: list[Event] = field(default_factory=list)
    coming: list[Event] = field(default_factory=list)
    answers: list[Event] = field(default_factory=list)
    respond: Callable[[Event], list[Event]] = responses
    refuses: Callable[[Decision], bool] = refused
    unsent: set[str] = field(default_factory=set)

    def before(self, as_of: dt.datetime) -> list[str]:
        """Hand over what is due; returns the passes whose messages still wait."""
        self.answers = [event for sent in self.sent for event in self.respond(sent)]
        due = [one for one in self.pending if one.due_at <= as_of]
        self.unsent |= {one.decision_id for one in due if self.refuses(one)}
        self.sent += [accepted(one) for one in due if one.decision_id not in self.unsent]
        self.pending = [one for one in self.pending if one.due_at > as_of]
        self.sent += [one for one in self.coming if one.occurred_at <= as_of]
        self.coming = [one for one in self.coming if one.occurred_at > as_of]
        return sorted({one.enrollment_id for one in self.pending})

    def after(self, decisions: Sequence[Decision]) -> None:
        """Take a run's decisions."""
        gone = {one.enrollment_id for one in decisions if one.kind is DecisionKind.CANCEL}
        self.unsent |= {one.decision_id for one in self.pending if one.enrollment_id in gone}
        self.pending = [one for one in self.pending if one.enrollment_id not in gone]
        self.pending += [
            one for one in decisions if one.kind is DecisionKind.MESSAGE and one.state is DecisionState.PENDING
        ]
        given = [one for one in decisions if one.kind is DecisionKind.REWARD and one.state is DecisionState.PENDING]
        self.coming += [event for one in given for event in happenings(one)]
        for kind, comes in ((DecisionKind.WEBHOOK, delivered), (DecisionKind.TASK, given_out)):
            self.coming += [
                comes(one) for one in decisions if one.kind is kind and one.state is DecisionState.PENDING
            ]  # fmt: skip


affected.MOST = 2.0
"""Of the customers of these worlds something happens to most each night: all the same only they are asked about."""


class Sweeping:
    """The reading in SQL, over one store."""

    def __init__(
        self,
        kinds: Mapping[str, str],
        timezone: str,
        engine: Engine | None = None,
        respond: Callable[[Event], list[Event]] = responses,
        tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    ) -> None:
        self.kinds = dict(kinds)
        self.engine = engine or memory()
        if isinstance(self.engine, DuckDB):
            self.engine.execute("SET threads = 1")  # the tables are small and the machine is shared
        self.post = Post(respond=respond)
        sender = {"name": "Shop", "email": "shop@example.com"}
        self.project = Project.model_validate({
            "project": "worlds", "customers": {"table": "given_customers"}, "events": {"table": "given_events"},
            "timezone": timezone, "sender": sender,
            "tables": {name: {"source": {"table": f"given_{name}"}, "key": key} for name, key in KEYS.items()},
        })  # fmt: skip
        self.give_tables(tables or {})

    def night(
        self, rules: Rules, night: Night, known: Sequence[Known], rows: Sequence[Event], everyone: Sequence[str]
    ) -> dict[str, Told]:
        """One night of everyone."""
        decisions = self.run(rules, night, known, rows)
        return self.told(night.run, decisions, everyone)

    def run(self, rules: Rules, night: Night, known: Sequence[Known], rows: Sequence[Event]) -> list[Decision]:
        """One night of the tables; returns what it decided."""
        blocked = self.post.before(night.as_of)
        arrived = [row for row in [*rows, *self.post.answers] if (row.received_at or row.occurred_at) <= night.as_of]
        self.give(known, arrived)
        properties = ensure_properties(self.engine, named(rules))
        with self.engine.transaction():
            collector = Collector(self.engine, self.project, Path(), night.as_of)
            collector.customers(accept_loss=True)
            collector.events(self.post.sent)
            collector.tables(looked_up(rules), accept_loss=True)
            sweep = Sweep(self.engine, rules, night, collector.collected.columns, properties, blocked,
                          sorted(self.post.unsent))  # fmt: skip
            sweep.prepare()
            sweep.decide()
            collector.keep_roster()
            self.engine.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)",
                                (night.run, f"run {night.run}", naive(night.as_of), len(known), 0, "{}"))  # fmt: skip
        decisions = self.decisions(night.run)
        self.post.after(decisions)
        return decisions

    def give(self, known: Sequence[Known], rows: Sequence[Event]) -> None:
        """Put tonight's data where the project reads them."""
        columns = {"customer_id": "text", **self.kinds}
        layout = ", ".join(f'"{name}" {SQL_KINDS[kind]}' for name, kind in columns.items())
        self.engine.execute(f"CREATE OR REPLACE TABLE given_customers ({layout})")
        people = [[who, *(_stored(attributes.get(name)) for name in self.kinds)] for who, attributes in known]
        people.append([KEEPER, *(None for _ in self.kinds)])
        _fill(self.engine, "given_customers", people)
        # The last row of an id counts, and a table promises no order: PostgreSQL puts a short row into an earlier gap.
        self.engine.execute("DROP VIEW IF EXISTS given_events")
        self.engine.execute(
            "CREATE OR REPLACE TABLE given_event_rows (place BIGINT, event_id VARCHAR, customer_id VARCHAR, "
            "name VARCHAR, occurred_at VARCHAR, properties VARCHAR)"
        )
        _fill(self.engine, "given_event_rows", [
            [place, row.event_id, row.customer_id, row.name, iso(row.occurred_at), json.dumps(dict(row.properties))]
            for place, row in enumerate(rows)
        ])  # fmt: skip
        self.engine.execute(
            "CREATE VIEW given_events AS SELECT event_id, customer_id, name, occurred_at, properties "
            "FROM given_event_rows ORDER BY place"
        )

    def give_tables(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Put the rows of tables where the project reads them; a column that holds several types is text."""
        for name, key in KEYS.items():
            rows = tables.get(name, ())
            kinds: dict[str, str] = {}
            for column, value in [item for row in rows for item in row.items() if item[1] is not None]:
                kind = _kind(value)
                kinds[column] = kind if kinds.get(column, kind) == kind else "text"
            kinds = dict.fromkeys((key, *(column for row in rows for column in row)), "text") | kinds
            layout = ", ".join(f'"{column}" {SQL_KINDS[kind]}' for column, kind in kinds.items())
            self.engine.execute(f"CREATE OR REPLACE TABLE given_{name} ({layout})")
            _fill(self.engine, f"given_{name}", [[_stored(row.get(column)) for column in kinds] for row in rows])

    def decisions(self, run: int) -> list[Decision]:
        """What one run decided."""
        names = ", ".join(field.name for field in fields(Decision))
        rows = self.engine.rows(f"SELECT {names} FROM decisions WHERE run = ? ORDER BY decision_id", [run])
        return [
            Decision(one, DecisionKind(kind), *rest, DecisionState(state), reason, _sure(due), _sure(reached),
                     json.loads(payload))
            for one, kind, *rest, state, reason, due, reached, payload in rows
        ]  # fmt: skip

    def transitions(self, run: int) -> list[tuple[str, Transition]]:
        """The moves of one run, each with its customer."""
        rows = self.engine.rows(
            "SELECT e.customer_id, t.enrollment_id, t.run, t.seq, from_node, to_node, moved_at, t.reason, t.event_id "
            "FROM transitions AS t JOIN enrollments AS e ON e.enrollment_id = t.enrollment_id WHERE t.run = ? "
            "ORDER BY t.enrollment_id, t.seq", [run])  # fmt: skip
        return [(who, Transition(*place, _sure(at), reason, event)) for who, *place, at, reason, event in rows]

    def enrollments(self) -> list[Enrollment]:
        """Every pass as it stands."""
        steps: dict[str, dict[str, Any]] = {}
        for enrollment_id, step, left_at, event_id in self.engine.rows("SELECT * FROM pass_steps"):
            held = steps.setdefault(enrollment_id, {})
            held[step if step not in held else f"{step} twice"] = (_sure(left_at), event_id)
        rows = self.engine.rows(
            "SELECT e.enrollment_id, e.journey, e.version, e.customer_id, e.key, e.entered_at, e.run, "
            "coalesce(t.properties, e.trigger_data), e.node, e.reached_at, e.held, e.state, e.reason, e.closed_at, "
            "e.goal_at, e.goal_run, e.meant_at, e.held_out, e.account_id FROM enrollments AS e "
            "LEFT JOIN events AS t ON t.event_id = e.trigger_event AND t.revision = 1 ORDER BY e.enrollment_id"
        )
        return [
            Enrollment(*who, _sure(entered), run, json.loads(trigger), node, _sure(reached), held, PassState(state),
                       reason, _aware(closed), _aware(goal), goal_run, out, steps.get(who[0], {}), _aware(meant), of)
            for (*who, entered, run, trigger, node, reached, held, state, reason, closed, goal, goal_run, meant, out,
                 of) in rows
        ]  # fmt: skip

    def told(self, run: int, decisions: Sequence[Decision], everyone: Sequence[str]) -> dict[str, Told]:
        """What the run left, by customer."""
        found = {who: Told() for who in (*everyone, KEEPER)}
        for who, move in self.transitions(run):
            _put(found[who].transitions, *told.transition(move))
        for one in decisions:
            _put(found[one.customer_id].decisions, *told.decision(one))
        for standing in self.enrollments():
            _put(found[standing.customer_id].enrollments, *told.enrollment(standing))
        rows = self.engine.rows(
            """SELECT customer_id, "of", name, member, ordinal, began_at FROM memberships WHERE "of" <> 'hold'"""
        )
        for who, of, name, member, ordinal, began in rows:
            _put(found[who].memberships, f"{of} {name}", (member, ordinal, told.stamp(began)))
        for who, name, value, imported in self.engine.rows("SELECT * FROM overlays"):
            pair = told.bare(json.loads(value)), told.bare(json.loads(imported) if imported else None)
            _put(found[who].overlays, name, pair)
        for who, name, value, ordinal, before, changed_at in self.engine.rows("SELECT * FROM watched"):
            _put(found[who].watched, name, (value, ordinal, before, told.stamp(changed_at)))
        for journey, who, key, instant in self.engine.rows("SELECT * FROM considered"):
            _put(found[who].considered, f"{journey} {key}", told.stamp(instant))
        for message, who, *counted in self.engine.rows(
            "SELECT decision_id, customer_id, topic, topic_class, local_day FROM counted"
        ):
            _put(found[who].counted, message, tuple(counted))
        return found


def by_key(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Tables:
    """Tables as `walk` is given them: the first row of each key, without what is missing."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, rows in tables.items():
        for row in rows:
            key = as_text(row.get(KEYS[name]))
            if key:
                found.setdefault(name, {}).setdefault(key, {c: v for c, v in row.items() if v not in (None, "")})
    return found


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | Decimal():
            return "number"
        case float():
            return "float"
        case dt.datetime():
            return "timestamp"
        case dt.date():
            return "date"
    return "text"


def _put(rows: told.Rows, key: str, row: Any) -> None:
    while key in rows:
        key += " again"
    rows[key] = row


def _fill(engine: Engine, table: str, rows: Sequence[Sequence[Any]]) -> None:
    for start in range(0, len(rows), 500):
        some = rows[start : start + 500]
        marks = ", ".join("(" + ", ".join("?" for _ in row) + ")" for row in some)
        engine.execute(f"INSERT INTO {table} VALUES {marks}", [value for row in some for value in row])


def _stored(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _aware(instant: dt.datetime | None) -> dt.datetime | None:
    return None if instant is None else _sure(instant)


def _sure(instant: dt.datetime) -> dt.datetime:
    return instant.replace(tzinfo=UTC)
