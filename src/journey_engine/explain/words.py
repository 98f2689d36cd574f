"""A resolved condition in words, leaf by leaf, with what each leaf saw. Evaluates nothing itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from journey_engine.predicates import (
    AllOf,
    AnyOf,
    Attribute,
    EventSet,
    Happened,
    InJourney,
    Not,
    Predicate,
    Scalar,
    Subscribed,
    Test,
    TriggerHas,
    Where,
)
from journey_engine.records import Event
from journey_engine.times import iso
from journey_engine.walk import Scene, judge, look

_OPS = {
    "is": "is", "is_not": "is not", "in": "is one of", "not_in": "is none of", "at_least": "is at least",
    "at_most": "is at most", "above": "is above", "below": "is below", "between": "is between",
    "contains": "contains", "starts_with": "starts with",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of a condition: how deep it stands, what it asks, what was seen (None: a group), whether it holds."""

    depth: int
    asks: str
    saw: str | None
    holds: bool


def verdicts(predicate: Predicate, scene: Scene, depth: int = 0) -> Iterator[Verdict]:
    """A condition as lines, groups before their parts."""
    match predicate:
        case AllOf(items=items) if len(items) == 1:
            yield from verdicts(items[0], scene, depth)
        case AllOf() | AnyOf():
            title = "all of" if isinstance(predicate, AllOf) else "any of"
            yield Verdict(depth, title, None, judge(predicate, scene))
            for item in predicate.items:
                yield from verdicts(item, scene, depth + 1)
        case Not():
            yield Verdict(depth, "not", None, judge(predicate, scene))
            yield from verdicts(predicate.item, scene, depth + 1)
        case _:
            seen = look(predicate, scene)
            yield Verdict(depth, leaf(predicate), observed(seen.observed), seen.holds)


def leaf(predicate: Attribute | TriggerHas | Happened | InJourney | Subscribed) -> str:
    """What one leaf asks."""
    match predicate:
        case Attribute(where=where):
            return f"customer.{_where(where)}"
        case TriggerHas(where=where):
            return f"trigger.{_where(where)}"
        case Happened():
            return _happened(predicate)
        case InJourney(name=name, state=state, within=within):
            last = f" in the last {within}" if within else ""
            return f"in journey {name} now{last}" if state == "in" else f"{state} journey {name}{last}"
        case Subscribed(topic=topic):
            return f"subscribed to {topic}"
        case _:
            assert_never(predicate)


def observed(value: object) -> str:
    """What a leaf saw, short enough for a line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value.normalize():f}"
        case dt.datetime():
            return iso(value)
        case Event():
            return f"{value.name} of {iso(value.occurred_at)}"
        case Mapping():
            return ", ".join(f"{key} {observed(item)}" for key, item in value.items()) or "nothing"
        case _:
            text = str(value)
            return text if len(text) <= 60 else text[:57] + "..."


def _happened(leaf: Happened) -> str:
    parts = [events(leaf.events)]
    parts += [f"count {_test(test)}" for test in leaf.count]
    parts += [f"sum of {leaf.sum_of} {_test(test)}" for test in leaf.sum]
    for edge, length in (("first", leaf.first_within), ("last", leaf.last_within)):
        parts += [f"the {edge} in the last {length}"] if length else []
    for edge, length in (("first", leaf.first_before), ("last", leaf.last_before)):
        parts += [f"the {edge} {length} ago or longer"] if length else []
    parts += [f"in the last {leaf.within}"] if leaf.within else []
    parts += {"history": [], "entry": ["since entry"], "since": [f"since the step {leaf.since}"]}[leaf.scope]
    return ", ".join(parts)


def events(wanted: EventSet) -> str:
    """Which events a set holds."""
    tests = " and ".join(_where(where) for where in wanted.where)
    text = f"event {wanted.name}" + (f" with {tests}" if tests else "")
    text += f", same {wanted.same} as the trigger's" if wanted.same else ""
    return text + (" of this pass" if wanted.of_pass else "")


def _where(where: Where) -> str:
    return " and ".join(f"{where.name} {_test(test)}" for test in where.tests)


def _test(test: Test) -> str:
    if test.op == "exists":
        return "exists" if test.operands[0] else "is absent"
    if test.length is not None:
        return f"is in the last {test.length}" if test.op == "within" else f"is {test.length} ago or longer"
    joined = (" and " if test.op == "between" else ", ").join(_scalar(value) for value in test.operands)
    return f"{_OPS[test.op]} {joined}"


def _scalar(value: Scalar) -> str:
    return f"'{value}'" if isinstance(value, str) else observed(value)
