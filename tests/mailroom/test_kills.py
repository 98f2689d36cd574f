"""The promise of delivery, with dispatchers that are killed at random while they work (docs/mailroom.md has the table).

`make kill-test` prints it again: 5,000 messages and 60 kills for each line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mailroom.killing import WORKERS, kill_at_random
from tests.servers import Server, postgres_server

HEAD = "| store | provider | messages | dispatchers | killed | in flight, at most | lost | repeated | unsure |"
ROWS = [HEAD, "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
FEW, MANY = (150, 4), (5_000, 60)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Print the table at the end: with -s one can read it."""
    yield
    if len(ROWS) > 2:
        sys.stdout.write("\n" + "\n".join(ROWS) + "\n")


@pytest.mark.parametrize(
    ("store", "provider", "size"),
    [
        ("SQLite", "reports", FEW),
        ("PostgreSQL", "cannot tell", FEW),
        *(
            pytest.param(store, provider, MANY, marks=pytest.mark.long)
            for store in ("SQLite", "PostgreSQL")
            for provider in ("reports", "cannot tell")
        ),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else value,
)
def test_dispatchers_killed_at_random_lose_nothing_and_repeat_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, store: str, provider: str, size: tuple[int, int]
) -> None:
    total, kills = size
    url = f"sqlite:///{tmp_path}/mailroom.sqlite"
    if store == "PostgreSQL":
        url = request.getfixturevalue("postgres").new("kills").replace("postgresql:", "postgresql+psycopg:")
    found = kill_at_random(url, tmp_path, provider == "reports", total, kills, seed=total)
    numbers = (total, WORKERS, found.kills, found.in_flight, found.lost, found.repeated, found.unsure)
    ROWS.append(f"| {store} | {provider} | {' | '.join(f'{number:,}' for number in numbers)} |")
    assert found.said == ""
    assert found.kills >= kills
    assert (found.lost, found.repeated) == (0, 0)
    assert found.accepted + found.unsure == total
    assert found.events == found.accepted  # what left is an event of the next night, once
    if provider == "reports":
        assert (found.arrived, found.unsure) == (total, 0)
    else:
        assert found.unsure <= found.in_flight
