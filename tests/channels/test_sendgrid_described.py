"""Every body that the sendgrid channel builds fits the official description, which Prism holds it against."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from itertools import product
from typing import Any

import pytest

from journey_engine.channel_settings import SendgridChannel as SendgridSettings
from journey_engine.channels import OutcomeKind, Outgoing, Rendered
from journey_engine.channels.sendgrid import SendgridChannel
from journey_engine.channels.sendgrid_body import body_of
from journey_engine.project import Sender
from tests.channels.peer import Receiver, receiver, status
from tests.channels.prism import prism

NOW = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
SENDER = Sender(name="Shop, Inc.", email="hello@shop.example")
NAMES = (None, "Ada", "Lovelace, Ada; Countess", "Ünï\r\ncode \U0001f600", "x" * 400)
TEXTS = ("Hello", "line\r\nline\n\n.\n", "\x00\x07 \ud800 half", "ü" * 20_000)


@dataclass(frozen=True)
class Peer:
    """Prism and the recorder behind it."""

    port: int
    recorder: Receiver

    def settings(self, **more: Any) -> SendgridSettings:
        return SendgridSettings.model_validate(
            {"host": f"http://127.0.0.1:{self.port}", "timeout": "20 seconds"} | more
        )


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with receiver() as recorder, prism(tmp_path_factory.mktemp("prism"), recorder.port) as port:
        yield Peer(port, recorder)


def messages() -> list[Outgoing]:
    """Every kind of message with every kind of name and text, none like another."""
    kinds = ("marketing", "transactional", "staff")
    found = []
    for number, (name, text, kind) in enumerate(product(NAMES, TEXTS, kinds)):
        html = f"<p>{text}</p>" if number % 2 else None
        words = Rendered(f"Für {name}: {number}", text, html, "https://shop.example/u?a=1&b=ü" if number % 3 else None)
        journey = ("", "welcome", "hello", "j" * 300)[number % 4]
        found.append(Outgoing(f"{number:032x}", "ada@bücher.example", name, words, NOW, "hello", kind, journey))
    return found


@pytest.mark.parametrize("words", [{}, {"sandbox": True}, {"clicks": True, "opens": True, "region": "eu"}])
def test_every_body_fits_the_description_and_arrives_as_it_was_built(
    peer: Peer, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.test.test")
    sender = with_reply(SENDER) if words else SENDER
    sent, settings = messages(), peer.settings(**words)
    answer = status(202, "X-Message-Id: abc", body=b"")
    peer.recorder.script[:] = [answer] * len(sent)
    peer.recorder.calls.clear()
    made = SendgridChannel(settings, sender)
    made.open()
    told = [outcome for _, outcome in made.send(sent)]
    made.close()
    assert {(one.kind, one.reason, one.detail) for one in told} == {(OutcomeKind.ACCEPTED, None, "abc")}
    arrived = [json.loads(body) for _, body in peer.recorder.calls]
    assert arrived == [body_of(message, sender, settings) for message in sent]
    assert all(len(body["categories"]) <= 10 for body in arrived)
    assert all(head["authorization"] == "Bearer SG.test.test" for head, _ in peer.recorder.calls)


def with_reply(sender: Sender) -> Sender:
    return sender.model_copy(update={"reply_to": "answers@shop.example"})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body | {"personalizations": []},
        lambda body: body | {"personalizations": [{"to": []}]},
        lambda body: body | {"content": []},
        lambda body: body | {"custom_args": {"journey_message_id": 5}},
        lambda body: body | {"categories": ["x"] * 11},
        lambda body: body | {"content": [{"type": "text/plain", "value": ""}]},
        lambda body: {name: value for name, value in body.items() if name != "from"},
    ],
)
def test_description_refuses_what_no_body_of_ours_is(peer: Peer, spoil: Any) -> None:
    peer.recorder.calls.clear()
    body = spoil(body_of(replace(messages()[0], to_name="Ada"), SENDER, peer.settings()))
    line = HTTPConnection("127.0.0.1", peer.port, timeout=20)
    head = {"Content-Type": "application/json", "Authorization": "Bearer SG.test.test"}
    line.request("POST", "/v3/mail/send", json.dumps(body), head)
    answer = line.getresponse()
    said = answer.read().decode()
    line.close()
    assert 400 <= answer.status < 600, said
    assert peer.recorder.calls == []


def test_refusal_of_the_description_is_a_refusal_of_that_message_alone(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.test.test")
    peer.recorder.script[:] = [status(202, "X-Message-Id: abc", body=b"")]
    made = SendgridChannel(peer.settings(), SENDER)
    made.open()
    bad, good = replace(messages()[0], to="no address"), messages()[1]
    (_, first), (_, second) = made.send([bad, good])
    made.close()
    assert (first.kind, first.reason) == (OutcomeKind.REFUSED, "status_422")
    assert second.kind is OutcomeKind.ACCEPTED
