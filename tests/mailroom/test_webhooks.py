"""Webhooks through the mailroom: claimed before they are called, at any hour, and back as an event."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from journey_engine.channels.webhook import WebhookChannel
from journey_engine.checks import open_project
from journey_engine.mailroom import DispatchReport, HoldKind, Mailroom, State, dispatch
from journey_engine.mailroom.states import ENDED_BY
from journey_engine.night import deliver, run
from journey_engine.project import Endpoint
from journey_engine.records import Decision, DecisionKind, DecisionState
from journey_engine.scaffold import make_project
from tests.channels.peer import Receiver, hang_up, receiver, status
from tests.mailroom.house import NOW, clock, file_channel, message, open_mailroom, other, renderer, state_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)


def webhook(number: int, to: str = "crm", **values: Any) -> Decision:
    data = {name: f"customer.{name}" for name in values}
    return other(DecisionKind.WEBHOOK, number, endpoint=to, data=data, values={"customer": values})


def settings(peer: Receiver) -> Endpoint:
    words = {"url": f"http://127.0.0.1:{peer.port}/", "secret_env": "CRM_SECRET", "allow_private": True}
    return Endpoint.model_validate({**words, "timeout": "2 seconds"})


def send(root: Path, mailroom: Mailroom, endpoints: dict[str, Endpoint], at: dt.datetime = NOW) -> DispatchReport:
    channels = {"file": file_channel(root), "webhook": WebhookChannel(endpoints, clock)}
    return dispatch(mailroom, at, channels, renderer(root), clock=clock)


def test_webhook_is_called_once_and_comes_back_as_an_event(tmp_path: Path) -> None:
    made = webhook(1, plan="pro", age=None)
    with open_mailroom(tmp_path) as mailroom, receiver() as peer:
        loaded = mailroom.load_run(1, "one", NOW, [made])
        assert (loaded.webhooks, loaded.messages) == ({"pending": 1}, {})
        report = send(tmp_path, mailroom, {"crm": settings(peer)})
        assert (report.accepted, report.troubles) == (1, ())
        assert send(tmp_path, mailroom, {"crm": settings(peer)}, NOW + DAY).accepted == 0
        assert state_of(mailroom, made) == ("accepted", None)
        assert (mailroom.webhook_counts(), mailroom.counts()) == ({"accepted": 1}, {})
        (event,) = mailroom.feedback()
    ((head, body),) = peer.calls
    assert json.loads(body) == {
        "type": "journey.webhook", "id": made.decision_id, "timestamp": "2026-03-04T10:00:00Z", "customer_id": "c1",
        "journey": "welcome", "step": "send:hello", "enrollment_id": made.enrollment_id,
        "data": {"plan": "pro", "age": None},
    }  # fmt: skip
    assert head["webhook-id"] == made.decision_id
    assert (event.event_id, event.name) == (f"{made.decision_id}:delivered", "webhook_delivered")
    assert (event.occurred_at, event.customer_id) == (NOW, "c1")
    assert event.properties == {
        "message_id": made.decision_id, "webhook": "crm", "journey": "welcome", "step": "send:hello",
        "enrollment_id": made.enrollment_id,
    }  # fmt: skip


def test_webhook_needs_no_address_and_nobody_can_say_no_to_it(tmp_path: Path) -> None:
    made = webhook(1)
    stop = other(DecisionKind.SUPPRESS, 1, reason="bounced", topic=None)
    with open_mailroom(tmp_path) as mailroom, receiver() as peer:
        mailroom.load_run(1, "one", NOW, [made, message(1), stop])
        send(tmp_path, mailroom, {"crm": settings(peer)}, NOW + 300 * DAY)
        assert state_of(mailroom, made) == ("accepted", None)
        assert state_of(mailroom, message(1)) == ("skipped", "too_late")


def test_withheld_webhook_is_kept_and_not_called(tmp_path: Path) -> None:
    made = replace(webhook(1), state=DecisionState.WITHHELD, reason="holdout")
    with open_mailroom(tmp_path) as mailroom, receiver() as peer:
        mailroom.load_run(1, "one", NOW, [made])
        send(tmp_path, mailroom, {"crm": settings(peer)})
        assert state_of(mailroom, made) == ("withheld", "holdout")
    assert peer.calls == []


def test_pending_webhook_holds_up_no_letter_of_its_pass_and_is_not_taken_back(tmp_path: Path) -> None:
    made, letter = webhook(1), message(2)
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "one", NOW, [made, letter])
        assert list(mailroom.open_enrollments(2)) == [letter.enrollment_id]
        gone = [other(DecisionKind.CANCEL, number, run=2, reason="converted") for number in (1, 2)]
        assert mailroom.load_run(2, "two", NOW + DAY, gone).cancelled == 1
        assert [state_of(mailroom, one)[0] for one in (made, letter)] == ["pending", "cancelled"]


def test_missing_secret_leaves_every_webhook_where_it_is_with_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [webhook(number) for number in range(5)] + [webhook(9, "stock")]
    with open_mailroom(tmp_path) as mailroom, receiver() as peer:
        mailroom.load_run(1, "one", NOW, [*made, message(20)])
        endpoints = {"crm": settings(peer).model_copy(update={"secret_env": "NO_SUCH"}), "stock": settings(peer)}
        monkeypatch.delenv("NO_SUCH", raising=False)
        report = send(tmp_path, mailroom, endpoints)
        assert report.troubles == ("webhook crm: the environment variable NO_SUCH with its secret is not set",)
        assert (report.accepted, report.waiting) == (2, 5)  # the letter and the other endpoint's call went out
        assert {state_of(mailroom, one) for one in made[:5]} == {("pending", "no_secret")}
        monkeypatch.setenv("NO_SUCH", SECRET)
        assert send(tmp_path, mailroom, endpoints, NOW + dt.timedelta(minutes=2)).accepted == 5
    assert "MfKQ9r8" not in (tmp_path / "mailroom.sqlite").read_bytes().decode("latin-1")


def test_endpoint_that_does_not_accept_the_signature_loses_no_call_and_is_told_of_once(tmp_path: Path) -> None:
    made = [webhook(number) for number in range(5)]
    with open_mailroom(tmp_path) as mailroom, receiver(status(401)) as peer:
        mailroom.load_run(1, "one", NOW, made)
        report = send(tmp_path, mailroom, {"crm": settings(peer)})
        (trouble,) = report.troubles
        assert trouble.startswith("webhook crm: ")
        assert "401: it does not accept the signature (environment variable CRM_SECRET)" in trouble
        assert ({state_of(mailroom, one) for one in made}, len(peer.calls)) == ({("pending", "status_401")}, 1)
        send(tmp_path, mailroom, {"crm": settings(peer)}, NOW + 10 * DAY)  # mended meanwhile, however late
        assert mailroom.webhook_counts() == {"accepted": 5}


def test_every_answer_becomes_a_state_with_what_ends_it(tmp_path: Path) -> None:
    answers = {
        "taken": status(202), "refused": status(422), "moved": status(301, "Location: /"), "unclear": status(500),
        "later": status(408),
    }  # fmt: skip
    wanted = {
        "taken": ("accepted", None), "refused": ("refused", "status_422"), "moved": ("refused", "status_301"),
        "unclear": ("unsure", "status_500"), "later": ("pending", "try_later"),
    }  # fmt: skip
    found = {}
    for number, (name, answer) in enumerate(answers.items()):
        with open_mailroom(tmp_path / name) as mailroom, receiver(answer) as peer:
            mailroom.load_run(1, "one", NOW, [webhook(number)])
            send(tmp_path, mailroom, {"crm": settings(peer)})
            found[name] = state_of(mailroom, webhook(number))
            (group,) = mailroom.groups()
            assert (group.template, group.ended_by) == ("webhook:crm", ENDED_BY[group.state])
    assert found == wanted


def test_unsure_webhook_is_not_called_again_until_somebody_says_so(tmp_path: Path) -> None:
    made = webhook(1)
    with open_mailroom(tmp_path) as mailroom, receiver(hang_up) as peer:
        mailroom.load_run(1, "one", NOW, [made])
        for days in range(3):
            send(tmp_path, mailroom, {"crm": settings(peer)}, NOW + days * DAY)
        assert (state_of(mailroom, made), len(peer.calls)) == (("unsure", "no_answer"), 1)
        assert mailroom.retry(State.UNSURE, NOW + 3 * DAY, template="webhook:crm") == 1
        send(tmp_path, mailroom, {"crm": settings(peer)}, NOW + 3 * DAY)
        assert state_of(mailroom, made) == ("accepted", None)
    first, second = peer.calls
    assert (first[0]["webhook-id"], first[1]) == (second[0]["webhook-id"], second[1])  # a receiver can tell


def test_retry_after_is_when_it_is_called_again(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom, receiver(status(503, "Retry-After: 3600")) as peer:
        mailroom.load_run(1, "one", NOW, [webhook(1), webhook(2)])
        for minutes, calls in ((0, 1), (59, 1), (60, 3)):
            send(tmp_path, mailroom, {"crm": settings(peer)}, NOW + dt.timedelta(minutes=minutes))
            assert len(peer.calls) == calls
        assert mailroom.webhook_counts() == {"accepted": 2}


def test_stopped_endpoint_keeps_its_webhooks_and_a_run_takes_them_back(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom, receiver() as peer:
        mailroom.load_run(1, "one", NOW, [webhook(1), webhook(2, "stock")])
        mailroom.stop(HoldKind.TEMPLATE, "webhook:crm", "too many", NOW)
        send(tmp_path, mailroom, dict.fromkeys(("crm", "stock"), settings(peer)))
        assert [state_of(mailroom, webhook(n, to)) for n, to in ((1, "crm"), (2, "stock"))] == [
            ("pending", "stopped"), ("accepted", None)
        ]  # fmt: skip
        assert mailroom.take_back(1, NOW).messages == 1
        assert mailroom.webhook_counts() == {"accepted": 1, "cancelled": 1}
    assert len(peer.calls) == 1


def test_webhook_of_a_reward_that_was_not_given_is_skipped(tmp_path: Path) -> None:
    terms = {
        "program": "voucher", "side": "customer", "amount": 10, "percent": None, "currency": "EUR", "code": "A",
        "available_at": "2026-03-04T10:00:00Z", "expires_at": None, "budget": 5, "cap": None,
    }  # fmt: skip
    reward = other(DecisionKind.REWARD, 1, **terms)
    payload = {
        "endpoint": "crm", "data": {"code": "step.gift.code"},
        "values": {"step": {"gift": {"code": "A", "reward_id": reward.decision_id}}},
    }  # fmt: skip
    made = other(DecisionKind.WEBHOOK, 1, **payload)
    with open_mailroom(tmp_path) as mailroom, receiver() as peer:
        mailroom.load_run(1, "one", NOW, [reward, made])
        send(tmp_path, mailroom, {"crm": settings(peer)})
        assert state_of(mailroom, made) == ("skipped", "no_reward")
    assert peer.calls == []


DYING = """
import os, sys
from pathlib import Path
from journey_engine.channels.webhook import WebhookChannel
from journey_engine.mailroom import dispatch
from journey_engine.project import Endpoint
from tests.mailroom.house import NOW, clock, open_mailroom, renderer

