"""Complaints and bounces stop a topic of marketing at a share of what left lately; nothing transactional, ever."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.channels import Outcome, OutcomeKind
from journey_engine.mailroom import DispatchReport, Gauges, HoldKind, Mailroom, dispatch
from journey_engine.mailroom.gauges import check
from journey_engine.mailroom.tables import FEEDBACK, feedback, messages
from journey_engine.records import Decision
from tests.mailroom.house import NOW, clock, message, open_mailroom, renderer, state_of
from tests.mailroom.test_dispatch import Scripted

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SMALL = Gauges(complaints=Decimal("0.1"), bounces=Decimal("0.2"), within=7 * DAY, at_least=20)


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    with open_mailroom(tmp_path) as found:
        yield found


def send(
    root: Path, mailroom: Mailroom, at: dt.datetime = NOW, gauges: Gauges = SMALL, channel: Scripted | None = None
) -> DispatchReport:
    channels = {"file": channel or Scripted()}
    return dispatch(mailroom, at, channels, renderer(root), clock=clock, gauges=gauges)


def happens(mailroom: Mailroom, name: str, decision: Decision, at: dt.datetime, **more: object) -> None:
    """What a provider's webhook or a mail server tells afterwards."""
    told = json.dumps({"message_id": decision.decision_id, **more})
    row = (f"{decision.decision_id}:{name}:{at}", decision.customer_id, name, mailroom.store.instant(at), told)
    with mailroom.store.write() as db:
        mailroom.store.insert_new(db, feedback, FEEDBACK, [row])


def test_a_topic_is_stopped_when_too_many_complain_and_says_why_and_what_ends_it(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    sent = [message(number) for number in range(20)]
    mailroom.load_run(1, "run-1", NOW, sent)
    assert send(tmp_path, mailroom).accepted == 20
    happens(mailroom, "message_complained", sent[0], NOW + HOUR)
    happens(mailroom, "message_complained", sent[0], NOW + 2 * HOUR)  # the same again is one
    mailroom.load_run(2, "run-2", NOW, [message(30, run=2), message(31, run=2, topic="news")])
    assert send(tmp_path, mailroom, NOW + 3 * HOUR).accepted == 2  # 5 % are fewer than 10 %
    happens(mailroom, "message_complained", sent[1], NOW + 4 * HOUR)
    happens(mailroom, "message_complained", sent[2], NOW + 4 * HOUR)
    waiting, other = message(40, run=3), message(41, run=3, topic="news")
    mailroom.load_run(3, "run-3", NOW, [waiting, other])
    report = send(tmp_path, mailroom, NOW + 5 * HOUR)
    why = "3 of 21 messages of the last 7 days were complained about: 14 %, and 10 % are allowed"
    assert report.troubles == (f"topic offers: is stopped: {why}; go on with `journey resume --topic offers`",)
    assert (report.accepted, report.waiting) == (1, 1)
    assert state_of(mailroom, waiting) == ("pending", "stopped")
    (hold,) = mailroom.stopped()
    assert (hold.kind, hold.name, hold.reason, hold.since) == (HoldKind.TOPIC, "offers", why, NOW + 5 * HOUR)
    assert send(tmp_path, mailroom, NOW + 6 * HOUR).troubles == ()  # told once; the list and the report keep telling
    assert mailroom.resume(HoldKind.TOPIC, "offers", NOW + 7 * HOUR)
    assert send(tmp_path, mailroom, NOW + 8 * HOUR).accepted == 1  # somebody has looked: only what leaves now counts
    assert mailroom.stopped() == []


def test_bounces_at_the_door_of_the_server_and_later_ones_count_and_passing_ones_do_not(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    gone = Outcome(OutcomeKind.REFUSED, "no_such_address", "550 5.1.1 unknown", bounced=True)
    sent = [message(number) for number in range(20)]
    mailroom.load_run(1, "run-1", NOW, sent)
    send(tmp_path, mailroom, channel=Scripted(gone, gone))
    left = [one for one in sent if state_of(mailroom, one)[0] == "accepted"]
    for one in left[:5]:
        happens(mailroom, "message_bounced", one, NOW + HOUR, permanent=False)
    happens(mailroom, "message_bounced", left[5], NOW + HOUR)
    assert check(mailroom.store, SMALL, NOW + 2 * HOUR) == []
    happens(mailroom, "message_bounced", left[6], NOW + HOUR, permanent=True)
    (hold,) = check(mailroom.store, SMALL, NOW + 2 * HOUR)
    assert hold.reason == "4 of 20 messages of the last 7 days bounced: 20 %, and 20 % are allowed"


def test_what_is_transactional_or_for_staff_is_never_stopped(tmp_path: Path, mailroom: Mailroom) -> None:
    sent = [message(n, topic=word, topic_class=word) for word, start in (("transactional", 0), ("staff", 50))
            for n in range(start, start + 30)]  # fmt: skip
    mailroom.load_run(1, "run-1", NOW, sent)
    send(tmp_path, mailroom)
    for one in sent:
        happens(mailroom, "message_complained", one, NOW + HOUR)
    assert check(mailroom.store, SMALL, NOW + 2 * HOUR) == []


def test_what_left_before_the_window_counts_no_more(tmp_path: Path, mailroom: Mailroom) -> None:
    sent = [message(number) for number in range(20)]
    mailroom.load_run(1, "run-1", NOW, sent)
    send(tmp_path, mailroom)
    for one in sent[:10]:
        happens(mailroom, "message_complained", one, NOW + HOUR)
    assert check(mailroom.store, SMALL, NOW + 7 * DAY) == []


def test_events_that_name_no_message_of_ours_stop_nothing(tmp_path: Path, mailroom: Mailroom) -> None:
    mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(20)])
    send(tmp_path, mailroom)
    for number in range(100, 120):
        happens(mailroom, "message_complained", message(number), NOW + HOUR)
    assert check(mailroom.store, SMALL, NOW + 2 * HOUR) == []


@settings(max_examples=50)
@given(
    sent=st.integers(0, 60), complained=st.integers(0, 12), bounced=st.integers(0, 20),
    share=st.sampled_from(["0.003", "0.05", "0.1", "0.5"]), at_least=st.integers(1, 40),
    kind=st.sampled_from(["marketing", "transactional", "staff"]),
)  # fmt: skip
def test_a_topic_is_stopped_exactly_from_its_share_on(
    sent: int, complained: int, bounced: int, share: str, at_least: int, kind: str
) -> None:
    complained, bounced = min(complained, sent), min(bounced, sent)
    gauges = Gauges(complaints=Decimal(share), bounces=None, at_least=at_least)
    mailroom = _emptied()
    every = [message(number, topic_class=kind) for number in range(sent)]
    mailroom.load_run(1, "run-1", NOW, every)
    with mailroom.store.write() as db:
        db.execute(messages.update().values(state="accepted", changed_at=NOW))
    for one in every[:complained]:
        happens(mailroom, "message_complained", one, NOW + HOUR)
    for one in every[:bounced]:
        happens(mailroom, "message_bounced", one, NOW + HOUR)
    stopped = bool(check(mailroom.store, gauges, NOW + 2 * HOUR))
    too_many = complained > 0 and sent >= at_least and complained >= Decimal(share) * sent
    assert stopped == (kind == "marketing" and too_many)


@cache
def _shared() -> Mailroom:
    return open_mailroom(Path(mkdtemp()))


def _emptied() -> Mailroom:
    with _shared().store.write() as db:
        for table in ("messages", "feedback", "holds", "gauged", "loaded_runs"):
            db.exec_driver_sql(f"DELETE FROM {table}")
    return _shared()
