"""A run that dies inside its transaction leaves the store as it was; run again, the night is told alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from journey_engine.engines import open_engine
from journey_engine.queries import statements
from tests.properties.agreement import by_walk
from tests.properties.readings import Sweeping
from tests.properties.worlds import Maker

KEPT = tuple(name for name in statements("schema") if name not in ("properties", "zone_offsets"))


class Died(Exception):
    """The run's process is gone."""


@pytest.mark.parametrize("seed", [1, 4])
def test_a_run_that_dies_at_any_statement_changes_nothing_and_can_be_run_again(seed: int, tmp_path: Path) -> None:
    scenario, dice = Maker(seed).scenario(12), random.Random(seed)
    engine = open_engine("duckdb:///var/engine.duckdb", tmp_path)
    sweeping = Sweeping(scenario.kinds, scenario.timezone, engine, tables=scenario.tables)
    everyone = [person.customer_id for person in scenario.people]
    rows = [row for person in scenario.people for row in person.rows]
    for index, plain in enumerate(by_walk(scenario)):
        known = [(one.customer_id, found) for one in scenario.people if (found := one.nights[index]) is not None]
        night = (scenario.rules(index), scenario.night(index), known, rows)
        if index:
            before, post = contents(sweeping), (list(sweeping.post.pending), list(sweeping.post.sent))
            with pytest.MonkeyPatch.context() as patch:
                dies_after(sweeping, dice.randint(20, 110), patch)
                with pytest.raises(Died):
                    sweeping.run(*night)
            sweeping.post.pending, sweeping.post.sent = post
            assert contents(sweeping) == before
        swept = sweeping.night(*night, everyone)
        assert [line for who in everyone for line in plain[who].differences(swept[who])] == []
    engine.close()


def dies_after(sweeping: Sweeping, count: int, patch: pytest.MonkeyPatch) -> None:
    """Let so many statements of the run's transaction through, then no more."""
    engine: Any = sweeping.engine
    plain, left = engine.execute, [count]

    def execute(sql: str, parameters: Sequence[Any] = ()) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Died
        plain(sql, parameters)

    patch.setattr(engine, "execute", execute)


def contents(sweeping: Sweeping) -> dict[str, list[Any]]:
    """Everything that the store keeps from night to night."""
    found = {}
    for table in KEPT:
        own = [name for name in sweeping.engine.columns(table) if not name.startswith("p") or "_" not in name]
        names = ", ".join(f'"{name}"' for name in own)
        found[table] = sweeping.engine.rows(f"SELECT {names} FROM {table} ORDER BY ALL")
    return found
