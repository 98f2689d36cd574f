"""One customer as the data have them now, in the form in which `walk` reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from journey_engine.audience import Gathered
from journey_engine.collect.source import named
from journey_engine.errors import JourneyError
from journey_engine.explain import History, read
from journey_engine.project import Project
from journey_engine.records import Customer
from journey_engine.rules import Night, Rules
from journey_engine.times import zone_names
from journey_engine.walk import CustomerState, LedgerEvent, Tables, WorldState
from journey_engine.walk.accounts import Other
from journey_engine.walk.finding import Found, as_other, look_around


@dataclass(frozen=True, slots=True)
class Standing:
    """What a run would find of a customer, and of the account that they point to."""

    found: Found
    account: Found | None = None


def stand(data: Gathered, project: Project, rules: Rules, customer_id: str) -> Standing:
    """Everything that a letter to this customer may name. Raises JourneyError for one that the data do not have."""
    history = read(data.engine, customer_id)
    if history.attributes is None:
        raise JourneyError(
            f"there is no customer '{customer_id}' in {named(project.customers)}",
            remedy="name a customer_id of that file; without --customer the first one of the audience is taken",
            code="unknown-customer",
        )
    night = Night.of(1, data.as_of, project.cadence)
    account = history.account if history.account is not None and history.account.attributes is not None else None
    head = _found(account, rules, night) if account is not None else None
    contact = _other(data, rules, history.attributes.get("contact_id"))
    other = as_other(rules, _customer(account, rules), CustomerState()) if account is not None else None
    return Standing(_found(history, rules, night, other, contact, _tables(data)), head)


def _found(
    history: History, rules: Rules, night: Night, account: Other | None = None, contact: Other | None = None,
    tables: Tables | None = None,
) -> Found:  # fmt: skip
    newest = {event.event_id: event for event in history.newest}
    ledger = [LedgerEvent(first, newest.get(first.event_id, first)) for first in history.first]
    state = CustomerState(passes=tuple(history.passes))
    customer = _customer(history, rules)
    return look_around(
        rules, night, WorldState(), customer, state, ledger, account=account, contact=contact, tables=tables
    )


def _customer(history: History, rules: Rules) -> Customer:
    attributes = history.attributes or {}
    zone = attributes.get("timezone")
    return Customer(history.customer_id, zone if zone in zone_names() else rules.timezone, attributes)


def _other(data: Gathered, rules: Rules, customer_id: Any) -> Other | None:
    history = read(data.engine, str(customer_id)) if customer_id is not None else None
    if history is None or history.attributes is None:
        return None
    return replace(as_other(rules, _customer(history, rules), CustomerState()), events=tuple(history.newest))


def _tables(data: Gathered) -> Tables:
    """The cells that were read of the project's tables; none were when nothing is looked up."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    if data.tables:
        for table, key, column, value in data.engine.rows("SELECT tab, key, col, value FROM table_cells"):
            row = found.setdefault(table, {}).setdefault(key, {})
            if value is not None:
                row[column] = json.loads(value)
    return found
