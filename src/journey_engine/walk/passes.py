"""Moves one pass through one run: its goal, `exit_when`, then its nodes until it rests (rule 12)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import assert_never

from journey_engine.graph import Await, ComingDate, Emit, Exit, Gate, Goal, Graph, Message, NextTime, Reward
from journey_engine.records import Decision, DecisionState, Enrollment, Event, PassState, Transition
from journey_engine.reversals import knowing
from journey_engine.walk.effects import Tonight, cancel, emit
from journey_engine.walk.judge import bounded, instant_of, matching, since
from journey_engine.walk.moments import coming_date, next_time

SENT = {"message": "sent", "task": "task", "set": "set", "enroll": "enroll", "reward": "reward", "webhook": "webhook"}


@dataclass(slots=True)
class Walking:
    """A pass on its way through one run, with the rows it leaves.

    `emitted`: it passed an effect. `at_cap`: it stands at this message, which a cap may hold back (rule 17).
    """

    tonight: Tonight
    graph: Graph
    one: Enrollment
    transitions: list[Transition] = field(default_factory=list)
    decisions: list[tuple[int, Decision]] = field(default_factory=list)  # with the `seq` of their move
    emitted: bool = False
    at_cap: Decision | None = None
    step_gone: bool = False  # its step is not in the version that it should follow into

    @property
    def as_of(self) -> dt.datetime:
        return self.tonight.night.as_of

    @property
    def due(self) -> bool:
        """Whether what time alone decides is decided in this run (rule 3)."""
        return self.one.reached_at < self.tonight.night.horizon

    def note(
        self,
        source: int | None,
        target: int | None,
        at: dt.datetime,
        reason: str,
        event: str | None,
        seen: str | None = None,
    ) -> None:
        """Keep the row of a move (rule 16)."""
        run, seq = self.tonight.night.run, len(self.transitions)
        self.transitions.append(Transition(self.one.enrollment_id, run, seq, source, target, at, reason, event, seen))

    def move(
        self, target: int, at: dt.datetime, reason: str, event: Event | None = None, reward: str | None = None
    ) -> None:
        """Go on to a node, remembering the steps that are left behind, with the event or the reward of the move."""
        event_id = event.event_id if event else None
        self.note(self.one.node, target, at, reason, event_id)
        left = dict.fromkeys(self.graph.left(self.one.node, target), (at, event_id or reward))
        steps = {**self.one.steps, **left}
        self.one = replace(self.one, node=target, reached_at=at, held=False, steps=steps, meant_at=None)

    def close(self, state: PassState, reason: str, at: dt.datetime) -> None:
        """End the pass."""
        self.note(self.one.node, None, at, reason, None)
        self.one = replace(self.one, state=state, reason=reason, closed_at=at)


def walk_pass(tonight: Tonight, graph: Graph, one: Enrollment, last_run: dt.datetime | None, newest: Graph) -> Walking:
    """One run of a pass that was there before, in the version that it stands in; `newest` is the journey's own."""
    walking = Walking(tonight, graph, one)
    if newest.on_change == "follow" and one.state is PassState.OPEN and graph.version != newest.version:
        _follow(walking, newest)
    _run(walking, last_run)
    return walking


def _follow(walking: Walking, newest: Graph) -> None:
    """Go on in the newest version, at the same step; where that is gone the pass will leave (rule 20)."""
    one = walking.one
    node = newest.place_of(walking.graph, one.node)
    if node is None:
        walking.step_gone = True
        return
    walking.note(one.node, node, one.reached_at, "followed", None, one.version)
    walking.graph = newest
    walking.one = replace(one, version=newest.version, node=node)


def begin_pass(tonight: Tonight, graph: Graph, one: Enrollment, event: str | None) -> Walking:
    """The first run of a pass that enters tonight."""
    walking = Walking(tonight, graph, one)
    walking.note(None, one.node, one.entered_at, "entered", event)
    _run(walking, None)
    return walking


def _run(walking: Walking, last_run: dt.datetime | None) -> None:
    if walking.graph.goal is not None and walking.one.goal_at is None:
        _goal(walking, walking.graph.goal, last_run)
    if walking.one.state is PassState.OPEN:
        _exit_when(walking)
    if walking.one.state is PassState.OPEN and walking.step_gone:
        _leave(walking, PassState.EXITED, "step_removed", "step_removed", walking.as_of)
    _walk_on(walking)


def _walk_on(walking: Walking) -> None:
    while walking.one.state is PassState.OPEN and _step(walking):
        pass


def go_on(walking: Walking, cap: str | None) -> None:
    """Decide the message that a pass stands at, and walk on; `cap` is the name of one that holds it back."""
    node, decision = walking.graph.nodes[walking.one.node], walking.at_cap
    assert isinstance(node, Emit) and isinstance(node.effect, Message) and decision is not None
    walking.at_cap = None
    if cap is None:
        _decided(walking, node, decision)
    else:
        _held_back(walking, node, node.effect, decision, f"cap:{cap}")
    _walk_on(walking)


def _held_back(walking: Walking, node: Emit, message: Message, decision: Decision, reason: str) -> None:
    """What `on_cap` says; a message that is put off is not decided yet."""
    one, skipped = walking.one, replace(decision, state=DecisionState.SKIPPED, reason=reason)
    match message.on_cap:
        case "skip":
            _decided(walking, node, skipped)
        case "exit":
            walking.decisions.append((len(walking.transitions), skipped))
            walking.close(PassState.EXITED, reason, decision.due_at)
        case "delay":
            assert message.cap_delay is not None
            later = message.cap_delay.after(decision.due_at)
            walking.note(one.node, one.node, later, reason, None)
            walking.one = replace(one, reached_at=later, meant_at=decision.reached_at)


