"""Lives one test's nights on `walk`, and tells what happened by the customer's clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from journey_engine.graph import Emit, Enroll, Exit, Gate, Graph, Node, OnPass, Task
from journey_engine.journeytest.words import JourneyCase
from journey_engine.links import ANSWER, ANSWER_GIVEN, Claim, answered
from journey_engine.message import Aborted, MessageRef, RenderError
from journey_engine.predicates import ALWAYS, InJourney, Not, leaves
from journey_engine.records import (
    Customer,
    Decision,
    DecisionKind,
    DecisionState,
    Enrollment,
    Event,
    Transition,
    identity,
)
from journey_engine.render import Renderer
from journey_engine.rules import Night, Rules, following
from journey_engine.steps.task import TASK_DONE
from journey_engine.times import UTC, utc_to_local
from journey_engine.walk import Life, Look, Party, Tables, live_together
from journey_engine.walk.values import as_text

EVERYONE = "g"  # behind every hex digit: a hash is always below


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a test needs of its project: the journey, the rules around it, the cadence, and who words titles."""

    graph: Graph
    rules: Rules
    cadence: str
    renderer: Renderer
    keys: Mapping[str, str]  # of each table of the project, the column that tells its rows apart


@dataclass(frozen=True, slots=True)
class Story:
    """What happened in one test, to one customer, in the tested journey."""

    zone: str
    messages: tuple[Decision, ...]  # due, or skipped with a reason; not those that were taken back in time
    tasks: tuple[tuple[Decision, str], ...]  # each with its title as the team reads it
    rewards: tuple[Decision, ...]
    webhooks: tuple[Decision, ...]
    passes: tuple[Enrollment, ...]  # in the order of entry
    transitions: tuple[Transition, ...]
    looks: tuple[Look, ...] = field(default=())

    def clock(self, instant: dt.datetime) -> str:
        """2026-03-03 09:00 by the customer's clock."""
        local = utc_to_local(instant, self.zone)
        return local.strftime("%Y-%m-%d %H:%M:%S" if local.second or local.microsecond else "%Y-%m-%d %H:%M")


def live(case: JourneyCase, stage: Stage) -> Story:
    """Live the nights of one test."""
    customer = _customer(case.customer, stage.rules.timezone)
    looks: list[Look] = []
    life = Life(watch=looks.append, tables=_tables(case, stage))
    account = _account(case, customer, stage.rules.timezone)
    contact = _contact(case, customer, stage.rules.timezone)
    customer = _pointing(customer, account_id=account, contact_id=contact)
    head, reader = Life(watch=looks.append), Life()
    drawn = tuple(_drawn(graph, case) for graph in _with_asked(stage.graph, stage.rules))
    rules = replace(stage.rules, journeys=drawn, pinned=(), holdout=EVERYONE if case.held_out else None)
    rows = list(_rows(case, "customer", customer.customer_id))
    theirs = list(_rows(case, "account", account.customer_id)) if account else []
    transitions: list[Transition] = []
    decisions: list[Decision] = []
    for night in _nights(case, stage.cadence):
        rows = [_of_pass(row, life, stage.graph, night) for row in rows]
        parties: dict[str, Party] = {}
        if contact is not None:
            parties[contact.customer_id] = Party(reader, contact, ())
        if account is not None:
            parties[account.customer_id] = Party(head, account, theirs)
        parties[customer.customer_id] = Party(life, customer, rows)
        result = live_together(rules, night, parties)[customer.customer_id]
        transitions += result.transitions
        decisions += result.decisions
    name = stage.graph.journey
    own = [one for one in decisions if one.journey == name]
    gone = life.taken_back
    passes = sorted((one for one in life.state.passes if one.journey == name), key=lambda one: one.entered_at)
    ids = {one.enrollment_id for one in passes}
    return Story(
        zone=customer.timezone,
        messages=tuple(one for one in own if one.kind is DecisionKind.MESSAGE and one.decision_id not in gone),
        tasks=tuple((one, _title(one, stage.renderer)) for one in own if _given(one)),
        rewards=tuple(
            one for one in own if one.kind is DecisionKind.REWARD and one.state is not DecisionState.WITHHELD
        ),
        webhooks=tuple(
            one for one in own if one.kind is DecisionKind.WEBHOOK and one.state is not DecisionState.WITHHELD
        ),
        passes=tuple(passes),
        transitions=tuple(one for one in transitions if one.enrollment_id in ids),
        looks=tuple(look for look in looks if look.journey == name),
    )


