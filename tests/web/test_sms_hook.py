"""`/hooks/sms`: a STOP by text ends texts at once; what else is said is of the pass that it answers, or a question."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from journey_engine.channels.sms import SmsChannel
from journey_engine.errors import JourneyError
from journey_engine.inbound.twilio import BYTES, SIGNATURE, fields, signed
from journey_engine.mailroom import DispatchReport, dispatch
from journey_engine.news import Named
from tests.channels.peer import receiver
from tests.channels.test_sms import created, no, settings
from tests.mailroom.house import TEMPLATES, clock, message, renderer, state_of, write_templates
from tests.web.conftest import Front, serving

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
TOKEN, OLDER = "twilio-auth-token-0001", "twilio-auth-token-0000"
ADA, BEN, OTHER = "+491701234567", "+491701234568", "+2348031234567"
PATH = "/hooks/sms"
MAIL = [
    message(number, channel="sms", to=to, due_at=at, reached_at=at)
    for number, (to, at) in enumerate(
        [("0170 1234567", NOW), ("+49 170 1234567", NOW), (BEN, NOW), ("0170/1234567", NOW + dt.timedelta(hours=1))]
    )
]
SETTINGS = """
front_door:
  sms: TWILIO_TOKENS
  teams: {query_received: service, message_replied: sales}
