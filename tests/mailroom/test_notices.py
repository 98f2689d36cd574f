"""What providers tell and customers write, in the mailroom on either database, told by several at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from journey_engine.mailroom import Mailroom, dispatch
from journey_engine.mailroom.notices import KEPT
from journey_engine.news import Fate, Letter, Notice
from tests.mailroom.house import NOW, clock, file_channel, message, renderer
from tests.servers import postgres_server

MAIL = [message(number) for number in range(20)]


@pytest.fixture(params=["sqlite", "postgresql"])
def mailroom(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mailroom]:
    """Twenty letters have left."""
    if request.param == "sqlite":
        with Mailroom.open(f"sqlite:///{tmp_path}/mailroom.sqlite", environment="test") as room:
            yield _sent(room, tmp_path)
        return
    with postgres_server() as server:
        url = server.new("notices").replace("postgresql:", "postgresql+psycopg:")
        with Mailroom.open(url, environment="test") as room:
            yield _sent(room, tmp_path)


def _sent(room: Mailroom, folder: Path) -> Mailroom:
    room.load_run(1, "r1", NOW, MAIL)
    dispatch(room, NOW, {"file": file_channel(folder)}, renderer(folder), clock=clock)
    assert room.counts() == {"accepted": 20}
    return room


def told(number: int, fate: Fate = Fate.DELIVERED, **more: str | None) -> Notice:
    known = {"provider_id": f"p-{fate}-{number}", "message_id": MAIL[number].decision_id, "letter_id": f"l{number}@x"}
    return Notice(fate, NOW, f"n-{fate}-{number}", **{**known, **more})  # type: ignore[arg-type]


def test_notices_and_letters_count_once_whoever_tells_them_in_whatever_order(mailroom: Mailroom) -> None:
    _at_once(mailroom)
    _either_id(mailroom)
    _stops(mailroom)
    _letters(mailroom)


def _at_once(mailroom: Mailroom) -> None:
    whole = [told(number, fate) for number in range(20) for fate in (Fate.DELIVERED, Fate.OPENED)]

    def tell(number: int) -> None:
        mailroom.notice(whole if number % 2 else whole[::-1], NOW)

    with ThreadPoolExecutor(4) as several:
        list(several.map(tell, range(4)))
    names = [one.name for one in mailroom.feedback()]
    assert (names.count("message_delivered"), names.count("message_opened")) == (20, 20)
    assert mailroom.notice(whole, NOW) == {"again": 40, "taken": 0, "unknown": 0}


def _either_id(mailroom: Mailroom) -> None:
    clicked = told(1, Fate.CLICKED)
    other = told(1, Fate.CLICKED, provider_id="another")
    assert mailroom.notice([clicked, other], NOW)["taken"] == 1
    assert mailroom.notice([Notice(Fate.CLICKED, NOW, "n-other", clicked.provider_id)], NOW)["again"] == 1
    assert mailroom.notice([Notice(Fate.CLICKED, NOW, "n-new", message_id="f" * 32)], NOW)["unknown"] == 1
    later = NOW + KEPT["event"] + dt.timedelta(days=1)
    mailroom.notice([clicked], later)
    assert [one.name for one in mailroom.feedback()].count("message_clicked") == 1, (
        "its event is known longer than its ids"
    )


def _stops(mailroom: Mailroom) -> None:
    lost = {"message_id": None, "address": "CUSTOMER3@example.com"}
    mailroom.notice([Notice(Fate.BOUNCED, NOW, "b1", stops="bounced", **lost)], NOW)  # type: ignore[arg-type]
    mailroom.notice([Notice(Fate.UNSUBSCRIBED, NOW, "u1", message_id=MAIL[4].decision_id, stops="unsubscribed")], NOW)
    assert [reason for _, reason in mailroom.suppressed("c3")] == ["bounced"]
    assert [reason for _, reason in mailroom.suppressed("c4")] == ["unsubscribed"]
    assert {one.customer_id for one in mailroom.feedback() if one.name == "unsubscribed"} == {"c4"}


def _letters(mailroom: Mailroom) -> None:
    teams = {"query_received": "service"}

    def tell(number: int) -> str:
        answers = (f"l{number}@x",) if number % 2 else ()
        return mailroom.receive(Letter(f"w{number}", f"customer{number}@example.com", answers, "Hi", "Yes"), teams, NOW)

    with ThreadPoolExecutor(4) as several:
        found = list(several.map(tell, [*range(8), *range(8)]))
    assert found == ["query_received", "message_replied"] * 8
    events = [one for one in mailroom.feedback() if one.name in ("query_received", "message_replied")]
    assert sorted(one.customer_id for one in events) == [f"c{number}" for number in range(8)]
    assert sorted(one.customer_id for one in mailroom.todo(NOW)) == ["c0", "c2", "c4", "c6"]
    assert len([one for one in mailroom.feedback() if one.name == "task_given"]) == 4