def told(story: Story, graph: Graph) -> Iterator[str]:
    """The story line by line: entries, moves with the line of YAML behind them, and what the conditions saw."""
    refused = [look for look in story.looks if look.where == "audience" and not look.verdict.holds]
    for look in refused:
        yield f"{story.clock(look.night.as_of)}  not entered: the audience says no"
        yield from (f"    {line}" for line in look.verdict.lines(1))
    if not story.passes and not refused:
        whose = (
            " to an account of the customer (`account:` and `of: account` tell of it)" if graph.to == "members" else ""
        )
        yield f"the trigger never occurred{whose} in these nights"
    verdicts = {(look.night.run, look.node): look.verdict for look in story.looks if look.where == "node"}
    for move in story.transitions:
        node = graph.nodes[move.from_node] if move.from_node is not None else None
        reason = node.reason if isinstance(node, Exit) and move.to_node is None else move.reason
        line = f"{graph.file}:{node.line}" if node is not None and node.line else ""
        step = f"  {node.step}" if node is not None else ""
        yield f"{story.clock(move.at)}  {reason}{step}{f'  ({line})' if line else ''}"
        if move.reason in ("yes", "no") and (move.run, move.from_node) in verdicts:
            yield from (f"    {text}" for text in verdicts[move.run, move.from_node].lines())


def _nights(case: JourneyCase, cadence: str) -> list[Night]:
    if case.nights.instants is not None:
        instants = list(case.nights.instants)
    else:
        first, last = case.nights.from_, case.nights.until
        assert first is not None and last is not None
        instant = following(cadence, dt.datetime.combine(first, dt.time(), UTC) - dt.timedelta(microseconds=1))
        instants = []
        while instant.date() <= last:
            instants.append(instant)
            instant = following(cadence, instant)
    return [Night.of(run, instant, cadence) for run, instant in enumerate(instants, 1)]


def _customer(attributes: Mapping[str, Any], zone: str) -> Customer:
    present = {name: value for name, value in attributes.items() if value is not None}
    customer_id = str(present.get("customer_id", "c1"))
    return Customer(customer_id, str(present.get("timezone", zone)), present)


