"""SendGrid is asked to forget addresses: the request that its description knows, and what each answer means."""

from __future__ import annotations

import json
import logging
import socket
from typing import Any

import pytest

from journey_engine.channel_settings import SendgridChannel as SendgridSettings
from journey_engine.channels.sendgrid import SendgridChannel
from journey_engine.channels.sendgrid_erasing import MOST_BYTES
from journey_engine.message import Forgets, Forgotten
from tests.channels.peer import Receiver, drip, hang_up, receiver, reset, say_nothing, status
from tests.channels.test_sendgrid import KEY, SENDER, bodies, channel, no

ADA, EVE = "Ada@example.com", "eve@bücher.example"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)


def ask(peer: Receiver | int, *addresses: str, **more: Any) -> Forgotten:
    with channel(peer, **more) as made:
        assert isinstance(made, Forgets)
        return made.forget(addresses or (ADA, EVE))


def job() -> Any:
    return status(202, "Content-Type: application/json", body=b'{"job_id": "12a975bd-c742-4713-8f47-cb3ae4e56c74"}')


def as_described(body: Any) -> bool:
    """`RecipientsDataErasureEraseRecipientsRequest`: 1 to 5,000 texts, each once, and 256 KB in all."""
    (found,) = body.values()
    whole = len(json.dumps(body)) <= 256 * 1024 and len(found) == len(set(found)) and 1 <= len(found) <= 5_000
    return list(body) == ["email_addresses"] and whole and all(isinstance(one, str) and one.isascii() for one in found)


def test_addresses_are_erased_by_one_request_as_the_description_has_it() -> None:
    with receiver(job()) as peer:
        done = ask(peer, ADA, EVE, EVE)
    assert done == Forgotten(frozenset({ADA, EVE}))
    assert peer.lines == ["POST /v3/recipients/erasejob HTTP/1.1"]
    ((head, _),) = peer.calls
    assert (head["authorization"], head["content-type"]) == (f"Bearer {KEY}", "application/json")
    (body,) = bodies(peer)
    assert as_described(body)
    assert body == {"email_addresses": ["Ada@example.com", "eve@xn--bcher-kva.example"]}


def test_many_addresses_go_in_several_requests() -> None:
    many = [f"{number:05d}{'x' * 40}@example.com" for number in range(9_000)]
    with receiver(*[job()] * 9) as peer:
        done = ask(peer, *many)
    assert done.taken == set(many)
    assert all(as_described(body) for body in bodies(peer)), MOST_BYTES
    assert sum(len(body["email_addresses"]) for body in bodies(peer)) == 9_000
    assert len(peer.calls) == 3


def test_what_sendgrid_finds_no_address_keeps_none_of_the_others() -> None:
    bad = no(400, message=f"Email_address {ADA} is not valid", field="email_addresses")
    with receiver(bad, bad, job()) as peer:
        done = ask(peer)
    assert done == Forgotten(frozenset({ADA, EVE}))
    assert [len(body["email_addresses"]) for body in bodies(peer)] == [2, 1, 1]


def test_what_is_no_address_was_never_written_to_and_is_not_asked_for() -> None:
    with receiver() as peer:
        assert ask(peer, "ädä@example.com") == Forgotten(frozenset({"ädä@example.com"}))
    assert peer.calls == []


@pytest.mark.parametrize(
    ("act", "why", "remedy"),
    [
        (no(400, message=f"bad thing near {ADA}", field=""), "answered 400: bad thing near ...", "again later"),
        (no(401, message=f"no key {KEY}", field=""), "answered 401: no key ...", "SENDGRID_API_KEY"),
        (no(403, message="access forbidden", field=""), "403: access forbidden", "Recipients' Data Erasure"),
        (no(404, message="Not Found", field=""), "404: Not Found", "Recipients' Data Erasure"),
        (no(429, message="too many requests"), "429: too many requests", "again later"),
        (status(500, body=b""), "answered 500", "again later"),
        (status(200, body=b"<html>"), "as SendGrid does not", "again later"),
        (status(302, "Location: http://127.0.0.1:1/", body=b""), "answered 302", "again later"),
        (reset, "gave no answer", "again later"),
        (hang_up, "gave no answer", "again later"),
        (say_nothing, "gave no answer", "again later"),
        (drip, "gave no answer", "again later"),
    ],
)
def test_what_is_not_taken_says_why_and_what_to_do_and_names_nobody(act: Any, why: str, remedy: str) -> None:
    with receiver(act) as peer:
        done = ask(peer, timeout="1 second")
    assert done.taken == frozenset()
    assert why in str(done.why) and remedy in str(done.remedy)
    assert ADA not in str(done.why) and KEY not in str(done.why)
    assert len(peer.calls) == 1


def test_nobody_there_is_told_and_what_was_taken_before_stays_taken() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))  # bound, but nobody listens
        assert "cannot be reached" in str(ask(one.getsockname()[1]).why)
    many = [f"{number}{'x' * 200}@example.com" for number in range(2_000)]
    with receiver(job(), status(503, body=b"")) as peer:
        done = ask(peer, *many)
    assert set(bodies(peer)[0]["email_addresses"]) == done.taken
    assert 0 < len(done.taken) < len(many) and "503" in str(done.why)


def test_a_rehearsal_erases_nothing_at_the_provider() -> None:
    with receiver() as peer:
        done = ask(peer, sandbox=True)
    assert (done.taken, done.why, peer.calls) == (frozenset(), "`sandbox` is on", [])


def test_an_account_in_the_eu_is_asked_there() -> None:
    made = SendgridChannel(SendgridSettings(region="eu"), SENDER)
    assert made._kept.target.host == "api.eu.sendgrid.com"


def test_who_is_forgotten_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiver(job()) as peer:
        ask(peer)
    assert "ada" not in caplog.text.lower() and "canary" not in caplog.text
