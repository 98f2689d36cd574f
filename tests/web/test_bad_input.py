"""What must not get in by the front door, kind by kind as docs/front-door.md lists it: a clear answer, nothing kept.

What each way in refuses of its own is tested beside it; here is what they have in common, and what had no place there.
"""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from journey_engine.links import Claim, Links
from journey_engine.mailroom import dispatch
from journey_engine.records import DecisionKind
from journey_engine.render import Renderer
from tests.inbound.test_letters import KIND, form
from tests.mailroom.house import NOW, SENDER, clock, file_channel, letters, message, other, write_templates
from tests.web.conftest import Front, serving

KEY, PASSWORD = "server-key-0123456789", "inbound-password-01"
SETTINGS = """
front_door:
  write_keys: [WRITE_KEY]
  inbound: INBOUND_PASSWORD
  sms: TWILIO_TOKEN
  teams: {query_received: service, service_requested: service}
"""
PAGES = {
    "unsubscribe": ("c1", "letters", "m1"),
    "preferences": ("c1", None, "m1"),
    "confirm": ("c1", "letters", "m1"),
    "answer": ("c1", None, "m1", "e1", "taste", "jazz"),
}
EVIL = "{{ 7*7 }}{% include '/etc/passwd' %}\r\nBcc: all@example.com\u2028X: y\x00"


@pytest.fixture
def front(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """Every way in stands open but SendGrid's webhook."""
    settings = shop / "journeys" / "project.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    for name, value in (("WRITE_KEY", KEY), ("INBOUND_PASSWORD", PASSWORD), ("TWILIO_TOKEN", "token-of-twilio-01")):
        monkeypatch.setenv(name, value)
    with serving(shop) as open_:
        yield open_


def kept(front: Front) -> list[Any]:
    mailroom = front.house.mailroom
    return [*mailroom.feedback(), *mailroom.people(), *mailroom.todo(NOW), *mailroom.export("c1").items()]


def track(front: Front, **body: Any) -> httpx.Response:
    return front.http.post("/v1/track", json={"userId": "c1", **body}, auth=(KEY, ""))


@pytest.mark.parametrize("page", PAGES)
def test_links_that_were_not_made_here_for_this_page_open_nothing(front: Front, page: str) -> None:
    ours, said = front.house.links, Claim(page, *PAGES[page])  # type: ignore[arg-type]
    genuine = ours.sign(said)
    head, body, mark = genuine.split(".")
    elsewhere = Links("https://shop.example", {ours.current: b"x" * 32}, ours.current)
    for token in (
        genuine[:-2] + ("aa" if genuine[-2:] != "aa" else "bb"), f"{head}.{body}", f"{head}.{body}.",
        f"{head}x.{body}.{mark}",
        elsewhere.sign(said), f"{head}.{body[:-4]}AAAA.{mark}", f"{genuine}=", "..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        *(ours.sign(Claim(one, *PAGES[one])) for one in PAGES if one != page),  # type: ignore[arg-type]
    ):  # fmt: skip
        for method in ("GET", "POST"):
            answer = front.http.request(method, f"/{page}/{token}", headers={"Accept": "*/*"})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert kept(front) == []
    assert front.http.get(f"/{page}/{genuine}").is_success


def test_every_way_in_refuses_what_is_malformed_or_too_long_and_names_nobody(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    paths = ["/v1/track", "/v1/batch", "/v1/identify", "/v1/feedback", "/hooks/inbound", "/hooks/sms"]
    bodies = [b"", b"\x00\xff ada@example.com", b"[" * 100_000, b'{"userId": "ada@example.com"', b"\x1f\x8bno gzip"]
    with caplog.at_level(logging.INFO):
        for path in paths:
            for body in (*bodies, b"x" * (34_000_000 if path == "/hooks/inbound" else 1_100_000)):
                answer = front.http.post(path, content=body, auth=(KEY, PASSWORD), headers={"Content-Type": KIND})
                assert 400 <= answer.status_code < 500, (path, body[:20])
                assert isinstance(answer.json()["code"], str) and answer.json()["message"]
                assert "ada@" not in answer.text
    assert "ada@" not in caplog.text
    assert kept(front) == []
    assert track(front, event="x").is_success, "nothing else is disturbed"


def test_a_zipped_body_that_grows_without_end_is_given_up(front: Front) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    answer = front.http.post("/v1/batch", content=bomb, auth=(KEY, ""))
    assert (len(bomb) < 100_000, answer.status_code, answer.json()["code"]) == (True, 400, "too_large")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/track", {}), ("/v1/batch", {"Authorization": "Basic !!!"}),
        ("/v1/feedback", {"Authorization": "Bearer x"}),
        ("/hooks/inbound", {"Authorization": "Basic YTpi"}), ("/hooks/sms", {"X-Twilio-Signature": "YTpi"}),
    ],
)  # fmt: skip
def test_whoever_shows_a_wrong_key_is_told_so_and_no_more(front: Front, path: str, headers: dict[str, str]) -> None:
    answer = front.http.post(path, content=b'{"writeKey": "guessed", "userId": "c1"}', headers=headers)
    assert (answer.status_code, kept(front)) == (401, [])
    assert KEY not in answer.text and "guessed" not in answer.text


