"""A run on PostgreSQL that dies at any statement, or whose server hangs up, leaves the state as it was."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import psycopg
import pytest

from journey_engine.engines import memory, open_engine
from journey_engine.engines.postgres import Postgres
from journey_engine.errors import JourneyError
from tests.engines.kept import kept, same
from tests.properties.readings import Sweeping
from tests.properties.worlds import Maker

DEATHS = 14  # a night, spread over its statements


class Died(Exception):
    """The run's process is gone."""


def test_a_run_that_dies_between_any_two_writes_changes_nothing(database: str) -> None:
    scenario = Maker(4).scenario(12)
    rows = [row for person in scenario.people for row in person.rows]
    plain = Sweeping(scenario.kinds, scenario.timezone, memory())
    dying = Sweeping(scenario.kinds, scenario.timezone, open_engine(database, Path(), environment="memory"))
    died = hung_up = 0
    for index in range(len(scenario.nights)):
        known = [(one.customer_id, found) for one in scenario.people if (found := one.nights[index]) is not None]
        night = (scenario.rules(index), scenario.night(index), known, rows)
        plain.run(*night)
        before, dice = standing(dying) if index else {}, random.Random(index)
        for count in sorted({20, 30, *(dice.randint(40, 400) for _ in range(DEATHS))}) if index else ():
            how = dies(dying, count, night)
            if how == "lives":  # the night has fewer statements
                break
            same(standing(dying), before)
            died, hung_up = died + 1, hung_up + (how == "hangs up")
        else:
            dying.run(*night)
        same(kept(dying.engine), kept(plain.engine))
    assert died >= 15
    assert hung_up > 5
    dying.engine.close()


def standing(reading: Sweeping) -> dict[str, list[tuple[Any, ...]]]:
    """What is kept, but for what a new word of a journey adds before the night begins."""
    found = kept(reading.engine, typed=False)
    return {name: rows for name, rows in found.items() if name != "properties"}


def dies(dying: Sweeping, count: int, night: tuple[Any, ...]) -> str:
    """A night that ends at a statement: every other time because the server hangs up. Tells how it ended."""
    engine = dying.engine
    assert isinstance(engine, Postgres)
    plain, left, hangs_up = engine._say, [count], count % 2 == 0
    post = (list(dying.post.pending), list(dying.post.sent))
    pid = engine.connection.info.backend_pid

    def say(statement: str, parameters: Any = ()) -> None:
        left[0] -= 1
        if left[0] == 0 and hangs_up:
            with psycopg.connect(engine.address.url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        elif left[0] <= 0 and not hangs_up and not statement.startswith("ROLLBACK"):
            raise Died
        plain(statement, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_say", say)
        try:
            dying.run(*night)
        except Died:
            how = "dies"
        except JourneyError as error:
            if error.code != "engine-resources":
                raise
            how = "hangs up"
            engine.close()
            dying.engine = open_engine(engine.address.url, Path(), environment="memory")
        else:
            return "lives"
    dying.post.pending, dying.post.sent = post
    return how