def _goal(walking: Walking, goal: Goal, last_run: dt.datetime | None) -> None:
    """Credit the goal once, from entry to the end of its window, also to a pass already closed."""
    one, as_of = walking.one, walking.as_of
    end = goal.window.after(one.entered_at)
    if last_run is not None and last_run >= walking.tonight.rules.accept_late.after(end):
        return
    if as_of > end and not bounded(goal.predicate):
        return
    scene = walking.tonight.scene(one, min(as_of, end))
    if not walking.tonight.asks(one.journey, "goal", goal.predicate, scene):
        return
    instant = instant_of(goal.predicate, scene)
    walking.one = replace(one, goal_at=instant, goal_run=walking.tonight.night.run)
    if one.state is PassState.OPEN and not goal.stay:
        _leave(walking, PassState.CONVERTED, "goal", "converted", instant)


def _exit_when(walking: Walking) -> None:
    condition, one = walking.graph.exit_when, walking.one
    scene = walking.tonight.scene(one)
    if condition is not None and walking.tonight.asks(one.journey, "exit_when", condition, scene):
        _leave(walking, PassState.EXITED, "exit_when", "exit_when", instant_of(condition, scene))


def _leave(walking: Walking, state: PassState, reason: str, why: str, instant: dt.datetime) -> None:
    """Close before the end; the messages still pending are taken back (rule 14)."""
    at = max(instant, walking.one.reached_at)
    seq = len(walking.transitions)
    walking.close(state, reason, at)
    walking.decisions.append((seq, cancel(walking.tonight.night, walking.one, why, at)))


def _step(walking: Walking) -> bool:
    """Take one step; False when the pass rests."""
    node = walking.graph.nodes[walking.one.node]
    match node:
        case Emit():
            return _emit(walking, node)
        case Await(until=until) if until is not None:
            return _until(walking, node, until)
        case Await(events=None):
            return _delay(walking, node)
        case Await():
            return _await(walking, node)
        case Gate():
            return _gate(walking, node)
        case Exit():
            if walking.due:
                walking.close(PassState(node.state), node.reason, walking.one.reached_at)
            return walking.due
        case _:
            assert_never(node)


def _emit(walking: Walking, node: Emit) -> bool:
    one = walking.one
    pending = isinstance(node.effect, Message) and one.enrollment_id in walking.tonight.blocked
    if not walking.due or pending:
        return False
    knows = one.node in knowing(walking.graph)
    decision = emit(walking.tonight, node, one, to_contact=walking.graph.to == "contact", knows=knows)
    if isinstance(node.effect, Message) and decision.state is DecisionState.PENDING:
        topic, topic_class = node.effect.topic, node.effect.topic_class
        if any(cap.counts(topic, topic_class) for cap in walking.tonight.rules.caps):
            walking.at_cap = decision
            return False
    _decided(walking, node, decision)
    return True


def _decided(walking: Walking, node: Emit, decision: Decision) -> None:
    walking.decisions.append((len(walking.transitions), decision))
    walking.emitted = True
    given = decision.decision_id if isinstance(node.effect, Reward) else None
    walking.move(node.next, decision.due_at, SENT[node.effect.effect], reward=given)


def _delay(walking: Walking, node: Await) -> bool:
    if node.delay is None:
        raise ValueError(f"node {walking.one.node} of '{walking.one.journey}' awaits nothing")
    due = node.delay.after(walking.one.reached_at)
    if due >= walking.tonight.night.horizon:
        return False
    walking.move(node.next, due, "waited")
    return True


def _until(walking: Walking, node: Await, until: NextTime | ComingDate) -> bool:
    """Wait for a moment in the zone of tonight; a date that is gone ends the pass once it has arrived (rule 7)."""
    one, customer = walking.one, walking.tonight.customer
    zone = until.zone or customer.timezone
    match until:
        case NextTime():
            due: dt.datetime | None = next_time(until, one.reached_at, zone)
        case ComingDate():
            due = coming_date(until, one.reached_at, zone, walking.tonight.attributes)
        case _:
            assert_never(until)
    if due is None and one.reached_at <= walking.as_of:
        walking.close(PassState.EXITED, "date_gone", walking.as_of)
        return True
    if due is None or due >= walking.tonight.night.horizon:
        return False
    walking.move(node.next, due, "waited")
    return True


def _await(walking: Walking, node: Await) -> bool:
    """The earliest matching event after arrival and not after the deadline; else the deadline (rule 13)."""
    one, as_of = walking.one, walking.as_of
    if one.reached_at > as_of or node.events is None:
        return False
    deadline = node.timeout.after(one.reached_at) if node.timeout else None
    lower = since(node.since, one) if node.since else one.reached_at
    upper = min(as_of, deadline or as_of)
    if lower is not None:
        for event in matching(node.events, walking.tonight.scene(one)):
            if lower < event.occurred_at <= upper:
                walking.move(node.next, max(event.occurred_at, one.reached_at), "event", event)
                return True
    if deadline is not None and deadline <= as_of:
        otherwise = node.next if node.otherwise is None else node.otherwise
        walking.move(otherwise, deadline, "timeout")
        return True
    return False


def _gate(walking: Walking, node: Gate) -> bool:
    """Looks at what is known at `as_of`; ahead of it only before any effect of this run (rule 3).

    An arm is drawn at once: nothing that happens could change it.
    """
    one = walking.one
    if not walking.due:
        return False
    if one.reached_at > walking.as_of and node.arm is None:
        if walking.emitted:
            walking.one = replace(one, held=True)
        if walking.one.held:
            return False
    holds = walking.tonight.asks(one.journey, "node", node.predicate, walking.tonight.scene(one), one.node)
    walking.move(node.next if holds else node.otherwise, one.reached_at, "yes" if holds else "no")
    return True
