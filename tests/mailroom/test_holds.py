"""What is stopped stays, is told of, and goes on when it is resumed; other messages are not touched."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from threading import Thread

import pytest

from journey_engine.errors import JourneyError
from journey_engine.mailroom import DispatchReport, HoldKind, Mailroom, State
from journey_engine.mailroom.holds import Hold, put
from journey_engine.mailroom.taking_back import TakenBack
from journey_engine.records import DecisionKind
from tests.mailroom.house import NOW, file_channel, letters, message, open_mailroom, other, state_of
from tests.mailroom.test_dispatch import Scripted, send
from tests.servers import postgres_server

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def mailroom(tmp_path: Path) -> Mailroom:
    room = open_mailroom(tmp_path)
    room.load_run(1, "run-1", NOW, [
        message(1), message(2, topic="news"), message(3, journey="quiet"),
        message(4, template="basket", values={"lines": [1]}), message(5, channel="smtp"),
    ])  # fmt: skip
    room.load_run(2, "run-2", NOW, [message(6, run=2), message(7, run=2, journey="quiet")])
    return room


STOPPED = {
    (HoldKind.EVERYTHING, ""): {1, 2, 3, 4, 5, 6, 7},
    (HoldKind.TOPIC, "news"): {2},
    (HoldKind.JOURNEY, "quiet"): {3, 7},
    (HoldKind.TEMPLATE, "basket"): {4},
    (HoldKind.CHANNEL, "smtp"): {5},
    (HoldKind.RUN, "2"): {6, 7},
}


@pytest.mark.parametrize("what", STOPPED, ids=lambda what: what[0].value)
def test_what_is_stopped_waits_with_its_reason_and_goes_on_when_resumed(
    tmp_path: Path, mailroom: Mailroom, what: tuple[HoldKind, str]
) -> None:
    held = {message(number).decision_id for number in STOPPED[what]}
    channels = {"file": file_channel(tmp_path), "smtp": Scripted()}
    with mailroom:
        assert mailroom.stop(*what, "the prices are wrong", NOW)
        assert not mailroom.stop(*what, "again", NOW + HOUR)
        done = send(tmp_path, mailroom, channels=channels)
        assert done.accepted == 7 - len(held)
        assert done.waiting == len(held)
        assert done.reasons["pending", "stopped"] == len(held)
        waiting = mailroom.listing(State.PENDING)
        assert {one.message_id for one in waiting} == held
        assert {one.detail for one in waiting} == {mailroom.stopped()[0].detail}
        assert "the prices are wrong" in str(waiting[0].detail)
        assert mailroom.resume(*what)
        assert not mailroom.resume(*what)
        assert send(tmp_path, mailroom, NOW + HOUR, channels=channels).accepted == len(held)
        assert mailroom.counts() == {"accepted": 7}


def test_a_dispatcher_at_work_reads_it_before_its_next_claim(tmp_path: Path, mailroom: Mailroom) -> None:
    class Stopping(Scripted):
        def send(self, messages):  # type: ignore[no-untyped-def]
            yield from super().send(messages)
            mailroom.stop(HoldKind.EVERYTHING, "", None, NOW)

    with mailroom:
        channel = Stopping()
        done = send(tmp_path, mailroom, channels={"file": channel, "smtp": Scripted()}, batch=2)
        assert done.accepted + done.waiting == 7
        assert 1 <= done.accepted <= 2
        assert channel.seen


def test_tasks_of_what_is_stopped_wait_too(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [other(DecisionKind.TASK, 1, team="service", title="Call")])
        mailroom.stop(HoldKind.EVERYTHING, "", None, NOW)
        assert send(tmp_path, mailroom).tasks == 0
        mailroom.resume(HoldKind.EVERYTHING, "")
        assert send(tmp_path, mailroom).tasks == 1


def test_a_run_is_taken_back_as_far_as_it_has_not_left(tmp_path: Path, mailroom: Mailroom) -> None:
    with mailroom:
        mailroom.stop(HoldKind.JOURNEY, "quiet", None, NOW)
        send(tmp_path, mailroom)
        assert mailroom.run_number("run-2") == mailroom.run_number("2") == 2
        mailroom.stop(HoldKind.RUN, "2", None, NOW)
        assert mailroom.take_back(2, NOW + HOUR) == TakenBack(1, 0)
        assert [str(one) for one in mailroom.stopped()] == ["journey quiet"]
        assert mailroom.counts(2) == {"accepted": 1, "cancelled": 1}
        assert state_of(mailroom, message(7)) == ("cancelled", "rolled_back")
        assert state_of(mailroom, message(3))[0] == "pending"
        assert len(letters(tmp_path)) == 4


def test_tasks_of_a_run_that_is_given_up_reach_no_team_and_are_told_to_the_next_night(tmp_path: Path) -> None:
    given, later = (other(DecisionKind.TASK, number, run=number, team="service", title="Call") for number in (1, 2))
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [given])
        assert send(tmp_path, mailroom).tasks == 1
        mailroom.load_run(2, "run-2", NOW, [later])
        mailroom.stop(HoldKind.RUN, "2", "too many", NOW)
        assert send(tmp_path, mailroom).tasks == 0
        assert mailroom.take_back(1, NOW) == TakenBack(0, 0), "a team has it"
        assert mailroom.take_back(2, NOW) == TakenBack(0, 1)
        assert send(tmp_path, mailroom, NOW + HOUR).tasks == 0
        (told,) = (event for event in mailroom.feedback() if event.name == "task_cancelled")
    assert (told.customer_id, told.properties["reason"]) == ("c2", "rolled_back")


def test_of_two_who_stop_the_same_at_once_the_second_is_told_that_it_stands() -> None:
    said: list[bool] = []
    with postgres_server() as server:
        url = server.new("holds").replace("postgresql:", "postgresql+psycopg:")
        with Mailroom.open(url, environment="test") as one, Mailroom.open(url, environment="test") as second:
            slower = Thread(target=lambda: said.append(second.stop(HoldKind.TOPIC, "news", "later", NOW)))
            with one.store.write() as db:
                assert put(db, Hold(HoldKind.TOPIC, "news", "first", NOW))
                slower.start()
                slower.join(0.5)  # it has looked, and waits for what is not committed
            slower.join()
            assert (said, [hold.reason for hold in one.stopped()]) == ([False], ["first"])


def test_a_run_that_nobody_knows_is_told_with_the_newest_ones(mailroom: Mailroom) -> None:
    with mailroom, pytest.raises(JourneyError, match="no run '9'") as found:
        mailroom.run_number("9")
    assert "2 (run-2)" in str(found.value.remedy)


def test_nothing_stopped_leaves_a_dispatch_as_it_was(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        assert send(tmp_path, mailroom) == DispatchReport()
        assert mailroom.stopped() == []
