"""`/hooks/sendgrid`: what SendGrid tells ends doubts, stops letters, is of the next night; forged calls do nothing."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from journey_engine.audience import count, read_condition
from journey_engine.checks import open_project
from journey_engine.inbound.signatures import SIGNATURE
from journey_engine.mailroom import State, dispatch
from journey_engine.message import MESSAGE_ID, Outcome, OutcomeKind
from tests.inbound.signing import Signer
from tests.mailroom.house import clock, message, renderer, state_of
from tests.web.conftest import Front, serving

SIGNER = Signer()
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
MAIL = [
    message(number, journey="hello", to=f"Customer{number}@Example.com", due_at=NOW, reached_at=NOW)
    for number in range(6)
]


@dataclass
class Hook:
    """An open front door that knows SendGrid's key, and SendGrid."""

    front: Front

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        signed = SIGNER.headers(body, dt.datetime.now(dt.UTC)) | headers
        return self.front.http.post("/hooks/sendgrid", content=body, headers=signed)

    def tell(self, *events: dict[str, Any]) -> None:
        answer = self.post(json.dumps(events).encode())
        assert (answer.status_code, answer.json()) == (200, {"success": True})

    def kept(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The events of the next night but for `message_sent`."""
        found = self.front.house.mailroom.feedback()
        return sorted((e.name, e.customer_id, dict(e.properties)) for e in found if e.name != "message_sent")

    def names(self) -> list[tuple[str, str]]:
        return [(name, who) for name, who, _ in self.kept()]


def event(word: str, number: int, **more: Any) -> dict[str, Any]:
    stamp = int(NOW.timestamp())
    told = {
        "event": word,
        "email": f"customer{number}@example.com",
        "timestamp": stamp,
        MESSAGE_ID: MAIL[number].decision_id,
    }
    return {**told, "sg_event_id": f"{word}-{number}-{len(more)}", **more}


@pytest.fixture
def hook(shop: Path) -> Iterator[Hook]:
    """With messages 0 to 2 accepted, 3 unsure, 4 pending, 5 not there."""
    settings = shop / "journeys" / "project.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f"{text}\nfront_door: {{sendgrid: {SIGNER.public}}}\n", encoding="utf-8")
    with serving(shop) as front:
        mailroom = front.house.mailroom
        mailroom.load_run(1, "r1", NOW, MAIL[:4])
        channels = {"file": _Provider()}
        dispatch(mailroom, NOW, channels, renderer(shop / "house"), clock=clock)  # type: ignore[arg-type]
        mailroom.load_run(2, "r2", NOW, MAIL[4:5])
        assert mailroom.counts() == {"accepted": 3, "unsure": 1, "pending": 1}
        yield Hook(front)


class _Provider:
    """Takes letters, and does not answer for the last of four."""

    name, hold = "file", dt.timedelta(0)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def send(self, messages: Any) -> Iterator[tuple[str, Outcome]]:
        for one in messages:
            doubt = one.message_id == MAIL[3].decision_id
            yield one.message_id, Outcome(OutcomeKind.UNSURE, "no_answer") if doubt else Outcome.accepted()

    def lookup(self, message_ids: Any) -> dict[str, Any]:
        return {}


def test_what_became_of_a_message_is_told_once_and_tied_to_it(hook: Hook) -> None:
    clicked = event("click", 0, url="https://shop.example/sale?who=ada")
    hook.tell(event("open", 0), event("delivered", 0), event("delivered", 0))
    hook.tell(event("delivered", 0, sg_event_id="another"), clicked, clicked | {"timestamp": int(NOW.timestamp()) + 9})
    hook.tell(event("open", 1, sg_machine_open=True), event("processed", 1), event("deferred", 1, attempt="1"))
    assert hook.names() == [
        ("message_clicked", "c0"), ("message_deferred", "c1"), ("message_delivered", "c0"), ("message_opened", "c0"),
        ("message_opened_by_machine", "c1"),
    ]  # fmt: skip
    _, _, properties = hook.kept()[0]
    names = ("message_id", "template", "journey", "enrollment_id", "step", "url")
    assert {name: properties[name] for name in names} == {
        "message_id": MAIL[0].decision_id, "template": "hello", "journey": "hello",
        "enrollment_id": MAIL[0].enrollment_id, "step": "send:hello", "url": "https://shop.example/sale",
    }  # fmt: skip


def test_the_next_night_knows_who_opened(hook: Hook, shop: Path) -> None:
    hook.tell(event("open", 1), event("open", 2, sg_machine_open=True), event("bounce", 2, type="blocked"))
    loaded = open_project(shop)
    later = NOW + dt.timedelta(hours=1)
    for state, customers in (("opened", ["c1"]), ("bounced", ["c2"])):
        written = shop / "condition.yaml"
        written.write_text(f"message: {{template: hello, state: {state}}}\n", encoding="utf-8")
        condition = read_condition(str(written), loaded)
        found = count(loaded, condition, later, feedback=hook.front.house.mailroom.feedback())
        assert sorted(found.sample) == customers, state


def test_bounces_complaints_and_unsubscriptions_stop_what_is_to_come(hook: Hook) -> None:
    hook.tell(event("bounce", 0, type="bounce"), event("spamreport", 1), event("unsubscribe", 2))
    mailroom = hook.front.house.mailroom
    assert [reason for _, reason in mailroom.suppressed("c0")] == ["bounced"]
    assert [reason for _, reason in mailroom.suppressed("c1")] == ["complained"]
    assert [reason for _, reason in mailroom.suppressed("c2")] == ["unsubscribed"]
    assert hook.names() == [("message_bounced", "c0"), ("message_complained", "c1"), ("unsubscribed", "c2")]
    before = hook.kept()
    hook.tell(event("unsubscribe", 2, sg_event_id="another"), event("spamreport", 1))
    assert hook.kept() == before


def test_a_bounce_that_lost_our_id_is_of_the_newest_letter_to_its_address(hook: Hook) -> None:
    lost = {
        "event": "bounce",
        "type": "bounce",
        "email": "CUSTOMER1@example.com",
        "timestamp": int(NOW.timestamp()) + 5,
    }
    hook.tell(
        lost, lost | {"email": "stranger@example.com"}, lost | {"event": "open", "email": "customer2@example.com"}
    )
    assert hook.names() == [("message_bounced", "c1")]
    assert hook.kept()[0][2]["message_id"] == MAIL[1].decision_id
    assert hook.front.house.mailroom.suppressed("c1")


def test_an_event_proves_that_its_message_went_out(hook: Hook) -> None:
    mailroom = hook.front.house.mailroom
    hook.tell(event("processed", 3), event("delivered", 4), event("delivered", 5))
    assert state_of(mailroom, MAIL[3]) == (State.ACCEPTED, "reported")
    assert state_of(mailroom, MAIL[4]) == (State.ACCEPTED, "reported"), "a copy that was restored sends nothing twice"
    sent = [one.customer_id for one in mailroom.feedback() if one.name == "message_sent"]
    assert sorted(sent) == ["c0", "c1", "c2", "c3", "c4"]


def test_an_event_that_overtakes_the_end_of_a_dispatch_settles_its_doubt_in_the_next(hook: Hook, shop: Path) -> None:
    """The provider tells of a message while its dispatcher has it in hand, and then that one dies."""
    mailroom = hook.front.house.mailroom

    class Dies(_Provider):
        def send(self, messages: Any) -> Iterator[tuple[str, Outcome]]:
            hook.tell(event("delivered", 4))
            yield messages[0].message_id, Outcome(OutcomeKind.UNSURE, "no_answer")

    dispatch(mailroom, NOW, {"file": Dies()}, renderer(shop / "house"), clock=clock)  # type: ignore[dict-item]
    assert state_of(mailroom, MAIL[4]) == (State.UNSURE, "no_answer")
    dispatch(mailroom, NOW, {"file": _Provider()}, renderer(shop / "house"), clock=clock)  # type: ignore[dict-item]
    assert state_of(mailroom, MAIL[4]) == (State.ACCEPTED, "reported")


def test_forged_and_malformed_calls_do_nothing_and_name_nobody(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    body = json.dumps([event("spamreport", 0)]).encode()
    old = dt.datetime.now(dt.UTC) - dt.timedelta(hours=26)
    with caplog.at_level(logging.INFO):
        for headers, code in (
            ({SIGNATURE: "!!!"}, "bad_signature"), ({SIGNATURE: ""}, "bad_signature"),
            (Signer().headers(body, old), "bad_signature"), (SIGNER.headers(body, old), "stale_signature"),
            (SIGNER.headers(body + b" ", NOW), "bad_signature"),
        ):  # fmt: skip
            answer = hook.post(body, **headers)
            assert (answer.status_code, answer.json()["code"]) == (401, code)
        for wrong, code in ((b"{", "invalid_json"), (b"{}", "invalid_body"), (b"[" * 3000, "too_deep"),
                            (b"\xff", "invalid_json"), (b" " * 9_000_000, "too_large")):  # fmt: skip
            answer = hook.post(wrong)
            assert (answer.status_code, answer.json()["code"]) == (400, code)
        hook.tell({"event": "open\ud800", "email": "a\x00@example.com"}, event("delivered", 5))
    assert hook.kept() == []
    assert "1 other_event" in caplog.text
    assert "example.com" not in caplog.text
    assert hook.post(body).status_code == 200
    assert hook.names() == [("message_complained", "c0")]
