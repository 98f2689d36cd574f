"""One run for one customer: memberships, the passes that stood, the occurrences, the passes that begin.

The order is the contract's; `sweep` does the same for everyone at once and shares no code with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from journey_engine.graph import Graph
from journey_engine.records import (
    Customer,
    Decision,
    DecisionKind,
    DecisionState,
    Enrollment,
    Transition,
    identity,
)
from journey_engine.rules import ALL_JOURNEYS, Night, Rules, begun, time_triggered
from journey_engine.walk.accounts import Account, Opened, Other
from journey_engine.walk.caps import counts, decide_all, sending
from journey_engine.walk.effects import Look, Tables, Tonight, suppress
from journey_engine.walk.finding import Found, as_other, look_around, watching
from journey_engine.walk.ledger import (
    CustomerState,
    Enrolled,
    LedgerEvent,
    Overlay,
    Sending,
    WalkResult,
    WorldState,
    in_order,
)
from journey_engine.walk.occurrences import Occurrence, Past, admitted, backfilled, eligible, visible
from journey_engine.walk.passes import Walking, begin_pass, walk_pass


@dataclass(slots=True)
class _Rows:
    """What the run leaves, in the order in which passes began to move."""

    passes: dict[str, Enrollment]
    walked: list[Walking] = field(default_factory=list)

    def keep(self, walking: Walking) -> None:
        self.passes[walking.one.enrollment_id] = walking.one
        self.walked.append(walking)

    @property
    def transitions(self) -> list[Transition]:
        return [move for walking in self.walked for move in walking.transitions]

    @property
    def decisions(self) -> list[tuple[int, Decision]]:
        return [decision for walking in self.walked for decision in walking.decisions]


@dataclass(frozen=True, slots=True)
class Begun:
    """One customer's run until each of their passes rests or stands at a message that a cap may hold back."""

    found: Found
    rows: _Rows
    considered: Mapping[tuple[str, str], dt.datetime]
    state: CustomerState
    events: Sequence[LedgerEvent]

    @property
    def walked(self) -> Sequence[Walking]:
        """The passes that moved, or could have."""
        return self.rows.walked


def begin_night(
    rules: Rules,
    night: Night,
    world: WorldState,
    customer: Customer,
    state: CustomerState,
    events: Sequence[LedgerEvent],
    blocked: frozenset[str] = frozenset(),
    watch: Callable[[Look], None] | None = None,
    account: Account | None = None,
    contact: Other | None = None,
    tables: Tables | None = None,
) -> Begun:
    """What one run does to one customer before caps are asked; `blocked` passes still have messages of earlier runs.

    `watch` is told of every condition asked. `account` and `contact` are those that the customer points to. The same
    input gives the same rows.
    """
    head = account.who if account is not None else None
    found = look_around(rules, night, world, customer, state, events, blocked, watch, head, contact, tables)
    rows = _Rows({one.enrollment_id: one for one in state.passes})
    _old_passes(found.tonight, world, rows)
    considered = _entries(found.tonight, world, found.past, state.considered, rows, account)
    return Begun(found, rows, considered, state, events)


def ask_caps(
    rules: Rules, begun: Sequence[Begun], unsent: frozenset[str] = frozenset(), away: Sequence[Sending] = ()
) -> None:
    """Decide what stands at caps, of all who may write to the same people.

    `unsent` are messages that were skipped, refused or cancelled after their run: no cap counts them. `away` are what
    the passes of customers sent who are absent tonight: their contact got it all the same.
    """
    sent = [*away, *(one for each in begun for one in each.state.sendings)]
    decide_all(rules.caps, [walking for each in begun for walking in each.walked], sent, unsent)


def end_night(night: Night, begun: Begun) -> WalkResult:
    """The rows that the run leaves, now that every pass rests."""
    found, rows, state = begun.found, begun.rows, begun.state
    customer = found.tonight.customer
    sets = [(seq, one) for seq, one in rows.decisions if one.kind is DecisionKind.SET]
    kept = [(seq, one) for seq, one in sets if one.state is not DecisionState.WITHHELD]
    sendings = (*state.sendings, *(sending(one) for _, one in rows.decisions if counts(one)))
    enrolled = (*state.enrolled, *(_enrolled(one) for _, one in rows.decisions if _enrolls(one)))
    taken = in_order(event.first for event in begun.events if event.first.received_at == night.as_of)
    suppressions = [suppress(night, event) for event in taken if event.name == "unsubscribed"]
    passes = rows.passes | {walking.one.enrollment_id: walking.one for walking in rows.walked}
    return WalkResult(
        CustomerState(
            tuple(passes.values()),
            _set(found.overlays, customer, kept),
            found.past.members,
            found.past.watched,
            enrolled,
            begun.considered,
            sendings,
        ),
        tuple(rows.transitions),
        (*suppressions, *(decision for _, decision in rows.decisions)),
        found.new_events,
    )


