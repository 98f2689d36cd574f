"""The night, the lowered journeys and the offsets of zones as tables: what the fixed statements join with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from journey_engine.graph import Await, Emit, Exit, Gate, Message, drawn
from journey_engine.predicates import Happened, Predicate, TriggerHas, leaves
from journey_engine.queries import statements
from journey_engine.rules import time_triggered
from journey_engine.sweep.evening import Evening
from journey_engine.sweep.waits import wait_tables
from journey_engine.times import FAR_FUTURE, FAR_PAST, UTC, iso, naive

UNREAD = "unread_as_of"
"""In `meta`: the last run with passes in a version that it could not read. Nobody looked at what their waits heard."""


def lay_out(evening: Evening) -> None:
    """Fill the tables that describe tonight; predicates and matches become numbers."""
    rows = evening.engine.rows(
        "SELECT journey, last_as_of, held_as_of, (SELECT max(as_of) FROM runs) AS newest FROM journeys"
    )
    evening.last = {journey: instant.replace(tzinfo=UTC) for journey, instant, *_ in rows}
    evening.held = {journey: instant.replace(tzinfo=UTC) for journey, _, instant, _ in rows if instant is not None}
    evening.last_as_of = rows[0][3].replace(tzinfo=UTC) if rows and rows[0][3] is not None else FAR_PAST
    if evening.engine.rows("SELECT 1 FROM meta WHERE name = ? AND value = ?", (UNREAD, iso(evening.last_as_of))):
        evening.last_as_of = FAR_PAST  # so that every wait is looked at
    _night_table(evening)
    _graph_tables(evening)
    wait_tables(evening)
    _zone_table(evening)


def _night_table(evening: Evening) -> None:
    late, hours = evening.rules.accept_late, evening.rules.send_hours
    evening.engine.execute(
        "CREATE OR REPLACE TEMP TABLE night (run INTEGER, as_of TIMESTAMP, horizon TIMESTAMP, "
        "remember_from TIMESTAMP, last_as_of TIMESTAMP, late_months INTEGER, late_micros BIGINT, hour_from TIME, "
        "hour_until TIME, holdout VARCHAR)"
    )
    evening.engine.load("night", (
        "run", "as_of", "horizon", "remember_from", "last_as_of", "late_months", "late_micros",
        "hour_from", "hour_until", "holdout",
    ), [(
        evening.night.run, naive(evening.night.as_of), naive(evening.night.horizon),
        naive(late.before(evening.night.as_of)), naive(evening.last_as_of),
        late.months, late.seconds * 10**6, hours[0], hours[1], evening.rules.holdout,
    )])  # fmt: skip
    evening.run("tables", *statements("tables"))
    evening.run("caps", "candidates", "verdicts")
    evening.engine.load("blocked", ("enrollment_id",), [(name,) for name in evening.blocked])
    evening.engine.load("unsent", ("decision_id",), [(name,) for name in evening.unsent])
    caps = [(number, cap.name, cap.topic, cap.topic_class, cap.at_most, cap.days)
            for number, cap in enumerate(evening.rules.caps)]  # fmt: skip
    evening.engine.load("caps", list(evening.engine.columns("caps")), caps)


def _graph_tables(evening: Evening) -> None:
    """The lowered journeys as rows; predicates and matches become numbers."""
    rows: dict[str, list[tuple[Any, ...]]] = {
        name: [] for name in ("graph", "goals", "exits", "leaving", "live", "capped")
    }
    for graph in evening.rules.graphs:
        key = (graph.journey, graph.version)
        if graph.goal is not None:
            goal, window = graph.goal, graph.goal.window
            number = evening.facts.predicate("goal", goal.predicate)
            bounded = _bounded(goal.predicate)
            rows["goals"].append((*key, number, window.months, window.seconds * 10**6, goal.stay, bounded))
        if graph.exit_when is not None:
            rows["exits"].append((*key, evening.facts.predicate("exit", graph.exit_when)))
        named_steps = graph.named_steps()
        for number, node in enumerate(graph.nodes):
            to_contact = graph.to == "contact"
            rows["graph"].append(
                (*key, number, node.kind, node.step, *_node(evening, node), graph.priority, to_contact)
            )
            rows["capped"] += [(*key, number, cap) for cap in _caps(evening, node)]
            for target in {getattr(node, "next", None), getattr(node, "otherwise", None)} - {None}:
                around = graph.nodes[target].steps  # type: ignore[index]
                left = [step for step in node.steps if step in named_steps and step not in around]
                rows["leaving"] += [(*key, number, target, step) for step in left]
            if isinstance(node, Gate) and node.arm is not None:
                rows["leaving"].append((*key, number, node.next, drawn(node.arm)))
    for graph in evening.rules.journeys:
        last, reentry = evening.last.get(graph.journey), graph.reentry
        backfills = evening.first_run(graph) and graph.backfill == "current"
        rows["live"].append((
            graph.journey, graph.version, naive(last) if last else None,
            naive(FAR_FUTURE) if backfills else naive(evening.bound(graph)),
            time_triggered(graph), reentry.mode, *_length(reentry.after),
                evening.facts.predicate("audience", graph.audience), graph.holdout,
                graph.starts and naive(graph.starts), graph.ends and naive(graph.ends), evening.begun(graph),
                graph.to == "members",
        ))  # fmt: skip
    rows["following"] = list(_following(evening))
    live = {graph.journey for graph in evening.rules.journeys}
    rows["held"] = [(name,) for name in sorted(evening.last.keys() - live - evening.rules.aside)]
    for table, held in rows.items():
        if held:
            evening.engine.load(table, list(evening.engine.columns(table)), held)


def _following(evening: Evening) -> Iterator[tuple[Any, ...]]:
    """Where the passes of older versions go on in journeys whose passes follow (rule 20)."""
    newest = {graph.journey: graph for graph in evening.rules.journeys if graph.on_change == "follow"}
    for old in evening.rules.pinned:
        now = newest.get(old.journey)
        for node in range(len(old.nodes) if now is not None else 0):
            if now is not None:
                yield (old.journey, old.version, node, now.version, now.place_of(old, node))


def _bounded(goal: Predicate) -> bool:
    """Whether a goal looks only at its trigger and at events after entry or a step, whenever they become known."""
    return all(
        isinstance(leaf, TriggerHas) or (isinstance(leaf, Happened) and leaf.scope != "history" and leaf.within is None)
        for leaf in leaves(goal)
    )


def _caps(evening: Evening, node: Any) -> list[int]:
    """The numbers of the caps that limit and count what a node sends."""
    if not isinstance(node, Emit) or not isinstance(node.effect, Message):
        return []
    message = node.effect
    return [n for n, cap in enumerate(evening.rules.caps) if cap.counts(message.topic, message.topic_class)]


def _node(evening: Evening, node: Any) -> tuple[Any, ...]:
    """The columns of a node after its key, kind and step."""
    effect = limited = occurrence = match = same = since = predicate = state = reason = until = arm = None
    exempt = of_pass = None
    delay: tuple[Any, ...] = (None, None)
    timeout: tuple[Any, ...] = (None, None)
    late: tuple[Any, ...] = (None, None)
    following = otherwise = on_cap = topic = topic_class = None
    match node:
        case Emit():
            effect, occurrence, following = node.effect.effect, node.occurrence, node.next
            if isinstance(node.effect, Message):
                limited, late = node.effect.topic_class == "marketing", _length(node.effect.max_lateness)
                on_cap, delay = node.effect.on_cap, _length(node.effect.cap_delay)
                topic, topic_class = node.effect.topic, node.effect.topic_class
                exempt = node.effect.topic_class == "transactional"
                for line in node.effect.lines:
                    evening.facts.match(line.events)
        case Await():
            delay, timeout, since = _length(node.delay), _length(node.timeout), node.since
            following, otherwise = node.next, node.otherwise
            until = node.until.until if node.until is not None else None
            if node.events is not None:
                match, same, of_pass = evening.facts.match(node.events), node.events.same, node.events.of_pass
        case Gate():
            predicate, arm = evening.facts.predicate("gate", node.predicate), node.arm
            following, otherwise = node.next, node.otherwise
        case Exit():
            state, reason = node.state, node.reason
    return (
        effect, bool(limited), occurrence or 1, *delay, match, same, since, *timeout, *late, following, otherwise,
        predicate, state, reason, until, arm, bool(exempt), bool(of_pass),
        bool(_caps(evening, node)), on_cap, topic, topic_class,
    )  # fmt: skip


def _zone_table(evening: Evening) -> None:
    """The stretches of offset that this night can touch; unknown zones were replaced at collect."""
    early = min([evening.night.since, *(evening.look(graph) for graph in evening.rules.journeys)])
    edge = (naive(early - dt.timedelta(days=4)), naive(evening.night.horizon + dt.timedelta(days=4)))
    evening.zones_from = early - dt.timedelta(days=2)
    evening.engine.execute(
        "CREATE OR REPLACE TEMP TABLE near_zones AS SELECT zone, utc_from, utc_until, local_from, local_until, seconds "
        "FROM zone_offsets WHERE utc_until > ? AND utc_from < ?",
        edge,
    )


def _length(value: Any) -> tuple[int | None, int | None]:
    return (None, None) if value is None else (value.months, value.seconds * 10**6)
