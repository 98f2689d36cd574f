"""`/hooks/inbound` and `/v1/feedback`: what customers write is theirs, of the pass it answers, and a team's to do."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from journey_engine.channels.file import FileChannel
from journey_engine.inbound.forms import Form
from journey_engine.inbound.letters import BYTES
from journey_engine.inbound.signatures import SIGNATURE
from journey_engine.mailroom import dispatch
from journey_engine.message import MESSAGE_ID
from journey_engine.news import Fate, Named, Notice
from journey_engine.project import Sender
from journey_engine.render import Renderer
from journey_engine.web import inbound
from tests.inbound.signing import Signer
from tests.inbound.test_letters import KIND, form
from tests.mailroom.house import clock, file_channel, letters, message, renderer, write_templates
from tests.web.conftest import Front, serving

SIGNER = Signer()
PASSWORD, KEY = "inbound-password-01", "server-key-0123456789"
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
MAIL = message(1, to="Ada@example.com", due_at=NOW, reached_at=NOW)
SETTINGS = f"""
front_door:
  write_keys: [WRITE_KEY]
  inbound: {{secret_env: INBOUND_PASSWORD, public_key: {SIGNER.public}}}
  teams: {{query_received: service, message_replied: sales, service_requested: service}}
"""


def add(shop: Path, words: str) -> None:
    """Write settings, in the place of those of their name."""
    settings = shop / "journeys" / "project.yaml"
    name = words.strip().partition(":")[0]
    kept = re.sub(rf"^{name}:.*\n(?:[ ].*\n)*", "", settings.read_text(encoding="utf-8"), flags=re.MULTILINE)
    settings.write_text(kept + words, encoding="utf-8")


@pytest.fixture
def front_settings(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop that takes letters."""
    add(shop, SETTINGS)
    monkeypatch.setenv("WRITE_KEY", KEY)
    monkeypatch.setenv("INBOUND_PASSWORD", PASSWORD)


@pytest.fixture
def front(shop: Path, front_settings: None) -> Iterator[Front]:
    """One that has written to Ada."""
    with serving(shop) as open_:
        open_.house.mailroom.load_run(1, "r1", NOW, [MAIL])
        dispatch(open_.house.mailroom, NOW, {"file": file_channel(shop)}, renderer(shop / "house"), clock=clock)
        yield open_


def post(front: Front, body: bytes, signer: Signer = SIGNER, password: str = PASSWORD, **more: str) -> httpx.Response:
    headers = {"Content-Type": KIND, **signer.headers(body, dt.datetime.now(dt.UTC)), **more}
    return front.http.post("/hooks/inbound", content=body, headers=headers, auth=("sendgrid", password))


def letter(**more: str | bytes) -> bytes:
    told: dict[str, str | bytes] = {
        "from": "Ada <ada@example.com>",
        "subject": "Re: Hello",
        "text": "Yes!\n> no",
        **more,
    }
    return form(told, {"attachment1": b"\x00" * 300_000})


def kept(front: Front) -> dict[str, tuple[str, dict[str, Any]]]:
    found = front.house.mailroom.feedback()
    return {
        e.name: (e.customer_id, dict(e.properties)) for e in found if not e.name.startswith(("message_sent", "task"))
    }


def todo(front: Front) -> list[tuple[str, str, str]]:
    return [(one.team, one.title, one.customer_id) for one in front.house.mailroom.todo(NOW)]


def test_an_answer_to_a_letter_is_of_its_pass(front: Front, shop: Path) -> None:
    (sent,) = letters(shop)
    for number in range(2):
        told = letter(headers=f"Message-ID: <one@example.com>\nIn-Reply-To: {sent['Message-ID']}\nX: {number}")
        assert post(front, told).json() == {"success": True}
    customer, properties = kept(front)["message_replied"]
    assert customer == "c1"
    assert (properties["enrollment_id"], properties["template"]) == (MAIL.enrollment_id, "hello")
    assert (properties["text"], properties["subject"], properties["from_recipient"]) == ("Yes!", "Re: Hello", True)
    assert todo(front) == [("sales", "Answer a reply from c1: Re: Hello", "c1")]


