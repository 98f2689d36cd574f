"""`/v1`: real clients of Segment and RudderStack, browsers, and whoever sends what cannot be taken."""

from __future__ import annotations

import base64
import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment

from journey_engine.errors import JourneyError
from journey_engine.load import load_project
from journey_engine.web import build, open_house
from tests.mailroom.house import clock
from tests.web.conftest import Front, serving

KEY, PUBLIC = "server-key-0123456789", "browser-key-0123456789"
SETTINGS = """
front_door:
  write_keys: [{env: WRITE_KEY}, {env: WEB_KEY, public: true, events: [page_viewed, cart_item_added]}]
"""


@pytest.fixture
def front(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """The front door of a shop with a key for its server and one for its pages."""
    settings = shop / "journeys" / "project.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    monkeypatch.setenv("WRITE_KEY", KEY)
    monkeypatch.setenv("WEB_KEY", PUBLIC)
    with serving(shop) as open_:
        yield open_


def kept(front: Front) -> dict[str, tuple[str, dict[str, Any]]]:
    """By event: whose, and its properties."""
    return {one.name: (one.customer_id, dict(one.properties)) for one in front.house.mailroom.feedback()}


def send(front: Front, path: str, body: object, key: str | None = KEY, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    auth = None if key is None else httpx.BasicAuth(key, "")
    return front.http.post(path, content=content, auth=auth or httpx.USE_CLIENT_DEFAULT, headers=headers)


def call(**more: Any) -> dict[str, Any]:
    return {"userId": "c1", "messageId": "m1", "event": "Order Placed", "properties": {"total": 5}, **more}


@pytest.mark.parametrize(("client", "zipped"), [(Segment, False), (RudderStack, True)])
def test_real_clients_are_understood(front: Front, client: type[Any], zipped: bool) -> None:
    failed: list[object] = []
    sender = client(
        KEY, host=front.url, gzip=zipped, on_error=lambda error, _: failed.append(error), max_retries=0, timeout=5
    )
    sender.track("c1", "Order Placed", {"total": 12.5, "tags": ["a", "ü"]})
    sender.page("c1", name="Pricing", properties={"path": "/pricing"})
    sender.screen("c2", name="Home")
    sender.track(anonymous_id="a1", event="Cart Item Added", user_id=None)
    sender.identify("c1", {"firstName": "Ada", "plan": "pro"})
    sender.group("c1", "acme", {"employees": 12})
    sender.alias("a1", "c3")
    sender.flush()
    sender.join()
    assert failed == []
    found = kept(front)
    assert found["order_placed"] == ("c1", {"total": 12.5, "tags": ["a", "ü"], "original_name": "Order Placed"})
    assert found["page_viewed"] == ("c1", {"path": "/pricing", "name": "Pricing"})
    assert found["screen_viewed"][0] == "c2"
    assert found["cart_item_added"][0] == "c3"
    people = dict(front.house.mailroom.people())
    assert people["c1"] == {"first_name": "Ada", "plan": "pro", "account_id": "acme"}
    assert people["acme"] == {"kind": "organization", "employees": 12}


def test_every_path_answers_exactly_200_and_has_kept_it(front: Front) -> None:
    bodies = {"identify": call(traits={"plan": "pro"}), "group": call(groupId="g1"), "alias": call(previousId="a1")}
    for number, word in enumerate(("track", "page", "screen", "identify", "group", "alias")):
        for path in (word, word[0]):
            body = bodies.get(word, call()) | {"messageId": f"m{number}{path}"}
            answer = send(front, f"/v1/{path}", body)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
    for number, path in enumerate(("batch", "b", "import")):
        answer = send(front, f"/v1/{path}", {"batch": [call(type="track", messageId=f"b{number}")]})
        assert (answer.status_code, answer.text) == (200, '{"success":true}')
    assert len(list(front.house.mailroom.feedback())) == 9


def test_browsers_send_their_key_in_the_body_and_ask_first(front: Front) -> None:
    body = {**call(event="Cart Item Added"), "writeKey": PUBLIC}
    answer = send(front, "/v1/t", body, None, **{"Content-Type": "text/plain", "Origin": "https://shop.example"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer.headers["access-control-allow-origin"] == "*"
    asked = front.http.options("/v1/t", headers={"Origin": "https://shop.example"})
    assert asked.status_code == 204
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert send(front, "/v1/i", {**call(traits={"email": "x@y.example"}), "writeKey": PUBLIC}, None).status_code == 200
    assert dict(front.house.mailroom.people()) == {"c1": {}}
    assert send(front, "/v1/t", {**call(), "writeKey": PUBLIC}, None).json()["code"] == "unwanted_event"


def test_a_zipped_body_is_taken_whatever_its_headers_say_and_a_plain_one_too(front: Front) -> None:
    said: list[dict[str, str]] = [
        {}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"},
        {"Content-Type": "application/gzip", "Content-Encoding": "identity"},
    ]  # fmt: skip
    for number, headers in enumerate(said):
        for zipped in (True, False):
            body = json.dumps(call(messageId=f"{number}{zipped}")).encode()
            answer = send(front, "/v1/track", gzip.compress(body) if zipped else body, **headers)
            assert answer.status_code == 200, (headers, zipped, answer.text)
    assert len(list(front.house.mailroom.feedback())) == 2 * len(said)


def filled(size: int, whole: dict[str, Any], inner: dict[str, Any]) -> bytes:
    """A body in which the text `x` of `inner` is so long that `whole` has this size."""
    inner["x"] = ""
    inner["x"] = "y" * (size - len(json.dumps(whole, separators=(",", ":"))))
    return json.dumps(whole, separators=(",", ":")).encode()


@pytest.mark.parametrize(("path", "most"), [("track", 32 * 1024), ("batch", 500 * 1024)])
def test_a_call_of_32_kb_and_a_batch_of_500_kb_are_taken_and_no_byte_more(front: Front, path: str, most: int) -> None:
    for size, status in ((most, 200), (most + 1, 400)):
        one = call()
        whole = one if path == "track" else {"batch": [call(type="track")], "more": {}}
        body = filled(size, whole, one["properties"] if path == "track" else whole["more"])
        assert len(body) == size
        answer = send(front, f"/v1/{path}", body)
        assert (answer.status_code, answer.json().get("code")) == (status, None if status == 200 else "too_large")
    assert len(list(front.house.mailroom.feedback())) == 1


def test_the_same_message_id_is_one_event(front: Front) -> None:
    for _ in range(3):
        assert send(front, "/v1/track", call()).status_code == 200
    assert len(list(front.house.mailroom.feedback())) == 1


BAD: list[tuple[str, bytes, str]] = [
    ("track", b"{", "invalid_json"),
    ("track", b"", "invalid_json"),
    ("track", b"[" * 100_000, "too_large"),
    ("track", b"[" * 40_000, "too_deep"),
    ("track", b'"secret"', "invalid_body"),
    ("track", gzip.compress(b" " * 50_000_000), "too_large"),
    ("track", gzip.compress(b"{}")[:-4], "malformed_gzip"),
    ("track", b" " * 1_100_000, "too_large"),
    ("track", json.dumps(call(properties={"secret": "x" * 33_000})).encode(), "too_large"),
    ("track", json.dumps(call(timestamp="secret")).encode(), "invalid_timestamp"),
    ("track", json.dumps(call(userId=["secret"])).encode(), "invalid_user_id"),
    ("batch", b"{}", "invalid_batch"),
    ("batch", json.dumps({"batch": [call(type="secret")]}).encode(), "invalid_type"),
    ("batch", json.dumps({"batch": [], "x": "y" * 520_000}).encode(), "too_large"),
]


def test_what_cannot_be_taken_is_a_400_with_code_and_message_and_nothing_is_kept(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    for path, body, code in BAD:
        with caplog.at_level(logging.INFO):
            answer = send(front, f"/v1/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert set(answer.json()) == {"code", "message"}
        assert "secret" not in answer.text + caplog.text
    assert kept(front) == {}
    assert send(front, "/v1/track", call()).status_code == 200, "nothing else is disturbed"


@pytest.mark.parametrize("path", ["/v1/tracks", "/v1/", "/v1/track/more", "/v1/projects/%0d%0a"])
def test_a_wrong_path_is_told_to_a_program_in_its_words(front: Front, path: str) -> None:
    answer = front.http.post(path, json=call(), auth=(KEY, ""), headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["message"].startswith("there is no such call; there are /v1/batch, ")
    wrong = front.http.get("/v1/track")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")


def test_whoever_shows_no_key_of_ours_is_a_401(front: Front) -> None:
    shown = [b"wrong:", b":", b"\xff\xfe", b"x" * 5000]
    wrong = ["Basic", "Basic !!!", "Bearer x", *(f"Basic {base64.b64encode(one).decode()}" for one in shown)]
    for told in [None, *wrong]:
        headers = {} if told is None else {"Authorization": told}
        answer = front.http.post("/v1/track", json=call(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_write_key")
    for key in ("", "wrong", 5, None, [KEY], KEY + " ", "\ud800"):
        assert front.http.post("/v1/track", content=json.dumps(call(writeKey=key))).status_code == 401
    assert kept(front) == {}


def test_a_batch_with_bad_calls_keeps_the_good_ones_and_the_log_counts_the_others(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    batch = [call(type="track"), call(type="track", userId=None, properties={"secret": 1}), {"type": "page"}]
    with caplog.at_level(logging.INFO):
        answer = send(front, "/v1/batch", {"batch": batch})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert list(kept(front)) == ["order_placed"]
    assert "some were not taken: 2 no_user_anon_id" in caplog.text
    assert "c1" not in caplog.text


def test_without_keys_there_is_nothing_and_a_missing_or_short_one_is_told(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(shop) as front:
        answer = send(front, "/v1/track", call())
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert "`front_door: write_keys` is not set" in answer.json()["message"]
    settings = shop / "journeys" / "project.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    monkeypatch.delenv("WRITE_KEY", raising=False)
    for value, code in ((None, "no_secret"), ("short", "short_secret")):
        if value is not None:
            monkeypatch.setenv("WRITE_KEY", value)
        with open_house(load_project(shop), clock) as house, pytest.raises(JourneyError, match="WRITE_KEY") as told:
            build(house)
        assert told.value.code == code
        assert value is None or value not in str(told.value).replace("shorter", "")


def test_a_key_can_be_changed_while_both_are_known(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = shop / "journeys" / "project.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\nfront_door: {write_keys: [WRITE_KEY]}\n", "utf-8")
    monkeypatch.setenv("WRITE_KEY", f"{KEY} {PUBLIC}")
    with serving(shop) as front:
        for key in (KEY, PUBLIC):
            assert send(front, "/v1/track", call(), key).status_code == 200
