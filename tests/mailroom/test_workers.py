"""Several dispatchers at once, each a process: each message once, nobody waits for another, each has a share."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from journey_engine.mailroom import Mailroom
from journey_engine.mailroom.claim import Share, claim
from journey_engine.mailroom.tables import messages
from tests.mailroom.house import NOW, clock, message, write_templates
from tests.mailroom.killing import ended, mothering, provider
from tests.servers import Server, postgres_server

DELAY = 0.01


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mailroom.sqlite"
    made: str = request.getfixturevalue("server").new("workers")
    return made.replace("postgresql:", "postgresql+psycopg:")


def load(url: str, total: int) -> None:
    with Mailroom.open(url, environment="test") as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(total)])


def test_three_processes_send_each_message_once_side_by_side_and_each_has_its_share(url: str, tmp_path: Path) -> None:
    total = 300
    load(url, total)
    write_templates(tmp_path / "templates")
    with provider(DELAY) as peer, mothering(url, tmp_path, peer, "cannot") as (mother, born):
        began = time.time()
        ended([born(began) for _ in range(3)])
        assert mother.communicate()[1] == ""
    assert peer.arrived.total() == len(peer.arrived) == total
    shares = Counter(peer.came)
    assert len(shares) == 3
    assert min(shares.values()) >= total / 10
    # Messages come from all of them in turn: whoever waited for another would send a whole batch in a row.
    turns = sum(one != before for one, before in zip(peer.came[1:], peer.came, strict=False))
    assert turns > total / 4
    with Mailroom.open(url, environment="test") as mailroom:
        assert mailroom.counts() == {"accepted": total}


def test_three_processes_keep_the_rate_of_a_channel_together(url: str, tmp_path: Path) -> None:
    total = 100
    load(url, total)
    write_templates(tmp_path / "templates")
    with provider() as peer, mothering(url, tmp_path, peer, "limited") as (mother, born):
        began = time.time()
        ended([born(began) for _ in range(3)])
        assert mother.communicate()[1] == ""
    assert peer.arrived.total() == len(peer.arrived) == total
    assert len(set(peer.came)) > 1
    # The provider notes the time a moment after a message has left; so much shorter is the window here.
    most = max(sum(start <= other < start + 0.8 for other in peer.at) for start in peer.at)
    assert most <= 30


def test_a_claim_on_postgresql_does_not_wait_for_another_that_is_not_committed(server: Server) -> None:
    url = server.new("locks").replace("postgresql:", "postgresql+psycopg:") + "?options=-c%20lock_timeout%3D2000"
    load(url, 60)
    with Mailroom.open(url, environment="test") as one, Mailroom.open(url, environment="test") as other:
        with one.store.write() as db:
            first = select(messages.c.message_id).order_by(messages.c.try_at, messages.c.message_id).limit(20)
            locked = set(db.execute(first.with_for_update()).scalars())
            began = time.monotonic()
            taken = {row.message_id for row in claim(other.store, NOW, "second", Share(["file"], 100)).rows}
            assert time.monotonic() - began < 2
        assert len(locked) == 20
        assert len(taken) == 40
        assert not locked & taken
        assert len(claim(one.store, NOW, "first", Share(["file"], 100)).rows) == 20


def test_a_worker_is_named_after_its_machine_and_process(url: str) -> None:
    import os
    import platform

    with Mailroom.open(url, environment="test") as mailroom, mailroom.worker("me", clock) as lease:
        assert lease.name.startswith(f"worker {platform.node()}/")
        assert f" {os.getpid()} " in lease.name
