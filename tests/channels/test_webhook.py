"""The webhook channel against a real receiver on the loopback: what each answer means, and where no call goes."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from journey_engine.channels import Outcome, OutcomeKind, Outgoing, Presence, Rendered
from journey_engine.channels.line import Resolve, resolved
from journey_engine.channels.webhook import WebhookChannel, secrets, signature
from journey_engine.endpoint import Target, forbidden
from journey_engine.project import Endpoint
from tests.channels.peer import Receiver, drip, hang_up, raw, receiver, reset, say_nothing, status

NOW = dt.datetime(2026, 3, 4, 10, 0, 5, tzinfo=dt.UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of thirty bytes").decode()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)


def endpoint(peer: Receiver | int, **more: Any) -> Endpoint:
    port = peer if isinstance(peer, int) else peer.port
    words = {"url": f"http://127.0.0.1:{port}/hooks?a=1", "secret_env": "CRM_SECRET", "allow_private": True}
    return Endpoint.model_validate({**words, "timeout": "2 seconds", **more})


def outgoing(number: int = 1, to: str = "crm", body: str = '{"id":1}') -> Outgoing:
    return Outgoing(f"{number:032x}", to, None, Rendered("", body), NOW, f"webhook:{to}")


def channel(endpoints: Mapping[str, Endpoint], resolve: Resolve = resolved) -> Iterator[WebhookChannel]:
    made = WebhookChannel(endpoints, lambda: NOW, resolve)
    made.open()
    return closing(made)


def call(peer: Receiver | int, *messages: Outgoing, **more: Any) -> list[Outcome]:
    with channel({"crm": endpoint(peer, **more)}) as made:
        return [outcome for _, outcome in made.send(messages or [outgoing()])]


# --- what a call is -------------------------------------------------------------------------------------------


def test_signature_is_that_of_the_published_example() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_call_carries_its_id_its_time_and_a_signature_that_the_receiver_can_check() -> None:
    with receiver() as peer:
        (outcome,) = call(peer)
    assert outcome.kind is OutcomeKind.ACCEPTED
    ((head, body),) = peer.calls
    assert peer.lines == ["POST /hooks?a=1 HTTP/1.1"]
    assert (head["host"], head["content-type"]) == (f"127.0.0.1:{peer.port}", "application/json")
    assert (head["webhook-id"], head["webhook-timestamp"]) == (outgoing().message_id, str(int(NOW.timestamp())))
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
    digest = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), signed, "sha256")
    assert head["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert body == b'{"id":1}'


def test_two_secrets_sign_while_one_replaces_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", f"{OTHER} {SECRET}")
    with receiver() as peer:
        call(peer)
    ((head, body),) = peer.calls
    keys = [base64.b64decode(text.removeprefix("whsec_")) for text in (OTHER, SECRET)]
    wanted = [signature(key, head["webhook-id"], int(head["webhook-timestamp"]), body) for key in keys]
    assert head["webhook-signature"].split(" ") == wanted


def test_calls_of_one_dispatch_share_a_connection() -> None:
    with receiver(status(200), status(202, body=b""), raw(b"HTTP/1.1 200 OK\r\n\r\n")) as peer:
        told = call(peer, *map(outgoing, range(5)))
    assert [outcome.kind for outcome in told] == [OutcomeKind.ACCEPTED] * 5
    assert peer.connections == 2  # the third answer ended the first one


def test_kept_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    def answer_and_leave(sock: socket.socket) -> None:
        status(200)(sock)
        raise ConnectionAbortedError

    with receiver(answer_and_leave, status(200)) as peer, channel({"crm": endpoint(peer)}) as made:
        first = dict(made.send([outgoing(1)]))

        time.sleep(0.2)
        second = dict(made.send([outgoing(2)]))
    assert [one.kind for one in (*first.values(), *second.values())] == [OutcomeKind.ACCEPTED] * 2
    assert peer.connections == 2


def test_chunked_and_long_answers_are_read_as_far_as_they_matter() -> None:
    chunked = raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    long = status(200, body=b"x" * 200_000)
    with receiver(chunked, long) as peer:
        told = call(peer, *map(outgoing, range(3)))
    assert [outcome.kind for outcome in told] == [OutcomeKind.ACCEPTED] * 3


def test_nobody_can_be_asked_what_was_taken() -> None:
    with receiver() as peer, channel({"crm": endpoint(peer)}) as made:
        assert made.lookup(["a"]) == {"a": Presence.UNKNOWN}


# --- what an answer means -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_any_2xx_is_taken(code: int) -> None:
    with receiver(status(code, body=b"")) as peer:
        assert [one.kind for one in call(peer)] == [OutcomeKind.ACCEPTED]


@pytest.mark.parametrize("code", [400, 403, 404, 410, 413, 422])
def test_other_4xx_is_a_refusal_of_this_call_alone(code: int) -> None:
    with receiver(status(code), status(200)) as peer:
        first, second = call(peer, outgoing(1), outgoing(2))
    assert (first.kind, first.reason) == (OutcomeKind.REFUSED, f"status_{code}")
    assert first.detail == f"127.0.0.1:{peer.port} answered {code}"
    assert second.kind is OutcomeKind.ACCEPTED


def test_endpoint_that_does_not_accept_the_signature_is_called_no_more_and_no_call_is_lost() -> None:
    with (
        receiver(status(401), status(200)) as peer,
        receiver() as other,
        channel({"crm": endpoint(peer), "stock": endpoint(other)}) as made,
    ):
        told = dict(made.send([outgoing(1), outgoing(2), outgoing(3, "stock")]))
    first, second, third = told.values()
    assert (first.kind, first.reason, first.down, first.peer) == (OutcomeKind.LATER, "status_401", True, "crm")
    where = f"127.0.0.1:{peer.port} answered 401"
    assert first.detail == f"{where}: it does not accept the signature (environment variable CRM_SECRET)"
    assert second == first
    assert len(peer.calls) == 1
    assert third.kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_redirect_is_refused_and_not_followed(code: int) -> None:
    with receiver() as other, receiver(status(code, f"Location: http://127.0.0.1:{other.port}/")) as peer:
        (outcome,) = call(peer)
    assert (outcome.kind, outcome.reason) == (OutcomeKind.REFUSED, f"status_{code}")
    assert other.calls == []


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("120", 120),
        ("0", 1),
        ("Wed, 04 Mar 2026 10:05:05 GMT", 300),
        ("Wed, 04 Mar 2020 10:05:05 GMT", 1),
        ("999999999999", 86400),
    ],
)
def test_retry_after_says_when_and_all_further_calls_wait_too(code: int, asked: str, wait: int) -> None:
    with receiver(status(code, f"Retry-After: {asked}"), status(200)) as peer:
        told = call(peer, outgoing(1), outgoing(2))
    assert [(one.kind, one.retry_after) for one in told] == [(OutcomeKind.LATER, dt.timedelta(seconds=wait))] * 2
    assert not any(one.down for one in told)
    assert len(peer.calls) == 1


def test_408_and_429_are_tried_again_without_a_time_too_and_503_alone_is_unclear() -> None:
    with receiver(status(408), status(429)) as peer:
        told = call(peer, outgoing(1), outgoing(2))
    assert [(one.kind, one.retry_after) for one in told] == [(OutcomeKind.LATER, None)] * 2
    with receiver(status(503), status(503, "Retry-After: soon")) as peer:
        told = call(peer, outgoing(1), outgoing(2))
    assert [one.kind for one in told] == [OutcomeKind.UNSURE] * 2


@pytest.mark.parametrize("code", [500, 501, 502, 504, 599, 600, 103])
def test_what_says_neither_yes_nor_no_is_unsure(code: int) -> None:
    with receiver(status(code, body=b"")) as peer:
        assert [(one.kind, one.reason) for one in call(peer)] == [(OutcomeKind.UNSURE, f"status_{code}")]


def test_three_unclear_answers_in_a_row_leave_the_rest_for_later() -> None:
    script = [status(500), status(500), status(200), status(500), status(502), status(500)]
    with receiver(*script) as peer:
        told = call(peer, *map(outgoing, range(8)))
    unclear, taken, later = OutcomeKind.UNSURE, OutcomeKind.ACCEPTED, OutcomeKind.LATER
    assert [one.kind for one in told] == [unclear, unclear, taken, unclear, unclear, unclear, later, later]
    assert len(peer.calls) == 6
    assert {one.reason for one in told[6:]} == {"not_tried"}


@pytest.mark.parametrize("act", [reset, hang_up, raw(b"SSH-2.0-OpenSSH\r\n"), raw(b"HTTP/1.1 2")])
def test_connection_lost_after_the_body_is_unsure_and_the_rest_is_not_tried(act: Any) -> None:
    with receiver(act) as peer:
        first, second = call(peer, outgoing(1), outgoing(2))
    assert (first.kind, first.reason) == (OutcomeKind.UNSURE, "no_answer")
    assert (second.kind, second.reason, second.down) == (OutcomeKind.LATER, "not_tried", False)
    assert len(peer.calls) == 1


@pytest.mark.parametrize("act", [say_nothing, drip])
def test_receiver_that_never_ends_is_left_at_the_timeout_and_unsure(act: Any) -> None:

    with receiver(act) as peer:
        began = time.monotonic()
        first, second = call(peer, outgoing(1), outgoing(2), timeout="1 second")
        assert time.monotonic() - began < 5
    assert (first.kind, first.reason) == (OutcomeKind.UNSURE, "no_answer")
    assert (second.kind, second.reason) == (OutcomeKind.LATER, "not_tried")


def test_nobody_listening_is_surely_not_delivered_and_stops_that_endpoint_alone() -> None:
    with receiver() as peer, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        with channel({"crm": endpoint(taken.getsockname()[1]), "stock": endpoint(peer)}) as made:
            told = dict(made.send([outgoing(1), outgoing(2), outgoing(3, "stock")]))
    first, second, third = told.values()
    assert (first.kind, first.reason, first.down, first.peer) == (OutcomeKind.LATER, "unavailable", True, "crm")
    assert second == first
    assert third.kind is OutcomeKind.ACCEPTED


def test_name_that_nobody_knows_is_surely_not_delivered() -> None:
    (outcome,) = call(1, url="https://nobody.invalid/hooks")
    assert (outcome.kind, outcome.reason) == (OutcomeKind.LATER, "unavailable")
    assert "nobody.invalid:443" in str(outcome.detail)
    assert "/hooks" not in str(outcome.detail)


def test_endpoint_that_the_project_has_no_more_keeps_its_calls() -> None:
    with channel({}) as made:
        ((_, outcome),) = made.send([outgoing()])
    assert (outcome.kind, outcome.reason, outcome.down, outcome.peer) == (OutcomeKind.LATER, "no_endpoint", True, "crm")


# --- TLS ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for crm.example, signed by itself, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed; it makes the certificate")
    path = tmp_path_factory.mktemp("tls") / "crm.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path, "-out", f"{path}.crt", "-days",
         "30", "-subj", "/CN=crm.example", "-addext", "subjectAltName=DNS:crm.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def secured(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def here(host: str, port: int) -> list[tuple[int, Any]]:
    """Every name leads to the loopback."""
    return [(socket.AF_INET, ("127.0.0.1", port))]


def test_call_over_tls_checks_the_name_in_the_certificate(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    with receiver(tls=secured(certificate)) as peer:
        kinds = {}
        for name in ("crm.example", "other.example"):
            settings = endpoint(peer, url=f"https://{name}:{peer.port}/hooks")
            with channel({"crm": settings}, here) as made:
                kinds[name] = [(one.kind, one.reason) for _, one in made.send([outgoing()])]
    assert kinds == {
        "crm.example": [(OutcomeKind.ACCEPTED, None)],
        "other.example": [(OutcomeKind.LATER, "unavailable")],
    }
    assert [head["host"] for head, _ in peer.calls] == [f"crm.example:{peer.port}"]


def test_certificate_that_nobody_vouches_for_is_surely_not_delivered(certificate: Path) -> None:
    with receiver(tls=secured(certificate)) as peer:
        settings = endpoint(peer, url=f"https://crm.example:{peer.port}/hooks")
        with channel({"crm": settings}, here) as made:
            ((_, outcome),) = made.send([outgoing()])
    assert (outcome.kind, outcome.reason) == (OutcomeKind.LATER, "unavailable")
    assert "certificate" in str(outcome.detail)
    assert peer.calls == []


# --- secrets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "held", [None, "", "  ", "whsec_not~so~good", "whsec_c2hvcnQ=", "plain-text-password-1234", "whsec_"]
)
def test_missing_or_broken_secret_stops_the_endpoint_and_is_never_shown(
    held: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRM_SECRET")
    if held is not None:
        monkeypatch.setenv("CRM_SECRET", held)
    with receiver() as peer:
        first, second = call(peer, outgoing(1), outgoing(2))
    assert (first.kind, first.reason, first.down) == (OutcomeKind.LATER, "no_secret", True)
    assert second == first
    assert "CRM_SECRET" in str(first.detail)
    for word in (held or "").split():
        assert word.removeprefix("whsec_") == "" or word.removeprefix("whsec_") not in str(first.detail)
    assert peer.calls == []


def test_secret_may_stand_without_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET.removeprefix("whsec_"))
    assert secrets("CRM_SECRET") == [base64.b64decode(SECRET.removeprefix("whsec_"))]


# --- where no call goes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fec0::1",
    ],
)  # fmt: skip
def test_address_that_is_not_public_is_forbidden(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_address_may_be_called(address: str) -> None:
    assert forbidden(address) is None


@pytest.mark.parametrize("host", ["localtest.example", "metadata.example"])
def test_name_that_leads_inside_is_not_called(host: str) -> None:
    """The receiver listens on the loopback, where the name leads: it is never called."""
    with receiver() as peer:

        def inside(name: str, port: int) -> list[tuple[int, Any]]:
            assert name == host
            return [(socket.AF_INET, ("93.184.216.34", port)), (socket.AF_INET, ("127.0.0.1", peer.port))]

        settings = endpoint(peer, url=f"https://{host}/hooks", allow_private=False)
        with channel({"crm": settings}, inside) as made:
            told = [outcome for _, outcome in made.send([outgoing(1), outgoing(2)])]
    assert [(one.kind, one.reason, one.down) for one in told] == [(OutcomeKind.LATER, "forbidden_address", True)] * 2
    assert "127.0.0.1" in str(told[0].detail)
    assert "allow_private" in str(told[0].detail)
    assert peer.connections == 0


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "127.1", "017700000001"])
def test_loopback_in_another_spelling_is_not_called(spelling: str) -> None:
    with receiver() as peer:
        (outcome,) = call(peer, url=f"https://{spelling}:{peer.port}/", allow_private=False)
    assert outcome.reason in ("forbidden_address", "unavailable")  # what the system takes for no name goes nowhere
    assert peer.connections == 0


def test_call_goes_to_the_address_that_was_checked_and_the_name_is_asked_once() -> None:
    """A name that leads elsewhere the second time it is asked, as an attacker's does, has no second time."""
    asked: list[str] = []
    with receiver() as peer, receiver() as other:

        def rebinding(host: str, port: int) -> list[tuple[int, Any]]:
            asked.append(host)
            return [(socket.AF_INET, ("127.0.0.1", peer.port if len(asked) == 1 else other.port))]

        with channel({"crm": endpoint(peer, url="http://crm.example/hooks")}, rebinding) as made:
            told = [outcome.kind for _, outcome in made.send([outgoing(1), outgoing(2)])]
    assert told == [OutcomeKind.ACCEPTED] * 2
    assert asked == ["crm.example"]
    assert (len(peer.calls), len(other.calls)) == (2, 0)
    assert {head["host"] for head, _ in peer.calls} == {"crm.example"}


def test_next_address_of_a_name_is_tried_when_one_does_not_answer() -> None:
    with receiver() as peer, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = ("127.0.0.1", taken.getsockname()[1])

        def two(host: str, port: int) -> list[tuple[int, Any]]:
            return [(socket.AF_INET, nobody), (socket.AF_INET, ("127.0.0.1", peer.port))]

        with channel({"crm": endpoint(peer, url="http://crm.example/hooks")}, two) as made:
            assert [outcome.kind for _, outcome in made.send([outgoing()])] == [OutcomeKind.ACCEPTED]


def test_ipv6_endpoint_is_called() -> None:
    try:
        with receiver(host="::1") as peer:
            (outcome,) = call(peer, url=f"http://[::1]:{peer.port}/hooks")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert [head["host"] for head, _ in peer.calls] == [f"[::1]:{peer.port}"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://user:geheim@crm.example/", "a name or password"),
        ("https://crm.example/#part", "'#'"),
        ("https://crm.example:99999/", "host or port"),
        ("https:///hooks", "a host"),
        ("https://crm.example/ü", "signs that no address"),
    ],
)
def test_url_that_cannot_be_called_is_told_without_what_is_secret_in_it(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as told:
        Target.of(url)
    assert "geheim" not in str(told.value)