"""


@pytest.fixture
def front(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """A shop that has written to Ada's number, which two customers share, and to Ben's."""
    project = shop / "journeys" / "project.yaml"
    project.write_text(project.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    monkeypatch.setenv("TWILIO_TOKENS", f"{OLDER} {TOKEN}")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    write_templates(shop / "house" / "templates", {**TEMPLATES, "hello/sms.txt": "Hello {{ customer.first_name }}"})
    with serving(shop) as open_:
        open_.house.mailroom.load_run(1, "r1", NOW, MAIL)
        assert send(open_, shop, created(), created(), created()).accepted == 3
        yield open_


def send(front: Front, shop: Path, *answers: Any, at: dt.datetime = NOW) -> DispatchReport:
    with receiver(*answers) as peer:
        channels = {"sms": SmsChannel(settings(peer))}
        return dispatch(front.house.mailroom, at, channels, renderer(shop / "house"), clock=clock)


def post(front: Front, body: str, number: int = 1, sender: str = ADA, **more: str) -> httpx.Response:
    form = {"MessageSid": f"SM{number:032x}", "From": sender, "To": "+4930123456", "Body": body, "NumMedia": "0"}
    return raw(front, urlencode({**form, **more}).encode())


def raw(front: Front, body: bytes, token: str = TOKEN, path: str = PATH) -> httpx.Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers[SIGNATURE] = signed(f"{front.house.links.home}{path}", fields(body), token.encode()).decode()
    return front.http.post("/hooks/sms", content=body, headers=headers)


def kept(front: Front, name: str) -> list[tuple[str, dict[str, Any]]]:
    found = sorted(front.house.mailroom.feedback(), key=lambda one: (one.occurred_at, one.customer_id))
    return [(one.customer_id, dict(one.properties)) for one in found if one.name == name]


def refuses(front: Front, number: int) -> bool:
    return front.house.mailroom.standing(f"c{number}").refuses_channel("sms")


def test_stop_ends_texts_to_everybody_at_that_number_at_once(front: Front, shop: Path) -> None:
    answer = post(front, " stop. ")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text == '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
    assert [refuses(front, number) for number in range(3)] == [True, True, False]
    assert not front.house.mailroom.standing("c0").refuses("offers"), "letters go on"
    ((first, told), (second, _)) = kept(front, "unsubscribed")
    assert (first, second, told["channel"], told["enrollment_id"]) == ("c0", "c1", "sms", MAIL[0].enrollment_id)
    entry = front.house.mailroom.export("c0")["consents"][0]
    assert (entry["word"], entry["channel"], entry["source"]) == ("unsubscribed", "sms", "text message")
    later = message(9, channel="sms", to=ADA, run=2, customer_id="c0", due_at=NOW, reached_at=NOW)
    front.house.mailroom.load_run(2, "r2", NOW, [later])
    assert send(front, shop).skipped == 1
    assert state_of(front.house.mailroom, later) == ("skipped", "unsubscribed")


def test_start_is_a_yes_and_an_old_stop_told_again_does_not_undo_it(front: Front) -> None:
    for body, number, refused in (("STOP", 1, True), ("START", 2, False), ("STOP", 1, False), ("no", 3, False)):
        assert post(front, body, number).is_success
        assert refuses(front, 0) is refused
    assert post(front, "halt", 4, OptOutType="STOP").is_success
    assert refuses(front, 0)
    assert [who for who, _ in kept(front, "subscribed")] == ["c0", "c1"]


def test_any_other_text_is_of_the_pass_that_it_answers(front: Front) -> None:
    for _ in range(2):
        assert post(front, "Yes please! {{ x }}", sender=BEN).is_success
    ((who, told),) = kept(front, "message_replied")
    assert (who, told["enrollment_id"], told["template"], told["text"]) == (
        "c2", MAIL[2].enrollment_id, "hello", "Yes please! {{ x }}",
    )  # fmt: skip
    todo = [(one.team, one.title, one.customer_id) for one in front.house.mailroom.todo(NOW)]
    assert todo == [("sales", "Answer a reply from c2: Yes please! {{ x }}", "c2")]


def test_text_long_after_is_a_question_and_help_is_one_too(front: Front, shop: Path) -> None:
    with serving(shop, lambda: clock() + dt.timedelta(days=8)) as later:
        assert post(later, "HELP", sender=BEN, NumMedia="1").is_success
    assert kept(front, "query_received") == [("c2", {"text": "HELP", "media": 1, "by": "sms"})]


def test_text_from_a_number_that_nothing_went_to_waits_for_a_name(front: Front) -> None:
    assert post(front, "Who are you?", 1, OTHER).is_success
    assert post(front, "STOP", 2, OTHER).is_success
    assert post(front, "START", 3, OTHER).is_success
    assert kept(front, "query_received") == kept(front, "unsubscribed") == []
    assert [one.title for one in front.house.mailroom.todo(NOW)] == ["Answer a question from a stranger: Who are you?"]
    front.house.mailroom.hear([Named(f"tel:{OTHER}", "c7", sure=False)], NOW)
    assert kept(front, "query_received") == [], "numbers can be guessed: a public key names no caller"
    front.house.mailroom.hear([Named(f"tel:{OTHER}", "c7")], NOW)
    assert kept(front, "unsubscribed") == [("c7", {"channel": "sms", "by": "sms"})]
    assert kept(front, "query_received") == [("c7", {"text": "Who are you?", "by": "sms"})]


def test_forged_malformed_and_oversize_texts_do_nothing(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    stop = urlencode({"MessageSid": f"SM{1:032x}", "From": ADA, "Body": "STOP"}).encode()
    moved = urlencode({"MessageSid": f"SM{2:032x}", "From": ADA, "Bod": "ySTOP"}).encode()
    with caplog.at_level(logging.INFO):
        for answer, status, code in (
            (raw(front, stop, "another-auth-token-0"), 401, "bad_signature"),
            (raw(front, stop, path="/hooks/other"), 401, "bad_signature"),
            (front.http.post("/hooks/sms", content=stop), 401, "bad_signature"),
            (front.http.post("/hooks/sms", content=b"\xff"), 400, "invalid_form"),
            (raw(front, moved), 400, "no_text"),
            (raw(front, b"Body=STOP"), 400, "no_message_sid"),
            (raw(front, stop + b"&x=" + b"x" * BYTES), 400, "too_large"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert kept(front, "unsubscribed") == []
    assert not refuses(front, 0)
    assert "1701234567" not in caplog.text
    assert raw(front, stop, OLDER).is_success


def test_number_whose_owner_told_twilio_to_stop_is_their_word(front: Front, shop: Path) -> None:
    done = send(front, shop, no(400, 21610, f"{ADA} said STOP"), at=NOW + dt.timedelta(hours=1))
    assert (done.skipped, done.refused, done.troubles) == (1, 0, ())
    assert state_of(front.house.mailroom, MAIL[3]) == ("skipped", "unsubscribed")
    assert refuses(front, 3)
    ((who, told),) = kept(front, "unsubscribed")
    assert (who, told["channel"], told["message_id"]) == ("c3", "sms", MAIL[3].decision_id)
    assert front.house.mailroom.export("c3")["consents"][0]["source"] == "provider"


def test_token_that_is_not_there_is_told_before_anything_is_served(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = shop / "journeys" / "project.yaml"
    project.write_text(project.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    monkeypatch.delenv("TWILIO_TOKENS", raising=False)
    with pytest.raises(JourneyError, match="TWILIO_TOKENS"), serving(shop):
        pass
