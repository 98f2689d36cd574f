"""The door: how fast the decisions of a night come into the mailroom, beside bare insertion of the same rows.

One night with a letter for everybody is committed and kept out of the mailroom. A round then takes it into a new
SQLite file and a new database of PostgreSQL (durable, as a server is set up), and puts the very rows that came of it
into the same tables with `executemany` and with COPY, which keep no promise and look at nothing.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from bench import page
from bench.data import NOW, write_data
from bench.floors import Spent, Watch
from bench.flow import clock
from bench.machine import cpu_of, load, machine, middle
from bench.project import JOURNEY, PROJECT, write_project
from journey_engine import night
from journey_engine.checks import open_project
from journey_engine.engines import Engine, open_engine
from journey_engine.mailroom import Mailroom
from journey_engine.mailroom.store import ROOM_MIB
from tests.servers import Server, postgres_server

DURABLE = ("shared_buffers=256MB", "max_wal_size=4GB", "max_connections=40")
STORES = ("sqlite", "postgresql")
AIMS = {"sqlite": 200_000, "postgresql": 50_000}
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

AT_ONCE = JOURNEY.partition("steps:")[0].replace("active-buyers", "everybody") + "steps:\n  - send: picks\n"
EVERYBODY = PROJECT.partition("segments:")[0] + "segments:\n  everybody: {customer: {plan: {exists: true}}}\n"
INTO_FILES = EVERYBODY.replace("CHANNELS", "{default: file}")


@dataclass(frozen=True, slots=True)
class Place:
    """An empty mailroom: its address, and the process of its server."""

    url: str
    server: int | None = None


def measure(customers: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it; the result is plain data for JSON."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, postgres_server(DURABLE) as server:
        folder = Path(temporary)
        say(f"{customers:,} customers, a letter for each")
        write_letters(folder, customers)
        done = []
        for turn in range(1, rounds + 1):
            done.append({"load": load(), **{kind: _round(folder, kind, server, customers) for kind in STORES}})
            done[-1]["load"] = max(done[-1]["load"], load())
            speeds = ", ".join(
                f"{TITLES[kind]} {done[-1][kind]['door']['a_second']:,.0f}/s "
                f"(bare {done[-1][kind]['floor']['a_second']:,.0f}/s)" for kind in STORES
            )  # fmt: skip
            say(f"round {turn} of {rounds}: {speeds}, load {done[-1]['load']}")
    return {
        "what": "door", "customers": customers, "machine": machine(), "rounds": done, "median": middle(done),
    }  # fmt: skip


def write_letters(
    folder: Path, customers: int, project: str = EVERYBODY.replace("CHANNELS", "{default: file}")
) -> None:
    """A project whose first night decides a letter for everybody, up to its commit; the mailroom gets nothing."""
    write_data(folder / "data", customers, each=1)
    write_project(folder, None)
    (folder / "journeys/project.yaml").write_text(project, encoding="utf-8")
    (folder / "journeys/retention/picks.yaml").write_text(AT_ONCE, encoding="utf-8")
    with night.begin(open_project(folder), NOW, clock=clock) as run:
        for phase in ("collect", "facts", "sweep", "commit"):
            getattr(run, phase)()


def _round(folder: Path, kind: str, server: Server, customers: int) -> dict[str, Any]:
    with _place(folder, kind, server) as place:
        through = _through(folder, place)
        assert through.count == customers, "not every decision came in"
        floor = _executemany(Path(place.url.removeprefix("sqlite:///"))) if place.server is None else _copy(place)
        assert floor.count == customers, "not the same rows"
    return {
        name: {"a_second": spent.count / spent.seconds, "a_cpu_second": spent.count / spent.cpu, "cpu": spent.cpu}
        for name, spent in (("door", through), ("floor", floor))
    }


@contextmanager
def _place(folder: Path, kind: str, server: Server) -> Iterator[Place]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(dir=folder) as new:
            yield Place(f"sqlite:///{new}/mailroom.sqlite")
    else:
        yield Place(server.new("door"), server_process(server))


def server_process(server: Server) -> int:
    """The process under which all those of the server are."""
    with psycopg.connect(server.url()) as db:
        row = db.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    assert row is not None
    return int(row[0].split()[0])


def _through(folder: Path, place: Place) -> Spent:
    """Take the committed night into a new mailroom, as the next command does after a crash."""
    loaded = open_project(folder)
    environment = loaded.project.environment
    url = place.url.replace("postgresql:", "postgresql+psycopg:")
    engine = open_engine(loaded.project.engine, folder, environment=environment)
    try:
        forget(engine)
        with Mailroom.open(url, environment=environment) as mailroom:
            watch, before = Watch(), _server(place)
            night.finish_last_run(engine, mailroom, None, loaded.file.terms)
            spent = watch.spent(sum(mailroom.counts().values()))
            return replace(spent, cpu=spent.cpu + _server(place) - before)
    finally:
        engine.close()


def forget(engine: Engine) -> None:
    """The engine no longer knows that a mailroom has its run."""
    engine.execute("DELETE FROM meta WHERE name = 'loaded_run'")


def _server(place: Place) -> float:
    return 0.0 if place.server is None else cpu_of(place.server)


def _executemany(path: Path) -> Spent:
    """The rows of `messages` into the same table once more, in one transaction flushed to the disk."""
    with sqlite3.connect(path, isolation_level=None) as db:
        rows = db.execute("SELECT * FROM messages ORDER BY message_id").fetchall()
        db.execute("DELETE FROM messages")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA cache_size = {-1024 * ROOM_MIB}")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        watch = Watch()
        db.execute("BEGIN IMMEDIATE")
        db.executemany(f"INSERT INTO messages VALUES ({', '.join('?' * len(rows[0]))})", rows)
        db.execute("COMMIT")
        spent = watch.spent(len(rows))
    db.close()
    return spent


def _copy(place: Place) -> Spent:
    """The same with COPY."""
    with psycopg.connect(place.url) as db:
        rows = db.execute("SELECT * FROM messages ORDER BY message_id").fetchall()
        db.execute("TRUNCATE messages")
        db.commit()
        watch, before = Watch(), _server(place)
        with db.cursor().copy("COPY messages FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        db.commit()
        spent = watch.spent(len(rows))
        return replace(spent, cpu=spent.cpu + _server(place) - before)


def figures(result: dict[str, Any]) -> str:
    """What it says, as Markdown."""
    rows: list[tuple[str, ...]] = [
        ("decisions into", "bare insertion, a second", "the door, a second", "door / bare",
         "bare, per CPU second", "the door, per CPU second", "door / bare", "aim, a second"),
    ]  # fmt: skip
    for kind in STORES:
        floor, own = result["median"][kind]["floor"], result["median"][kind]["door"]
        cells = [TITLES[kind]]
        for unit in ("a_second", "a_cpu_second"):
            cells += [page.number(floor[unit]), page.number(own[unit]), f"{own[unit] / floor[unit]:.2f}"]
        rows.append((*cells, page.number(AIMS[kind])))
    return (
        f"{result['customers']:,} letters with fifteen values each, {page.circumstances(result)} CPU seconds are those "
        f"of this process and of the server.\n\n{page.table(rows)}\n"
    )
