"""The readings that every history is run by. Another reading is a function here and a name in READINGS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from journey_engine.graph import Emit
from journey_engine.records import Decision, Transition
from journey_engine.rules import Rules
from journey_engine.walk import Life, Party, live_together
from tests.histories.story import Evening, Reading, Told
from tests.properties.readings import Sweeping, by_key


def by_walk(evenings: Sequence[Evening]) -> Mapping[str, Told]:
    """The plain reading of everyone, each with the account that they point to."""
    everyone = sorted({one.customer_id for evening in evenings for one in evening.customers})
    lives = {who: Life() for who in everyone}
    transitions: dict[str, list[Transition]] = {who: [] for who in everyone}
    decisions: dict[str, list[Decision]] = {who: [] for who in everyone}
    for evening in evenings:
        found = {one.customer_id: one for one in evening.customers}
        parties = {}
        for who, life in lives.items():
            rows = [row for row in evening.rows if row.customer_id == who]
            life.tables = by_key(evening.tables)
            life.refuses = lambda one, refused=evening.refused: one.payload["template"] in refused
            parties[who] = Party(life, found.get(who), rows)
        for who, result in live_together(evening.rules, evening.night, parties).items():
            transitions[who] += result.transitions
            decisions[who] += result.decisions
    return {who: Told(transitions[who], decisions[who], lives[who].state.passes) for who in everyone}


def by_sweep(evenings: Sequence[Evening]) -> Mapping[str, Told]:
    """The reading in SQL, everyone at once, over one store."""
    everyone = sorted({one.customer_id for evening in evenings for one in evening.customers})
    sweeping = Sweeping(_columns(evenings), evenings[0].rules.timezone, respond=lambda sent: [])
    transitions: dict[str, list[Transition]] = {who: [] for who in everyone}
    decisions: dict[str, list[Decision]] = {who: [] for who in everyone}
    last: dt.datetime | None = None
    try:
        for evening in evenings:
            if last is not None and evening.night.as_of <= last:
                continue
            last = evening.night.as_of
            known = [(one.customer_id, {"timezone": one.timezone, **one.attributes}) for one in evening.customers]
            rows = [row for row in evening.rows if row.customer_id in everyone]
            sweeping.post.refuses = lambda one, refused=evening.refused: one.payload["template"] in refused
            sweeping.give_tables(evening.tables)
            decided = sweeping.run(evening.rules, evening.night, known, rows)
            for decision in sorted(decided, key=lambda one: _place(evening.rules, one)):
                decisions.get(decision.customer_id, []).append(_bare(decision))
            for who, move in sweeping.transitions(evening.night.run):
                transitions.get(who, []).append(move)
        passes = sweeping.enrollments()
    finally:
        sweeping.engine.close()
    return {
        who: Told(transitions[who], decisions[who], [one for one in passes if one.customer_id == who])
        for who in everyone
    }


def _place(rules: Rules, decision: Decision) -> int:
    """Where the decision's step stands in its journey: a pass comes to its nodes in their order."""
    for graph in rules.graphs:
        if (graph.journey, graph.version) == (decision.journey, decision.version):
            for number, node in enumerate(graph.nodes):
                if isinstance(node, Emit) and (node.step, node.occurrence) == (decision.step, decision.occurrence):
                    return number
    return -1


def _bare(decision: Decision) -> Decision:
    """The same where an absent value of a template is left out: SQL writes it as null, which means the same."""
    if "values" not in decision.payload:
        return decision
    return replace(decision, payload={**decision.payload, "values": _present(decision.payload["values"])})


def _present(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    kept = {name: _present(item) for name, item in value.items() if item is not None}
    return {name: item for name, item in kept.items() if item != {}}


def _columns(evenings: Sequence[Evening]) -> dict[str, str]:
    """The attributes as columns of a table; one that holds values of several types is text."""
    kinds: dict[str, str] = {"timezone": "text"}
    for evening in evenings:
        for one in evening.customers:
            for name, value in one.attributes.items():
                kind = _kind(value)
                kinds[name] = kind if kinds.get(name, kind) == kind else "text"
    return {name: kind for name, kind in kinds.items() if name != "customer_id"}


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case dt.datetime():
            return "timestamp"
        case dt.date():
            return "date"
        case _:
            return "text"


READINGS: dict[str, Reading] = {"walk": by_walk, "sweep": by_sweep}


@pytest.fixture(params=list(READINGS))
def reading(request: pytest.FixtureRequest) -> Reading:
    """How the evenings are read; each history must come out alike."""
    return READINGS[request.param]