class Dying(WebhookChannel):
    def send(self, messages):
        for told in super().send(messages):
            os._exit(9)

root = Path(sys.argv[1])
settings = Endpoint(url=sys.argv[2], secret_env="CRM_SECRET", allow_private=True)
with open_mailroom(root) as mailroom:
    dispatch(mailroom, NOW, {"webhook": Dying({"crm": settings}, clock)}, renderer(root), clock=clock)
"""


def test_dispatcher_that_dies_after_a_call_leaves_it_unsure_and_calls_no_other_twice(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom, receiver() as peer:
        mailroom.load_run(1, "one", NOW, [webhook(number) for number in range(4)])
        dying = subprocess.run(
            [sys.executable, "-c", DYING, str(tmp_path), settings(peer).url], cwd=Path(__file__).parents[2], timeout=60
        )
        assert dying.returncode == 9
        assert mailroom.webhook_counts() == {"claimed": 4}  # committed before the first call
        send(tmp_path, mailroom, {"crm": settings(peer)}, NOW + dt.timedelta(minutes=5))
        assert mailroom.webhook_counts() == {"unsure": 4}
    assert len(peer.calls) == 1


JOURNEY = """
journey: tell
topic: letters
trigger: {event: {name: signed_up, first: true}}
steps:
  - webhook: {to: crm, with: {name: customer.first_name, source: trigger.source}}
  - wait_for: {event: webhook_delivered, since: entry, timeout: 3 days, on_timeout: exit}
  - send: hello
