"""A shop whose front door stands open: served by uvicorn on a free port, as `journey serve` does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from journey_engine.load import load_project
from journey_engine.scaffold import make_project
from journey_engine.times import Clock
from journey_engine.web import House, bound, build, open_house
from journey_engine.web.serving import server
from tests.mailroom.house import clock


@dataclass(frozen=True)
class Front:
    """An open front door: the house behind it and a client before it."""

    house: House
    http: httpx.Client
    url: str


@contextmanager
def serving(folder: Path, now: Clock = clock) -> Iterator[Front]:
    """Serve a project until the block ends."""
    with open_house(load_project(folder), now) as house, bound("127.0.0.1", 0) as listening:
        running = server(build(house))
        thread = threading.Thread(target=running.run, args=([listening],))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            while not running.started:
                time.sleep(0.01)
            with httpx.Client(base_url=url, headers={"Accept": "text/html"}) as http:
                yield Front(house, http, url)
        finally:
            running.should_exit = True
            thread.join()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A fresh project; nothing run."""
    folder = tmp_path / "shop"
    make_project(folder)
    return folder


@pytest.fixture
def front(shop: Path) -> Iterator[Front]:
    """Its front door."""
    with serving(shop) as open_:
        yield open_