def test_a_letter_to_its_own_address_is_an_answer_whatever_else_it_says(
    shop: Path, tmp_path: Path, front_settings: None, caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender(name="Shop", email="hello@shop.example", reply_to="answers+{token}@reply.shop.example")
    add(shop, f"sender: {{name: {sender.name}, email: {sender.email}, reply_to: '{sender.reply_to}'}}\n")
    second = message(2, to="ben@example.com", due_at=NOW, reached_at=NOW)
    with serving(shop) as front:
        room, words = front.house.mailroom, write_templates(tmp_path / "templates")
        room.load_run(1, "r1", NOW, [MAIL, second])
        ways = {"file": FileChannel(shop / "outbox", sender)}
        dispatch(room, NOW, ways, Renderer(words, sender, front.house.links), clock=clock)
        own = {str(one["To"]): str(one["Reply-To"]) for one in letters(shop)}
        ada, ben = own["Name 1 <Ada@example.com>"], own["Name 2 <ben@example.com>"]
        other = f"In-Reply-To: <{MAIL.decision_id}@shop.example>"
        assert post(front, letter(to=ben, **{"from": "work@example.net", "headers": other})).is_success
        customer, properties = kept(front)["message_replied"]
        assert (customer, properties["message_id"], properties["from_recipient"]) == ("c2", second.decision_id, False)
        forged = ada[:20] + ("a" if ada[20] != "a" else "b") + ada[21:]
        with caplog.at_level(logging.INFO):
            assert post(front, letter(to=forged, **{"from": "eve@example.org"})).is_success
        assert "an address that we did not make" in caplog.text and forged not in caplog.text
        assert "query_received" not in kept(front), "a stranger's, as without the address"
        assert post(front, letter(to=forged, text="Me")).is_success
        assert kept(front)["query_received"][0] == "c1", "by the address it came from"


def test_an_answer_names_the_letter_as_its_provider_named_it(front: Front) -> None:
    told = Notice(Fate.DELIVERED, NOW, "n1", message_id=MAIL.decision_id, letter_id="sg.1@mail.example")
    front.house.mailroom.notice([told], NOW)
    assert post(
        front, letter(**{"from": "other@example.com", "headers": "References: <x@y> <sg.1@mail.example>"})
    ).is_success
    customer, properties = kept(front)["message_replied"]
    assert (customer, properties["message_id"], properties["from_recipient"]) == ("c1", MAIL.decision_id, False)
    assert MESSAGE_ID not in properties


def test_any_other_letter_is_a_question_of_whoever_we_wrote_to(front: Front) -> None:
    assert post(front, letter(subject="{{ customer.email }} {% raw %}")).is_success
    customer, properties = kept(front)["query_received"]
    assert (customer, properties["text"], properties["by"]) == ("c1", "Yes!", "letter")
    assert todo(front) == [("service", "Answer a question from c1: {{ customer.email }} {% raw %}", "c1")]


def test_a_strangers_letter_waits_for_a_name_and_is_on_the_list_at_once(front: Front) -> None:
    assert post(front, letter(**{"from": "Eve@example.org"})).is_success
    assert kept(front) == {}
    assert todo(front) == [("service", "Answer a question from a stranger: Re: Hello", "")]
    front.house.mailroom.hear([Named("mailto:eve@example.org", "c7")], NOW)
    assert kept(front)["query_received"][0] == "c7"


def test_what_a_machine_wrote_is_neither_kept_nor_sent_again(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = post(front, letter(headers="Auto-Submitted: auto-replied"))
    assert (answer.status_code, kept(front), todo(front)) == (200, {}, [])
    assert "a letter came in: auto_submitted" in caplog.text
    assert "example.com" not in caplog.text


def test_forged_and_malformed_letters_do_nothing(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    body = letter()
    with caplog.at_level(logging.INFO):
        for answer, status, code in (
            (post(front, body, password="wrong"), 401, "wrong_password"),
            (front.http.post("/hooks/inbound", content=body, headers={"Content-Type": KIND}), 401, "wrong_password"),
            (post(front, body, Signer()), 401, "bad_signature"),
            (post(front, body[:-9]), 400, "invalid_form"),
            (post(front, b"{}", **{"Content-Type": "application/json"}), 400, "invalid_form"),
            (post(front, letter(**{"from": "nobody"})), 400, "no_sender"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (kept(front), todo(front)) == ({}, [])
    assert "example.com" not in caplog.text
    assert post(front, body).status_code == 200


@pytest.fixture
def signed_only(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """A shop whose letters are proven by nothing but their signature."""
    add(shop, f"front_door: {{inbound: {{public_key: {SIGNER.public}}}}}\n")
    with serving(shop) as open_:
        yield open_


def test_what_is_not_signed_is_not_looked_at(signed_only: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    feed = Form.feed
    monkeypatch.setattr(Form, "feed", lambda form, data: (looked.append(len(data)), feed(form, data))[1])
    body = letter()
    assert (post(signed_only, body, Signer()).json()["code"], looked) == ("bad_signature", [])
    assert post(signed_only, body).is_success
    assert sum(looked) == len(body)


def test_what_can_be_no_signature_is_refused_before_its_body_comes(signed_only: Front) -> None:
    old = SIGNER.headers(b"", NOW - dt.timedelta(days=3))
    for headers, code in ((old, "stale_signature"), ({**old, SIGNATURE: "*"}, "bad_signature"), ({}, "bad_signature")):
        host, port = signed_only.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 10) as line:
            told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            head = f"Host: x\r\nContent-Type: {KIND}\r\nContent-Length: 30000000\r\n{told}\r\n"
            line.sendall(f"POST /hooks/inbound HTTP/1.1\r\n{head}--xYzZY\r\n".encode())
            answer = ""
            while not answer.endswith("}"):
                answer += line.recv(4000).decode()
        assert answer.startswith("HTTP/1.1 401") and code in answer


def test_more_letters_at_once_than_are_kept_unproven_come_again(
    shop: Path, monkeypatch: pytest.MonkeyPatch, front_settings: None
) -> None:
    monkeypatch.setattr(inbound, "AT_ONCE", 0)
    with serving(shop) as front:
        answer = post(front, letter(), Accept="*/*")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_letter_that_is_too_long_or_comes_too_slowly_is_given_up(
    signed_only: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = post(signed_only, b"x" * (BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    monkeypatch.setattr(inbound, "PATIENCE_S", 0.2)

    def slowly() -> Iterator[bytes]:
        yield b"--xYzZY\r\n"
        time.sleep(1)
        yield b"x"

    answer = signed_only.http.post(
        "/hooks/inbound", content=slowly(), headers={"Content-Type": KIND, **SIGNER.headers(b"", NOW)}
    )
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    monkeypatch.setattr(inbound, "PATIENCE_S", 60)
    assert post(signed_only, letter()).is_success


def test_feedback_comes_from_forms(front: Front) -> None:
    def send(body: dict[str, Any], key: str = KEY) -> httpx.Response:
        return front.http.post("/v1/feedback", content=json.dumps(body), auth=(key, ""))

    assert send({"userId": "c1", "type": "feedback", "score": 9, "text": " Fine ", "messageId": "f1"}).is_success
    assert send(
        {"userId": "c2", "type": "service_request", "subject": "Broken", "properties": {"order": "o1"}}
    ).is_success
    assert send({"email": "Eve@example.org", "text": "Hello?"}).is_success
    found = kept(front)
    assert found["feedback_given"] == ("c1", {"score": 9, "text": "Fine", "by": "form"})
    assert found["service_requested"] == ("c2", {"order": "o1", "subject": "Broken", "by": "form"})
    assert sorted(todo(front)) == [
        ("service", "Answer a question from a stranger: Hello?", ""),
        ("service", "See to a request from c2: Broken", "c2"),
    ]
    for body, code in (
        ({"userId": "c1"}, "no_text"), ({"userId": "c1", "text": 5}, "invalid_text"),
        ({"text": "x"}, "no_user_anon_id"),
        ({"userId": "c1", "text": "x" * 10_001}, "invalid_text"), ({"userId": "c1", "type": "x"}, "invalid_type"),
        ({"userId": "c1", "score": "9"}, "invalid_score"), ({"userId": "c1", "score": True}, "invalid_score"),
    ):  # fmt: skip
        answer = send(body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert send({"userId": "c1", "text": "x"}, "wrong").status_code == 401
