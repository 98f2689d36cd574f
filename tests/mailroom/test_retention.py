"""What the mailroom keeps no longer than it was told to, on either database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path

import pytest
from sqlalchemy import func, select

from journey_engine.mailroom import Mailroom, dispatch
from journey_engine.mailroom.tables import heard
from journey_engine.news import Fate, Letter, Named, Notice, Told, Traits
from journey_engine.records import DecisionKind
from tests.mailroom.house import NOW, clock, file_channel, message, other, renderer

DAY = dt.timedelta(days=1)
LATER = NOW + 31 * DAY
TEAMS = {"query_received": "service"}


def task(number: int) -> object:
    values = {"customer": {"first_name": f"Name {number}"}}
    return other(DecisionKind.TASK, number, team="sales", title="Call {{ customer.first_name }}", values=values)


def test_person_is_taken_out_of_what_ended_whatever_became_of_it(mailroom: Mailroom, tmp_path: Path) -> None:
    mails = [message(1), message(2, template="broken"), message(3, to=None), message(4, due_at=LATER)]
    mailroom.load_run(1, "r1", NOW, [*mails, task(1), task(2), task(3)])  # type: ignore[list-item]
    dispatch(mailroom, NOW, {"file": file_channel(tmp_path)}, renderer(tmp_path), clock=clock)
    done, cancelled, left = sorted(mailroom.todo(NOW), key=lambda one: one.title)
    mailroom.finish_task(done.task_id, NOW, note="spoke to her brother")
    mailroom.cancel_task(cancelled.task_id, NOW, "moved to Lagos")
    assert mailroom.counts() == {"accepted": 1, "refused": 1, "skipped": 1, "pending": 1}
    assert mailroom.wipe(NOW) == 0
    assert mailroom.wipe(NOW + DAY) == 3
    for number in range(1, 4):
        (row,) = mailroom.export(f"c{number}")["messages"]
        assert (row["recipient"], row["variables"], row["address"]) == (None, {}, None)
    assert mailroom.export("c4")["messages"][0]["recipient"] == "customer4@example.com", "it has not left yet"
    titles = {mailroom.export(f"c{number}")["tasks"][0]["title"] for number in (1, 2)}
    assert titles == {"no longer kept"}
    assert "brother" not in str(mailroom.export("c1")["tasks"]) and "Lagos" not in str(mailroom.export("c2")["tasks"])
    assert [one.title for one in mailroom.todo(NOW)] == [left.title], "there is still somebody to call"
    assert mailroom.wipe(NOW + DAY) == 0


def test_who_was_not_named_or_not_seen_for_long_is_let_go_although_nobody_comes_by(mailroom: Mailroom) -> None:
    mailroom.receive(Letter("w1", "eve@example.com", (), "Hello", "I am Eve"), TEAMS, NOW)
    mailroom.hear([Traits(NOW, {"email": "ada@example.com"}, None, "browser"), Named("browser", "c1")], NOW)
    mailroom.notice([Notice(Fate.OPENED, NOW, "n1", "p1")], NOW)
    mailroom.tidy(NOW + 89 * DAY)
    eve = ["eve@example.com"]
    assert len(mailroom.export("c9", eve)["visits"]) == 1
    mailroom.tidy(NOW + 91 * DAY)
    assert "visits" not in mailroom.export("c9", eve) and "visitors" not in mailroom.export("c9", eve)
    assert mailroom.notice([Notice(Fate.OPENED, NOW, "n1", "p1")], NOW)["again"] == 0, "its ids were forgotten"
    assert len(mailroom.export("c1")["visitors"]) == 1
    mailroom.wipe(NOW + DAY)
    assert "visitors" not in mailroom.export("c1")


def collect(mailroom: Mailroom, waiting: Collection[str] = ()) -> None:
    list(mailroom.take_in_hand(every=False))
    mailroom.collected("a run", waiting)


def test_an_event_that_was_told_anew_meanwhile_stays(mailroom: Mailroom) -> None:
    mailroom.hear([Told("old", "page_viewed", NOW, {}, "c1"), Told("new", "page_viewed", LATER, {}, "c1")], LATER)
    collect(mailroom)
    mailroom.hear([Told("late", "page_viewed", NOW, {}, "c1")], LATER)
    assert mailroom.forget_events(LATER) == 1
    assert [one.event_id for one in mailroom.feedback()] == ["late", "new"]


@pytest.mark.parametrize("many", [1_200])
def test_events_are_taken_out_however_many(mailroom: Mailroom, many: int) -> None:
    mailroom.hear([Told(f"e{number}", "page_viewed", NOW, {}, "c1") for number in range(many)], NOW)
    assert mailroom.forget_events(LATER) == 0, "no ledger has them"
    collect(mailroom)
    assert mailroom.forget_events(LATER) == many


def test_events_of_nobody_we_know_wait_as_long_as_a_visitor_whatever_their_age(mailroom: Mailroom) -> None:
    long_ago = NOW - 800 * DAY
    mailroom.hear([Told("imported", "order_placed", long_ago, {}, "c1"), Told("b", "viewed", long_ago, {}, "c2")], NOW)
    nights = [(NOW + days * DAY, NOW + (days - 30) * DAY) for days in (0, 89, 91)]
    told = [mailroom.forget_unclaimed(at, before) for at, before in nights[:2]]
    assert told == [0, 0]
    collect(mailroom, ["b"])
    mailroom.forget_events(NOW)  # the customer of the other came with an export, and the ledger took it
    assert [one.event_id for one in mailroom.feedback()] == ["b"]
    assert mailroom.forget_unclaimed(*nights[2]) == 1
    assert list(mailroom.feedback()) == []
    with mailroom.store.read() as db:
        assert db.execute(select(func.count()).select_from(heard)).scalar() == 0, "nothing is remembered of them"
