"""A small shop in a temporary folder, to break in every way: its files, its nights, and what they leave behind."""

from __future__ import annotations

import csv
import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import duckdb
import pytest

from journey_engine import night
from journey_engine.checks import open_project
from journey_engine.engines import Engine, open_reader
from journey_engine.errors import JourneyError
from journey_engine.load import LoadedProject
from journey_engine.mailroom import Mailroom
from journey_engine.night import RunReport
from journey_engine.times import parse_instant

Row = dict[str, Any]

PROJECT = """
project: small-shop
timezone: UTC
customers: data/customers.csv
events: data/events.csv
sender: {name: Small Shop, email: hello@shop.example, postal_address: "1 Main Street, Springfield"}
public_url: https://shop.example
topics:
  offers: {class: marketing}
  service: {class: transactional}
attributes: {age: number, born: date}
segments:
  vip: {event: {name: order_placed, sum: {property: total, at_least: 100}}}
"""

JOURNEYS = {
    "welcome": """
journey: welcome
stage: consideration
topic: service
trigger: {event: signed_up}
reentry: never
goal: {event: order_placed, window: 10 days, stay: true}
steps:
  - send: hello
  - wait_for: {id: answer, event: preference_given, timeout: 2 days, on_timeout: continue}
  - branch:
      - when: {event: {name: preference_given, where: {interest: jazz}}}
        steps: [{set: {interest: jazz}}, {send: jazz}]
      - otherwise: [{send: tips}]
  - wait: 1 day
  - task: {team: service, title: "Call {{ customer.first_name }}", due: 1 day}
""",
    "quiet": """
journey: quiet
stage: retention
topic: offers
trigger: {inactive: {event: order_placed, for: 3 days}}
reentry: after_exit
exit_when: {event: order_placed}
steps:
  - send: come-back
  - wait: 2 days
  - send: {template: come-back, id: again}
""",
    "thanks": """
journey: thanks
stage: advocacy
topic: service
trigger: {enters: {segment: vip}}
reentry: after_exit
steps: [{send: thanks}]
""",
    "wishes": """
journey: wishes
stage: retention
topic: service
trigger: {date: {of: customer.born, every: year, at: "09:00"}}
steps: [{send: wishes}]
""",
}

WORDS = {
    "hello": "Welcome, {{ customer.first_name }}",
    "jazz": "Jazz for {{ customer.first_name }}",
    "tips": "Tips for {{ customer.first_name }}",
    "come-back": "Come back, {{ customer.first_name }}",
    "thanks": "Thank you, {{ customer.first_name }}",
    "wishes": "Many happy returns, {{ customer.first_name }}",
}

CUSTOMER = ("customer_id", "email", "first_name", "timezone", "age", "born")
EVENT = ("event_id", "customer_id", "name", "occurred_at", "properties")
ZONES = ("Europe/Berlin", "Asia/Tokyo", "", "America/New_York")


def customer(number: int, **more: Any) -> Row:
    """One customer; `more` replaces or adds columns."""
    born = f"19{50 + number % 50}-03-{1 + number % 28:02}"
    row = {
        "customer_id": f"c{number:03}", "email": f"c{number:03}@example.com", "first_name": f"Name{number}",
        "timezone": ZONES[number % 4], "age": 20 + number, "born": born,
    }  # fmt: skip
    return row | more


def event(number: int, who: int, name: str, at: str, properties: str = "{}", **more: Any) -> Row:
    """One event at an instant of March 2026 such as `02 09:30`."""
    row = {"event_id": f"e{number}", "customer_id": f"c{who:03}", "name": name,
           "occurred_at": f"2026-03-{at.replace(' ', 'T')}:00Z", "properties": properties}  # fmt: skip
    return row | more


def events_of_march(customers: int) -> list[Row]:
    """Who signs up, orders and answers in the first days of March."""
    rows = []
    for who in range(customers):
        day = 1 + who % 3
        rows.append(event(len(rows), who, "signed_up", f"{day:02} 0{who % 10}:15"))
        if who % 3 == 0:
            interest = "jazz" if who % 2 else "rock"
            rows.append(
                event(len(rows), who, "preference_given", f"{day + 1:02} 10:00", f'{{"interest":"{interest}"}}')
            )
        if who % 2 == 0:
            rows.append(event(len(rows), who, "order_placed", f"{day:02} 12:00", f'{{"total":{who * 10}.5}}'))
        if who % 5 == 0:
            rows.append(event(len(rows), who, "order_placed", f"{day + 3:02} 12:00", '{"total":90}'))
    return rows


def at(night_of: str) -> dt.datetime:
    """The night of a day of March 2026, `05`, or an instant of it, `05 10:00`."""
    day, _, time = night_of.partition(" ")
    return parse_instant(f"2026-03-{day}T{time or '02:00'}:00Z")


def clock() -> dt.datetime:
    """The real time, as the command line passes it."""
    return dt.datetime.now(dt.UTC)


