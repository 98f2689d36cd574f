"""A condition in words with what each part of it saw: for `explain` and for the differences of journey tests.

The verdicts come from `judge`; this module only tells them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from journey_engine.predicates import (
    AllOf,
    AnyOf,
    Attribute,
    Drawn,
    EventSet,
    Happened,
    InArm,
    InJourney,
    Not,
    Predicate,
    Subscribed,
    Test,
    TriggerHas,
    Where,
)
from journey_engine.records import Event
from journey_engine.times import iso
from journey_engine.walk.judge import Scene, judge, look
from journey_engine.walk.values import as_text

_OPS = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "at_least": "is at least",
    "at_most": "is at most",
    "above": "is above",
    "below": "is below",
    "between": "is between",
    "contains": "contains",
    "starts_with": "starts with",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One part of a condition: its words, what it saw (nothing for all, any, not), whether it holds."""

    text: str
    seen: str
    holds: bool
    parts: tuple[Verdict, ...] = ()

    def lines(self, indent: int = 0) -> Iterator[str]:
        """The tree, one line a part: `yes  customer.plan is pro (saw pro)`."""
        saw = f" (saw {self.seen})" if self.seen else ""
        yield f"{'  ' * indent}{'yes' if self.holds else 'no '} {self.text}{saw}"
        for part in self.parts:
            yield from part.lines(indent + 1)


def trace(predicate: Predicate, scene: Scene) -> Verdict:
    """The verdict on a condition with those on all of its parts."""
    match predicate:
        case AllOf():
            if len(predicate.items) == 1:
                return trace(predicate.items[0], scene)
            text = "all of these" if predicate.items else "nothing is asked"
            return Verdict(text, "", judge(predicate, scene), tuple(trace(one, scene) for one in predicate.items))
        case AnyOf():
            parts = tuple(trace(one, scene) for one in predicate.items)
            return Verdict("at least one of these", "", judge(predicate, scene), parts)
        case Not():
            return Verdict("not", "", judge(predicate, scene), (trace(predicate.item, scene),))
        case _:
            seen = look(predicate, scene)
            return Verdict(in_words(predicate), _saw(predicate, seen.observed), seen.holds)


def in_words(leaf: Attribute | TriggerHas | Happened | Drawn | InArm | InJourney | Subscribed) -> str:
    """What one leaf asks, in a sentence without its verb's subject."""
    match leaf:
        case Attribute(where=where):
            return f"customer.{_where(where)}"
        case TriggerHas(where=where):
            return f"trigger.{_where(where)}"
        case Happened():
            return _happened(leaf)
        case Drawn(arm=arm, step=step):
            return f"draws arm {arm} at {step}"
        case InArm(arm=arm):
            return f"drew arm {arm}"
        case InJourney():
            state = "is in" if leaf.state == "in" else f"has {leaf.state}"
            within = f" within {leaf.within}" if leaf.within else ""
            return f"{state} journey {leaf.name}{within}"
        case Subscribed():
            return f"subscribed to {leaf.topic}" if leaf.channel is None else f"takes messages by {leaf.channel}"


def events_in_words(events: EventSet) -> str:
    """A set of events: `order_placed (total is above 50)`."""
    asked = [_where(where) for where in events.where]
    asked += [f"same {events.same} as the trigger"] if events.same else []
    asked += ["of this pass"] if events.of_pass else []
    return f"{events.name} ({', '.join(asked)})" if asked else events.name


def _where(where: Where) -> str:
    return f"{where.name} " + " and ".join(_test(test) for test in where.tests)


def _test(test: Test) -> str:
    if test.length is not None:
        return f"is within {test.length}" if test.op == "within" else f"is {test.length} ago or longer"
    if test.op == "exists":
        return "exists" if test.operands[0] else "is absent"
    values = [as_text(operand) or "''" for operand in test.operands]
    return f"{_OPS[test.op]} {(' and ' if test.op == 'between' else ', ').join(values)}"


def _happened(leaf: Happened) -> str:
    words = [events_in_words(leaf.events)]
    if leaf.scope == "entry":
        words.append("since entry")
    if leaf.scope == "since":
        words.append(f"since step {leaf.since}")
    words += [f"within {leaf.within}"] if leaf.within else []
    words += [f"count {_test(test)}" for test in leaf.count]
    words += [f"sum of {leaf.sum_of} {_test(test)}" for test in leaf.sum]
    words += [f"first within {leaf.first_within}"] if leaf.first_within else []
    words += [f"first {leaf.first_before} ago or longer"] if leaf.first_before else []
    words += [f"last within {leaf.last_within}"] if leaf.last_within else []
    words += [f"last {leaf.last_before} ago or longer"] if leaf.last_before else []
    return ", ".join(words)


def _saw(leaf: object, observed: Any) -> str:
    match observed:
        case None:
            if isinstance(leaf, Subscribed) and leaf.double:
                return "no confirmation"
            nothing: Sequence[tuple[type, str]] = (
                (Subscribed, "no unsubscribe"),
                (InJourney, "no such pass"),
                (InArm, "arm not drawn"),
                (Happened, "step not left"),
            )
            return next((text for kind, text in nothing if isinstance(leaf, kind)), "no value")
        case Event():
            return f"{observed.name} at {iso(observed.occurred_at)}"
        case dt.datetime() if isinstance(leaf, InJourney):
            return f"such a pass at {iso(observed)}"
        case dt.datetime() if isinstance(leaf, InArm):
            return f"drawn at {iso(observed)}"
        case Mapping() if isinstance(leaf, Happened):
            return ", ".join(_counted(observed))
        case Mapping():
            return "several values"
        case _:
            return as_text(observed) or repr(observed)


def _counted(observed: Mapping[str, Any]) -> Iterator[str]:
    count = observed["count"]
    yield "none" if not count else f"{count} event{'s' * (count != 1)}"
    for name in ("sum", "first", "last"):
        if name in observed and not (name == "first" and count == 1):
            yield f"{name} {as_text(observed[name])}"
