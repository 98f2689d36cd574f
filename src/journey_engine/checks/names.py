"""Names that lead somewhere: journeys, topics, steps, attributes."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.checks.scope import Scope, Subject, customer_conditions
from journey_engine.conditions import (
    ArmCondition,
    EventCondition,
    JourneyCondition,
    MessageCondition,
    RewardCondition,
    SubscribedCondition,
)
from journey_engine.errors import Place, Problem, nearest
from journey_engine.graph import Emit, Gate, Message, OnChange, OnDate
from journey_engine.load.parts import Words, of_kind
from journey_engine.steps.enroll import EnrollStep
from journey_engine.steps.send import EventLines
from journey_engine.steps.wait import Wait
from journey_engine.steps.wait_for import WaitFor
from journey_engine.triggers.journey import JourneyTrigger
from journey_engine.yamlfile import Path, Positions


def unknown_journeys(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """`journey: welcom` where no journey has that name."""
    yield from journeys_named(scope, subject.words, subject.loaded.positions)


def journeys_named(scope: Scope, words: Words, positions: Positions) -> Iterator[Problem]:
    """The same for project.yaml."""
    known = [one.name for one in scope.loaded.journeys.values()]
    for path, word in words:
        match word:
            case JourneyCondition(name=name) | JourneyTrigger(name=name):
                where = (*path, "name")
            case EnrollStep(journey=name):
                where = (*path, "journey")
            case _:
                continue
        if name not in known:
            message = f"unknown journey '{name}'{nearest(name, known)}"
            yield Problem(positions.of(where), message, "unknown-journey")


def unknown_topics(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """`subscribed: offer` where project.yaml defines no such topic, and a journey's own topic."""
    yield from topics_named(scope, subject.words, subject.loaded.positions)
    if subject.journey.topic is not None:
        yield from _topic(scope, subject.journey.topic, subject.loaded.positions.of(("topic",)))


def topics_named(scope: Scope, words: Words, positions: Positions) -> Iterator[Problem]:
    """The same for project.yaml."""
    for path, word in of_kind(SubscribedCondition, words):
        if word.topic is not None:
            yield from _topic(scope, word.topic, positions.of((*path, "topic")))


def _topic(scope: Scope, name: str, place: Place) -> Iterator[Problem]:
    known = list(scope.project.topics)
    if name not in known:
        allowed = ", ".join(known) or "none yet"
        message = f"unknown topic '{name}'{nearest(name, known)}; project.yaml defines: {allowed}"
        yield Problem(place, message, "unknown-topic")