"""


def test_webhook_through_whole_nights(tmp_path: Path) -> None:
    make_project(tmp_path)
    for name in ("hello.yaml", "hello.test.yaml"):
        (tmp_path / "journeys" / name).unlink()
    (tmp_path / "journeys/tell.yaml").write_text(JOURNEY)
    with receiver() as peer:
        project = tmp_path / "journeys/project.yaml"
        url = f"http://127.0.0.1:{peer.port}/in"
        line = f"webhooks: {{crm: {{url: '{url}', secret_env: CRM_SECRET, allow_private: true}}}}"
        project.write_text(f"{project.read_text()}\n{line}\n")
        for day in (2, 3):
            loaded = open_project(tmp_path)
            assert [problem for problem in loaded.problems if problem.severity == "error"] == []
            report = run(loaded, dt.datetime(2026, 3, day, 2, tzinfo=dt.UTC), clock=clock)
            deliver(open_project(tmp_path), dt.datetime(2026, 3, day, 15, tzinfo=dt.UTC), clock=clock)
            assert report.webhooks == ({"accepted": 4} if day == 2 else {})
    with Mailroom.open(f"sqlite:///{tmp_path}/var/mailroom.sqlite", environment="development") as mailroom:
        assert (mailroom.webhook_counts(), mailroom.counts()) == ({"accepted": 4}, {"accepted": 4})
    bodies = [json.loads(body) for _, body in peer.calls]
    assert len({body["customer_id"] for body in bodies}) == 4
    assert all(body["data"].keys() == {"name", "source"} for body in bodies)
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    for head, body in peer.calls:
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        assert head["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    for store in (tmp_path / "var").glob("*.sqlite"):
        with sqlite3.connect(store) as db:
            assert not any("MfKQ9r8" in line for line in db.iterdump())
