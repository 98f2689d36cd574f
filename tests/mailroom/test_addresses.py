"""A message is found by the address it went to, by an index: a letter that answers nothing locks nobody out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from journey_engine.channels import Outcome, Outgoing
from journey_engine.channels.file import FileChannel
from journey_engine.mailroom import Mailroom, State, dispatch
from journey_engine.mailroom.addresses import sent_to
from journey_engine.news import Fate, Letter, Notice
from tests.mailroom.house import NOW, SENDER, clock, file_channel, message, renderer
from tests.servers import postgres_server

HOUR = dt.timedelta(hours=1)
BOUNCE = Notice(Fate.BOUNCED, NOW, "b1", address="CUSTOMER1@example.com", stops="bounced")


@pytest.fixture(params=["sqlite", "postgresql"])
def mailroom(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mailroom]:
    """Two letters have left for one address, the second for another customer; many wait."""
    if request.param == "sqlite":
        with Mailroom.open(f"sqlite:///{tmp_path}/mailroom.sqlite", environment="test") as room:
            yield _sent(room, tmp_path)
        return
    with postgres_server() as server:
        url = server.new("addresses").replace("postgresql:", "postgresql+psycopg:")
        with Mailroom.open(url, environment="test") as room:
            yield _sent(room, tmp_path)


def _sent(room: Mailroom, folder: Path) -> Mailroom:
    mail = [message(1, to=" Customer1@Example.com"), message(2, to="customer1@example.com", due_at=NOW + HOUR)]
    wait = [message(number, due_at=NOW + dt.timedelta(days=3)) for number in range(3, 400)]
    room.load_run(1, "r1", NOW, mail + wait)
    for at in (NOW, NOW + HOUR):
        dispatch(room, at, {"file": file_channel(folder)}, renderer(folder), clock=clock)
    return room


@contextmanager
def plans(mailroom: Mailroom) -> Iterator[list[str]]:
    """How each query of the table of messages in a block is answered."""
    asked: list[tuple[str, Any]] = []
    found: list[str] = []

    def note(_db: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "FROM messages" in statement:
            asked.append((statement, parameters))

    event.listen(mailroom.store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(mailroom.store.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if mailroom.store.is_sqlite else "EXPLAIN"
    with mailroom.store.write() as db:
        if not mailroom.store.is_sqlite:
            db.exec_driver_sql("ANALYZE messages")
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")  # of so few rows it reads all in any case
        for statement, parameters in asked:
            rows = db.exec_driver_sql(f"{explain} {statement}", parameters)
            found.append("\n".join(str(row[-1]) for row in rows))


def test_a_letter_that_answers_nothing_reads_no_more_than_an_index(mailroom: Mailroom) -> None:
    with plans(mailroom) as found:
        told = mailroom.receive(Letter("w1", "customer1@example.com", (), "Hi", "Yes"), {}, NOW + HOUR)
    assert told == "query_received"
    assert [one.customer_id for one in mailroom.feedback() if one.name == told] == ["c2"], "the last one written to"
    assert any("messages_by_address" in one for one in found)
    assert not [one for one in found if "SCAN messages" in one or "Seq Scan on messages" in one]


def test_a_bounce_without_our_id_reads_no_more_than_an_index(mailroom: Mailroom) -> None:
    with plans(mailroom) as found:
        assert mailroom.notice([BOUNCE], NOW)["taken"] == 1
    assert any("messages_by_address" in one for one in found)
    assert not [one for one in found if "SCAN messages" in one or "Seq Scan on messages" in one]


def test_what_never_left_is_found_by_no_address(mailroom: Mailroom) -> None:
    assert mailroom.receive(Letter("w1", "customer7@example.com", (), "Hi", "?"), {}, NOW) == "query_received unknown"


def test_messages_that_may_have_left_a_copy_are_found(tmp_path: Path) -> None:
    with Mailroom.open(f"sqlite:///{tmp_path}/mailroom.sqlite", environment="test") as room:
        room.load_run(1, "r1", NOW, [message(1)])
        room.recover([], now=NOW)
        assert room.counts() == {State.UNSURE: 1}
        assert room.receive(Letter("w1", "customer1@example.com", (), "Hi", "Yes"), {}, NOW) == "query_received"
        room.wipe(NOW + HOUR)
        room.accept(NOW)
        room.wipe(NOW + HOUR)
        unknown = room.receive(Letter("w2", "customer1@example.com", (), "Hi", "Yes"), {}, NOW)
    assert unknown == "query_received unknown", "what is wiped tells no address"


class Curt(FileChannel):
    """Has the same words for every letter, as some servers do."""

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        for message_id, outcome in super().send(messages):
            yield message_id, replace(outcome, detail="250 ok")


def test_an_address_in_other_letters_than_ascii_is_found_in_small_ones(mailroom: Mailroom, tmp_path: Path) -> None:
    mails = [message(number, to=f" customer{number}@B\u00dcCHER.Example\t") for number in (401, 402)]
    mailroom.load_run(2, "r2", NOW, mails)
    dispatch(mailroom, NOW, {"file": Curt(tmp_path / "mail", SENDER)}, renderer(tmp_path), clock=clock)
    with mailroom.store.read() as db:
        found = db.execute(sent_to("customer401@b\u00fccher.example")).all()
    assert [row.message_id for row in found] == [mails[0].decision_id]