def walk_night(
    rules: Rules,
    night: Night,
    world: WorldState,
    customer: Customer | None,
    state: CustomerState,
    events: Sequence[LedgerEvent],
) -> WalkResult:
    """One run of one customer alone. Without a customer in tonight's data nothing changes (rule 10)."""
    if customer is None:
        return WalkResult(state)
    begun = begin_night(rules, night, world, customer, state, events)
    ask_caps(rules, [begun])
    return end_night(night, begun)


def account_tonight(
    rules: Rules,
    night: Night,
    world: WorldState,
    customer: Customer,
    state: CustomerState,
    events: Sequence[LedgerEvent],
    watch: Callable[[Look], None] | None = None,
) -> Account:
    """What the nights of a customer's members are to be told; nothing of it waits for what passes do tonight."""
    found = look_around(rules, night, world, customer, state, events, watch=watch)
    opened = [
        Opened(graph.journey, one, at)
        for graph in rules.journeys
        if graph.to == "members"
        for one, at in _heard(
            found.tonight, graph, _coming(found.tonight, world, found.past, graph, state.considered)[1]
        )
    ]
    return Account(as_other(rules, customer, state), tuple(opened))


def after_run(rules: Rules, night: Night, world: WorldState) -> WorldState:
    """The project's state after a run: its journeys have run, its definitions, and no others, have a baseline.

    Journeys that ran before and are paused or gone were held; those with a mistake look back further when mended.
    """
    live = {graph.journey for graph in rules.journeys}
    ran = [graph for graph in rules.journeys if begun(graph, night, ran=graph.journey in world.last_run)]
    return WorldState(
        {**world.last_run, **{graph.journey: night.as_of for graph in ran}},
        {(one.of, one.name): one.version for one in rules.definitions},
        watching(rules, world),
        {**world.held, **{name: night.as_of for name in world.last_run if name not in live | rules.aside}},
    )


def _old_passes(tonight: Tonight, world: WorldState, rows: _Rows) -> None:
    """Passes of journeys that are live tonight; those of a journey set aside stand still."""
    live = {graph.journey: graph for graph in tonight.rules.journeys}
    graphs = {(graph.journey, graph.version): graph for graph in tonight.rules.graphs}
    for one in tonight.before:
        graph, now = graphs.get((one.journey, one.version)), live.get(one.journey)
        if graph is not None and now is not None:
            rows.keep(walk_pass(tonight, graph, one, world.last_run.get(one.journey), now))


def _entries(
    tonight: Tonight,
    world: WorldState,
    past: Past,
    considered: Mapping[tuple[str, str], dt.datetime],
    rows: _Rows,
    account: Account | None,
) -> dict[tuple[str, str], dt.datetime]:
    """Begin the passes of every journey, and return which occurrences are done with (rule 2)."""
    kept = dict(considered)
    edge = tonight.rules.accept_late.before(tonight.night.as_of)
    for graph in tonight.rules.journeys:
        seen, chosen = _coming(tonight, world, past, graph, considered)
        if graph.to != "members":
            _begin(tonight, graph, _heard(tonight, graph, chosen), rows)
        elif account is not None:
            _begin(tonight, graph, list(account.of(graph.journey)), rows, account.customer_id)
        kept |= {(graph.journey, one.key): one.instant for one in seen}
        kept = {name: at for name, at in kept.items() if name[0] != graph.journey or at > edge}
    return kept


def _in_period(graph: Graph, instant: dt.datetime) -> bool:
    """Whether an occurrence lies between the journey's `starts` and `ends`."""
    begins = graph.starts is None or instant >= graph.starts
    return begins and (graph.ends is None or instant < graph.ends)


