"""Plain letters come in without a record each: the same rows as with one, and what is not plain goes the long way."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.data import NOW as BENCH_NOW
from bench.door import INTO_FILES, write_letters
from journey_engine import night
from journey_engine.checks import open_project
from journey_engine.engines import open_engine
from journey_engine.mailroom import Mailroom, Told, decision_of
from journey_engine.mailroom.plain_letters import ALIKE, FULL, Letters
from journey_engine.mailroom.store import COPIED
from journey_engine.night.stores import rows_of
from journey_engine.records import Decision, DecisionKind, DecisionState
from tests.mailroom.house import NOW, message, other
from tests.servers import Server, postgres_server

BACK = ("to", "name", "locale", "timezone", "addressee", "values")
ODD = 'tab\there, "values": {,"to":"x", \\N \\, a line\nmore, Ẹniọlá 😀, it\'s'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    if request.param == "sqlite":
        return [f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("records", "rows")]
    server = request.getfixturevalue("server")
    return [server.new(name).replace("postgresql:", "postgresql+psycopg:") for name in ("records", "rows")]


def told(decision: Decision, **instead: str) -> Told:
    """A decision as the engine writes it: what is alike in front, with spaces; then its own, without."""
    front = {name: value for name, value in decision.payload.items() if name not in BACK}
    text = json.dumps(front)[:-1]
    for name in BACK:
        if name in decision.payload:
            own = json.dumps(decision.payload[name], separators=(",", ":"), ensure_ascii=False)
            text += f',"{name}":{instead.get(name, own)}'
    instants = [f"{one:%Y-%m-%d %H:%M:%S.%f}" for one in (decision.due_at, decision.reached_at)]
    return (
        decision.decision_id, decision.kind.value, decision.run, decision.journey, decision.version,
        decision.enrollment_id, decision.customer_id, decision.step, decision.occurrence, decision.state.value,
        decision.reason, *instants, text + "}",
    )  # fmt: skip


def kept(mailroom: Mailroom, table: str = "messages") -> list[tuple[Any, ...]]:
    with mailroom.store.read() as db:
        return [tuple(row) for row in db.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1")]


def both(urls: Sequence[str], rows: list[Told], as_of: dt.datetime = NOW) -> list[tuple[Any, ...]]:
    """What came of these as records and as rows, once it is sure to be the same."""
    found = []
    for url, records in zip(urls, (True, False), strict=True):
        with Mailroom.open(url, environment="test") as mailroom:
            one = [decision_of(row) for row in rows] if records else []
            batches = [] if records else [rows[start : start + 100] for start in range(0, len(rows), 100)]
            done = mailroom.load_run(1, "run-1", as_of, one, rows=batches)
            loaded = kept(mailroom, "loaded_runs")
            found.append((done, kept(mailroom), kept(mailroom, "tasks"), loaded))
    assert found[0] == found[1]
    return found[0][1]


def test_letters_are_the_same_rows_with_and_without_a_record_for_each(urls: list[str]) -> None:
    odd = [
        message(1, to=None, name=None, locale=None, timezone=None),
        message(2, name=ODD, values={"customer": {"first_name": ODD, ODD: 1}}),
        message(3, values={}, send_hours=["09:00", "20:00"], max_lateness_s=None, topic=None),
        message(4, state=DecisionState.WITHHELD, reason="holdout"),
        message(5, state=DecisionState.SKIPPED, reason="it's 'so'; ?, :x and %s"),
        message(6, due_at=NOW + dt.timedelta(microseconds=1), reached_at=NOW - dt.timedelta(days=1)),
        message(7, topic="it's ours", template="o'clock"),
        replace(message(8), payload={**message(8).payload, "addressee": "c9"}),
    ]
    many = [message(number, name=f"{ODD} {number}") for number in range(10, 10 + ALIKE)]
    rows = both(urls, [told(one) for one in [*odd, *many]])
    assert len(rows) == len(odd) + len(many)


def test_what_is_no_plain_letter_goes_the_long_way(urls: list[str]) -> None:
    damaged = told(message(2), values='{"customer":{{}}')
    older = told(message(3))
    older = (*older[:13], json.dumps(dict(message(3).payload)))  # another writer's form
    after = told(message(4))
    after = (*after[:13], after[13][:-1] + ',"more":1}')
    task = told(other(DecisionKind.TASK, 5, team="sales", title="Call", values={}))
    ends = told(other(DecisionKind.CANCEL, 6, reason="converted"))
    rows = both(urls, [damaged, older, after, task, ends, told(message(7))])
    assert [row[9] for row in rows if row[8] == "skipped"] == ["unreadable_values"]
    assert len(rows) == 4


def test_a_letter_that_says_more_than_is_known_is_not_plain(tmp_path: Path) -> None:
    plain = told(message(1))
    more = (*plain[:13], plain[13].replace(',"values":', ',"channel":"sms","values":'))
    with Mailroom.open(f"sqlite:///{tmp_path}/mailroom.sqlite", environment="test") as room, room.store.write() as db:
        letters = Letters(room.store, db, room.store.instant(NOW))
        assert letters.take([plain, more]) == [more]


def test_a_whole_night_comes_in_alike_in_more_than_one_part(
    urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("journey_engine.mailroom.plain_letters.FULL", 30)
    assert FULL > 30
    write_letters(tmp_path, 70)
    loaded = open_project(tmp_path)
    engine = open_engine(loaded.project.engine, tmp_path, environment=loaded.project.environment)
    try:
        rows = [row for some in rows_of(engine, 1) for row in some]
        assert [decision_of(row) for row in rows] == list(night.decisions_of(engine, 1))
    finally:
        engine.close()
    assert len(both(urls, rows, BENCH_NOW)) == 70


def test_of_letters_that_are_decided_again_only_new_ones_come_in_and_the_rest_of_the_run_once(urls: list[str]) -> None:
    task = told(other(DecisionKind.TASK, 500, team="sales", title="Call", values={}))
    first, again = ([told(message(number)) for number in some] for some in (range(300), range(200, 600)))
    with Mailroom.open(urls[0], environment="test") as mailroom:
        mailroom.load_run(1, "run-1", NOW, (), rows=[first])
        with mailroom.store.write() as db:
            db.exec_driver_sql("UPDATE messages SET state = 'accepted'")
        done = mailroom.load_run(1, "run-1-restored", NOW, (), rows=[[task, *again[:250]], again[250:]])
        assert (done.messages, done.known, done.tasks) == ({"pending": 400}, 100, 1)
        assert mailroom.counts() == {"accepted": 300, "pending": 300}
        assert sum(mailroom.task_counts().values()) == 1


def test_a_failure_between_two_batches_takes_nothing_in(urls: list[str]) -> None:
    def batches() -> Iterator[list[Told]]:
        yield [told(message(number)) for number in range(50)]
        raise RuntimeError("the engine went away")

    with Mailroom.open(urls[0], environment="test") as mailroom:
        with pytest.raises(RuntimeError):
            mailroom.load_run(1, "run-1", NOW, (), rows=batches())
        assert (mailroom.counts(), mailroom.last_loaded()) == ({}, 0)


def test_a_night_on_postgresql_comes_through_the_door_as_one_on_duckdb(server: Server, tmp_path: Path) -> None:
    found = []
    for name, engine in (("duckdb", ""), ("postgresql", f"engine: {server.new('engine')}\n")):
        folder = tmp_path / name
        write_letters(folder, 25, engine + INTO_FILES.lstrip())
        loaded = open_project(folder)
        store = open_engine(loaded.project.engine, folder, environment=loaded.project.environment)
        try:
            with Mailroom.open(f"sqlite:///{folder}/room.sqlite", environment="production") as mailroom:
                night.finish_last_run(store, mailroom)
                found.append(kept(mailroom))
        finally:
            store.close()
    assert len(found[0]) == 25
    assert found[0] == found[1]


@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize("more", [0, COPIED])
def test_a_zero_character_in_a_name_keeps_no_night_outside(urls: list[str], more: int, records: bool) -> None:
    letters = [message(number) for number in range(1, 3 + more)]
    letters[1] = message(2, name="a\0b", to="\0")
    rows = [] if records else [[told(one) for one in letters]]
    with Mailroom.open(urls[0], environment="test") as mailroom:
        done = mailroom.load_run(1, "run-1", NOW, letters if records else (), rows=rows)
        assert done.messages == {"pending": 2 + more}
        again = mailroom.load_run(1, "run-1-restored", NOW, letters if records else (), rows=rows)
        assert (again.known, mailroom.counts()) == (2 + more, {"pending": 2 + more})
        (name,) = (row[22] for row in kept(mailroom) if row[5] == "c2")
    assert name == ("a\0b" if mailroom.store.is_sqlite else "a\ufffdb")
