"""SendGrid's Email Activity API is asked for unsure messages where it is set: what a query is, and each answer."""

from __future__ import annotations

import re
import socket
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from journey_engine.channel_settings import SendgridChannel as SendgridSettings
from journey_engine.channels import Presence
from journey_engine.channels.sendgrid_activity import AT_ONCE
from journey_engine.errors import JourneyError
from tests.channels.peer import Receiver, hang_up, receiver, reset, say_nothing, status
from tests.channels.test_sendgrid import KEY, channel, no

ASKED = re.compile(r"""\(unique_args\['journey_message_id'\]="([0-9a-f]{32})"\)""")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)


def ids(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(count)]


def look(peer: Receiver | int, some: list[str]) -> dict[str, Presence]:
    with channel(peer, activity=True, timeout="1 second") as made:
        return dict(made.lookup(some))


def query_of(line: str) -> list[str]:
    """The ids that a call asks for, by the forms that the documentation of the API has."""
    method, path, _ = line.split(" ")
    assert (method, urlsplit(path).path) == ("GET", "/v3/messages")
    told = parse_qs(urlsplit(path).query)
    assert told.keys() == {"query", "limit"} and 1 <= int(told["limit"][0]) <= 1000
    (query,) = told["query"]
    assert " OR ".join(ASKED.findall(query)) == ASKED.sub(r"\1", query)
    return ASKED.findall(query)


def of(peer: Receiver, *taken: str) -> Any:
    """Answers as if SendGrid knew of these."""

    def act(sock: socket.socket) -> None:
        found = b'{"messages": [{"msg_id": "x.y", "to_email": "ada@example.com", "status": "delivered"}]}'
        known = set(query_of(peer.lines[-1])) & set(taken)
        status(200, "Content-Type: application/json", body=found if known else b'{"messages": []}')(sock)

    return act


def test_what_it_knows_has_left_and_what_it_does_not_know_stays_unsure() -> None:
    some = ids(40)
    with receiver() as peer:
        peer.script[:] = [of(peer, some[3], some[39])] * 50
        told = look(peer, some)
    assert {one for one, presence in told.items() if presence is Presence.ACCEPTED} == {some[3], some[39]}
    assert set(told.values()) == {Presence.ACCEPTED, Presence.UNKNOWN}, "it keeps no whole record: nothing is absent"
    assert max(len(query_of(line)) for line in peer.lines) == AT_ONCE
    assert all(head["authorization"] == f"Bearer {KEY}" for head, _ in peer.calls)


def test_many_that_never_left_cost_few_calls() -> None:
    with receiver() as peer:
        peer.script[:] = [of(peer)] * 50
        look(peer, ids(6 * AT_ONCE))
    assert len(peer.calls) == 6


@pytest.mark.parametrize("act", [no(429, message="too many requests"), status(500), status(200, body=b"<html>"), reset,
                                 hang_up, say_nothing])  # fmt: skip
def test_when_it_answers_no_more_what_is_known_by_then_counts(act: Any) -> None:
    some = ids(2 * AT_ONCE)
    with receiver() as peer:
        peer.script[:] = [*[of(peer, some[0])] * 5, of(peer, *some)]
        first = look(peer, some[:1])
        peer.script[:] = [of(peer, some[0])] * 5 + [act]
        told = look(peer, some)
    assert first == {some[0]: Presence.ACCEPTED}
    assert [one for one, presence in told.items() if presence is Presence.ACCEPTED] == [some[0]]


@pytest.mark.parametrize("code", [400, 401, 403, 404])
def test_an_account_without_the_addition_is_told_what_to_do(code: int) -> None:
    with receiver(no(code, message=f"access forbidden {KEY}")) as peer, pytest.raises(JourneyError) as caught:
        look(peer, ids(1))
    told = str(caught.value)
    assert f"answered {code}, access forbidden ...; give the key in SENDGRID_API_KEY access to Email Activity" in told
    assert "take `activity` out" in told and "canary" not in told


def test_without_the_setting_nobody_is_asked() -> None:
    with receiver() as peer, channel(peer) as made:
        assert made.lookup(["a"]) == {"a": Presence.UNKNOWN}
        assert not made.hold
    assert peer.calls == []
    with channel(1, activity=True) as made:
        assert made.hold.total_seconds() == 600


def test_an_account_in_the_eu_has_no_activity_to_ask() -> None:
    with pytest.raises(ValueError, match="no activity of accounts in the EU; take `activity` out"):
        SendgridSettings(region="eu", activity=True)