def _coming(
    tonight: Tonight, world: WorldState, past: Past, graph: Graph, considered: Mapping[tuple[str, str], dt.datetime]
) -> tuple[list[Occurrence], list[tuple[Occurrence, dt.datetime]]]:
    """The occurrences of a journey that this run is done with, and those that may start a pass, each with its entry."""
    last_run, accept_late = world.looked(graph.journey), tonight.rules.accept_late
    if not begun(graph, tonight.night, ran=last_run is not None):
        return [], []
    # A run is done with all that a later run would still see: a first run enters from one interval only, and a month
    # before the last of one can lie earlier than a month before the day before it.
    lower = accept_late.before(last_run) if last_run else tonight.night.since
    edge = min(lower, accept_late.before(tonight.night.as_of))
    missed = tonight.night.as_of if last_run is None or last_run >= tonight.night.since else last_run
    seen = visible(graph, replace(past, missed_from=missed), tonight.night, edge)
    new = [
        one
        for one in seen
        if one.instant > lower and (graph.journey, one.key) not in considered and _in_period(graph, one.instant)
    ]
    return seen, _first_run(graph, past, tonight.night, new) if last_run is None else _later(graph, new, tonight)


def _later(graph: Graph, new: Sequence[Occurrence], tonight: Tonight) -> list[tuple[Occurrence, dt.datetime]]:
    return [(one, one.instant) for one in eligible(graph, new, tonight.night.as_of)]


def _first_run(
    graph: Graph, past: Past, night: Night, new: Sequence[Occurrence]
) -> list[tuple[Occurrence, dt.datetime]]:
    """A journey's first run looks back one interval; `backfill: current` takes what stands (rules 2, 10)."""
    if graph.backfill == "current" and not time_triggered(graph):
        if graph.ends is not None and night.as_of >= graph.ends:
            return []
        return [(one, night.as_of) for one in backfilled(graph, past, night)]
    return [(one, one.instant) for one in eligible(graph, new, night.as_of)]


def _heard(
    tonight: Tonight, graph: Graph, chosen: list[tuple[Occurrence, dt.datetime]]
) -> list[tuple[Occurrence, dt.datetime]]:
    """Those of the audience."""
    wanted = []
    for one, at in chosen:
        scene = replace(tonight.scene(), trigger=one.data)
        if tonight.asks(graph.journey, "audience", graph.audience, scene):
            wanted.append((one, at))
    return wanted


def _begin(
    tonight: Tonight,
    graph: Graph,
    wanted: list[tuple[Occurrence, dt.datetime]],
    rows: _Rows,
    account_id: str | None = None,
) -> None:
    """Re-entry, then the first run of each new pass; members of an account are held out together (rules 11, 27)."""
    standing = [one for one in rows.passes.values() if one.journey == graph.journey]
    customer_id, run = tonight.customer.customer_id, tonight.night.run
    held_out = _held_out(tonight.rules, graph, account_id or customer_id)
    for enrollment, one in admitted(graph, customer_id, run, wanted, standing):
        begun = replace(enrollment, held_out=held_out, account_id=account_id)
        rows.keep(begin_pass(tonight, graph, begun, one.event_id))


def _held_out(rules: Rules, graph: Graph, customer_id: str) -> bool:
    """Whether the customer is held out of all journeys or of this one (rule 11)."""
    drawn = ((rules.holdout, ALL_JOURNEYS), (graph.holdout, graph.journey))
    return any(below is not None and identity(salt, customer_id)[:8] < below for below, salt in drawn)


def _set(
    overlays: Mapping[str, Overlay], customer: Customer, decisions: Sequence[tuple[int, Decision]]
) -> dict[str, Overlay]:
    """The overlays after the run, applied in the order in which they take effect."""
    after = dict(overlays)
    for _, decision in sorted(decisions, key=lambda row: (row[1].due_at, row[1].enrollment_id, row[0])):
        for name, value in decision.payload["attributes"].items():
            after[name] = Overlay(value, customer.attributes.get(name))
    return after


def _enrolls(decision: Decision) -> bool:
    return decision.kind is DecisionKind.ENROLL and decision.state is DecisionState.PENDING


def _enrolled(decision: Decision) -> Enrolled:
    """What the next run may let in; its key is the decision's own id, so it happens once."""
    wanted = str(decision.payload["journey"])
    return Enrolled(wanted, decision.decision_id, decision.due_at, decision.journey, decision.step)
