"""What a run's events say of referrals reads the same on DuckDB and on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from journey_engine.engines import Engine, memory, open_engine
from journey_engine.mailroom import Used
from journey_engine.mailroom.referrals import Step
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


def filled(engine: Engine) -> None:
    """The tables of a store with a few customers and what they did."""
    engine.execute(
        "CREATE OR REPLACE TABLE customers (customer_id VARCHAR, email VARCHAR, account_id VARCHAR, age BIGINT)"
    )
    engine.load("customers", ("customer_id", "email", "account_id", "age"), PEOPLE)
    code = PROGRAM.code_of("Ünal 'x'")
    rows = [
        ("e1", "f", "up", FIRST, {"by": code.lower().replace("-", " ")}, AS_OF),
        ("e2", "old", "up", FIRST, {"by": code}, AS_OF),
        ("e3", "old", "order", FIRST - HOUR, {"order_id": 7}, AS_OF - HOUR),  # seen by an earlier run
        ("e4", "f", "order", FIRST + HOUR, {"order_id": 8}, AS_OF),
        ("e5", "x", "order", FIRST, {}, AS_OF),  # of nobody who was sent
        ("e6", "sent before", "back", FIRST, {"order_id": "9"}, AS_OF),
        ("e7", "f", "up", FIRST, {"by": "CCCC-CCCC-CCCC"}, AS_OF),  # nobody's code
        ("e8", "f", "up", FIRST, {"by": ["no", "text"]}, AS_OF),
        ("e9", "f", "code_redeemed", FIRST, {"code": "ABC"}, AS_OF),
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
        found = referred(engine, {"bring": PROGRAM, "broken": None}, lambda: {"sent before"}, AS_OF)
    finally:
        engine.close()
    assert [(one.event_id, one.friend, one.advocate, one.new) for one in found.joined] == [
        ("e1", "f", "Ünal 'x'", True), ("e2", "old", "Ünal 'x'", False)
    ]  # fmt: skip
    assert found.joined[0].code == PROGRAM.code_of("Ünal 'x'")
    assert dict(found.joined[0].person) == {"email": "f@y.example", "account_id": "h1"}
    assert dict(found.joined[0].advocates_person) == {"email": "u@x.example", "account_id": "h1"}
    assert found.qualified == [Step("bring", "e4", "f", FIRST + HOUR, "8")]
    assert found.returned == [Step("bring", "e6", "sent before", FIRST, "9")]
    assert found.used == [Used("e9", "f", FIRST, "ABC")]


def test_without_a_program_nothing_is_read() -> None:
    engine = memory()
    engine.execute("DROP TABLE IF EXISTS events")
    assert referred(engine, {}, set, AS_OF).joined == ()
    engine.close()
