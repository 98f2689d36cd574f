"""Which of tonight's customers are not as the last run left them; the others' rows are not written anew.

Where the source's files are those of the last run, and nothing else that makes customers differs, they are not read.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect.files import digest_of, here, look_at
from journey_engine.collect.ledger import tzdata_version
from journey_engine.collect.people import Person
from journey_engine.collect.source import Aside, Incoming
from journey_engine.engines import files_of
from journey_engine.expressions import Sql
from journey_engine.project import CUSTOMER_COLUMNS, EVENT_COLUMNS, Source

READ = "customers_read"
"""In `meta`: what the customers were read from last, and what was said of them."""


def fingerprint(incoming: Incoming, source: Source, columns: Mapping[str, str], people: Sequence[Person]) -> str | None:
    """What decides who tonight's customers are; None for a table, of which nobody can tell that it is as it was."""
    if source.path is None:
        return None
    project = incoming.project
    how = [
        importlib.metadata.version("journey-engine"), tzdata_version(), project.timezone, sorted(columns.items()),
        sorted(source.columns.items()), sorted((name, words.type) for name, words in project.attributes.items()),
        project.front_door.people, sorted((who, sorted(traits.items())) for who, traits in people),
    ]  # fmt: skip
    read = [(here(incoming, file), digest_of(file, "")) for file in files_of(incoming.path(source))]
    return hashlib.blake2b(repr((how, read)).encode(), digest_size=16).hexdigest()


def as_before(incoming: Incoming, mark: str | None) -> bool:
    """Whether the customers are those of the last run; then what was said of them is said again.

    Attributes that journeys set stand until the imported value changes: where there are any, the source is read.
    """
    engine = incoming.engine
    kept = engine.rows("SELECT value FROM meta WHERE name = ?", (READ,)) if mark is not None else []
    known: dict[str, Any] = json.loads(kept[0][0]) if kept else {}
    if not known or known["mark"] != mark or engine.rows("SELECT 1 FROM overlays LIMIT 1"):
        return False
    incoming.run("imported_none", "changed_none", "gone_none")
    collected = incoming.collected
    collected.customers, collected.columns = known["customers"], known["columns"]
    collected.default_zone = known["default_zone"]
    collected.aside += [Aside(**aside) for aside in known["aside"]]
    return True


def remember(incoming: Incoming, mark: str | None) -> None:
    """Keep what the customers were read from, and what was said of them; not of those whom journeys made differ."""
    incoming.engine.execute("DELETE FROM meta WHERE name = ?", (READ,))
    if mark is not None and not incoming.engine.rows("SELECT 1 FROM overlays LIMIT 1"):
        collected = incoming.collected
        told = {
            "mark": mark, "customers": collected.customers, "columns": dict(collected.columns),
            "default_zone": collected.default_zone, "aside": [asdict(aside) for aside in collected.aside],
        }  # fmt: skip
        incoming.engine.execute("INSERT INTO meta VALUES (?, ?)", (READ, json.dumps(told)))


def stands(incoming: Incoming, people: Sequence[Person]) -> bool:
    """Whether the sources say to the last row what the last run took in, so that the engine can answer in their place.

    Files of events that are there no more count as a difference: what they told only the ledger knows.
    """
    customers, events = incoming.project.customers, incoming.project.events
    _, columns = incoming.relation(customers, "customers", ("customer_id",), CUSTOMER_COLUMNS)
    if events.path is None or not as_before(incoming, fingerprint(incoming, customers, columns, people)):
        return False
    _, columns = incoming.relation(events, "events", EVENT_COLUMNS[:4], EVENT_COLUMNS)
    files = look_at(incoming, events, columns)
    return not files.fresh and len(files.known) == len(files.digests)


def put_customers(incoming: Incoming, tonight: Sql) -> None:
    """Bring the table of customers to what a query finds tonight."""
    engine = incoming.engine
    if not _laid_out_alike(incoming, tonight):
        incoming.run("customers", tonight=tonight)
        incoming.run("every_customer")
        return
    names = [name for name in engine.columns("customers") if name != "customer_id"]
    differs = x.either([_differs(name) for name in names])
    incoming.run("changed_rows", tonight=tonight, differs=differs)
    incoming.run("changed_customers", "leave_changed", "leave_gone", "put_changed")


def _laid_out_alike(incoming: Incoming, tonight: Sql) -> bool:
    """Whether the stored table has the same columns, of the same types and in the same order."""
    engine = incoming.engine
    if not engine.exists("customers"):
        return False
    found = engine.columns(f"({x.written(tonight)}) AS t")
    return list(found.items()) == list(engine.columns("customers").items())


def _differs(name: str) -> Sql:
    column = exp.to_identifier(name, quoted=True)
    ours, theirs = (exp.Column(this=column.copy(), table=exp.to_identifier(table)) for table in ("t", "c"))
    return exp.NullSafeNEQ(this=ours, expression=theirs)
