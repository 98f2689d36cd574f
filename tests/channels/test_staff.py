"""The staff channel against a receiver on the loopback: what arrives, what fails, and its secret URL."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from journey_engine.channel_settings import Channels
from journey_engine.channel_settings import StaffChannel as StaffSettings
from journey_engine.channels import Outcome, OutcomeKind, Outgoing, Presence, Rendered, make_channels
from journey_engine.channels.staff import StaffChannel
from journey_engine.errors import JourneyError
from journey_engine.mailroom.eligible import judge
from journey_engine.mailroom.standing import Standing
from journey_engine.mailroom.states import State
from journey_engine.project import Sender
from tests.channels.peer import hang_up, receiver, status

NOW = dt.datetime(2026, 3, 4, 10, 0, 5, tzinfo=dt.UTC)
CANARY = "canary-that-sings"


def outgoing(number: int = 1, **more: str) -> Outgoing:
    words = Rendered(
        more.get("subject", "A complaint"), more.get("text", "Ada wrote <b>twice</b>\nand waits"), "<p>Ada</p>"
    )
    return Outgoing(f"{number:032x}", "", None, words, NOW, "complaint", "staff", "complaints")


def call(port: int, messages: Sequence[Outgoing], monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    monkeypatch.setenv("ALERTS_URL", f"json://ada:{CANARY}@127.0.0.1:{port}/{CANARY}?rto=1&cto=1")
    made = StaffChannel(StaffSettings(url_env="ALERTS_URL"))
    made.open()
    with closing(made):
        return [outcome for _, outcome in made.send(messages)]


def test_notice_arrives_with_title_and_text_as_they_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(status(200), status(200)) as peer:
        told = call(peer.port, [outgoing(1), outgoing(2, text="lone \ud800 half")], monkeypatch)
    assert [(one.kind, one.detail) for one in told] == [(OutcomeKind.ACCEPTED, "notified")] * 2
    first, second = [json.loads(body) for _, body in peer.calls]
    assert (first["title"], first["message"]) == ("A complaint", "Ada wrote <b>twice</b>\nand waits")
    assert second["message"] == "lone ? half"


@pytest.mark.parametrize("act", [status(500), status(404), hang_up])
def test_failure_may_have_gone_out_and_the_rest_is_not_tried(act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(act) as peer:
        first, second = call(peer.port, [outgoing(1), outgoing(2)], monkeypatch)
    assert (first.kind, first.reason) == (OutcomeKind.UNSURE, "no_answer")
    assert (second.kind, second.reason) == (OutcomeKind.LATER, "not_tried")
    assert len(peer.calls) == 1


@pytest.mark.parametrize("held", [None, "", " ", "nothing", f"nothing://{CANARY}"])
def test_missing_or_unreadable_url_is_told_and_never_shown(
    held: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.delenv("ALERTS_URL", raising=False)
    if held is not None:
        monkeypatch.setenv("ALERTS_URL", held)
    with pytest.raises(JourneyError, match="ALERTS_URL") as caught:
        StaffChannel(StaffSettings(url_env="ALERTS_URL")).open()
    assert CANARY not in f"{caught.value} {caplog.text}"


def test_url_and_notice_are_in_no_log_and_no_outcome(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with receiver(status(200), status(500)) as peer:
        told = call(peer.port, [outgoing(1), outgoing(2)], monkeypatch)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        told += call(one.getsockname()[1], [outgoing(3)], monkeypatch)
    seen = f"{told!r} {caplog.text}"
    assert CANARY not in seen
    assert "Ada" not in seen
    assert not logging.getLogger("apprise").disabled


def test_notice_needs_no_customer_s_address_and_nobody_can_be_asked() -> None:
    class Row:
        channel, reached_at, max_lateness_s, recipient, topic_class, send_from, topic = (
            "staff", NOW, None, None, "staff", None, "alerts",
        )  # fmt: skip

    assert judge(Row, NOW, Standing()).state is State.CLAIMED  # type: ignore[arg-type]
    made = StaffChannel(StaffSettings())
    assert made.lookup(["a"]) == {"a": Presence.UNKNOWN}


def test_project_that_sets_the_channel_up_gets_it_by_name(tmp_path: Path) -> None:
    sender = Sender(name="Shop", email="hello@shop.example")
    (made,) = make_channels(["staff"], Channels.model_validate({"staff": "ALERTS_URL"}), sender, tmp_path).values()
    assert isinstance(made, StaffChannel)
    with pytest.raises(JourneyError, match="does not set it up"):
        make_channels(["staff"], Channels(), sender, tmp_path)
