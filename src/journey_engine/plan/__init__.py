"""What would change if the files ran as they are now: journeys, passes and letters. Changes nothing.

Compares the project with what the last run left, and rehearses the next run on a copy of it: once with the journeys of
the last run, once with those of the files.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from journey_engine.engines import Engine
from journey_engine.errors import JourneyError
from journey_engine.load import LoadedProject
from journey_engine.plan.comparing import Change, Fate, JourneyPlan, Newcomer, compare
from journey_engine.plan.copying import copied, mailroom_beside
from journey_engine.plan.rehearsal import Letters, Rehearsed, rehearse
from journey_engine.plan.words import of_project
from journey_engine.rules import following, newest
from journey_engine.times import UTC, Clock, iso

__all__ = ["Change", "Fate", "JourneyPlan", "Letters", "Newcomer", "Plan", "make_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The next run, at `as_of`, with the files as they are, beside what the last run would have done next."""

    as_of: dt.datetime
    last: dt.datetime | None  # None before the first run
    journeys: tuple[JourneyPlan, ...]
    notes: tuple[str, ...]
    rehearsed: Rehearsed
    settings: tuple[str, ...]  # what project.yaml says for all of them


def make_plan(loaded: LoadedProject, as_of: dt.datetime | None, clock: Clock) -> Plan:
    """Compare and rehearse; without an instant at the next run that is to come. Raises JourneyError for one gone by."""
    with copied(loaded) as engine, mailroom_beside(loaded, engine) as mailroom:
        last = _last(engine)
        at = as_of or _next(loaded.project.cadence, last, clock())
        if last is not None and at <= last:
            raise JourneyError(
                f"the run of {iso(last)} is committed; there is nothing to plan at {iso(at)}",
                remedy="name a later instant with --as-of, or leave it out: the next run is meant then",
                code="as-of",
            )
        journeys, notes = compare(engine, loaded, last)
        rehearsed = rehearse(loaded, engine, mailroom, at, clock)
    return Plan(at, last, journeys, notes, rehearsed, of_project(loaded.project))


def _last(engine: Engine) -> dt.datetime | None:
    (as_of,) = engine.rows("SELECT max(as_of) FROM runs")[0]
    return None if as_of is None else as_of.replace(tzinfo=UTC)


def _next(cadence: str, last: dt.datetime | None, now: dt.datetime) -> dt.datetime:
    """The run that is due now; when that is done, the one behind it."""
    due = newest(cadence, now)
    return due if last is None or due > last else following(cadence, last)
