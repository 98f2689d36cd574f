"""The sms channel against a recorder on the loopback that answers as Twilio documents it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from journey_engine.channel_settings import Channels
from journey_engine.channel_settings import SmsChannel as SmsSettings
from journey_engine.channels import Outcome, OutcomeKind, Outgoing, Presence, Rendered, make_channels
from journey_engine.channels.short_words import segments
from journey_engine.channels.sms import SmsChannel, international
from journey_engine.errors import JourneyError
from journey_engine.project import Sender
from tests.channels.peer import Receiver, drip, hang_up, receiver, reset, say_nothing, status

NOW = dt.datetime(2026, 3, 4, 10, 0, 5, tzinfo=dt.UTC)
SID, TOKEN = "AC" + "0" * 32, "canary0that0sings0never0anywhere"
NUMBER = "+491701234567"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", SID)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)


def outgoing(number: int = 1, to: str = "0170 1234567", text: str = "Hello Ada") -> Outgoing:
    return Outgoing(f"{number:032x}", to, "Ada", Rendered("", text), NOW, "hello", "transactional", "welcome")


def settings(peer: Receiver | int, **more: Any) -> SmsSettings:
    port = peer if isinstance(peer, int) else peer.port
    words = {"from": "+4930123456", "country": "DE", "host": f"http://127.0.0.1:{port}", "timeout": "2 seconds"}
    return SmsSettings.model_validate({**words, **more})


@contextmanager
def channel(peer: Receiver | int, **more: Any) -> Iterator[SmsChannel]:
    made = SmsChannel(settings(peer, **more))
    made.open()
    with closing(made):
        yield made


def call(peer: Receiver | int, *messages: Outgoing, **more: Any) -> list[Outcome]:
    with channel(peer, **more) as made:
        return [outcome for _, outcome in made.send(messages or [outgoing()])]


def created(sid: str = "SM1234") -> Any:
    body = {"sid": sid, "status": "queued", "num_segments": "1", "error_code": None, "to": NUMBER}
    return status(201, "Content-Type: application/json", body=json.dumps(body).encode())


def no(code: int, error: int, message: str = "no", *headers: str) -> Any:
    more = f"https://www.twilio.com/docs/errors/{error}"
    body = {"code": error, "message": message, "more_info": more, "status": code}
    return status(code, "Content-Type: application/json", *headers, body=json.dumps(body).encode())


# --- what a request is ----------------------------------------------------------------------------------------


def test_message_goes_to_the_account_as_a_form_with_the_number_made_international() -> None:
    with receiver(created()) as peer:
        (outcome,) = call(peer, outgoing(text="Grüße & mehr +1\r\n\x07\u20ac"))
    assert (outcome.kind, outcome.detail, outcome.address) == (OutcomeKind.ACCEPTED, "SM1234, 1 part", NUMBER)
    ((head, body),) = peer.calls
    assert peer.lines == [f"POST /2010-04-01/Accounts/{SID}/Messages.json HTTP/1.1"]
    assert head["authorization"] == "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    assert head["content-type"] == "application/x-www-form-urlencoded"
    form = {name: value for name, (value,) in parse_qs(body.decode(), strict_parsing=True).items()}
    assert form == {"To": NUMBER, "From": "+4930123456", "Body": "Grüße & mehr +1\n\u20ac"}


def test_messaging_service_stands_in_the_place_of_a_number() -> None:
    service = "MG" + "a" * 32
    with receiver(created()) as peer:
        call(peer, **{"from": None, "service": service})
    form = parse_qs(peer.calls[0][1].decode())
    assert (form["MessagingServiceSid"], form.get("From")) == ([service], None)


@pytest.mark.parametrize(
    ("given", "country", "made"),
    [
        ("+49 170 1234567", "NG", NUMBER), ("0170/123 45 67", "DE", NUMBER), ("+491701234567", "US", NUMBER),
        ("0049 170 1234567", "DE", NUMBER), ("(201) 555-0123", "US", "+12015550123"),
        ("0803 123 4567", "NG", "+2348031234567"), ("12", "DE", None), ("+999 123456", "DE", None), ("", "DE", None),
        ("ada@example.com", "DE", None), ("0170", "DE", None), ("+1 000 000 0000", "DE", None),
    ],
)  # fmt: skip
def test_number_without_a_country_is_of_the_project_s(given: str, country: str, made: str | None) -> None:
    assert international(given, country) == made


def test_what_cannot_be_sent_is_refused_here() -> None:
    with receiver(created()) as peer:
        wrong = [outgoing(1, to="12"), outgoing(2, text=" \n"), outgoing(3, text="x" * 1601)]
        told = call(peer, *wrong, outgoing(4, text="a\ud800"))
    assert [(one.kind.value, one.reason) for one in told] == [
        ("refused", "invalid_address"), ("refused", "empty_message"), ("refused", "too_long"), ("accepted", None),
    ]  # fmt: skip
    assert len(peer.calls) == 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1), ("x" * 160, 1), ("x" * 161, 2), ("x" * 306, 2), ("x" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
        ("x" * 152 + "€" + "x" * 152, 3), ("ж" * 70, 1), ("ж" * 71, 2), ("ж" * 134, 2), ("ж" * 135, 3),
        ("\U0001f600" * 35, 1), ("\U0001f600" * 36, 2), ("ж" * 66 + "\U0001f600" + "ж" * 66, 3),
    ],
)  # fmt: skip
def test_parts_are_counted_as_networks_cut_them(text: str, parts: int) -> None:
    assert segments(text) == parts


def test_messages_of_one_dispatch_share_a_connection() -> None:
    with receiver(*[created()] * 3) as peer:
        told = call(peer, *map(outgoing, range(3)))
    assert [one.kind for one in told] == [OutcomeKind.ACCEPTED] * 3
    assert peer.connections == 1


# --- what an answer means -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        (400, 21211, "no_such_address"), (400, 21614, "no_such_address"), (400, 21610, "unsubscribed"),
        (403, 21408, "country_not_allowed"), (400, 21612, "error_21612"), (400, 99999, "error_99999"),
    ],
)  # fmt: skip
def test_no_to_one_number_is_a_refusal_of_that_message_alone(code: int, error: int, reason: str) -> None:
    words = f"The number {NUMBER} of Ada at ada@example.com is not valid for account {SID}."
    with receiver(no(code, error, words), created()) as peer:
        first, second = call(peer, outgoing(1), outgoing(2))
    assert (first.kind, first.reason) == (OutcomeKind.REFUSED, reason)
    assert (first.bounced, first.unsubscribed) == (reason == "no_such_address", reason == "unsubscribed")
    said = f"Twilio answered {code}, error {error}"
    assert first.detail == f"{said}: The number ... of ... at ... is not valid for account ...."
    assert second.kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize(
    ("code", "error"),
    [(401, 20003), (403, 20005), (404, 20404), (400, 21606), (400, 21659), (400, 21703), (400, 21212)],
)
def test_account_or_sender_that_cannot_send_stops_the_provider_as_a_whole(code: int, error: int) -> None:
    with receiver(no(code, error, f"Authenticate {TOKEN}")) as peer:
        first, second = call(peer, outgoing(1), outgoing(2))
    assert (first.kind, first.reason, first.down) == (OutcomeKind.LATER, f"error_{error}", True)
    assert "TWILIO_AUTH_TOKEN" in str(first.detail)
    assert TOKEN not in str(first.detail)
    assert second == first
    assert len(peer.calls) == 1


@pytest.mark.parametrize(("code", "error"), [(429, 20429), (400, 21611), (429, 63038)])
def test_too_many_at_once_wait_as_long_as_asked_and_all_others_too(code: int, error: int) -> None:
    with receiver(no(code, error, "slow", "Retry-After: 40")) as peer:
        told = call(peer, outgoing(1), outgoing(2))
    wait = dt.timedelta(seconds=40)
    assert [(one.kind, one.reason, one.retry_after) for one in told] == [(OutcomeKind.LATER, "too_many", wait)] * 2
    assert len(peer.calls) == 1


@pytest.mark.parametrize("act", [status(500, body=b"<html>"), status(503), hang_up, reset, say_nothing, drip])
def test_what_says_neither_yes_nor_no_is_unsure(act: Any) -> None:
    with receiver(act) as peer:
        (outcome,) = call(peer, timeout="1 second")
    assert outcome.kind is OutcomeKind.UNSURE


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'{"code": "x", "message": null}'])
def test_words_that_cannot_be_read_are_left_out(body: bytes) -> None:
    with receiver(status(400, body=body)) as peer:
        (outcome,) = call(peer)
    assert (outcome.kind, outcome.reason, outcome.detail) == (
        OutcomeKind.REFUSED, "status_400", "Twilio answered 400",
    )  # fmt: skip


def test_nobody_there_leaves_every_message_for_later_and_nobody_can_be_asked() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        told = call(one.getsockname()[1], outgoing(1), outgoing(2))
    assert [(one.kind, one.reason, one.down) for one in told] == [(OutcomeKind.LATER, "unavailable", True)] * 2
    with channel(1) as made:
        assert made.lookup(["a"]) == {"a": Presence.UNKNOWN}


# --- secrets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"])
@pytest.mark.parametrize("held", [None, "", "canary with spaces", "canary\nX-Evil: 1", "canaryключ"])
def test_missing_or_broken_secret_is_told_and_never_shown(
    name: str, held: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name)
    if held is not None:
        monkeypatch.setenv(name, held)
    with pytest.raises(JourneyError, match=name) as caught:
        SmsChannel(settings(1)).open()
    assert "canary" not in str(caught.value)


def test_secrets_and_numbers_are_in_no_log_no_outcome_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = [created(), no(400, 21211, f"{TOKEN} {SID} {NUMBER}"), status(500), hang_up]
    with receiver(*script) as peer, channel(peer) as made:
        seen = f"{list(made.send([*map(outgoing, range(4))]))!r} {caplog.text} {made!r} {made._kept!r}"
    assert len(peer.calls) == 4
    for secret in ("canary", SID, "1701234567", "0170 1234567"):
        assert secret not in seen


def test_project_that_sets_the_channel_up_gets_it_by_name(tmp_path: Path) -> None:
    sender = Sender(name="Shop", email="hello@shop.example")
    channels = Channels.model_validate({"sms": {"from": "Shop", "country": "DE"}})
    (made,) = make_channels(["sms"], channels, sender, tmp_path).values()
    assert isinstance(made, SmsChannel)
    with pytest.raises(JourneyError, match="does not set it up"):
        make_channels(["sms"], Channels(), sender, tmp_path)
