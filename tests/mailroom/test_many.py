"""Runs with many letters: rows come in by the hundred, on both stores with the same result as one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from journey_engine.mailroom import Mailroom
from journey_engine.mailroom.store import COPIED
from journey_engine.records import Decision
from tests.mailroom.house import NOW, message
from tests.servers import Server, postgres_server

MANY = COPIED + 100
ODD = 'tab\there\\n, a line\nmore\r, \\N, "quoted", Ẹniọlá 😀, it\'s; \\.'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mailroom.sqlite"
    made: str = request.getfixturevalue("server").new("many")
    return made.replace("postgresql:", "postgresql+psycopg:")


def letters(count: int, start: int = 0, run: int = 1) -> list[Decision]:
    return [message(number, run=run, name=f"{ODD} {number}") for number in range(start, start + count)]


def rows(mailroom: Mailroom) -> list[tuple[Any, ...]]:
    with mailroom.store.read() as db:
        query = "SELECT * FROM messages ORDER BY message_id"
        return [tuple(row) for row in db.exec_driver_sql(query)]


def test_many_letters_are_the_same_rows_as_few(url: str, tmp_path: Path) -> None:
    with Mailroom.open(url, environment="test") as mailroom:
        done = mailroom.load_run(1, "run-1", NOW, letters(MANY))
        assert (done.messages, done.known) == ({"pending": MANY}, 0)
        together = rows(mailroom)
        with mailroom.store.write() as db:
            db.exec_driver_sql("DELETE FROM messages")
            db.exec_driver_sql("DELETE FROM loaded_runs")
        for number in range(1, MANY, 100):
            some = letters(min(100, MANY - number + 1), number - 1, run=1)
            mailroom.load_run(number // 100 + 1, f"run-{number}", NOW, some)
        alone = rows(mailroom)
    assert together == alone
    assert {row[22] for row in together} == {f"{ODD} {number}" for number in range(MANY)}
    assert all(json.loads(row[28])["customer"] for row in together)


def test_of_a_run_that_is_decided_again_only_what_is_new_comes_in(url: str) -> None:
    with Mailroom.open(url, environment="test") as mailroom:
        mailroom.load_run(1, "run-1", NOW, letters(MANY))
        with mailroom.store.write() as db:
            db.exec_driver_sql("UPDATE messages SET state = 'accepted'")
        again = mailroom.load_run(1, "run-1-restored", NOW, letters(2 * MANY, MANY // 2))
        assert (again.already, again.known) == (False, MANY - MANY // 2)
        assert mailroom.counts() == {"accepted": MANY, "pending": MANY + MANY // 2}
        third = mailroom.load_run(2, "run-2", NOW, [*letters(MANY, 3 * MANY, 2), *letters(MANY, 3 * MANY, 2)])
        assert third.known == MANY
        assert mailroom.counts() == {"accepted": MANY, "pending": 2 * MANY + MANY // 2}


def test_a_failure_after_many_letters_takes_none_of_them_in(url: str) -> None:
    def decisions() -> Iterator[Decision]:
        yield from letters(MANY)
        raise RuntimeError("the engine went away")

    with Mailroom.open(url, environment="test") as mailroom:
        with pytest.raises(RuntimeError):
            mailroom.load_run(1, "run-1", NOW, decisions())
        assert (mailroom.counts(), mailroom.last_loaded()) == ({}, 0)
