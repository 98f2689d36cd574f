"""One customer is exported and erased alike on every engine, and every table that names customers is thought of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from journey_engine.checks import open_project
from journey_engine.engines import open_reader
from journey_engine.night import erase_customer, export_customer, run
from journey_engine.night.customers import OF_CUSTOMER, OF_PASS
from journey_engine.queries import statements
from journey_engine.scaffold import make_project
from journey_engine.times import parse_instant

NIGHT = parse_instant("2026-03-02T02:00:00Z")


def told(folder: Path, engine: str) -> tuple[dict[str, Any], dict[str, int], dict[str, str]]:
    """What is exported of a customer, what is erased, and what of them is left, table by table."""
    make_project(folder)
    settings = folder / "journeys/project.yaml"
    settings.write_text(f"{settings.read_text(encoding='utf-8')}\nengine: {engine}\n", encoding="utf-8")
    loaded = open_project(folder)
    run(loaded, NIGHT, clock=lambda: NIGHT, accept_loss=True)
    exported = export_customer(loaded, "c3")
    for event in exported["engine"]["events"]:
        del event["row_hash"]  # each engine has its own
    erased = erase_customer(loaded, "c3", clock=lambda: NIGHT)
    reader = open_reader(engine, folder)
    try:
        left = {one: repr(reader.rows(f"SELECT * FROM {one}")) for one in tables() if reader.exists(one)}
    finally:
        reader.close()
    return exported["engine"], erased.engine, left


def tables() -> dict[str, str]:
    """The tables of the store, each with how it is made."""
    return {
        found[1]: text for text in statements("schema").values() if (found := re.match(r"CREATE TABLE (\w+)", text))
    }


def test_a_customer_is_exported_and_erased_alike(database: str, tmp_path: Path) -> None:
    plain = told(tmp_path / "duckdb", "duckdb:///var/engine.duckdb")
    other = told(tmp_path / "postgres", database)
    assert plain[:2] == other[:2]
    assert {"customers", "events", "enrollments", "decisions", "transitions"} <= set(plain[1])
    for name, rows in (*plain[2].items(), *other[2].items()):
        assert "ngozi" not in rows and "'c3'" not in rows, f"{name} still names the customer"


def test_every_table_of_the_store_that_names_customers_is_exported_and_erased() -> None:
    for name, text in tables().items():
        if "customer_id" in text:
            assert name in OF_CUSTOMER, f"add {name} to OF_CUSTOMER"
        elif "enrollment_id" in text:
            assert name in OF_PASS, f"add {name} to OF_PASS"
