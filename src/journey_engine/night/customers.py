"""One customer in both stores: all that is known of them, and forgetting them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from journey_engine.channels.registry import make_channels, numbers
from journey_engine.engines import Engine, open_engine, open_reader
from journey_engine.errors import JourneyError
from journey_engine.load import LoadedProject
from journey_engine.message import Erases
from journey_engine.night.stores import LEASE, open_mailroom, owner
from journey_engine.times import UTC, Clock, iso

OF_CUSTOMER = (
    "customers", "roster", "events", "enrollments", "decisions", "counted", "memberships", "watched", "enrolls",
    "overlays", "considered",
)  # fmt: skip
OF_PASS = ("pass_steps", "transitions")
ADDRESSES = ("email", "phone")
AS_JSON = ("properties", "payload", "trigger_data")


@dataclass(frozen=True, slots=True)
class Erased:
    """What was forgotten: rows of either store by table, letters that channels keep; and which channels keep theirs."""

    mailroom: dict[str, int]
    engine: dict[str, int]
    letters: int
    kept_by: tuple[str, ...]


def export_customer(loaded: LoadedProject, customer_id: str) -> dict[str, Any]:
    """Everything in both stores. Raises JourneyError for a customer whom neither knows."""
    try:
        with closing(open_reader(loaded.project.engine, loaded.folder)) as engine:
            state = {name: rows for name, rows in _state(engine, customer_id) if rows}
    except JourneyError as error:
        if error.code != "no-run":
            raise
        state = {}
    with open_mailroom(loaded) as mailroom:
        posted = mailroom.export(customer_id, _addresses(state), numbers(loaded.project.channels))
    if not posted and not state:
        raise _unknown(customer_id)
    return {"customer_id": customer_id, "engine": state, "mailroom": posted}


def erase_customer(loaded: LoadedProject, customer_id: str, *, clock: Clock) -> Erased:
    """Forget a customer: first the mailroom, from which on nothing reaches them, then the engine and its copy.

    May be repeated after a crash. Raises JourneyError while a run or a dispatch works on them, and for a customer whom
    neither store knows.
    """
    project = loaded.project
    with open_mailroom(loaded) as mailroom, mailroom.lease(LEASE, owner(), clock):
        with closing(open_engine(project.engine, loaded.folder, environment=project.environment)) as engine:
            state = dict(_state(engine, customer_id))
            addresses, number = _addresses(state), numbers(project.channels)
            posted = mailroom.export(customer_id, addresses, number)
            if not posted and not any(state.values()):
                raise _unknown(customer_id)
            mailed = [str(one["message_id"]) for one in posted.get("messages", ())]
            in_mailroom = mailroom.erase(customer_id, addresses, clock(), number)
            _forget(engine, customer_id, [str(row["enrollment_id"]) for row in state["enrollments"]])
            engine.publish()
        letters, kept_by = _in_channels(loaded, mailed, addresses)
    return Erased(in_mailroom, {name: len(rows) for name, rows in state.items() if rows}, letters, kept_by)


def _addresses(state: Mapping[str, list[dict[str, Any]]]) -> set[str]:
    """The addresses of a customer's own row; the mailroom knows where messages went."""
    return {str(row[name]) for row in state.get("customers", ()) for name in ADDRESSES if row.get(name)}


def _state(engine: Engine, customer_id: str) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    passes: list[str] = []
    for table in OF_CUSTOMER:
        rows = _rows(engine, table, "customer_id", customer_id)
        passes += [str(row["enrollment_id"]) for row in rows if table == "enrollments"]
        yield table, rows
    for table in OF_PASS:
        yield table, [row for one in passes for row in _rows(engine, table, "enrollment_id", one)]


def _rows(engine: Engine, table: str, column: str, value: str) -> list[dict[str, Any]]:
    if not engine.exists(table):
        return []
    names = list(engine.columns(table))
    found = engine.rows(f"SELECT * FROM {table} WHERE {column} = ?", (value,))  # noqa: S608 - names of our own tables
    return [{name: _plain(name, one) for name, one in zip(names, row, strict=True) if one is not None} for row in found]


def _plain(name: str, value: Any) -> Any:
    match value:
        case dt.datetime():
            return iso(value.replace(tzinfo=UTC))
        case dt.date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case str() if name in AS_JSON:
            return json.loads(value)
        case _:
            return value


def _forget(engine: Engine, customer_id: str, passes: Iterable[str]) -> None:
    with engine.transaction():
        for table in OF_PASS:
            for one in passes:
                engine.execute(f"DELETE FROM {table} WHERE enrollment_id = ?", (one,))  # noqa: S608
        for table in OF_CUSTOMER:
            if engine.exists(table):
                engine.execute(f"DELETE FROM {table} WHERE customer_id = ?", (customer_id,))  # noqa: S608


def _in_channels(loaded: LoadedProject, mailed: list[str], addresses: set[str]) -> tuple[int, tuple[str, ...]]:
    """Letters that channels keep themselves; those that cannot forget are named."""
    project = loaded.project
    names = sorted({project.channels.default, "file"})
    count, kept_by = 0, []
    for name, channel in make_channels(names, project.channels, project.sender, loaded.folder).items():
        if isinstance(channel, Erases):
            count += channel.erase(mailed, addresses)
        else:
            kept_by.append(name)
    return count, tuple(kept_by)


def _unknown(customer_id: str) -> JourneyError:
    return JourneyError(
        f"nothing is known of a customer '{customer_id}'",
        remedy="write the customer_id as your data have it",
        code="unknown-customer",
    )
