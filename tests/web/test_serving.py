"""The front door itself: `journey serve` as a process, what every answer carries, and what is refused."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from journey_engine.cli import main
from journey_engine.errors import JourneyError
from journey_engine.links import Claim, Links
from journey_engine.load import load_project
from journey_engine.night import open_mailroom
from journey_engine.web import House, app, bound
from journey_engine.web.ways import Way
from tests.web.conftest import Front, serving


@contextmanager
def served(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`journey serve` on a free port: the process and its address."""
    command = [sys.executable, "-m", "journey_engine.cli", "serve", "--project", str(folder), "--port", "0", *more]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        found = re.search(r"on (http://\S+)", running.stdout.readline())
        assert found, running.communicate()
        yield running, found[1]
    finally:
        running.kill()
        running.communicate()


@pytest.mark.parametrize("stop", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_the_command_serves_on_this_machine_only_and_stops_when_it_is_told(shop: Path, stop: signal.Signals) -> None:
    with served(shop) as (running, url):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        answer = httpx.get(f"{url}/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        running.send_signal(stop)
        out, err = running.communicate(timeout=10)
    assert running.returncode == 0
    assert "stopped; what was accepted is kept" in out
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO GET /health 200 \d+ ms\n", err)


def test_a_key_that_is_missing_is_told_before_the_command_says_that_it_serves(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (shop / "journeys/project.yaml").open("a") as settings:
        settings.write("front_door: {write_keys: [{env: NO_SUCH_KEY}]}\n")
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    assert main(["serve", "--project", str(shop), "--port", "0"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "NO_SUCH_KEY" in told.err


def test_what_was_answered_is_on_disk_although_the_process_is_killed(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_KEY", "server-key-0123456789")
    with (shop / "journeys/project.yaml").open("a") as settings:
        settings.write("front_door: {write_keys: [{env: OUR_KEY}]}\n")
    loaded = load_project(shop)
    calls = [{"type": "track", "userId": f"c{n}", "event": "x", "messageId": f"m{n}"} for n in range(500)]
    with open_mailroom(loaded) as mailroom:
        token = Links("x", mailroom.link_keys, mailroom.link_key).sign(Claim("unsubscribe", "c1", "letters", "m1"))
        with served(shop) as (running, url):
            assert httpx.post(f"{url}/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
            told = httpx.post(f"{url}/v1/batch", json={"batch": calls}, auth=("server-key-0123456789", ""))
            running.kill()
            assert told.status_code == 200
            running.wait()
        assert mailroom.suppressed("c1") == [("letters", "unsubscribed")]
        assert len({one.customer_id for one in mailroom.feedback() if one.name == "x"}) == len(calls)


def test_an_address_in_use_is_told_with_its_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(JourneyError) as caught:
        bound("127.0.0.1", taken.getsockname()[1])
    assert "cannot be listened on" in str(caught.value)
    assert "--port" in str(caught.value)


def test_every_answer_carries_the_headers_of_safety(front: Front) -> None:
    for path in ("/health", "/nothing"):
        headers = front.http.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "server" not in headers


def test_what_is_not_there_is_a_page_for_people_and_json_for_programs(front: Front) -> None:
    page = front.http.get("/nothing")
    assert page.status_code == 404
    assert "There is nothing here" in page.text
    assert "My Shop" in page.text
    told = front.http.get("/nothing", headers={"Accept": "application/json"})
    assert (told.status_code, told.json()) == (404, {"code": "not_found", "message": "there is no such path here"})
    wrong = front.http.post("/health")
    assert (wrong.status_code, set(wrong.headers["Allow"].split(", "))) == (405, {"GET", "HEAD"})


def echo(house: House) -> list[Route]:
    """A route that takes a body, one that reads none, and one that breaks."""

    async def said(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def broken(request: Request) -> Response:
        raise ValueError(f"no such customer: {request.query_params['who']}")

    return [
        Way("/echo/{token}", said, ["POST"], name="echo", at_most=100),
        Way("/broken", broken, ["GET"], name="broken"),
    ]


@pytest.fixture
def echoing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    monkeypatch.setattr(app, "ROUTES", (*app.ROUTES, echo))
    with serving(shop) as front:
        yield front


def test_a_body_that_is_too_long_is_refused_however_it_comes(echoing: Front) -> None:
    assert echoing.http.post("/echo/a", content=b"x" * 100).text == "100"
    for content in (b"x" * 101, (b"x" * 60 for _ in range(2)), b"x" * 20_000_000):
        try:
            answer = echoing.http.post("/echo/a", content=content)
        except (httpx.WriteError, httpx.RemoteProtocolError):  # it hung up on a client that would not stop
            continue
        assert answer.status_code == 413
        assert "longer than 100 bytes" in answer.text
    assert echoing.http.post("/echo/a", content=b"x").text == "1"


def test_the_log_names_the_route_and_no_person(echoing: Front, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="journey.web"):
        echoing.http.post("/echo/mary@example.com", content=b"mary")
        echoing.http.get("/nowhere/mary@example.com?who=mary")
        assert echoing.http.get("/broken?who=mary").status_code == 500
        assert echoing.http.get("/health").status_code == 200  # nothing else is disturbed
    lines = [record.getMessage() for record in caplog.records]
    assert [re.sub(r"\d+ ms", "N ms", line) for line in lines[:2]] == [
        "POST /echo/{token} 200 N ms",
        "GET (no such page) 404 N ms",
    ]
    assert any(line.startswith("unexpected ValueError at ") for line in lines)
    assert not [line for line in lines if "mary" in line]


def test_a_mailroom_that_cannot_be_read_is_told_as_503(front: Front, tmp_path: Path) -> None:
    file = Path(front.house.mailroom.store.url.removeprefix("sqlite:///"))
    front.house.mailroom.store.engine.dispose()
    for one in (file, *file.parent.glob(f"{file.name}-*")):
        one.unlink(missing_ok=True)
    file.write_bytes(os.urandom(4096))
    answer = front.http.get("/health")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
