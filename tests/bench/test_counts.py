"""Counts that keep a night fast, on a small fixed world; no clock is read.

A bound is what was counted when it was written. Lower it when you do better; raise it only with a reason.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.sql.elements import BindParameter

from bench.data import NOW, write_data
from bench.project import JOURNEY, write_project
from journey_engine import night, queries
from journey_engine.checks import open_project
from journey_engine.mailroom import Mailroom
from journey_engine.news import Told
from journey_engine.night.delivery import hand_over
from journey_engine.night.stores import open_mailroom
from journey_engine.records import Event

DAY = dt.timedelta(days=1)


def clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def world(folder: Path, customers: int, journeys: int = 1) -> Path:
    write_data(folder / "data", customers)
    write_project(folder, None)
    for number in range(2, journeys + 1):
        again = JOURNEY.replace("journey: picks", f"journey: picks-{number}")
        (folder / f"journeys/retention/picks-{number}.yaml").write_text(again, encoding="utf-8")
    return folder


def statements(folder: Path, day: int) -> tuple[int, int]:
    """How many statements the engine ran in the night of that day, and how many passes moved; nothing is sent."""
    with night.begin(open_project(folder), NOW + day * DAY, clock=clock) as run:
        before = run.engine.statements  # type: ignore[attr-defined]
        for phase in ("collect", "facts", "sweep", "commit", "publish", "door"):
            getattr(run, phase)()
        after = run.engine.statements  # type: ignore[attr-defined]
        return after - before, sum(counts.moved for counts in run.counts.values())


def said_by_the_sweep(folder: Path, day: int) -> list[str]:
    """The statements of that day's sweep."""
    said: list[str] = []
    with night.begin(open_project(folder), NOW + day * DAY, clock=clock) as run:
        run.collect()
        run.facts()
        run.engine.listener = said.append  # type: ignore[attr-defined]
        run.sweep()
    return said


@pytest.mark.parametrize("customers", [100, 400])
def test_the_statements_of_a_night_do_not_grow_with_customers(tmp_path: Path, customers: int) -> None:
    folder = world(tmp_path, customers)
    (first, _), (second, moved), (quiet, still) = (statements(folder, day) for day in range(3))
    assert (moved > 0, still) == (True, 0)
    # Twenty-two lay out the tables of caps, holdouts, moments, enrolls, accounts and changes to follow: empty here, and
    # cheap; one forgets what no cap counts any more, one asks for events that nobody ever saw, one whether the last run
    # could not read a version, one whether the run is known that had what came back. Twenty of the first night keep
    # which files were read to the end, of what the customers were made and what asked their conditions, so that later
    # nights need not do it again.
    assert first <= 239
    assert second <= 206
    assert quiet <= 144


def test_a_journey_more_adds_few_statements(tmp_path: Path) -> None:
    one, ten = world(tmp_path / "one", 100), world(tmp_path / "ten", 100, journeys=10)
    for day in range(3):
        alone, together = statements(one, day)[0], statements(ten, day)[0]
        assert (together - alone) / 9 <= 2


