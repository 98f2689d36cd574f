"""Which event properties the rules name, so that collect can give each its typed columns."""

from __future__ import annotations

from journey_engine.facts import named_properties
from journey_engine.graph import Await, Emit, Gate, Message, OnEvent, OnSilence
from journey_engine.predicates import EventSet, Predicate
from journey_engine.rules import Rules
from journey_engine.sweep.ways import NAMED, consents


def named(rules: Rules) -> set[str]:
    """Every event property that the rules name."""
    predicates: list[Predicate] = [definition.predicate for definition in rules.definitions]
    predicates += [rules.hold_when] if rules.hold_when is not None else []
    sets: list[EventSet] = []
    for graph in rules.graphs:
        predicates += [graph.audience, *([graph.exit_when] if graph.exit_when is not None else [])]
        predicates += [graph.goal.predicate] if graph.goal is not None else []
        match graph.trigger:
            case OnEvent(events=events):
                sets.append(events)
            case OnSilence(events=events, without=without):
                sets += [events, *([] if without is None else [without])]
            case _:
                pass
        for node in graph.nodes:
            match node:
                case Gate(predicate=predicate):
                    predicates.append(predicate)
                case Await(events=awaited) if awaited is not None:
                    sets.append(awaited)
                case Emit(effect=Message(lines=lines)):
                    sets += [line.events for line in lines]
                case _:
                    pass
    return named_properties(predicates, sets) | (NAMED if consents(rules) else set())