def unknown_programs(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A condition on the rewards of a program that no file describes."""
    yield from programs_named(scope, subject.words, subject.loaded.positions)


def programs_named(scope: Scope, words: Words, positions: Positions) -> Iterator[Problem]:
    """The same for project.yaml."""
    known = [one.name for one in scope.loaded.file.programs]
    for path, word in of_kind(RewardCondition, words):
        if word.program not in known:
            message = f"unknown program '{word.program}'{nearest(word.program, known)}; journeys/programs has: "
            place = positions.of((*path, "program"))
            yield Problem(place, message + (", ".join(known) or "none yet"), "unknown-program")


def since_steps(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """`since:` names a step that a pass has left by then."""
    for path, word in subject.words:
        match word:
            case EventCondition(since=str(step)) | WaitFor(since=str(step)):
                words = ["entry"]
            case EventLines(since=str(step)):
                words = ["entry", "ever"]
            case _:
                continue
        if step in words:
            continue
        if path[:1] == ("audience",):
            message = "nobody has left a step before entering; use `within` in the audience"
            yield subject.at((*path, "since"), message, "outside-pass")
        elif step not in subject.paths:
            known = [*words, *subject.paths]
            message = f"unknown step '{step}'{nearest(step, known)}; known: {', '.join(known)}"
            yield subject.at((*path, "since"), message, "unknown-step")
        elif not left_before(subject, step, path):
            message = f"step '{step}' is not left before this place, so nothing would ever count"
            yield subject.at((*path, "since"), message, "later-step")


def left_before(subject: Subject, step: str, path: Path) -> bool:
    """Whether a pass can have left `step` when it stands at the step around `path`."""
    here = subject.step_at(path)
    if here is None:  # goal and exit_when are read all along
        return True
    here_nodes = [number for number in subject.nodes_of(here) if number in subject.reachable]
    outside = [number for number in here_nodes if step not in subject.graph.nodes[number].steps]
    return not here_nodes or bool(subject.reached_from(subject.nodes_of(step)).intersection(outside))


def arms(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """`arm: wram` where no split has that arm, and an arm that no pass has drawn by then."""
    gates = {node.arm: node for node in subject.graph.nodes if isinstance(node, Gate) and node.arm is not None}
    for path, word in of_kind(ArmCondition, subject.words):
        if path[:1] == ("audience",):
            yield subject.at(path, "nobody has drawn an arm before entering", "outside-pass", key=True)
        elif word.name not in gates:
            known = ", ".join(gates) or "this journey has no `split`"
            message = f"unknown arm '{word.name}'{nearest(word.name, list(gates))}; known: {known}"
            yield subject.at((*path, "name"), message, "unknown-arm")
        elif not _drawn_before(subject, gates[word.name], path):
            message = f"arm '{word.name}' is not drawn before this place, so this would never hold"
            yield subject.at((*path, "name"), message, "later-step")


def _drawn_before(subject: Subject, gate: Gate, path: Path) -> bool:
    here = subject.step_at(path)
    return here is None or not subject.reached_from([gate.next]).isdisjoint(subject.nodes_of(here))


def unknown_attributes(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A condition, a trigger or a wait on an attribute that no column provides: it would never hold."""
    yield from attributes_named(scope, subject.words, subject.loaded.positions)
    trigger = subject.graph.trigger
    if isinstance(trigger, OnDate):
        yield from _date(scope, subject, trigger.attribute, ("trigger", "date", "of"), "a date trigger")
    if isinstance(trigger, OnChange) and scope.attributes is not None and trigger.attribute not in scope.attributes:
        message = _no_column(scope, trigger.attribute)
        yield subject.at(("trigger", "changes", "attribute"), message, "unknown-attribute", "warning")
    for path, wait in of_kind(Wait, subject.words):
        if wait.until is not None and wait.until.date is not None:
            name = wait.until.date.removeprefix("customer.")
            yield from _date(scope, subject, name, (*path, "until", "date"), "a wait until a date")


def _date(scope: Scope, subject: Subject, attribute: str, at: Path, what: str) -> Iterator[Problem]:
    kind = scope.project.attributes.get(attribute)
    if scope.attributes is not None and attribute not in scope.attributes:
        yield subject.at(at, _no_column(scope, attribute), "unknown-attribute", "warning")
    elif kind is not None and kind.type not in ("date", "timestamp"):
        message = f"'{attribute}' is a {kind.type} in project.yaml; {what} needs a date"
        yield subject.at(at, message, "not-a-date")


def attributes_named(scope: Scope, words: Words, positions: Positions) -> Iterator[Problem]:
    """The same for project.yaml."""
    if scope.attributes is None:
        return
    for path, name in customer_conditions(words):
        if name not in scope.attributes:
            message = _no_column(scope, name)
            yield Problem(positions.of(path, key=True), message, "unknown-attribute", "warning")


def _no_column(scope: Scope, name: str) -> str:
    known = sorted(scope.attributes or ())
    where = scope.project.customers.path
    return f"no column of {where} and no `set` step provides '{name}'{nearest(name, known)}"


def messages_not_sent(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A condition on a message that no template makes, or that this journey never sends."""
    sent = {
        node.effect.template
        for node in subject.graph.nodes
        if isinstance(node, Emit) and isinstance(node.effect, Message)
    }
    known = list(scope.renderer.library.names)
    for path, word in of_kind(MessageCondition, subject.words):
        where = (*path, "template")
        if word.template not in known:
            hint = nearest(word.template, known)
            yield subject.at(where, f"there is no template '{word.template}'{hint}", "missing-template")
        elif word.template not in sent and not word.ever and path[:1] != ("audience",):
            message = f"this journey never sends '{word.template}'; write `ever: true` to mean any journey"
            yield subject.at(where, message, "never-sent", "warning")
