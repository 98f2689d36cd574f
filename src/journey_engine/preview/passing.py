"""The pass that a customer would be in: what starts it, and every letter of the journey as that pass would decide it.

The letters of all branches are made, whichever way this customer would go.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from journey_engine.graph import Await, Emit, Graph, Message, Reward
from journey_engine.preview.standing import Standing
from journey_engine.records import Decision, Enrollment, Event, PassState, identity
from journey_engine.rules import time_triggered
from journey_engine.walk.effects import Tonight, emit
from journey_engine.walk.finding import Found
from journey_engine.walk.judge import matching
from journey_engine.walk.occurrences import Occurrence, backfilled, visible
from journey_engine.walk.trace import Verdict, trace

AHEAD = dt.timedelta(days=400)  # how far a date or a firing that starts a pass is looked for


@dataclass(frozen=True, slots=True)
class Passing:
    """A pass that begins; without an occurrence nothing has started it, and `trigger.*` is missing."""

    one: Enrollment
    occurrence: Occurrence | None
    event: Event | None  # the one that the occurrence is about
    audience: Verdict


def begin(graph: Graph, standing: Standing) -> Passing:
    """The pass of the newest occurrence of the journey's trigger; of dates and schedules, of the next one."""
    found = standing.found
    whose = standing.account if graph.to == "members" else found
    occurrence = _occurrence(graph, whose) if whose is not None else None
    night, who = found.tonight.night, found.tonight.customer.customer_id
    at = occurrence.instant if occurrence is not None else night.as_of
    trigger = occurrence.data if occurrence is not None else {}
    one = Enrollment(
        identity("preview", graph.journey, who), graph.journey, graph.version, who, "", at, 1, trigger, 0, at
    )
    scene = replace((whose or found).tonight.scene(), trigger=trigger)
    return Passing(one, occurrence, _event(occurrence, whose), trace(graph.audience, scene))


def _occurrence(graph: Graph, found: Found) -> Occurrence | None:
    night = found.tonight.night
    if time_triggered(graph):
        coming = visible(graph, found.past, replace(night, horizon=night.as_of + AHEAD), night.as_of)
        return coming[0] if coming else None
    return next(iter(backfilled(graph, found.past, night)[-1:]), None)


def _event(occurrence: Occurrence | None, found: Found | None) -> Event | None:
    if occurrence is None or found is None:
        return None
    return next((event for event in found.past.events if event.event_id == occurrence.event_id), None)


def letters_of(graph: Graph, passing: Passing, tonight: Tonight) -> Iterator[tuple[Emit, Decision]]:
    """Every letter of the journey in the order of its steps; the reminders of one step once."""
    one, seen = passing.one, set()
    for number, node in enumerate(graph.nodes):
        here = replace(one, node=number, state=PassState.OPEN)
        match node:
            case Emit(effect=Message() as effect):
                if (node.step, effect.template) not in seen:
                    seen.add((node.step, effect.template))
                    yield node, emit(tonight, node, here, to_contact=graph.to == "contact")
            case Emit(effect=Reward()):
                one = _left(one, node.step, emit(tonight, node, here).decision_id)
            case Await(events=events) if events is not None:
                after = list(matching(events, tonight.scene(here)))
                one = _left(one, node.step, after[-1].event_id if after else None)
            case _:
                one = _left(one, node.step, None)


def _left(one: Enrollment, step: str, what: str | None) -> Enrollment:
    """The pass behind a step, which was left as soon as it began."""
    return replace(one, steps={**one.steps, step: (one.entered_at, what)})
