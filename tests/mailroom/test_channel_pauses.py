"""A channel that cannot work, or asks to be left alone: every dispatcher and run knows it, and one tries with care."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from journey_engine.channel_settings import SmtpChannel as SmtpSettings
from journey_engine.channels import Outcome, OutcomeKind
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.errors import JourneyError
from journey_engine.mailroom import DispatchReport, Mailroom, dispatch
from tests.channels.test_smtp import Handler, free_port
from tests.mailroom.house import NOW, SENDER, clock, message, open_mailroom, other, renderer, state_of
from tests.mailroom.test_dispatch import Scripted, send

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
REFUSED = Outcome(OutcomeKind.LATER, "login_refused", "mail:25 does not accept the password: 535 no", down=True)
PLEASE = Outcome(OutcomeKind.LATER, "too_many", "429", retry_after=20 * MINUTE)


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    with open_mailroom(tmp_path) as found:
        found.load_run(1, "run-1", NOW, [message(number, max_lateness_s=10**7) for number in range(30)])
        yield found


def test_a_provider_that_refuses_us_is_left_alone_by_every_dispatch_with_one_clear_line(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    channel = Scripted(*[REFUSED] * 10_000)
    tries, before = [], 0
    for minute in range(24 * 60):
        report = send(tmp_path, mailroom, NOW + minute * MINUTE, {"file": channel})
        assert report.accepted == 0
        assert len(report.troubles) == 1
        assert "channel file: " in report.troubles[0]
        assert "535 no" in report.troubles[0]
        if len(channel.seen) > before:
            tries.append((minute, len(channel.seen) - before))
            before = len(channel.seen)
        if minute == 5:
            assert report.reasons == {("pending", "login_refused"): 30}
            assert "takes nothing since 2026-03-04T10:00:00Z (3 tries)" in report.troubles[0]
            assert (
                "tried again at 2026-03-04T10:07:00Z, at once with `journey resume --channel file`"
                in (report.troubles[0])
            )
        if minute == 40:
            break
    assert [minute for minute, _ in tries] == [0, 1, 3, 7, 15, 31]
    assert [count for _, count in tries] == [30, 1, 1, 1, 1, 1]  # one message tries whether it is mended
    (pause,) = mailroom.paused()
    assert (pause.since, pause.tries, pause.try_at) == (NOW, 6, NOW + 61 * MINUTE)


def test_what_is_mended_goes_at_once_when_somebody_says_so_and_by_itself_when_nobody_does(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    send(tmp_path, mailroom, NOW, {"file": Scripted(*[REFUSED] * 30)})
    send(tmp_path, mailroom, NOW + MINUTE, {"file": Scripted(REFUSED)})
    at = NOW + 2 * MINUTE
    assert send(tmp_path, mailroom, at, {"file": Scripted()}).accepted == 0
    assert mailroom.end_pause("file")
    assert not mailroom.end_pause("file")
    assert send(tmp_path, mailroom, at, {"file": Scripted()}).accepted == 30
    assert mailroom.paused() == []
    mailroom.load_run(2, "run-2", at, [message(number, run=2) for number in range(100, 130)])
    send(tmp_path, mailroom, at, {"file": Scripted(*[REFUSED] * 30)})
    assert send(tmp_path, mailroom, at + MINUTE, {"file": Scripted()}).accepted == 30
    assert mailroom.paused() == []


def test_only_one_of_several_dispatchers_tries_again(tmp_path: Path, mailroom: Mailroom) -> None:
    send(tmp_path, mailroom, NOW, {"file": Scripted(*[REFUSED] * 30)})
    second = Scripted()

    class First(Scripted):
        def send(self, messages):  # type: ignore[no-untyped-def]
            assert len(messages) == 1
            assert send(tmp_path, mailroom, NOW + MINUTE, {"file": second}).accepted == 0
            yield from super().send(messages)

    send(tmp_path, mailroom, NOW + MINUTE, {"file": First(REFUSED)})
    assert second.seen == []
    (pause,) = mailroom.paused()
    assert (pause.tries, pause.try_at) == (2, NOW + 3 * MINUTE)


def test_two_that_find_it_down_at_once_count_as_one(tmp_path: Path, mailroom: Mailroom) -> None:
    class First(Scripted):
        def send(self, messages):  # type: ignore[no-untyped-def]
            send(tmp_path, mailroom, NOW, {"file": Scripted(*[REFUSED] * 30)}, batch=10)
            yield from super().send(messages)

    send(tmp_path, mailroom, NOW, {"file": First(*[REFUSED] * 30)}, batch=10)
    (pause,) = mailroom.paused()
    assert (pause.tries, pause.try_at) == (1, NOW + MINUTE)


def test_a_provider_that_asks_for_a_pause_gets_it_from_all_and_that_is_no_failure(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    report = send(tmp_path, mailroom, NOW, {"file": Scripted(Outcome.accepted(), *[PLEASE] * 30)})
    assert (report.accepted, report.waiting, report.troubles) == (1, 29, ())
    mailroom.load_run(2, "run-2", NOW, [message(77, run=2)])
    channel = Scripted()
    report = send(tmp_path, mailroom, NOW + 19 * MINUTE, {"file": channel})
    assert (channel.seen, report.waiting, report.troubles) == ([], 1, ())
    assert state_of(mailroom, message(77)) == ("pending", "too_many")
    assert "asked to be left alone: 429; goes on at 2026-03-04T10:20:00Z" in str(
        next(row.detail for row in mailroom.listing() if row.message_id == message(77).decision_id)
    )
    assert send(tmp_path, mailroom, NOW + 20 * MINUTE, {"file": channel}).accepted == 30


def test_settings_that_cannot_work_pause_nothing_because_nobody_was_bothered(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    class Unset(Scripted):
        def open(self) -> None:
            raise JourneyError("no password", code="channel_settings")

    assert send(tmp_path, mailroom, NOW, {"file": Unset()}).troubles == ("channel file: no password",)
    assert mailroom.paused() == []
    assert send(tmp_path, mailroom, NOW + MINUTE, {"file": Scripted()}).accepted == 30


def test_an_endpoint_that_asks_for_a_pause_gets_it_from_later_dispatches_for_new_calls_too(tmp_path: Path) -> None:
    def call(number: int, to: str):  # type: ignore[no-untyped-def]
        return other("webhook", number, endpoint=to, data={}, values={})  # type: ignore[arg-type]

    busy = Outcome(OutcomeKind.LATER, "too_many", "crm answered 429", retry_after=HOUR, peer="crm")
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [call(1, "crm")])
        send(tmp_path, mailroom, NOW, {"webhook": Scripted(busy)})
        mailroom.load_run(2, "run-2", NOW, [call(2, "crm"), call(3, "stock")])
        channel = Scripted()
        report = send(tmp_path, mailroom, NOW + 59 * MINUTE, {"webhook": channel})
        assert (report.accepted, report.waiting, len(channel.seen)) == (1, 1, 1)
        assert [str(one) for one in mailroom.paused()] == ["channel webhook to crm"]
        assert send(tmp_path, mailroom, NOW + HOUR, {"webhook": channel}).accepted == 2
        assert mailroom.paused() == []


def test_a_provider_that_is_away_for_25_hours_loses_nothing_and_gets_each_message_once(tmp_path: Path) -> None:
    """Nobody listens on the port for a day and an hour of simulated time; a dispatch comes every ten minutes."""
    handler, port = Handler(), free_port()
    settings = SmtpSettings.model_validate({"host": "127.0.0.1", "port": port, "timeout": "2 seconds"})

    def hand_over(mailroom: Mailroom, at: dt.datetime) -> DispatchReport:
        return dispatch(mailroom, at, {"file": SmtpChannel(settings, SENDER)}, renderer(tmp_path), clock=clock)

    with open_mailroom(tmp_path) as mailroom:
        short = message(99, max_lateness_s=24 * 3600)
        mailroom.load_run(1, "run-1", NOW, [*(message(number) for number in range(50)), short])
        for tens in range(25 * 6):
            assert hand_over(mailroom, NOW + tens * 10 * MINUTE).accepted == 0
        (pause,) = mailroom.paused()
        assert (pause.reason, pause.since) == ("unavailable", NOW)
        assert pause.tries < 60
        assert mailroom.counts() == {"pending": 51}
        controller = Controller(handler, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            report = hand_over(mailroom, NOW + 25 * HOUR + 30 * MINUTE)
        finally:
            controller.stop()
        assert (report.accepted, report.troubles) == (50, ())
        assert state_of(mailroom, short) == ("skipped", "too_late")
        assert mailroom.paused() == []
    assert len(handler.received) == 50
    assert len({envelope.rcpt_tos[0] for envelope in handler.received}) == 50
