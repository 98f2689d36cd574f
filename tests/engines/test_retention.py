"""What decisions said of customers is wiped alike on every engine, once a week, and nothing else of them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from journey_engine.engines import Engine, memory, open_engine
from journey_engine.mailroom import Mailroom
from journey_engine.news import Told
from journey_engine.night.retention import Retention

DAY = dt.timedelta(days=1)
FIRST = dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
HOSTILE = 'Ann ","to":"x","values":{} \\'
PAYLOADS = {
    "message": {
        "template": "hello", "topic": "t", "send_hours": {"from": "09:00"}, "to": "ann@example.com", "name": HOSTILE,
        "locale": "de", "timezone": "Europe/Berlin", "addressee": "c2", "values": {"customer": {"first_name": HOSTILE}},
    },
    "task": {"team": "sales", "title": "Call {{ customer.first_name }}", "due_at": None, "values": {"a": HOSTILE}},
    "webhook": {"endpoint": "crm", "data": {"name": "customer.name"}, "values": {"customer": {"name": HOSTILE}}},
    "set": {"attributes": {"health": HOSTILE}},
    "suppress": {"topic": "letters", "reason": "unsubscribed"},
    "reward": {"program": "p", "code": "AAAA-BBBB", "amount": 5},
}  # fmt: skip


def nights(engine: Engine, count: int) -> None:
    runs = [(n, f"r{n}", (FIRST + n * DAY).replace(tzinfo=None), 1, 1, "{}") for n in range(1, count + 1)]
    engine.load("runs", ("run", "run_id", "as_of", "customers", "received", "report"), runs)
    names = ("decision_id", "kind", "run", "journey", "version", "enrollment_id", "customer_id", "step", "occurrence",
             "state", "reason", "due_at", "reached_at", "payload")  # fmt: skip
    at = FIRST.replace(tzinfo=None)
    rows = [
        (f"{kind}{run}", kind, run, "j", "v", "e", "c", "s", 1, "pending", None, at, at,
         json.dumps(payload, separators=(",", ":")))
        for run in range(1, count + 1) for kind, payload in PAYLOADS.items()
    ]  # fmt: skip
    engine.load("decisions", names, rows)


def said(engine: Engine) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in engine.rows("SELECT decision_id, payload FROM decisions")}


def wiped(engine: Engine, before: dt.datetime) -> set[str]:
    Retention(before, before).in_engine(engine)
    return {name for name, found in said(engine).items() if found != PAYLOADS[name.rstrip("0123456789")]}


def test_old_decisions_say_nothing_of_customers_on_any_engine(database: str) -> None:
    left = []
    for engine in (memory(), open_engine(database, Path(), environment="memory")):
        try:
            nights(engine, 20)
            assert wiped(engine, FIRST) == set(), "none is as old"
            first = wiped(engine, FIRST + 2 * DAY)
            assert first == {f"{kind}{run}" for kind in ("message", "task", "webhook", "set") for run in range(1, 9)}
            assert wiped(engine, FIRST + 8 * DAY) == first, "no night of those that are left is as old"
            assert {int(name.lstrip("mesagtkwbho")) for name in wiped(engine, FIRST + 10 * DAY)} == set(range(1, 17))
            left.append(said(engine))
        finally:
            engine.close()
    assert left[0] == left[1]
    assert left[0]["message1"] == {
        "template": "hello", "topic": "t", "send_hours": {"from": "09:00"}, "to": None, "name": None, "locale": None,
        "timezone": "UTC", "values": {},
    }  # fmt: skip
    assert left[0]["task1"] == PAYLOADS["task"] | {"values": {}}
    assert left[0]["webhook1"] == PAYLOADS["webhook"] | {"values": {}}
    assert left[0]["set1"] == {"attributes": {}}
    assert {name: left[0][f"{name}1"] for name in ("suppress", "reward")} == {
        name: PAYLOADS[name] for name in ("suppress", "reward")
    }


def test_events_that_the_ledger_has_leave_the_mailroom_and_others_wait(tmp_path: Path) -> None:
    with Mailroom.open(f"sqlite:///{tmp_path}/mailroom.sqlite", environment="test") as mailroom:
        told = [Told(f"e{n}", "page_viewed", FIRST + n * DAY, {}, f"c{n}") for n in range(1_500)]
        mailroom.hear(told, FIRST)
        tonight = Retention(FIRST, FIRST + 1_000 * DAY)
        assert len(list(mailroom.take_in_hand(every=False))) == 1_500
        mailroom.collected("tonight", ["e7"])
        tonight.in_mailroom(mailroom, collected=False)
        assert len(list(mailroom.feedback())) == 1_500, (
            "a night that evaluated nothing does not know what its ledger has"
        )
        tonight.in_mailroom(mailroom, collected=True)
        left = sorted(one.event_id for one in mailroom.feedback())
    assert left == sorted(["e7", *(f"e{n}" for n in range(1_000, 1_500))])


def test_without_retention_nothing_is_wiped() -> None:
    engine = memory()
    nights(engine, 1)
    Retention(FIRST, None).in_engine(engine)
    assert said(engine)["message1"] == PAYLOADS["message"]
    engine.close()
