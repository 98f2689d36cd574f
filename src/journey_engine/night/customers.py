"""One customer in both stores: all that is known of them, and forgetting them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from journey_engine.channels.registry import numbers
from journey_engine.collect import READ
from journey_engine.engines import Engine, open_engine, open_reader
from journey_engine.errors import JourneyError
from journey_engine.load import LoadedProject
from journey_engine.mailroom import Mailroom, State
from journey_engine.message import Channel, Erases, Forgets, Forgotten
from journey_engine.news import address_of
from journey_engine.night.delivery import all_channels
from journey_engine.night.stores import LEASE, open_mailroom, owner
from journey_engine.spelling import Number, spellings
from journey_engine.times import UTC, Clock, iso

OF_CUSTOMER = (
    "customers", "roster", "events", "enrollments", "decisions", "counted", "memberships", "watched", "enrolls",
    "overlays", "considered",
)  # fmt: skip
OF_PASS = ("pass_steps", "transitions")
ADDRESSES = ("email", "phone")
SENT = (State.ACCEPTED.value, State.UNSURE.value)
AS_JSON = ("properties", "payload", "trigger_data")


@dataclass(frozen=True, slots=True)
class Erased:
    """What was forgotten: rows of either store by table, letters that channels keep, addresses of which a provider has
    taken it; what is `owed` still, by channel with the reason; and which channels cannot be asked.
    """

    mailroom: dict[str, int]
    engine: dict[str, int]
    letters: int
    asked: dict[str, int]
    owed: dict[str, str]
    kept_by: tuple[str, ...]
    shared_with: tuple[str, ...] = ()
    """other customers who have the same address: nothing is sent there any more"""


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
        posted = mailroom.export(customer_id, _addresses(customer_id, state), numbers(loaded.project.channels))
    if not posted and not state:
        raise _unknown(customer_id)
    return {"customer_id": customer_id, "engine": state, "mailroom": posted}


def erase_customer(loaded: LoadedProject, customer_id: str, *, clock: Clock) -> Erased:
    """Forget a customer: first the mailroom, from which on nothing reaches them, then the engine and its copy, then
    what channels and their providers keep.

    May be repeated, after a crash or while a provider owes it still. Raises JourneyError while a run or a dispatch
    works on them, and for a customer whom neither store knows.
    """
    project = loaded.project
    with open_mailroom(loaded) as mailroom:
        channels = all_channels(loaded)
        with (
            mailroom.lease(LEASE, owner(), clock),
            closing(open_engine(project.engine, loaded.folder, environment=project.environment)) as engine,
        ):
            state = dict(_state(engine, customer_id))
            addresses, number = _addresses(customer_id, state), numbers(project.channels)
            if (stranger := address_of(customer_id)) is not None:
                _nobodys(engine, mailroom, stranger, number)
            known = any(state.values()) or bool(mailroom.export(customer_id, addresses, number))
            if not known and mailroom.pseudonym(customer_id) is None:
                raise _unknown(customer_id)
            asked = [name for name, channel in channels.items() if isinstance(channel, Forgets)] if known else []
            in_mailroom = mailroom.erase(customer_id, addresses, clock(), number, asked) if known else {}
            _forget(engine, customer_id, [str(row["enrollment_id"]) for row in state["enrollments"]])
            shared = tuple(_customers_at(engine, addresses, number))
            if engine.rows("SELECT 1 FROM runs LIMIT 1"):  # before the first one the faces say that there is none
                engine.publish()
        done = _in_channels(mailroom, customer_id, addresses, channels)
    return Erased(in_mailroom, {name: len(rows) for name, rows in state.items() if rows}, *done, shared)


def _addresses(customer_id: str, state: Mapping[str, list[dict[str, Any]]]) -> set[str]:
    """The addresses of a customer's own row, or the one that a stranger is called by; the mailroom knows where messages
    went.
    """
    stranger = address_of(customer_id)
    own = {str(row[name]) for row in state.get("customers", ()) for name in ADDRESSES if row.get(name)}
    return own if stranger is None else own | {stranger}


def _nobodys(engine: Engine, mailroom: Mailroom, address: str, number: Number) -> None:
    """Raises JourneyError for an address of a customer: erasing it alone would leave them, and end their letters."""
    reached = mailroom.reached_at(address, number)
    owners = [reached] if reached is not None else _customers_at(engine, {address}, number)
    if owners:
        raise JourneyError(
            f"'{address}' is the address of customer '{owners[0]}'",
            remedy=f"erase them, with the letters that came from there: journey customer erase {owners[0]}",
            code="customers-address",
        )


def _customers_at(engine: Engine, addresses: Iterable[str], number: Number) -> list[str]:
    """Whose addresses in tonight's data are among these, as far as they are spelled as here."""
    forms = sorted(frozenset[str]().union(*(spellings(one, number) for one in addresses)))
    if not forms or not engine.exists("customers"):
        return []
    places = ", ".join("?" * len(forms))
    found: set[str] = set()
    for column in {*ADDRESSES} & {*engine.columns("customers")}:
        query = f"SELECT customer_id FROM customers WHERE lower(CAST({column} AS VARCHAR)) IN ({places})"  # noqa: S608 - two names of ours
        found.update(str(row[0]) for row in engine.rows(query, forms))
    return sorted(found)


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
        if engine.exists("event_files"):
            engine.execute("DELETE FROM event_files")  # of none of them the ledger has every row now
        engine.execute("DELETE FROM meta WHERE name = ?", (READ,))  # whoever is in the data still comes in again


def _in_channels(
    mailroom: Mailroom, customer_id: str, addresses: set[str], channels: Mapping[str, Channel]
) -> tuple[int, dict[str, int], dict[str, str], tuple[str, ...]]:
    """What channels keep themselves, and what their providers do; those that can do neither are named."""
    alias = mailroom.pseudonym(customer_id)
    mailed = mailroom.export(alias).get("messages", []) if alias is not None else []
    letters, asked, owed = 0, {}, {}
    for name, channel in channels.items():
        if isinstance(channel, Erases):
            try:
                letters += channel.erase([str(one["message_id"]) for one in mailed], addresses)
            except JourneyError as error:
                owed[name] = f"{error.message}; {error.remedy}"
        if isinstance(channel, Forgets) and (waiting := mailroom.owed(name)):
            told = _asked(channel, waiting)
            mailroom.settle_owed(name, told.taken)
            asked[name] = len(told.taken)
            if told.why is not None:
                owed[name] = f"{told.why}; {told.remedy}"
    for name in {one.channel for one in mailroom.owed_erasures()} - channels.keys():
        owed[name] = f"project.yaml does not set it up any more; add `channels: {name}:` again, and erase again"
    went = {str(one["channel"]) for one in mailed if one["state"] in SENT}
    able = {name for name, channel in channels.items() if isinstance(channel, Erases | Forgets)}
    return letters, asked, owed, tuple(sorted(went - able))


def _asked(channel: Forgets, addresses: set[str]) -> Forgotten:
    """Open a channel and ask its provider. Without a key, as with any other trouble, it stays owed."""
    try:
        channel.open()
    except JourneyError as error:
        return Forgotten(why=error.message, remedy=error.remedy)
    with closing(channel):
        return channel.forget(addresses)


def _unknown(customer_id: str) -> JourneyError:
    return JourneyError(
        f"nothing is known of a customer '{customer_id}'",
        remedy="write the customer_id as your data have it, or mailto: and the address of a stranger who wrote to you",
        code="unknown-customer",
    )
