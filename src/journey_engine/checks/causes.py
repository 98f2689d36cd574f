"""Journeys that start other journeys: none leads back to itself."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.checks.scope import Scope, Subject
from journey_engine.errors import Problem
from journey_engine.graph import OnPass
from journey_engine.load.parts import of_kind
from journey_engine.steps.enroll import EnrollStep
from journey_engine.yamlfile import Path


def circular_journeys(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """Journeys that start each other in a circle, by `enroll` or a `journey` trigger: no customer would leave it."""
    own, trigger = subject.journey.journey, subject.graph.trigger
    starts: list[tuple[Path, str, str]] = [
        ((*path, "journey"), own, step.journey) for path, step in of_kind(EnrollStep, subject.words)
    ]
    if isinstance(trigger, OnPass):
        starts.append((("trigger", "journey", "name"), trigger.journey, own))
    for path, cause, begun in starts:
        way = _way(scope, begun, cause)
        if way:
            told = " starts ".join(f"'{name}'" for name in (cause, *way))
            message = f"journeys start each other without end: {told}; take one of these starts away"
            yield subject.at(path, message, "circular-journeys")


def _way(scope: Scope, begun: str, target: str) -> tuple[str, ...]:
    """The shortest chain of journeys from one to another, both included; empty when there is none."""
    ways: list[tuple[str, ...]] = [(begun,)]
    seen = {begun}
    for way in ways:
        if way[-1] == target:
            return way
        for name in sorted(scope.starts.get(way[-1], ())):
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()