def test_an_unsubscription_from_what_is_not_there_is_refused_since_it_would_stop_nothing(front: Front) -> None:
    for properties, code in (
        ({"topic": "leters"}, "unknown_topic"), ({"topic": 5}, "unknown_topic"), ({"topic": ""}, "unknown_topic"),
        ({"topic": ["letters"]}, "unknown_topic"), ({"channel": "pigeon"}, "unknown_channel"),
    ):  # fmt: skip
        answer = track(front, event="unsubscribed", properties=properties)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert "letters" in track(front, event="unsubscribed", properties={"topic": "x"}).json()["message"]
    assert kept(front) == []
    assert track(front, event="unsubscribed", properties={"topic": "letters", "channel": "sms"}).is_success
    assert track(front, event="unsubscribed", messageId="m2").is_success
    gone = urlsplit(str(front.house.links.confirm("c2", "gone", "m1"))).path
    assert front.http.post(gone).status_code == 404


def test_what_customers_wrote_is_never_a_template_and_never_a_header(front: Front, tmp_path: Path) -> None:
    mailroom = front.house.mailroom
    told_of_mail = form({"from": '"{{ 7*7 }}" <eve@example.org>', "subject": EVIL, "text": EVIL})
    answer = front.http.post(
        "/hooks/inbound", content=told_of_mail, headers={"Content-Type": KIND}, auth=("a", PASSWORD)
    )
    assert answer.is_success
    (asked,) = mailroom.todo(NOW)
    assert "{{ 7*7 }}" in asked.title and "49" not in asked.title and len(asked.title.splitlines()) == 1
    renderer = Renderer(write_templates(tmp_path / "templates"), SENDER, front.house.links)
    values, title = {"customer": {"first_name": EVIL}}, "Call {{ customer.first_name }}"
    told = message(1, name=EVIL, values=values)
    line = other(DecisionKind.TASK, 2, team="sales", title=title, values=values)
    mailroom.load_run(1, "r1", NOW, [told, line])
    dispatch(mailroom, NOW, {"file": file_channel(tmp_path)}, renderer, clock=clock)
    (sent,) = letters(tmp_path)
    assert (sent["Bcc"], sent["X"]) == (None, None)
    assert "{{ 7*7 }}" in str(sent["Subject"]) and "{{ 7*7 }}" in str(sent["To"])
    assert "root:" not in sent.as_string()
    assert any(one.title.startswith("Call {{ 7*7 }}") for one in mailroom.todo(NOW))


def test_no_address_of_ours_takes_a_line_break_from_a_link(front: Front) -> None:
    language = {"Accept-Language": "../../../etc/passwd, ..%2f..%2fetc"}
    page = front.http.get("/preferences/%0d%0aSet-Cookie:a=b", headers=language)
    assert (page.status_code, "set-cookie" in page.headers, "root:" in page.text) == (404, False, False)


@pytest.mark.parametrize("name", ["../hello", "hello/../../secret", "/etc/passwd", "..", "hello\x00", "layouts", ""])
def test_a_template_elsewhere_is_none(front: Front, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "subject.txt").write_text("top secret")
    (tmp_path / "secret" / "body.txt").write_text("top secret")
    renderer = Renderer(write_templates(tmp_path / "templates"), SENDER, front.house.links)
    told, sound = message(1, template=name), message(2)
    front.house.mailroom.load_run(1, "r1", NOW, [told, sound])
    report = dispatch(front.house.mailroom, NOW, {"file": file_channel(tmp_path)}, renderer, clock=clock)
    assert (report.accepted, report.reasons) == (1, {("refused", "no_template"): 1}), "the others leave"
    assert "secret" not in "".join(one.as_string() for one in letters(tmp_path))


def test_a_replayed_call_changes_nothing(front: Front) -> None:
    batch = {"batch": [{"type": "track", "userId": "c1", "event": "x", "messageId": "m1"}]}
    for _ in range(3):
        assert front.http.post("/v1/batch", content=json.dumps(batch), auth=(KEY, "")).is_success
    told = form({"from": "eve@example.org", "subject": "Hi", "text": "?", "headers": "Message-ID: <a@example.org>"})
    for _ in range(3):
        assert front.http.post(
            "/hooks/inbound", content=told, headers={"Content-Type": KIND}, auth=("a", PASSWORD)
        ).is_success
    assert [one.name for one in front.house.mailroom.feedback()] == ["x"]
    assert len(front.house.mailroom.todo(NOW)) == 1
