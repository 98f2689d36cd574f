"""Cuts a scenario on which the readings part down to a small one, so that a person can see why."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.properties.agreement import Difference, first_difference
from tests.properties.scenario import Scenario

KEPT_KEYS = ("journey", "name", "template")  # without them nothing can be told apart


def cut_down(difference: Difference, seconds: float = 30.0) -> Difference:
    """The smallest scenario found in this time that still parts the readings."""
    until = time.monotonic() + seconds
    best = difference
    progress = True
    while progress and time.monotonic() < until:
        progress = False
        for smaller in _smaller(best):
            if time.monotonic() > until:
                break
            found = _parts(smaller)
            if found is not None:
                best, progress = found, True
                break
    return best


def _parts(scenario: Scenario) -> Difference | None:
    try:
        return first_difference(scenario)
    except Exception:  # noqa: BLE001  (a cut that makes no sense)
        return None


def _smaller(difference: Difference) -> Iterator[Scenario]:
    """Scenarios with something left out, the largest cuts first."""
    scenario = difference.scenario
    if difference.night + 1 < len(scenario.nights):
        yield _nights(scenario, range(difference.night + 1))
    yield from _fewer_people(difference)
    yield from _fewer_journeys(scenario)
    yield from _fewer_settings(scenario)
    for index in range(len(scenario.nights) - 1):
        yield _nights(scenario, [i for i in range(len(scenario.nights)) if i != index])
    yield from _fewer_rows(scenario)
    yield from _smaller_rules(scenario)
    for column in scenario.kinds:
        yield _without_column(scenario, column)


def _fewer_people(difference: Difference) -> Iterator[Scenario]:
    scenario, people = difference.scenario, difference.scenario.people
    if len(people) > 1:
        if difference.customer_id:
            yield replace(scenario, people=tuple(p for p in people if p.customer_id == difference.customer_id))
        half = len(people) // 2
        yield replace(scenario, people=people[:half])
        yield replace(scenario, people=people[half:])


def _fewer_journeys(scenario: Scenario) -> Iterator[Scenario]:
    for journey in scenario.journeys if len(scenario.journeys) > 1 else ():
        gone = journey["journey"]
        yield replace(
            scenario,
            journeys=tuple(j for j in scenario.journeys if j["journey"] != gone),
            later=tuple(item for item in scenario.later if item[1]["journey"] != gone),
        )


def _fewer_settings(scenario: Scenario) -> Iterator[Scenario]:
    if scenario.aside:
        yield replace(scenario, aside=frozenset())
    if scenario.held:
        yield replace(scenario, held=frozenset())
    if scenario.later:
        yield replace(scenario, later=())
    if scenario.redefined:
        yield replace(scenario, redefined=())
    for index in range(len(scenario.caps)):
        yield replace(scenario, caps=scenario.caps[:index] + scenario.caps[index + 1 :])
    for name in ("segments", "stages", "values"):
        held = getattr(scenario, name)
        for key in held:
            yield replace(scenario, **{name: {k: v for k, v in held.items() if k != key}})


def _fewer_rows(scenario: Scenario) -> Iterator[Scenario]:
    for number, person in enumerate(scenario.people if len(scenario.people) < 4 else ()):
        for rows in _fewer(person.rows):
            fewer = replace(person, rows=tuple(rows))
            yield replace(scenario, people=(*scenario.people[:number], fewer, *scenario.people[number + 1 :]))


def _fewer(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    if len(items) > 3:
        yield items[: len(items) // 2]
        yield items[len(items) // 2 :]
    for index in range(len(items)):
        yield [*items[:index], *items[index + 1 :]]


def _smaller_rules(scenario: Scenario) -> Iterator[Scenario]:
    for index, journey in enumerate(scenario.journeys):
        for smaller in _less(journey):
            yield replace(scenario, journeys=(*scenario.journeys[:index], smaller, *scenario.journeys[index + 1 :]))
    for name in ("segments", "stages"):
        held = getattr(scenario, name)
        for key, condition in held.items():
            for smaller in _less(condition):
                yield replace(scenario, **{name: {**held, key: smaller}})


def _without_column(scenario: Scenario, column: str) -> Scenario:
    def less(attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        return None if attributes is None else {k: v for k, v in attributes.items() if k != column}

    people = tuple(replace(p, nights=tuple(less(attributes) for attributes in p.nights)) for p in scenario.people)
    return replace(scenario, kinds={k: v for k, v in scenario.kinds.items() if k != column}, people=people)


def _nights(scenario: Scenario, kept: Sequence[int]) -> Scenario:
    return replace(
        scenario,
        nights=tuple(scenario.nights[i] for i in kept),
        people=tuple(replace(p, nights=tuple(p.nights[i] for i in kept)) for p in scenario.people),
        aside=frozenset((kept.index(i), name) for i, name in scenario.aside if i in kept),
        held=frozenset((kept.index(i), name) for i, name in scenario.held if i in kept),
        later=tuple((sum(k < since for k in kept), journey) for since, journey in scenario.later),
        redefined=tuple((sum(k < since for k in kept), *rest) for since, *rest in scenario.redefined),
    )


def _less(value: Any) -> Iterator[Any]:
    """A tree with one part left out, or an inner condition in the place of the whole."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in KEPT_KEYS:
                yield {k: v for k, v in value.items() if k != key}
            if key == "not":
                yield item
            if key in ("all", "any"):
                yield from item
            for smaller in _less(item):
                yield {**value, key: smaller}
    elif isinstance(value, list | tuple):
        yield from _fewer(value)
        for index, item in enumerate(value):
            for smaller in _less(item):
                yield [*value[:index], smaller, *value[index + 1 :]]
