"""Tonight's events: what the source and the mailroom tell that the ledger does not hold yet (rules 2 and 22)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect.asked import Asked, read_asked, show_asked
from journey_engine.collect.files import look_at, remember
from journey_engine.collect.ledger import load_zones
from journey_engine.collect.source import Ahead, Incoming, named
from journey_engine.collect.unfit import doubtful
from journey_engine.engines import relation_of
from journey_engine.errors import JourneyError
from journey_engine.expressions import Sql
from journey_engine.project import EVENT_COLUMNS, Source
from journey_engine.queries import fill, statements
from journey_engine.records import Event
from journey_engine.rules import following
from journey_engine.sources import event_reading, kind_of, typed_columns
from journey_engine.times import UTC, iso

WHOLE = exp.Var(this="")  # every row of a relation
Again = Callable[[Collection[str]], Iterable[Event]]
UNKNOWN = "events of customers that the customers source does not have; they wait until it does"


def nothing_more(_event_ids: Collection[str]) -> Iterable[Event]:
    """Where all that the mailroom has was told, none is told again."""
    return ()


def take_events(
    incoming: Incoming, feedback: Iterable[Event], *, accept_loss: bool, asked: Asked | None = None,
    again: Again = nothing_more,
) -> None:  # fmt: skip
    """Take new events of the source and of the mailroom into the ledger; raises JourneyError for a stale source.

    `feedback` may leave out what the ledger has: `again` tells some of it once more, by ids.
    With `asked` only what may count for a question, which is seen in place of the ledger.
    """
    source = incoming.project.events
    relation, columns = incoming.relation(source, "events", EVENT_COLUMNS[:4], EVENT_COLUMNS)
    _check_instants(source, columns)
    if source.timezone is not None:
        load_zones(incoming.engine, [source.timezone])
    incoming.run("revived_none")
    incoming.read("feedback")
    came_back = _load(incoming, feedback)
    incoming.measure(source)
    met = False
    with incoming.reading(source):
        reading = event_reading(columns, source, incoming.as_of)
        if asked is not None:
            if (rows := read_asked(incoming, asked, relation, reading)) is not None:
                _receive(incoming, relation, reading, rows=rows)
        elif source.path is None:
            met = _receive(incoming, relation, reading)
        else:
            met = _receive_files(incoming, relation, reading, columns)
    if met and (ids := [str(one) for (one,) in incoming.engine.rows(statements("collect")["told_before"])]):
        came_back += _load(incoming, again(ids))
    if not accept_loss:
        _fresh_enough(incoming, source)
        if source.expects.rows:
            counted = incoming.reader.rows(fill("SELECT count(*) FROM {relation}", {"relation": relation}))
            incoming.expect(source, int(counted[0][0]), source.expects.rows)
    if came_back:
        _receive_feedback(incoming)
    if asked is not None:
        show_asked(incoming)


def _load(incoming: Incoming, feedback: Iterable[Event]) -> int:
    told = ((e.event_id, e.customer_id, e.name, iso(e.occurred_at), _json(e.properties)) for e in feedback)
    count = incoming.reader.load("feedback", EVENT_COLUMNS, told)
    incoming.engine.bring("feedback", ["properties"])
    return count


def _receive_feedback(incoming: Incoming) -> None:
    """Take in what came back from the mailroom, and note what must be told again in another night.

    It has no hash in the ledger: that tells it from what the source brought.
    """
    kinds = dict.fromkeys(EVENT_COLUMNS, "VARCHAR")
    reading = event_reading(kinds, Source.model_validate({"table": "feedback"}), incoming.as_of)
    reading["row_hash"] = x.cast(exp.null(), "UBIGINT")
    queries, waiting = statements("collect"), incoming.collected.waiting
    waiting.update(str(one) for (one,) in incoming.reader.rows(queries["spaced_ids"]))
    _receive(incoming, exp.to_table("feedback"), reading, quiet=True)
    waiting.update(str(one) for (one,) in incoming.engine.rows(queries["left_feedback"]))
    if incoming.engine.rows(queries["told_by_both"]):
        incoming.run("came_back", "forget_hashes")


def _check_instants(source: Source, columns: Mapping[str, str]) -> None:
    """Raises JourneyError for a column of instants whose type holds none, such as a time of day or a record."""
    column = source.columns.get("occurred_at", "occurred_at")
    kind = columns[column].upper()
    if kind_of(kind) == "text" and not kind.startswith(("VARCHAR", "TEXT", "CHARACTER", "CHAR", "JSON")):
        raise JourneyError(
            f"{named(source)}: the column '{column}' is of type {kind.partition('(')[0]}, which holds no instants",
            remedy="write instants as a timestamp with zone, a timestamp, a date, or text such as 2026-03-01T09:30:00Z",
            code="unreadable-source",
        )


def _receive_files(incoming: Incoming, every: Sql, reading: Mapping[str, Sql], columns: Mapping[str, str]) -> bool:
    """Read the files that may hold something new; all of them where what they say meets what was said before."""
    source = incoming.project.events
    files = look_at(incoming, source, columns)
    if not files.fresh:
        return False
    relation = every
    if len(files.fresh) < len(files.digests):
        fresh = exp.Var(this=relation_of(files.fresh))
        if incoming.reader.columns(x.written(fresh)) == columns:
            relation, incoming.part = fresh, files.fresh
    taken = _receive(incoming, relation, reading, every=every)
    remember(incoming, files)
    return taken


def _receive(
    incoming: Incoming, relation: Sql, reading: Mapping[str, Sql], *, every: Sql | None = None, rows: Sql = WHOLE,
    quiet: bool = False,
) -> bool:  # fmt: skip
    """Read a relation into the ledger; where events came with several contents, all rows that `every` has of them.

    Returns whether any of what was taken has an id that the ledger had before.
    """
    as_of, next_run = x.stamp(incoming.as_of), x.stamp(following(incoming.project.cadence, incoming.as_of))
    parts = {"relation": relation, "as_of": as_of, "next_run": next_run, "rows": rows, **reading}

    def read_every() -> bool:
        incoming.part = []
        return _read(incoming, parts if every is None else parts | {"relation": every}, quiet)

    incoming.run("reread")
    again = _read(incoming, parts, quiet)
    if every is not None and incoming.part and incoming.engine.rows(statements("collect")["reread_met"]):
        again = read_every()
    if incoming.engine.rows("SELECT 1 FROM incoming_events WHERE reason IS NULL LIMIT 1"):
        if again:
            before = incoming.engine.rows("SELECT count(*) FROM reread")
            incoming.run("reread_changed")
            if incoming.engine.rows("SELECT count(*) FROM reread") != before:
                read_every()
        incoming.run("unknown_customers", "taken_events", "several_rows", "contents", "revised_events")
        received = _into_the_ledger(incoming)
        if not quiet:
            incoming.collected.received += received
            count, first = incoming.engine.rows("SELECT count(*), min(row_in_source) FROM unknown_customers")[0]
            incoming.aside(incoming.project.events, UNKNOWN, count, first)
    else:
        again = False
        incoming.run("unknown_customers")
    if not quiet:
        incoming.count_aside(incoming.project.events, "incoming_events")
    return again


def _read(incoming: Incoming, parts: Mapping[str, Sql], quiet: bool) -> bool:
    """Read what the ledger has not; returns whether some of it has an id that the ledger has too.

    A reader beside the engine is lent what the engine knows first. Of some files, and of what the mailroom tells, the
    ids are looked up in the ledger beforehand, which is then read no more.
    """
    sql, few = statements("collect"), bool(incoming.part) or quiet
    if incoming.beside:
        incoming.engine.lend(sql["lent_nothing" if quiet else "lent_ledger"], "ledger")
        incoming.engine.lend(sql["lent_zones"], "zone_offsets")
        incoming.read("ledger_beside", "reread_beside")
    if few:
        incoming.read("met_ids", came=exp.Var(this=fill("(SELECT {columns} FROM {relation} AS s)", parts)))
    unless = WHOLE if few or incoming.beside else exp.Var(this=sql["unless_known"])
    incoming.read("incoming_events", **parts, held=exp.to_table("met_ids" if few else "events"), unless=unless)
    _leave_what_is_ahead(incoming, quiet)
    _set_aside_the_unfit(incoming)
    if incoming.beside:
        incoming.engine.bring("incoming_events", ["properties"])
    if incoming.beside or not few:
        incoming.run("met_ids", came=exp.to_table("incoming_events"))
    again = bool(incoming.engine.rows(sql["met_again"]))
    incoming.run("met", again=exp.convert(again))
    if again:
        incoming.run("known_events")
    return again


def _leave_what_is_ahead(incoming: Incoming, quiet: bool) -> None:
    """Events dated after the next run wait in the source; they are told of, as a wrong year would wait for ever."""
    count, latest, row, waiting = incoming.reader.rows(statements("collect")["ahead"])[0]
    if not quiet:
        incoming.waiting = []
    if waiting:
        if quiet:
            left = incoming.reader.rows(statements("collect")["waiting_feedback"])
            incoming.collected.waiting.update(str(one) for (one,) in left)
        else:
            incoming.waiting = [int(number) for (number,) in incoming.reader.rows(statements("collect")["waiting"])]
        incoming.read("leave_ahead")
    if count and not quiet:
        source = incoming.project.events
        place = incoming.place(source, int(row))
        incoming.collected.ahead = Ahead(named(source), int(count), latest.replace(tzinfo=UTC), place)


def _set_aside_the_unfit(incoming: Incoming) -> None:
    if unfit := doubtful(incoming, exp.to_table("incoming_events")):
        incoming.read("unfit_rows")
        incoming.reader.load("unfit_rows", ("row_in_source", "reason"), unfit)
        incoming.read("unfit_aside")


def _into_the_ledger(incoming: Incoming) -> int:
    """Take in what is new, with typed columns for the properties that journeys name; returns how many events it is."""
    count = "SELECT count(*) FILTER (WHERE revision = 1), count(*) FILTER (WHERE revision > 1) FROM revised_events"
    received, corrected = incoming.engine.rows(count)[0]
    incoming.collected.corrected += int(corrected)
    incoming.run("revived", "outdate_events")
    if received or corrected:
        numbers = incoming.engine.rows("SELECT property, number FROM properties ORDER BY number")
        typed = [pair for name, number in numbers for pair in typed_columns("r", name, number)]
        columns = exp.Tuple(expressions=[exp.column(name) for name, _ in typed])
        values = exp.Tuple(expressions=[value for _, value in typed])
        incoming.run("receive_events", as_of=x.stamp(incoming.as_of), columns=columns, typed=values)
    return int(received)


def _fresh_enough(incoming: Incoming, source: Source) -> None:
    expects = source.expects
    if expects.freshness is not None:
        newest = incoming.engine.rows(statements("collect")["newest_event"])[0][0]
        edge = expects.freshness.before(incoming.as_of).replace(tzinfo=None)
        if newest is None or newest < edge:
            shown = "there is none" if newest is None else f"it is {iso(newest.replace(tzinfo=UTC))}"
            raise JourneyError(
                f"{named(source)}: the newest event should not be older than {expects.freshness} "
                f"at {iso(incoming.as_of)}, "
                f"but {shown}",
                remedy="check the export of events, or change `expects:` in journeys/project.yaml; if it is right, "
                "run with --accept-loss",
                code="stale-source",
            )


def _json(properties: Mapping[str, Any]) -> str:
    return json.dumps(properties, ensure_ascii=False, separators=(",", ":"), default=str)
