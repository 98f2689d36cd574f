"""The two stores of a project: opened as a pair, and brought level after a crash or a restore."""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path

from sqlglot import exp

from journey_engine.engines import Engine, open_engine
from journey_engine.errors import JourneyError
from journey_engine.load import LoadedProject
from journey_engine.mailroom import Fuse, Mailroom, MissedRun, Referred, Told, decision_of
from journey_engine.night.referring import referred
from journey_engine.program import Program
from journey_engine.project import FuseWords
from journey_engine.records import Decision
from journey_engine.times import UTC, Clock

LEASE = "run"


def open_mailroom(loaded: LoadedProject) -> Mailroom:
    """The mailroom of a project; a relative SQLite path starts at the project's folder."""
    project = loaded.project
    return Mailroom.open(mailroom_url(project.mailroom, loaded.folder), environment=project.environment)


def mailroom_url(url: str, folder: Path) -> str:
    """The mailroom's database URL with a relative SQLite path made absolute."""
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/"):
        return prefix + str((folder / url.removeprefix(prefix)).absolute())
    return url


def recover(loaded: LoadedProject, *, clock: Clock) -> list[int]:
    """Pair a restored mailroom with the engine and take the runs it misses in as `unsure` (rule 22).

    What was due in the restored mailroom becomes unsure too: it may have left since the copy was made.
    """
    with open_mailroom(loaded) as mailroom, mailroom.lease(LEASE, owner(), clock):
        engine = open_engine(loaded.project.engine, loaded.folder, environment=loaded.project.environment)
        try:
            with engine.transaction():
                engine.execute("DELETE FROM meta WHERE name = 'mailroom_id'")
                pair(engine, mailroom)
            rows = engine.rows(
                "SELECT run, run_id, as_of FROM runs WHERE run > ? ORDER BY run", (mailroom.last_loaded(),)
            )
            missed = [
                MissedRun(
                    r, i, a.replace(tzinfo=UTC), list(decisions_of(engine, r)), loaded.file.terms,
                    partial(_referred, engine, mailroom, loaded.file.terms, a.replace(tzinfo=UTC)),
                )
                for r, i, a in rows
            ]  # fmt: skip
            return [result.run for result in mailroom.recover(missed, now=clock())]
        finally:
            engine.close()


def finish_last_run(
    engine: Engine, mailroom: Mailroom, fuse: FuseWords | None = None,
    programs: Mapping[str, Program | None] | None = None,
) -> list[str]:  # fmt: skip
    """Load the last committed run at the door, if a crash kept it out; loading again changes nothing.

    Returns what the fuse says of it.
    The engine remembers which run the mailroom took in last: one that knows less is an older copy, and is refused.
    """
    check_not_behind(mailroom, loaded_run(engine))
    last = engine.rows("SELECT run, run_id, as_of FROM runs ORDER BY run DESC LIMIT 1")
    if last:
        number, run_id, as_of = last[0]
        limit = None if fuse is None else Fuse(fuse.at_most, fuse.times_usual)
        at = as_of.replace(tzinfo=UTC)
        terms = programs or {}
        done = mailroom.load_run(
            number, run_id, at, (), limit, terms, partial(_referred, engine, mailroom, terms, at),
            rows_of(engine, number),
        )  # fmt: skip
        if done.already:
            return []
        with engine.transaction():
            engine.execute("DELETE FROM meta WHERE name = 'loaded_run'")
            engine.execute("INSERT INTO meta VALUES ('loaded_run', ?)", (str(number),))
        if done.held is not None:
            ways = f"`journey release {number}` lets it go, `journey cancel {number}` gives it up"
            return [f"run {number} is held: {done.held}; {ways}"]
        if done.silent is not None:
            return [f"run {number}: {done.silent}"]
    return []


def _referred(
    engine: Engine, mailroom: Mailroom, programs: Mapping[str, Program | None], as_of: dt.datetime
) -> Referred:
    return referred(engine, programs, mailroom.sent, as_of)


def loaded_run(engine: Engine) -> int:
    """The run that the mailroom took in last, as the engine knows it."""
    rows = engine.rows("SELECT value FROM meta WHERE name = 'loaded_run'")
    return int(rows[0][0]) if rows else 0


def check_not_behind(mailroom: Mailroom, run: int) -> None:
    """Raises JourneyError when the mailroom does not know a run that it had taken in."""
    newest = mailroom.last_loaded()
    if newest < run:
        raise JourneyError(
            f"the mailroom knows the runs up to {newest}, but it had taken in run {run}: it is an older copy",
            remedy="`journey mailroom recover` takes the missing runs in as unsure: none is sent blindly",
            code="mailroom_behind",
        )


def decisions_of(engine: Engine, number: int) -> Iterator[Decision]:
    """What a committed run decided, in the order of the decisions' ids."""
    for rows in rows_of(engine, number):
        for row in rows:
            yield decision_of(row)


def rows_of(engine: Engine, number: int) -> Iterator[list[Told]]:
    """The same in batches, as the engine keeps it, with instants as text."""
    names = [field.name for field in fields(Decision)]
    columns: list[exp.Expr] = [exp.column(name) for name in names]
    for place in (names.index("due_at"), names.index("reached_at")):
        clock = exp.Literal.string("%Y-%m-%d %H:%M:%S.%f")
        columns[place] = exp.Anonymous(this="strftime", expressions=[columns[place], clock])
    ours = exp.column("kind").isin("set", "enroll")
    query = exp.select(*columns).from_("decisions").where(exp.column("run").eq(number), exp.not_(ours))
    yield from engine.batches(query.order_by("decision_id").sql(dialect="duckdb"))


def pair(engine: Engine, mailroom: Mailroom) -> None:
    """Both stores know each other: a copy of one of them must not send what the original sends (rule 22)."""
    known = engine.rows("SELECT value FROM meta WHERE name = 'mailroom_id'")
    if not known:
        engine.execute("INSERT INTO meta VALUES ('mailroom_id', ?)", (mailroom.store_id,))
    elif known[0][0] != mailroom.store_id:
        raise JourneyError(
            "the engine belongs to another mailroom than the one that project.yaml names",
            remedy="restore the mailroom that belongs to it; when it is lost for good, `journey mailroom recover` "
            "takes its runs in as unsure, so that nothing is sent twice",
            code="other-mailroom",
        )


def owner() -> str:
    """Who holds a lease, for people."""
    return f"{socket.gethostname()} process {os.getpid()}"
