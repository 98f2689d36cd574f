"""A pass told move by move: what happened, when, and the line of YAML that caused it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from journey_engine.explain.history import Decided, History
from journey_engine.graph import (
    Await,
    ComingDate,
    Emit,
    Enroll,
    Exit,
    Gate,
    Graph,
    Message,
    NextTime,
    Reward,
    SetAttributes,
    Task,
    Webhook,
)
from journey_engine.load import LoadedProject
from journey_engine.records import Enrollment, Event, PassState, Transition
from journey_engine.times import iso
from journey_engine.walk import Scene
from journey_engine.walk.moments import coming_date, next_time
from journey_engine.walk.trace import Verdict, events_in_words, trace

WORDS = {
    "waited": "the wait was over",
    "timeout": "nothing came in time",
    "yes": "the condition held",
    "no": "the condition did not hold",
    "exit_when": "left, because exit_when held",
    "finished": "reached the end",
    "date_gone": "ended: the date that it waited for is gone",
    "followed": "went on in the changed journey",
    "step_removed": "left, because its step was taken out of the journey",
}
"""What a move says by its reason alone."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What the mailroom says of a message."""

    state: str
    reason: str | None
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A place in a journey file, with what stands there; no text when the file has changed since."""

    file: str
    number: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """One move: when, in a few words, caused by which line, with what a condition saw."""

    at: dt.datetime
    run: int
    words: str
    line: Line | None
    seen: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One pass from its entry to where it stands."""

    journey: str
    version: str
    current: bool  # whether the pass stands in the version that the file holds now
    entered_at: dt.datetime
    state: str
    reason: str | None
    closed_at: dt.datetime | None
    goal_at: dt.datetime | None
    held_out: bool
    moves: tuple[Move, ...]
    waits: str | None
    waits_at: Line | None


def tell(one: Enrollment, history: History, loaded: LoadedProject, posted: Mapping[str, Posted]) -> Story:
    """The story of one pass."""
    graph, current = _graph(one, history, loaded)
    decisions = history.decisions.get(one.enrollment_id, ())
    moves = []
    for stood, move in _versions(one, history.moves.get(one.enrollment_id, ())):
        there, now = _graph(replace(one, version=stood), history, loaded)
        told = _Telling(one, history, there, posted, decisions)
        moves.append(told.move(move, _line(there, move, loaded, current=now)))
    is_open = one.state is PassState.OPEN
    return Story(
        journey=one.journey,
        version=one.version,
        current=current,
        entered_at=one.entered_at,
        state=one.state.value,
        reason=one.reason,
        closed_at=one.closed_at,
        goal_at=one.goal_at,
        held_out=one.held_out,
        moves=tuple(moves),
        waits=_waits(one, graph, loaded, history) if is_open else None,
        waits_at=_node_line(graph, one.node, loaded, current=current) if is_open else None,
    )


def _versions(one: Enrollment, moves: Sequence[Transition]) -> Iterator[tuple[str, Transition]]:
    """Each move with the version that the pass stood in: one that followed a change has seen the version it left."""
    left = [move.seen for move in moves if move.reason == "followed"]
    for move in moves:
        yield (left[0] if left and left[0] else one.version), move
        if move.reason == "followed":
            left.pop(0)


def _graph(one: Enrollment, history: History, loaded: LoadedProject) -> tuple[Graph | None, bool]:
    """The graph that the pass stands in; the file's own when it is the same, because its lines are today's."""
    now = loaded.journeys.get(one.journey)
    if now is not None and now.graph is not None and now.graph.version == one.version:
        return now.graph, True
    return history.graphs.get((one.journey, one.version)), False


