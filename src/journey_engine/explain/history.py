"""What the published copy keeps of one customer, as records. Reads only; works while a night runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from journey_engine.engines import Engine
from journey_engine.graph import Graph
from journey_engine.records import Enrollment, Event, PassState, Transition
from journey_engine.times import UTC
from journey_engine.walk import Membership, Watched


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision of a run as far as a person asks about it."""

    decision_id: str
    kind: str
    run: int
    step: str
    occurrence: int
    state: str
    reason: str | None
    due_at: dt.datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """One customer in the store, as of the last run. `attributes` is None for a customer whom it did not know."""

    customer_id: str
    run: int
    as_of: dt.datetime
    attributes: Mapping[str, Any] | None
    first: Sequence[Event] = ()  # as they first came
    newest: Sequence[Event] = ()  # in the content that conditions read
    passes: Sequence[Enrollment] = ()
    moves: Mapping[str, Sequence[Transition]] = field(default_factory=dict)
    decisions: Mapping[str, Sequence[Decided]] = field(default_factory=dict)
    members: Mapping[tuple[str, str], Membership] = field(default_factory=dict)
    watched: Mapping[str, Watched] = field(default_factory=dict)
    considered: frozenset[tuple[str, str]] = frozenset()
    began: Mapping[str, dt.datetime] = field(default_factory=dict)  # journey -> its first run
    ran: Mapping[str, dt.datetime] = field(default_factory=dict)  # journey -> the last run that it was not held in
    graphs: Mapping[tuple[str, str], Graph] = field(default_factory=dict)
    runs: Mapping[int, dt.datetime] = field(default_factory=dict)
    account: History | None = None  # of the account that the customer points to


def read(engine: Engine, customer_id: str) -> History:
    """Everything about one customer, and about their account; nothing but empty fields for one that is in no table."""
    found = _read(engine, customer_id)
    account = (found.attributes or {}).get("account_id")
    return found if account is None else replace(found, account=_read(engine, str(account)))


def _read(engine: Engine, customer_id: str) -> History:
    runs = {row[0]: _utc(row[1]) for row in engine.rows("SELECT run, as_of FROM runs")}
    last = max(runs, default=0)
    revisions = _events(engine, customer_id)
    passes, moves = _passes(engine, customer_id), _moves(engine, customer_id)
    ran = engine.rows("SELECT journey, first_as_of, last_as_of FROM journeys")
    return History(
        customer_id=customer_id,
        run=last,
        as_of=runs.get(last, dt.datetime(1970, 1, 1, tzinfo=UTC)),
        attributes=_attributes(engine, customer_id),
        first=[event for event, revision, _ in revisions if revision == 1],
        newest=[event for event, _, newest in revisions if newest],
        passes=passes,
        moves=moves,
        decisions=_decisions(engine, customer_id),
        members={
            (of, name): Membership(member, ordinal, _maybe(began_at))
            for of, name, member, ordinal, began_at in engine.rows(
                """SELECT "of", name, member, ordinal, began_at FROM memberships
                WHERE "of" <> 'hold' AND customer_id = ?""",
                [customer_id],
            )
        },
        watched={
            name: Watched(value, ordinal, before, _maybe(changed_at))
            for name, value, ordinal, before, changed_at in engine.rows(
                "SELECT attribute, value, ordinal, value_before, changed_at FROM watched WHERE customer_id = ?",
                [customer_id],
            )
        },
        considered=frozenset(
            (journey, key)
            for journey, key in engine.rows("SELECT journey, key FROM considered WHERE customer_id = ?", [customer_id])
        ),
        began={row[0]: _utc(row[1]) for row in ran},
        ran={row[0]: _utc(row[2]) for row in ran},
        graphs=_graphs(engine, passes, moves),
        runs=runs,
    )


def _events(engine: Engine, customer_id: str) -> list[tuple[Event, int, bool]]:
    rows = engine.rows(
        "SELECT event_id, revision, newest, name, occurred_at, received_at, properties FROM events"
        " WHERE customer_id = ? ORDER BY occurred_at, event_id, revision",
        [customer_id],
    )
    return [
        (Event(row[0], customer_id, row[3], _utc(row[4]), _json(row[6]), _utc(row[5])), row[1], row[2]) for row in rows
    ]


