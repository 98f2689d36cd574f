"""Runs a scenario by both readings and finds the first night on which they part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from journey_engine.records import Event
from tests.properties.as_journey_test import show
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
        person = next((one for one in self.scenario.people if one.customer_id == self.customer_id), None)
        test = f"As a journey test, with what walk tells:\n\n{show(self.scenario, person)}\n" if person else ""
        return (
            f"walk and sweep part on night {self.night + 1}, customer {self.customer_id}\n{told}\n\n"
            f"{test}{self.scenario.written()}"
        )


Telling = list[dict[str, Told]]


def by_walk(scenario: Scenario) -> Iterator[dict[str, Told]]:
    """What the plain reading tells, night by night."""
    walking, everyone, rows = Walking(scenario.timezone, scenario.tables), _everyone(scenario), _rows(scenario)
    for index in range(len(scenario.nights)):
        known = _known(scenario, index)
        yield walking.night(scenario.rules(index), scenario.night(index), known, rows, everyone)


def by_sweep(scenario: Scenario) -> Iterator[dict[str, Told]]:
    """What the reading in SQL tells, night by night."""
    sweeping = Sweeping(scenario.kinds, scenario.timezone, tables=scenario.tables)
    everyone, rows = _everyone(scenario), _rows(scenario)
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