@dataclass(frozen=True, slots=True)
class _Telling:
    one: Enrollment
    history: History
    graph: Graph | None
    posted: Mapping[str, Posted]
    decisions: Sequence[Decided]

    def move(self, move: Transition, line: Line | None) -> Move:
        node = self.graph.nodes[move.from_node] if self.graph and move.from_node is not None else None
        seen: Verdict | None = None
        if isinstance(node, Gate) and move.seen is None:
            seen = trace(node.predicate, scene(self.history, self.one, self.history.runs[move.run]))
        return Move(move.at, move.run, self._words(move, node), line, move.seen, seen)

    def _words(self, move: Transition, node: Emit | Await | Gate | Exit | None) -> str:
        match move.reason:
            case "entered":
                account = f" as a member of the account {self.one.account_id}" if self.one.account_id else ""
                return f"entered{account}{self._because(move.event_id)}"
            case "sent" | "task" | "set" | "enroll" | "reward" | "webhook":
                return self._effect(move, node)
            case "event":
                return f"what it waited for came{self._because(move.event_id)}"
            case "yes" | "no" if isinstance(node, Gate) and node.arm is not None:
                return f"drew arm {node.arm}" if move.reason == "yes" else f"did not draw arm {node.arm}"
            case "goal":
                return f"reached its goal{self._because(move.event_id)}"
            case reason if reason.startswith("cap:"):
                then = "ended" if move.to_node is None else f"put off until {iso(move.at)}"
                return f"{_letter(node)} held back by the cap {reason.removeprefix('cap:')}, {then}"
            case reason:
                return WORDS.get(reason, f"ended: {reason}")

    def _because(self, event_id: str | None) -> str:
        known = [*self.history.first, *(self.history.account.first if self.history.account else ())]
        found = next((event for event in known if event.event_id == event_id), None)
        return f" by {_named(found)}" if found else ""

    def _effect(self, move: Transition, node: Emit | Await | Gate | Exit | None) -> str:
        if not isinstance(node, Emit):
            return move.reason
        found = [one for one in self.decisions if (one.step, one.occurrence) == (node.step, node.occurrence)]
        match node.effect:
            case Message(template=template, ways=ways):
                reader = found[0].payload.get("addressee") if found else None
                whom = f" to the contact {reader}" if reader else ""
                whom += f" by {found[0].payload['channel']}" if found and ways else ""
                return f"letter {template}{whom}" + (f": {self._fate(found[0])}" if found else "")
            case Task(team=team):
                told = f", to begin {iso(found[0].due_at)}" if found and found[0].state != "withheld" else ""
                return f"task for {team}{told}{_withheld(found)}"
            case Reward(program=program):
                told = f", given at {iso(found[0].due_at)}" if found and found[0].state != "withheld" else ""
                return f"reward of {program}{told}{_withheld(found)}"
            case Webhook(to=endpoint):
                return f"webhook {endpoint}" + (f": {self._fate(found[0])}" if found else "")
            case SetAttributes(assignments=assignments):
                return "set " + ", ".join(assignment.attribute for assignment in assignments) + _withheld(found)
            case Enroll(journey=journey):
                return f"enrolled into journey {journey}{_withheld(found)}"

    def _fate(self, decided: Decided) -> str:
        posted = self.posted.get(decided.decision_id)
        state, reason = (posted.state, posted.reason) if posted else (decided.state, decided.reason)
        why = f" ({reason})" if reason else ""
        if state == "pending":
            return f"pending{why}, leaves at {iso(decided.due_at)} or later"
        return f"{state}{why}" + (f" at {iso(posted.at)}" if posted else "")


def _letter(node: Emit | Await | Gate | Exit | None) -> str:
    return (
        f"letter {node.effect.template}" if isinstance(node, Emit) and isinstance(node.effect, Message) else "a letter"
    )


def _withheld(found: Sequence[Decided]) -> str:
    return f", withheld ({found[0].reason})" if found and found[0].state == "withheld" else ""


def _named(event: Event) -> str:
    return f"event {event.event_id} ({event.name} of {iso(event.occurred_at)})"