def _tables(case: JourneyCase, stage: Stage) -> Tables:
    """The rows that the test gives, by key; of several with one key the first counts."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for table, rows in case.tables.items():
        for row in rows:
            key = as_text(row.get(stage.keys.get(table, "")))
            present = {name: value for name, value in row.items() if value is not None and value != ""}
            if key:
                found.setdefault(table, {}).setdefault(key, present)
    return found


def _account(case: JourneyCase, customer: Customer, zone: str) -> Customer | None:
    """The account of the test; without an id of its own it is the one that the customer names."""
    if not case.account and all(one.of == "customer" for one in case.events):
        return None
    named = customer.attributes.get("account_id", "account")
    return _customer({"customer_id": named, **case.account}, zone)


def _contact(case: JourneyCase, customer: Customer, zone: str) -> Customer | None:
    """The contact of the test; without an id of its own it is the one that the customer names."""
    if not case.contact:
        return None
    return _customer({"customer_id": customer.attributes.get("contact_id", "contact"), **case.contact}, zone)


def _pointing(customer: Customer, **others: Customer | None) -> Customer:
    """The customer with the ids of those of the test, unless they say another themself."""
    ids = {name: other.customer_id for name, other in others.items() if other is not None}
    return replace(customer, attributes={**ids, **customer.attributes})


def _rows(case: JourneyCase, of: str, customer_id: str) -> Iterator[Event]:
    for index, one in enumerate(case.events):
        if one.of != of:
            continue
        event_id = one.id or f"event {index + 1:04}"
        yield Event(event_id, customer_id, one.name, one.at, one.properties, one.received_at)


def _of_pass(row: Event, life: Life, graph: Graph, night: Night) -> Event:
    """An answer belongs to the pass that asked, a task that is done to the pass that gave it: the newest by then."""
    theirs = row.name in (ANSWER_GIVEN, TASK_DONE) and "enrollment_id" not in row.properties
    if not theirs or row.occurred_at > night.as_of:
        return row
    asked = [one for one in life.state.passes if one.journey == graph.journey and one.entered_at < row.occurred_at]
    if not asked:
        return row
    newest = max(asked, key=lambda one: one.entered_at)
    if row.name == TASK_DONE:
        return _done(row, newest, graph)
    given = {name: str(row.properties.get(name)) for name in ("question", "answer")}
    claim = Claim(ANSWER, row.customer_id, None, None, newest.enrollment_id, **given)
    return replace(answered(claim, row.occurred_at), received_at=row.received_at)


def _done(row: Event, one: Enrollment, graph: Graph) -> Event:
    """The task of a step is done; a journey with one task needs no `step`."""
    steps = {node.step for node in graph.nodes if isinstance(node, Emit) and isinstance(node.effect, Task)}
    step = row.properties.get("step", min(steps) if len(steps) == 1 else None)
    if step is None:
        return row
    task_id = identity(one.enrollment_id, str(step), "1")
    own = {"task_id": task_id, "journey": one.journey, "enrollment_id": one.enrollment_id, "step": step}
    return replace(row, event_id=f"{task_id}:done", properties={**row.properties, **own})


def _with_asked(graph: Graph, rules: Rules) -> tuple[Graph, ...]:
    """The tested journey with those that it asks about, that start it, and that enroll into it."""
    known = {one.journey: one for one in rules.journeys} | {graph.journey: graph}
    wanted, found = [graph.journey], {}
    for one in rules.definitions:
        wanted += [leaf.name for leaf in leaves(one.predicate) if isinstance(leaf, InJourney)]
    while wanted:
        name = wanted.pop()
        if name in known and name not in found:
            found[name] = known[name]
            wanted += [*_asked(known[name]), *(one.journey for one in known.values() if name in _enrolls(one))]
    return tuple(found[name] for name in sorted(found))


def _enrolls(graph: Graph) -> set[str]:
    effects = (node.effect for node in graph.nodes if isinstance(node, Emit))
    return {effect.journey for effect in effects if isinstance(effect, Enroll)}


def _asked(graph: Graph) -> Iterator[str]:
    if isinstance(graph.trigger, OnPass):
        yield graph.trigger.journey
    predicates = [graph.audience, graph.exit_when, graph.goal.predicate if graph.goal else None]
    predicates += [getattr(node, "predicate", None) for node in graph.nodes]
    for predicate in predicates:
        if predicate is not None:
            yield from (leaf.name for leaf in leaves(predicate) if isinstance(leaf, InJourney))


def _drawn(graph: Graph, case: JourneyCase) -> Graph:
    """The journey with the arms that the test chooses; who is held out is the test's word too."""
    splits = {
        step for node in graph.nodes if isinstance(node, Gate) and node.arm in case.arms for step in node.steps[-1:]
    }

    def chosen(node: Node) -> Node:
        if not isinstance(node, Gate) or node.arm is None or node.step not in splits:
            return node
        return node.model_copy(update={"predicate": ALWAYS if node.arm in case.arms else Not(item=ALWAYS)})

    return graph.model_copy(update={"nodes": tuple(map(chosen, graph.nodes)), "holdout": None})


def _given(one: Decision) -> bool:
    return one.kind is DecisionKind.TASK and one.state is not DecisionState.WITHHELD


def _title(task: Decision, renderer: Renderer) -> str:
    """The title as the team reads it, or why it cannot be worded."""
    reference = MessageRef(task.decision_id, task.customer_id)
    try:
        return renderer.render_line(task.payload["title"], task.payload["values"], reference)
    except RenderError as error:
        return f"(no title: {error.message})"
    except Aborted as error:
        return f"(no title: {error})"
