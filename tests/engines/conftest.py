"""One PostgreSQL server for all tests of this folder, and a database of its own for each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.servers import Server, postgres_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def database(server: Server, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    return server.new(re.sub(r"\W+", "_", request.node.name)[:60])
