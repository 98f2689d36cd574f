"""Which journeys make a night fail: found by halves, each with what the engine said about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from journey_engine.engines import QueryFailed
from journey_engine.errors import JourneyError
from journey_engine.graph import Graph
from journey_engine.rules import Rules

Failure = Callable[[Rules], str | None]
"""Tries a night with some rules and tells what the engine said when it failed; keeps nothing."""


def without_culprits(rules: Rules, failure: Failure, error: QueryFailed) -> tuple[Rules, dict[str, str]]:
    """The rules without the journeys that fail, and why each does.

    Raises JourneyError when the night fails for another reason than a journey: a segment, a stage, or the engine.
    """
    if failure(_only(rules, ())) is not None:
        raise _beyond_journeys(rules, failure, error)
    found = {graph.journey: (graph.file, said) for graph, said in _culprits(rules, rules.journeys, failure)}
    if not found:
        raise unexplained(error)
    left = [graph for graph in rules.journeys if graph.journey not in found]
    left_alone = replace(_only(rules, left), aside=rules.aside | found.keys())
    return left_alone, {name: f"{file}: its SQL failed: {said}" for name, (file, said) in found.items()}


def _culprits(rules: Rules, journeys: Sequence[Graph], failure: Failure) -> list[tuple[Graph, str]]:
    said = failure(_only(rules, journeys)) if journeys else None
    if said is None:
        return []
    if len(journeys) == 1:
        return [(journeys[0], said)]
    middle = len(journeys) // 2
    return [*_culprits(rules, journeys[:middle], failure), *_culprits(rules, journeys[middle:], failure)]


def _only(rules: Rules, journeys: Sequence[Graph]) -> Rules:
    """The rules with some of the journeys, in every version."""
    names = {graph.journey for graph in journeys}
    pinned = tuple(graph for graph in rules.pinned if graph.journey in names)
    return replace(rules, journeys=tuple(journeys), pinned=pinned)


def _beyond_journeys(rules: Rules, failure: Failure, error: QueryFailed) -> JourneyError:
    """The error that names the segment or stage at fault, if it is one."""
    for definition in rules.definitions:
        said = failure(replace(_only(rules, ()), definitions=(definition,)))
        if said is not None and failure(replace(_only(rules, ()), definitions=())) is None:
            return JourneyError(
                f"journeys/project.yaml: the {definition.of} '{definition.name}' cannot be evaluated: {said}",
                remedy="mend it there; nothing was changed",
                code="definition-failed",
            )
    return unexplained(error)


def unexplained(error: QueryFailed) -> JourneyError:
    """The error of a night that cannot be computed, whatever the journeys say."""
    return JourneyError(
        f"the night cannot be computed: {error.message}",
        remedy="`journey run --dry-run --show-sql` prints the statement; nothing was changed",
        code="night-failed",
    )