class Shop:
    """A project in a folder."""

    def __init__(self, folder: Path, customers: int = 30, journeys: Iterable[str] = tuple(JOURNEYS)) -> None:
        self.folder = folder
        self.customers = [customer(number) for number in range(customers)]
        self.events = events_of_march(customers)
        self.write("journeys/project.yaml", PROJECT)
        for name in journeys:
            self.write(f"journeys/{name}.yaml", JOURNEYS[name])
        for name, text in WORDS.items():
            self.template(name, text)
        self.save()

    # files

    def write(self, path: str, text: str | bytes) -> Path:
        """Write one file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def template(self, name: str, text: str) -> None:
        """A template with one line of text, and an unsubscribe link where marketing needs one."""
        link = "\n{{ links.unsubscribe }}\n{{ sender.postal_address }}\n"
        self.write(f"templates/{name}/subject.txt", text)
        self.write(f"templates/{name}/body.txt", text + link)

    def project(self, old: str, new: str) -> None:
        """Change the settings."""
        path = self.folder / "journeys/project.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def save(self) -> None:
        """Write the data as they are now."""
        self.table("data/customers.csv", CUSTOMER, self.customers)
        self.table("data/events.csv", EVENT, self.events)

    def table(self, path: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Write a CSV file; columns that only some rows have come last."""
        every = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        with open(self.folder / path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, every)
            writer.writeheader()
            writer.writerows(rows)

    def parquet(self, path: str, query: str) -> None:
        """Write a Parquet file from a query of DuckDB's."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        duckdb.connect().execute(f"COPY ({query}) TO '{self.folder / path}' (FORMAT parquet)")

    # nights

    def loaded(self) -> LoadedProject:
        """The project as the command line opens it."""
        return open_project(self.folder)

    def run(self, night_of: str, **settings: Any) -> RunReport:
        """One night."""
        return night.run(self.loaded(), at(night_of), clock=clock, **settings)

    def deliver(self, instant: str) -> Any:
        """One dispatch by day."""
        return night.deliver(self.loaded(), at(instant), clock=clock)

    def refusal(self, night_of: str, **settings: Any) -> JourneyError:
        """The error of a night that must not happen; it left the stores as they were."""
        before = self.stands()
        with pytest.raises(JourneyError) as found:
            self.run(night_of, **settings)
        assert found.value.remedy, f"no remedy: {found.value}"
        assert self.stands() == before
        return found.value

    def command(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The command line in a process of its own."""
        return subprocess.run(
            [sys.executable, "-c", "import sys; from journey_engine.cli import main; sys.exit(main())", *words,
             "--project", str(self.folder)],
            capture_output=True, text=True, timeout=120, check=False, env=os.environ | environment,
        )  # fmt: skip

    # what is left behind

    def reader(self) -> Engine:
        """The published copy."""
        return open_reader(self.loaded().project.engine, self.folder)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the engine."""
        with duckdb.connect(str(self.folder / "var/engine.duckdb"), read_only=True) as engine:
            return engine.execute(query).fetchall()

    def mailroom(self) -> Mailroom:
        """The open mailroom."""
        return night.open_mailroom(self.loaded())

    def messages(self) -> dict[str, tuple[str, str | None, str]]:
        """State, reason and template of each message."""
        with self.mailroom() as mailroom:
            return {
                row.message_id: (row.state.value, row.reason, row.template) for row in mailroom.listing(limit=100_000)
            }

    def letters(self) -> dict[str, str]:
        """Message id to subject of every letter in the outbox; a letter cannot be there twice."""
        found: dict[str, str] = {}
        for path in sorted((self.folder / "var/outbox").glob("*.eml")):
            letter = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert path.stem[-32:] not in found
            found[path.stem[-32:]] = str(letter["subject"])
        return found

    def stands(self) -> dict[str, Any]:
        """Everything that the nights left, but for ids that chance or the clock made."""
        found: dict[str, Any] = {"letters": self.letters()}
        if (self.folder / "var/mailroom.sqlite").exists():
            with self.mailroom() as mailroom:
                found["messages"] = sorted(
                    (r.message_id, r.state.value, r.state.value != "accepted" and r.reason, r.template, r.customer_id)
                    for r in mailroom.listing(limit=100_000)
                )
                found["tasks"] = mailroom.task_counts()
                found["feedback"] = sorted((e.event_id, e.name, e.occurred_at) for e in mailroom.feedback())
        if (self.folder / "var/engine.duckdb").exists():
            with duckdb.connect(str(self.folder / "var/engine.duckdb"), read_only=True) as engine:
                for table, columns in TABLES.items():
                    found[table] = sorted(engine.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)
        return {name: rows for name, rows in found.items() if rows}


TABLES = {
    "runs": "run, as_of, customers, received",
    "events": "event_id, revision, newest, customer_id, name, occurred_at, received_at, properties",
    "enrollments": "*",
    "pass_steps": "*",
    "transitions": "*",
    "decisions": "* EXCLUDE (payload), regexp_replace(payload, '[0-9a-f]{32}', '')",
    "memberships": "*",
    "overlays": "*",
    "considered": "*",
    "roster": "*",
    "journeys": "*",
}


def words(error: JourneyError) -> str:
    """Message and remedy in one line."""
    return re.sub(r"\s+", " ", str(error))
