"""An empty mailroom, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from journey_engine.mailroom import Mailroom
from tests.servers import postgres_server


@pytest.fixture(params=["sqlite", "postgresql"])
def mailroom(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mailroom]:
    if request.param == "sqlite":
        with Mailroom.open(f"sqlite:///{tmp_path}/mailroom.sqlite", environment="test") as room:
            yield room
        return
    with postgres_server() as server:
        url = server.new("erasing").replace("postgresql:", "postgresql+psycopg:")
        with Mailroom.open(url, environment="test") as room:
            yield room
