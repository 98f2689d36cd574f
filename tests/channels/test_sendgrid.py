"""The sendgrid channel against a recorder on the loopback: what a request is, and what each answer means."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from journey_engine.channel_settings import Channels
from journey_engine.channel_settings import SendgridChannel as SendgridSettings
from journey_engine.channels import Outcome, OutcomeKind, Outgoing, Presence, Rendered, make_channels
from journey_engine.channels.sendgrid import SendgridChannel
from journey_engine.channels.sendgrid_body import body_of
from journey_engine.errors import JourneyError
from journey_engine.project import Sender
from tests.channels.peer import Receiver, drip, hang_up, raw, receiver, reset, say_nothing, status

NOW = dt.datetime(2026, 3, 4, 10, 0, 5, tzinfo=dt.UTC)
KEY = "SG.canary-that-sings.never-anywhere"
SENDER = Sender(name="Blue Note, Ltd; Shop", email="hello@shop.example", reply_to="answers@shop.example")
FORBIDDEN = {  # by the official description: a request that holds one is refused
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)


def outgoing(number: int = 1, **more: Any) -> Outgoing:
    words = Rendered("Grüße, Ada", "Hello Ada", "<p>Hello Ada</p>", "https://shop.example/u/1")
    made = Outgoing(f"{number:032x}", "ada@example.com", "Ada", words, NOW, "hello", "marketing", "welcome")
    return replace(made, **more)


def settings(peer: Receiver | int = 1, **more: Any) -> SendgridSettings:
    port = peer if isinstance(peer, int) else peer.port
    return SendgridSettings.model_validate({"host": f"http://127.0.0.1:{port}", "timeout": "2 seconds", **more})


@contextmanager
def channel(peer: Receiver | int, **more: Any) -> Iterator[SendgridChannel]:
    made = SendgridChannel(settings(peer, **more), SENDER)
    made.open()
    with closing(made):
        yield made


def call(peer: Receiver | int, *messages: Outgoing, **more: Any) -> list[Outcome]:
    with channel(peer, **more) as made:
        return [outcome for _, outcome in made.send(messages or [outgoing()])]


def bodies(peer: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in peer.calls]


def taken(message_id: str = "filter0001p1iad2-1-2-3") -> Any:
    return status(202, f"X-Message-Id: {message_id}", body=b"")


# --- what a request is ----------------------------------------------------------------------------------------


def test_message_travels_with_our_id_its_categories_and_a_way_out_in_one_click() -> None:
    with receiver(taken()) as peer:
        (outcome,) = call(peer)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.ACCEPTED, "filter0001p1iad2-1-2-3")
    ((head, _),) = peer.calls
    assert peer.lines == ["POST /v3/mail/send HTTP/1.1"]
    assert (head["authorization"], head["content-type"]) == (f"Bearer {KEY}", "application/json")
    (body,) = bodies(peer)
    assert body["personalizations"] == [{"to": [{"email": "ada@example.com", "name": "Ada"}]}]
    assert body["subject"] == "Grüße, Ada"
    assert body["reply_to"] == {"email": "answers@shop.example"}
    assert body["custom_args"] == {"journey_message_id": outgoing().message_id}
    assert sorted(body["categories"]) == ["hello", "welcome"]
    assert body["headers"] == {
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://shop.example/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert body["tracking_settings"] == {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
    }
    assert "mail_settings" not in body


def test_text_stands_before_html_and_a_message_of_text_alone_has_no_html() -> None:
    plain = Rendered("Hi", "Hello", None, None)
    with receiver(taken(), taken()) as peer:
        call(peer, outgoing(1), outgoing(2, rendered=plain))
    both, alone = bodies(peer)
    assert [part["type"] for part in both["content"]] == ["text/plain", "text/html"]
    assert alone["content"] == [{"type": "text/plain", "value": "Hello"}]


def test_no_header_is_one_that_sendgrid_forbids_and_transactional_mail_has_no_way_out() -> None:
    for topic_class in ("marketing", "transactional", "staff"):
        body = body_of(outgoing(topic_class=topic_class), SENDER, settings())
        assert not FORBIDDEN & {name.lower() for name in body["headers"]}
        assert ("List-Unsubscribe" in body["headers"]) is (topic_class == "marketing")


@pytest.mark.parametrize("name", ["Lovelace, Ada", "Ada; Countess", ";,;", "Ada\r\nBcc: all@example.com", "\u2028", ""])
def test_names_and_subjects_lose_what_sendgrid_refuses_and_what_would_begin_a_header(name: str) -> None:
    words = Rendered(f"For {name}", "Hello")
    body = body_of(outgoing(to_name=name, rendered=words), SENDER, settings())
    ((to,),) = [one["to"] for one in body["personalizations"]]
    shown = to.get("name", "Ada")
    assert shown == " ".join(shown.split())
    assert shown
    assert not set(shown) & set(";,\r\n\u2028")
    assert body["from"]["name"] == "Blue Note Ltd Shop"
    assert not set(body["subject"]) & set("\r\n\u2028")


def test_message_without_subject_or_text_is_refused_here() -> None:
    without = [Rendered("", "Hello"), Rendered("\r\n", "Hello"), Rendered("Hi", ""), Rendered("Hi", "Hello", "")]
    with receiver() as peer:
        told = call(peer, *(outgoing(rendered=words) for words in without))
    assert [(one.kind, one.reason) for one in told] == [(OutcomeKind.REFUSED, "empty_message")] * 4
    assert peer.calls == []


def test_text_that_is_no_text_and_what_looks_like_a_key_are_nobody_elses_trouble() -> None:
    with receiver(taken(), taken()) as peer:
        told = call(
            peer,
            outgoing(1, rendered=Rendered("Hi \ud800", "lone \ud800 half")),
            outgoing(2, rendered=Rendered("Hi", "SG.abc.def is a key")),
            outgoing(3, to="ädä@example.com"),
            outgoing(4, to="ada@bücher.example"),
        )
    assert [(one.kind.value, one.reason) for one in told] == [
        ("accepted", None), ("refused", "holds_key"), ("refused", "invalid_address"), ("accepted", None),
    ]  # fmt: skip
    first, last = bodies(peer)
    assert first["content"][0]["value"] == "lone ? half"
    assert last["personalizations"][0]["to"][0]["email"] == "ada@xn--bcher-kva.example"


def test_sandbox_is_answered_with_200_and_tracking_is_as_set() -> None:
    with receiver(status(200, body=b"")) as peer:
        (outcome,) = call(peer, sandbox=True, clicks=True, opens=True)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.ACCEPTED, "200")
    (body,) = bodies(peer)
    assert body["mail_settings"] == {"sandbox_mode": {"enable": True}}
    assert body["tracking_settings"]["click_tracking"] == {"enable": True, "enable_text": True}
    assert body["tracking_settings"]["open_tracking"] == {"enable": True}


def test_region_says_where_the_calls_go_and_a_host_is_only_ever_this_machine() -> None:
    assert SendgridSettings().url == "https://api.sendgrid.com"
    assert SendgridSettings(region="eu").url == "https://api.eu.sendgrid.com"
    assert SendgridSettings(host="http://[::1]:4010").url == "http://[::1]:4010"
    for host in (
        "https://api.sendgrid.example", "http://example.com:80", "http://127.0.0.1", "http://10.0.0.1:80",
        "http://127.0.0.1:80/x", "http://a@127.0.0.1:80", "http://127.0.0.1:99999", "127.0.0.1:80", "",
    ):  # fmt: skip
        with pytest.raises(ValueError, match="for tests on this machine only"):
            SendgridSettings(host=host)


def test_messages_of_one_dispatch_share_a_connection_and_each_has_its_own_headers() -> None:
    with receiver(*[taken()] * 3) as peer:
        call(peer, *map(outgoing, range(3)))
    assert peer.connections == 1
    assert len({tuple(sorted(head)) for head, _ in peer.calls}) == 1
    assert [body["custom_args"]["journey_message_id"] for body in bodies(peer)] == [f"{n:032x}" for n in range(3)]


# --- what an answer means -------------------------------------------------------------------------------------


def no(code: int, *headers: str, message: str = "no", field: str | None = None) -> Any:
    errors = {"errors": [{"message": message, "field": field, "help": None}]}
    return status(code, "Content-Type: application/json", *headers, body=json.dumps(errors).encode())


@pytest.mark.parametrize("code", [400, 404, 405, 406, 413, 415])
def test_definite_no_is_a_refusal_of_this_message_alone_in_sendgrids_words(code: int) -> None:
    words = "Does not contain a valid address: ada@example.com for Ada, +49 170 1234567."
    with receiver(no(code, message=words, field="personalizations.0.to.0.email"), taken()) as peer:
        first, second = call(peer, outgoing(1), outgoing(2))
    assert (first.kind, first.reason) == (OutcomeKind.REFUSED, f"status_{code}")
    assert first.detail == (
        f"SendGrid answered {code}: Does not contain a valid address: ... for ..., .... (personalizations.0.to.0.email)"
    )
    assert second.kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": 5}', b'{"errors": ["x"]}', b'{"errors": []}'])
def test_words_that_cannot_be_read_are_left_out(body: bytes) -> None:
    with receiver(status(400, body=body)) as peer:
        (outcome,) = call(peer)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.REFUSED, "SendGrid answered 400")


@pytest.mark.parametrize("code", [401, 403])
def test_wrong_key_stops_the_provider_as_a_whole_and_nothing_more_is_tried(code: int) -> None:
    words = f"authorization required for {KEY}"
    with receiver(no(code, message=words)) as peer:
        first, second = call(peer, outgoing(1), outgoing(2))
    assert (first.kind, first.reason, first.down) == (OutcomeKind.LATER, f"status_{code}", True)
    assert "SENDGRID_API_KEY" in str(first.detail)
    assert KEY not in str(first.detail)
    assert second == first
    assert len(peer.calls) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ([f"X-RateLimit-Reset: {int(NOW.timestamp()) + 90}"], 90),
        (["X-RateLimit-Reset: 1"], 1),
        (["X-RateLimit-Reset: 99999999999"], 86400),
        (["Retry-After: 20", "X-RateLimit-Reset: 99999999999"], 20),
        (["Retry-After: Wed, 04 Mar 2026 10:05:05 GMT"], 300),
        (["X-RateLimit-Reset: soon"], None),
        ([], None),
    ],
)
def test_429_says_when_and_all_further_messages_wait_too(headers: list[str], wait: int | None) -> None:
    with receiver(no(429, *headers, message="too many requests")) as peer:
        told = call(peer, outgoing(1), outgoing(2))
    pause = None if wait is None else dt.timedelta(seconds=wait)
    assert [(one.kind, one.reason, one.retry_after) for one in told] == [(OutcomeKind.LATER, "too_many", pause)] * 2
    assert len(peer.calls) == 1


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_what_says_neither_yes_nor_no_is_unsure_and_three_in_a_row_leave_the_rest(code: int) -> None:
    with receiver(*[status(code, body=b"")] * 5) as peer:
        told = call(peer, *map(outgoing, range(5)))
    assert [(one.kind.value, one.reason) for one in told] == [
        *[("unsure", f"status_{code}")] * 3, *[("later", "not_tried")] * 2,
    ]  # fmt: skip
    assert len(peer.calls) == 3


@pytest.mark.parametrize("act", [reset, hang_up, raw(b"SSH-2.0\r\n"), say_nothing, drip])
def test_connection_lost_after_the_body_or_no_answer_in_time_is_unsure(act: Any) -> None:
    with receiver(act) as peer:
        first, second = call(peer, outgoing(1), outgoing(2), timeout="1 second")
    assert (first.kind, first.reason, first.down) == (OutcomeKind.UNSURE, "no_answer", False)
    assert (second.kind, second.reason) == (OutcomeKind.LATER, "not_tried")


def test_nobody_there_leaves_every_message_for_later() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))  # bound, but nobody listens
        told = call(one.getsockname()[1], outgoing(1), outgoing(2))
    assert [(one.kind, one.reason, one.down) for one in told] == [(OutcomeKind.LATER, "unavailable", True)] * 2


def test_redirect_is_followed_nowhere_and_is_not_sendgrid() -> None:
    with receiver() as other, receiver(status(302, f"Location: http://127.0.0.1:{other.port}/")) as peer:
        (outcome,) = call(peer)
    assert (outcome.kind, outcome.down) == (OutcomeKind.LATER, True)
    assert other.calls == []


def test_sendgrid_cannot_be_asked_what_it_took() -> None:
    with channel(1) as made:
        assert made.lookup(["a"]) == {"a": Presence.UNKNOWN}


# --- the key --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [None, "", "  ", "SG.with space.inside", "SG.ключ", "SG.line\r\nX-Evil: 1"])
def test_missing_or_broken_key_is_told_and_never_shown(held: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENDGRID_API_KEY")
    if held is not None:
        monkeypatch.setenv("SENDGRID_API_KEY", held)
    with pytest.raises(JourneyError, match="SENDGRID_API_KEY") as caught:
        SendgridChannel(settings(), SENDER).open()
    assert "SG." not in str(caught.value)
    assert caught.value.code == "channel_settings"


def test_key_and_customer_are_in_no_log_no_outcome_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = [taken(), no(400, message=f"{KEY} ada@example.com"), status(500), hang_up]
    with receiver(*script) as peer, channel(peer) as made:
        told = list(made.send([*map(outgoing, range(4))]))
        seen = f"{told!r} {caplog.text} {made!r} {vars(made)!r} {made._api!r} {made._api.client!r}"
    assert len(peer.calls) == 4
    assert "canary" not in seen
    assert "ada@" not in seen


def test_project_that_sets_the_channel_up_gets_it_by_name(tmp_path: Path) -> None:
    channels = Channels.model_validate({"sendgrid": {"region": "eu"}})
    assert channels.known == ["file", "sendgrid"]
    (made,) = make_channels(["sendgrid"], channels, SENDER, tmp_path).values()
    assert isinstance(made, SendgridChannel)
    with pytest.raises(JourneyError, match="does not set it up"):
        make_channels(["sendgrid"], Channels(), SENDER, tmp_path)
