"""What a run's events say of referrals reads the same on DuckDB and on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from journey_engine.engines import Engine, memory, open_engine
from journey_engine.mailroom import Brought, Sent, Used
from journey_engine.mailroom.referrals import Step, referral_id
from journey_engine.night.referring import referred
from journey_engine.program import Program
from journey_engine.times import naive

AS_OF = dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
FIRST = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
PROGRAM = Program.model_validate({
    "program": "bring", "currency": "EUR", "sides": {"advocate": 10}, "budget": 100,
    "referral": {"joins": "up", "code": "by", "qualifies": "order", "returned": "back", "same": "order_id"},
})  # fmt: skip
PEOPLE = [("Ünal 'x'", "u@x.example", "h1", 30), ("f", "f@y.example", "h1", None), ("old", None, None, 5)]
PEOPLE += [("waited", None, None, None)]


CODE = PROGRAM.code_of("Ünal 'x'")
WAITS = [  # brought on earlier nights
    Brought("bring", "w1", "waited", FIRST, CODE),
    Brought("bring", "w2", "not here tonight", FIRST, CODE),
    Brought("another program", "w3", "waited", FIRST, CODE),
]
BEFORE = Sent(frozenset({"sent before"}), frozenset({referral_id("gone")}), WAITS)


def filled(engine: Engine) -> None:
    """The tables of a store with a few customers and what they did."""
    engine.execute(
        "CREATE OR REPLACE TABLE customers (customer_id VARCHAR, email VARCHAR, account_id VARCHAR, age BIGINT)"
    )
    engine.load("customers", ("customer_id", "email", "account_id", "age"), PEOPLE)
    rows = [
        ("e1", "f", "up", FIRST, {"by": CODE.lower().replace("-", " ")}, AS_OF),
        ("e2", "old", "up", FIRST, {"by": CODE}, AS_OF),
        ("e3", "old", "order", FIRST - HOUR, {"order_id": 7}, AS_OF - HOUR),  # seen by an earlier run
        ("e4", "f", "order", FIRST + HOUR, {"order_id": 8}, AS_OF),
        ("e5", "x", "order", FIRST, {}, AS_OF),  # of nobody who was sent
        ("e6", "sent before", "back", FIRST, {"order_id": "9"}, AS_OF),
        ("e7", "f", "up", FIRST, {"by": "CCCC-CCCC-CCCC"}, AS_OF),  # nobody's code
        ("e8", "f", "up", FIRST, {"by": ["no", "text"]}, AS_OF),
        ("e9", "f", "code_redeemed", FIRST, {"code": "ABC"}, AS_OF),
        ("e10", "f", "back", FIRST + 2 * HOUR, {"order_id": 8}, AS_OF - 24 * HOUR),  # a refund before its order
        ("e11", "f", "back", FIRST + 2 * HOUR, {"order_id": 8}, AS_OF + 24 * HOUR),  # of a later run
        ("e12", "waited", "order", FIRST + HOUR, {"order_id": 5}, AS_OF - HOUR),
        ("e13", "gone", "back", FIRST + HOUR, {"order_id": 4}, AS_OF),
    ]
    names = ("event_id", "revision", "newest", "customer_id", "name", "occurred_at", "received_at", "properties")
    engine.load("events", names, [
        (event_id, 1, True, who, name, naive(at), naive(seen), json.dumps(told))
        for event_id, who, name, at, told, seen in rows
    ])  # fmt: skip


@pytest.mark.parametrize("kind", ["duckdb", "postgresql"])
def test_touches_orders_and_returns_of_a_run_are_found(kind: str, request: pytest.FixtureRequest) -> None:
    engine = memory() if kind == "duckdb" else open_engine(request.getfixturevalue("database"), Path())
    try:
        filled(engine)
        found = referred(engine, {"bring": PROGRAM, "broken": None}, lambda: BEFORE, AS_OF)
    finally:
        engine.close()
    assert [(one.event_id, one.friend, one.advocate, one.new) for one in found.joined] == [
        ("w1", "waited", "Ünal 'x'", True), ("e1", "f", "Ünal 'x'", True), ("e2", "old", "Ünal 'x'", False)
    ]  # fmt: skip
    assert found.unknown == [WAITS[1], Brought("bring", "e7", "f", FIRST, "CCCC-CCCC-CCCC")]
    assert found.joined[0].code == CODE
    assert dict(found.joined[1].person) == {"email": "f@y.example", "account_id": "h1"}
    assert dict(found.joined[1].advocates_person) == {"email": "u@x.example", "account_id": "h1"}
    assert sorted(found.qualified, key=lambda one: one.event_id) == [
        Step("bring", "e12", "waited", FIRST + HOUR, "5"), Step("bring", "e4", "f", FIRST + HOUR, "8")
    ]  # fmt: skip
    assert sorted(found.returned, key=lambda one: one.event_id) == [
        Step("bring", "e10", "f", FIRST + 2 * HOUR, "8"), Step("bring", "e13", "gone", FIRST + HOUR, "4"),
        Step("bring", "e6", "sent before", FIRST, "9"),
    ]  # fmt: skip
    assert found.used == [Used("e9", "f", FIRST, "ABC")]


def test_without_a_program_nothing_is_read() -> None:
    engine = memory()
    engine.execute("DROP TABLE IF EXISTS events")
    assert referred(engine, {}, Sent, AS_OF).joined == ()
    engine.close()