def test_the_statements_of_a_dispatch_grow_with_batches_of_a_hundred(tmp_path: Path) -> None:
    folder = world(tmp_path, 1500)
    for day in range(2):
        statements(folder, day)
    loaded = open_project(folder)
    ran: Counter[str] = Counter()
    with open_mailroom(loaded) as mailroom:
        due = mailroom.counts()["pending"]

        @event.listens_for(mailroom.store.engine, "before_cursor_execute")
        def count(_db: object, _cursor: object, sql: str, _parameters: object, _context: object, _many: bool) -> None:
            word = sql.split()[0]
            if word != "BEGIN" and "leases" not in sql:  # those are also signs of life, by the clock
                ran[word] += 1

        report = hand_over(loaded, mailroom, NOW + DAY, clock, None)
    batches = -(-due // 100)
    assert (report.accepted, batches) == (due, 3)
    # A batch is claimed and settled in a transaction each, whatever its size, after a look at which channels pause and
    # at what its customers said; the rest is once a dispatch: rewards whose hold is over, referrals that end,
    # codes whose advocate was away, how much is due (is it worth several processes?), what is stopped, complaints and
    # bounces, what is too old to be kept and the like.
    assert (ran["UPDATE"], ran["INSERT"]) == (2 * batches, batches)
    assert ran["SELECT"] <= 5 * batches + 18


def test_the_statements_of_a_batch_are_made_once_for_all_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world(tmp_path, 1500)
    for day in range(2):
        statements(folder, day)
    loaded = open_project(folder)
    made: Counter[str] = Counter()
    make = BindParameter.__init__

    def counted(self: BindParameter[Any], *given: Any, **named: Any) -> None:
        made["parameters"] += 1
        make(self, *given, **named)

    with open_mailroom(loaded) as mailroom:
        monkeypatch.setattr(BindParameter, "__init__", counted)
        report = hand_over(loaded, mailroom, NOW + DAY, clock, None)
    assert report.accepted > 200
    # What a dispatch asks but once makes its own; of three batches that make theirs anew there would be 178.
    assert made["parameters"] <= 80


def test_a_quiet_night_reads_no_file_again_and_looks_at_no_pass_that_only_waits(tmp_path: Path) -> None:
    folder = world(tmp_path, 400)
    journey = folder / "journeys/retention/picks.yaml"
    journey.write_text(journey.read_text(encoding="utf-8").replace("wait: 1 day", "wait: 9 days"), encoding="utf-8")
    statements(folder, 0)
    with night.begin(open_project(folder), NOW + DAY, clock=clock) as run:
        for phase in ("collect", "facts", "sweep"):
            getattr(run, phase)()
        (waiting,) = run.engine.rows("SELECT count(*) FROM enrollments WHERE state = 'open'")[0]
        looked = [run.engine.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("subject", "concerned")]
        (asked,) = run.engine.rows("SELECT count(*) FROM affected")[0]
        (written,) = run.engine.rows("SELECT count(*) FROM changed_customers")[0]
        assert (run.collected.received, written) == (0, 0)
    assert waiting > 50
    assert asked < 40  # those whom a day brings into or out of the reach of the segment's 90 and 7 days
    assert max(looked) < 10  # those who entered in this very night


def test_several_triggers_on_events_look_once_at_the_ledger(tmp_path: Path) -> None:
    folder = world(tmp_path, 100, journeys=4)
    for path in (folder / "journeys/retention").glob("picks*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("{enters: {segment: active-buyers}}", "{event: purchase}"), encoding="utf-8")
    statements(folder, 0)
    asked = said_by_the_sweep(folder, 1)
    listed = [sql for sql in asked if "INTO visible" in sql and "FROM enrolls" not in sql]
    assert len(listed) == 4
    assert not [sql for sql in listed if "FROM events" in sql]


def test_a_quiet_night_reads_of_the_mailroom_only_what_happened_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world(tmp_path, 400)
    for day in range(2):
        statements(folder, day)
    loaded = open_project(folder)
    read: list[int] = []
    take = Mailroom.take_in_hand

    def counted(self: Mailroom, *, every: bool) -> Iterator[Event]:
        events = list(take(self, every=every))
        read.append(len(events))
        return iter(events)

    monkeypatch.setattr(Mailroom, "take_in_hand", counted)
    with open_mailroom(loaded) as mailroom:
        left = hand_over(loaded, mailroom, NOW + DAY, clock, None).accepted
        told = len(list(mailroom.feedback()))
        statements(folder, 2)
        views = [Told(who, "page_viewed", NOW, {}, who) for who in ("c0", "nobody")]
        mailroom.hear(views, NOW + 2 * DAY)
        for day in (3, 4):
            statements(folder, day)
    # A letter that left is told of once; a view of nobody who is a customer is asked for until they are.
    assert left > 50
    assert read == [told, 2, 1]


def test_several_conditions_inside_passes_look_once_at_the_ledger(tmp_path: Path) -> None:
    folder = world(tmp_path, 100)
    path = folder / "journeys/retention/picks.yaml"
    branch = "when: {event: {name: purchase, within: 30 days}}"
    asks = (f"{{event: {{name: {name}, since: entry, count: {{at_least: 1}}}}}}" for name in ("login", "support"))
    text = path.read_text(encoding="utf-8")
    assert branch in text
    path.write_text(text.replace(branch, f"when: {{any: [{', '.join(asks)}]}}"), encoding="utf-8")
    statements(folder, 0)
    asked = said_by_the_sweep(folder, 1)
    matched = [sql for sql in asked if "INTO matches" in sql]
    assert len(matched) >= 2
    assert not [sql for sql in matched if "FROM events" in sql]


def kept(engine: Any) -> dict[str, set[Any]]:
    """Every row of the engine's own tables."""
    return {table: set(engine.rows(f"SELECT * FROM {table}")) for table in (*queries.statements("schema"), "customers")}


def test_a_quiet_night_writes_little_and_looks_few_times_through_the_ledger(tmp_path: Path) -> None:
    folder = world(tmp_path, 400)
    for day in range(2):
        statements(folder, day)
    size = (folder / "var/engine.duckdb").stat().st_size
    said: list[str] = []
    with night.begin(open_project(folder), NOW + 2 * DAY, clock=clock) as run:
        before = kept(run.engine)
        run.engine.listener = said.append  # type: ignore[attr-defined]
        for phase in ("collect", "facts", "sweep", "commit"):
            getattr(run, phase)()
        run.engine.listener = None  # type: ignore[attr-defined]
        changed = {table: len(rows ^ before[table]) for table, rows in kept(run.engine).items()}
    assert sum(changed.values()) <= 3, changed  # the run itself, and that the journey ran again
    assert not [sql for sql in said if re.match(r"(INSERT INTO|DELETE FROM|CREATE OR REPLACE TABLE) customers\b", sql)]
    assert len([sql for sql in said if re.search(r"\b(FROM|JOIN) events\b", sql)]) <= 7
    assert (folder / "var/engine.duckdb").stat().st_size <= size + 2**20
