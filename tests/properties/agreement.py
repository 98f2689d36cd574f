"""Runs a scenario by both readings, finds the first night on which they part, and cuts the scenario down to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from journey_engine.records import Event
from tests.properties.readings import Known, Sweeping, Walking
from tests.properties.scenario import Scenario
from tests.properties.told import Told


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two readings part."""

    night: int
    customer_id: str
    lines: tuple[str, ...]
    scenario: Scenario

    def __str__(self) -> str:
        told = "\n".join(self.lines[:40])
        return (
            f"walk and sweep part on night {self.night + 1}, customer {self.customer_id}\n{told}\n\n"
            f"{self.scenario.written()}"
        )


Telling = list[dict[str, Told]]


def by_walk(scenario: Scenario) -> Iterator[dict[str, Told]]:
    """What the plain reading tells, night by night."""
    walking, everyone, rows = Walking(scenario.timezone), _everyone(scenario), _rows(scenario)
    for index in range(len(scenario.nights)):
        known = _known(scenario, index)
        yield walking.night(scenario.rules(index), scenario.night(index), known, rows, everyone)


def by_sweep(scenario: Scenario) -> Iterator[dict[str, Told]]:
    """What the reading in SQL tells, night by night."""
    sweeping, everyone, rows = Sweeping(scenario.kinds, scenario.timezone), _everyone(scenario), _rows(scenario)
    try:
        for index in range(len(scenario.nights)):
            known = _known(scenario, index)
            yield sweeping.night(scenario.rules(index), scenario.night(index), known, rows, everyone)
    finally:
        sweeping.engine.close()


def first_difference(scenario: Scenario, swept: Iterable[dict[str, Told]] | None = None) -> Difference | None:
    """The first night on which the readings part, with its first customer; None when they agree."""
    telling = iter(by_sweep(scenario) if swept is None else swept)
    for index, plain in enumerate(by_walk(scenario)):
        try:
            other = next(telling)
        except Exception as error:  # noqa: BLE001  (whatever it is, the scenario shows it)
            return Difference(index, "", (f"sweep fails: {type(error).__name__}: {error}",), scenario)
        for who in plain:
            lines = plain[who].differences(other[who])
            if lines:
                return Difference(index, who, tuple(lines), scenario)
    return None


def _everyone(scenario: Scenario) -> list[str]:
    return [person.customer_id for person in scenario.people]


def _rows(scenario: Scenario) -> list[Event]:
    return [row for person in scenario.people for row in person.rows]


def _known(scenario: Scenario, index: int) -> list[Known]:
    return [(person.customer_id, a) for person in scenario.people if (a := person.nights[index]) is not None]


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
    people = scenario.people
    if difference.night + 1 < len(scenario.nights):
        yield _nights(scenario, range(difference.night + 1))
    if len(people) > 1 and difference.customer_id:
        yield replace(scenario, people=tuple(p for p in people if p.customer_id == difference.customer_id))
    if len(people) > 1:
        half = len(people) // 2
        yield replace(scenario, people=people[:half])
        yield replace(scenario, people=people[half:])
    for index in range(len(scenario.journeys)):
        if len(scenario.journeys) > 1:
            gone = scenario.journeys[index]["journey"]
            yield replace(
                scenario,
                journeys=tuple(j for j in scenario.journeys if j["journey"] != gone),
                later=tuple(item for item in scenario.later if item[1]["journey"] != gone),
            )
    for name in ("later", "redefined"):
        for index in range(len(getattr(scenario, name))):
            items = getattr(scenario, name)
            yield replace(scenario, **{name: items[:index] + items[index + 1 :]})
    if scenario.aside:
        yield replace(scenario, aside=frozenset())
    for name in ("segments", "stages", "values"):
        for key in getattr(scenario, name):
            held = getattr(scenario, name)
            yield replace(scenario, **{name: {k: v for k, v in held.items() if k != key}})
    for index in range(len(scenario.nights) - 1):
        yield _nights(scenario, [i for i in range(len(scenario.nights)) if i != index])
    yield from _fewer_rows(scenario)
    for index, journey in enumerate(scenario.journeys):
        for smaller in _less(journey):
            yield replace(scenario, journeys=(*scenario.journeys[:index], smaller, *scenario.journeys[index + 1 :]))
    for name in ("segments", "stages"):
        held = getattr(scenario, name)
        for key, condition in held.items():
            for smaller in _less(condition):
                yield replace(scenario, **{name: {**held, key: smaller}})
    for column in scenario.kinds:
        yield replace(scenario, kinds={k: v for k, v in scenario.kinds.items() if k != column}, people=tuple(
            replace(p, nights=tuple(None if n is None else {k: v for k, v in n.items() if k != column} for n in p.nights))
            for p in people))  # fmt: skip


def _fewer_rows(scenario: Scenario) -> Iterator[Scenario]:
    if len(scenario.people) > 3:
        return
    for number, person in enumerate(scenario.people):
        rows = person.rows
        cuts: list[Callable[[int], bool]] = []
        if len(rows) > 3:
            cuts += [lambda i, n=len(rows): i < n // 2, lambda i, n=len(rows): i >= n // 2]  # type: ignore[misc]
        cuts += [lambda i, gone=index: i != gone for index in range(len(rows))]  # type: ignore[misc]
        for keep in cuts:
            fewer = replace(person, rows=tuple(row for i, row in enumerate(rows) if keep(i)))
            yield replace(scenario, people=(*scenario.people[:number], fewer, *scenario.people[number + 1 :]))


def _nights(scenario: Scenario, kept: Any) -> Scenario:
    kept = list(kept)
    return replace(
        scenario,
        nights=tuple(scenario.nights[i] for i in kept),
        people=tuple(replace(p, nights=tuple(p.nights[i] for i in kept)) for p in scenario.people),
        aside=frozenset((kept.index(i), name) for i, name in scenario.aside if i in kept),
        later=tuple((sum(k < since for k in kept), journey) for since, journey in scenario.later),
        redefined=tuple((sum(k < since for k in kept), *rest) for since, *rest in scenario.redefined),
    )


def _less(value: Any) -> Iterator[Any]:
    """A tree with one part left out, or an inner condition in the place of the whole."""
    if isinstance(value, Mapping):
        for key in value:
            if key not in ("journey", "name", "template"):
                yield {k: v for k, v in value.items() if k != key}
        for key, item in value.items():
            if key in ("not",) and isinstance(item, Mapping):
                yield item
            if key in ("all", "any") and isinstance(item, list | tuple):
                yield from item
            for smaller in _less(item):
                yield {**value, key: smaller}
    elif isinstance(value, list | tuple):
        for index in range(len(value)):
            yield [*value[:index], *value[index + 1 :]]
        for index, item in enumerate(value):
            for smaller in _less(item):
                yield [*value[:index], smaller, *value[index + 1 :]]