def scene(history: History, one: Enrollment | None, as_of: dt.datetime) -> Scene:
    """What a condition could look at in a run; attributes are those of the last one."""
    known = [
        event
        for event in history.newest
        if event.occurred_at <= as_of and (event.received_at is None or event.received_at <= as_of)
    ]
    attributes = {"customer_id": history.customer_id, **(history.attributes or {})}
    trigger = one.trigger if one else {}
    return Scene(as_of, attributes, known, history.passes, trigger, one)


def _line(graph: Graph | None, move: Transition, loaded: LoadedProject, *, current: bool) -> Line | None:
    if graph is None:
        return None
    if move.from_node is None:
        return line_of(graph.file, graph.trigger_line, loaded, current=current)
    number = {"goal": graph.goal_line, "exit_when": graph.exit_line}.get(move.reason)
    if number:
        return line_of(graph.file, number, loaded, current=current)
    return _node_line(graph, move.from_node, loaded, current=current)


def _node_line(graph: Graph | None, node: int, loaded: LoadedProject, *, current: bool) -> Line | None:
    return line_of(graph.file, graph.nodes[node].line, loaded, current=current) if graph else None


def line_of(file: str, number: int, loaded: LoadedProject, *, current: bool = True) -> Line | None:
    """A line of a journey file."""
    if number < 1:
        return None
    lines = loaded.sources.get(file, ()) if current else ()
    return Line(file, number, lines[number - 1].strip() if number <= len(lines) else None)


def _waits(one: Enrollment, graph: Graph | None, loaded: LoadedProject, history: History) -> str:
    if still := _still(one.journey, loaded, history):
        return f"stands still: {still}"
    if graph is None:
        return "stands still: its version of the journey is gone"
    node = graph.nodes[one.node]
    match node:
        case Await(delay=delay) if delay is not None:
            return f"waits until {iso(delay.after(one.reached_at))}"
        case Await(until=moment) if moment is not None:
            return _moment(moment, one, history, loaded.project.timezone)
        case Await(events=wanted, timeout=timeout):
            until = f", until {iso(timeout.after(one.reached_at))} at the latest" if timeout else ""
            return f"waits for {events_in_words(wanted)}{until}" if wanted else "waits"
        case Gate():
            return f"looks at its condition in the first night from {iso(one.reached_at)} on"
        case Emit(effect=Message(template=template)) if one.meant_at is not None:
            return f"decides letter {template} at {iso(one.reached_at)}; a cap put it off from {iso(one.meant_at)}"
        case Emit(effect=Message(template=template)):
            return f"decides letter {template} in the next night in which no earlier letter of it is still pending"
        case Emit():
            return f"goes on at {iso(one.reached_at)}"
        case Exit():
            return f"ends at {iso(one.reached_at)}"


def _still(journey: str, loaded: LoadedProject, history: History) -> str | None:
    """Why no run moves the passes of a journey, with the first run in which none did, where that is known (rule 20)."""
    found = loaded.journeys.get(journey)
    if found is None:
        why = "the journey is no longer in the project"
    elif not found.sound:
        why = "the journey has problems; `journey validate` shows them"
    elif found.journey is None or found.journey.status == "live":
        return None
    else:
        why = "the journey is a draft" if found.journey.status == "draft" else f"the journey is {found.journey.status}"
    moved = history.ran.get(journey)
    since = min((at for at in history.runs.values() if moved is not None and at > moved), default=None)
    return f"{why}, since the run of {iso(since)}" if since else f"{why}, from the next run on"


def _moment(until: NextTime | ComingDate, one: Enrollment, history: History, zone: str) -> str:
    """Until when a pass waits for a moment, as the last run saw the customer."""
    attributes = history.attributes or {}
    zone = until.zone or str(attributes.get("zone_in_force") or zone)
    match until:
        case NextTime():
            return f"waits until {iso(next_time(until, one.reached_at, zone))}"
        case ComingDate(attribute=attribute):
            due = coming_date(until, one.reached_at, zone, attributes)
            return f"waits for customer.{attribute}" + (f", until {iso(due)}" if due else ", which is missing")
        case _:
            assert_never(until)
