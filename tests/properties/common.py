"""The scenarios of the default suite and what `sweep` tells of them, made once and used by several tests."""

from __future__ import annotations

from functools import cache

from tests.properties.agreement import by_sweep
from tests.properties.scenario import Scenario
from tests.properties.told import Told
from tests.properties.worlds import Maker

PEOPLE = 100
SEEDS = range(10)


@cache
def made(seed: int) -> Scenario:
    """The scenario of a seed."""
    return Maker(seed).scenario(PEOPLE)


@cache
def swept(seed: int) -> list[dict[str, Told]]:
    """What `sweep` tells of it, night by night."""
    return list(by_sweep(made(seed)))
