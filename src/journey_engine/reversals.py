"""Where a journey knows that a reward was taken back: what it decides there may tell of it.

Everywhere else a letter that names a reward would promise what is gone. Read from the graph, the same for everyone.
"""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.graph import Await, Emit, Exit, Gate, Graph
from journey_engine.predicates import AllOf, AnyOf, Happened, Not, Predicate

TOLD_BY = frozenset({"reward_reversed", "referral_voided"})


def knowing(graph: Graph) -> frozenset[int]:
    """The nodes to which a pass comes by no way but one on which it saw that a reward was taken back."""
    told = {(number, to) for number, node in enumerate(graph.nodes) for to, knows in _ways(node) if knows}
    if not told:
        return frozenset()
    blind, seen = [0], {0}
    while blind:
        number = blind.pop()
        for to, knows in _ways(graph.nodes[number]):
            if not knows and to not in seen:
                seen.add(to)
                blind.append(to)
    return frozenset(range(len(graph.nodes))) - seen


def _ways(node: Emit | Await | Gate | Exit) -> Iterator[tuple[int, bool]]:
    """Where a pass may go from a node, and whether it then knows."""
    match node:
        case Emit():
            yield node.next, False
        case Await():
            yield node.next, node.events is not None and node.events.name in TOLD_BY
            if node.otherwise is not None:
                yield node.otherwise, False
        case Gate():
            yield node.next, _says(node.predicate, True)
            yield node.otherwise, _says(node.predicate, False)
        case Exit():
            pass


def _says(predicate: Predicate, holds: bool) -> bool:
    """Whether a reward was taken back for certain where a condition holds, or does not."""
    match predicate:
        case AllOf():
            return (any if holds else all)(_says(item, holds) for item in predicate.items)
        case AnyOf():
            return (all if holds else any)(_says(item, holds) for item in predicate.items)
        case Not():
            return _says(predicate.item, not holds)
        case Happened():
            return holds and predicate.events.name in TOLD_BY and not predicate.count and not predicate.sum
        case _:
            return False