def _passes(engine: Engine, customer_id: str) -> list[Enrollment]:
    steps: dict[str, dict[str, tuple[dt.datetime, str | None]]] = {}
    for enrollment_id, step, left_at, event_id in engine.rows(
        "SELECT s.enrollment_id, s.step, s.left_at, s.event_id FROM pass_steps AS s"
        " JOIN enrollments AS e ON e.enrollment_id = s.enrollment_id WHERE e.customer_id = ?",
        [customer_id],
    ):
        steps.setdefault(enrollment_id, {})[step] = (_utc(left_at), event_id)
    rows = engine.rows(
        "SELECT enrollment_id, journey, version, key, entered_at, run, trigger_data, node, reached_at, held, state,"
        " reason, closed_at, goal_at, goal_run, meant_at, trigger_event, held_out, account_id FROM enrollments"
        " WHERE customer_id = ?"
        " ORDER BY journey, entered_at, key",
        [customer_id],
    )
    found = {
        row[0]: Enrollment(
            enrollment_id=row[0], journey=row[1], version=row[2], customer_id=customer_id, key=row[3],
            entered_at=_utc(row[4]), run=row[5], trigger=_json(row[6]), node=row[7], reached_at=_utc(row[8]),
            held=row[9], state=PassState(row[10]), reason=row[11], closed_at=_maybe(row[12]), goal_at=_maybe(row[13]),
            goal_run=row[14], held_out=row[17], steps=steps.get(row[0], {}), meant_at=_maybe(row[15]),
            account_id=row[18],
        )
        for row in rows
    }  # fmt: skip
    return list(found.values())


def _moves(engine: Engine, customer_id: str) -> dict[str, list[Transition]]:
    found: dict[str, list[Transition]] = {}
    for row in engine.rows(
        "SELECT t.enrollment_id, t.run, t.seq, t.from_node, t.to_node, t.moved_at, t.reason, t.event_id, t.seen"
        " FROM transitions AS t JOIN enrollments AS e ON e.enrollment_id = t.enrollment_id"
        " WHERE e.customer_id = ? ORDER BY t.run, t.seq",
        [customer_id],
    ):
        move = Transition(row[0], row[1], row[2], row[3], row[4], _utc(row[5]), row[6], row[7], row[8])
        found.setdefault(move.enrollment_id, []).append(move)
    return found


def _decisions(engine: Engine, customer_id: str) -> dict[str, list[Decided]]:
    found: dict[str, list[Decided]] = {}
    for row in engine.rows(
        "SELECT enrollment_id, decision_id, kind, run, step, occurrence, state, reason, due_at, payload FROM decisions"
        " WHERE customer_id = ? ORDER BY run, due_at, decision_id",
        [customer_id],
    ):
        decided = Decided(row[1], row[2], row[3], row[4], row[5], row[6], row[7], _utc(row[8]), _json(row[9]))
        found.setdefault(row[0], []).append(decided)
    return found


def _graphs(
    engine: Engine, passes: Sequence[Enrollment], moves: Mapping[str, Sequence[Transition]]
) -> dict[tuple[str, str], Graph]:
    """The graphs of the versions that the passes stand in, and of those that they followed out of."""
    found = {}
    left = {
        (one.journey, move.seen)
        for one in passes for move in moves.get(one.enrollment_id, ()) if move.reason == "followed" and move.seen
    }  # fmt: skip
    for journey, version in sorted({(one.journey, one.version) for one in passes} | left):
        rows = engine.rows("SELECT graph FROM versions WHERE journey = ? AND version = ?", [journey, version])
        if rows:
            found[journey, version] = Graph.model_validate_json(rows[0][0])
    return found


def _attributes(engine: Engine, customer_id: str) -> dict[str, Any] | None:
    names = list(engine.columns("customers"))
    rows = engine.rows("SELECT * FROM customers WHERE customer_id = ?", [customer_id])
    return {name: value for name, value in zip(names, rows[0], strict=True) if value is not None} if rows else None


def _json(text: str | None) -> dict[str, Any]:
    """A stored object; numbers as exact as they were written."""
    found = json.loads(text, parse_float=Decimal) if text else None
    return found if isinstance(found, dict) else {}


def _utc(instant: dt.datetime) -> dt.datetime:
    return instant.replace(tzinfo=UTC)


def _maybe(instant: dt.datetime | None) -> dt.datetime | None:
    return None if instant is None else _utc(instant)
