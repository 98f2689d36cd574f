"""What would happen to the real customers in the nights to come, or would have happened in those gone by.

Runs the nights ahead on a copy of what the last run left, or from nothing (a replay); each message goes out when it is
due. Sends nothing and writes no store of the project. Customers are as they are today in every night.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from journey_engine.engines import Engine, memory
from journey_engine.errors import JourneyError, ProblemsFound, nearest
from journey_engine.explain import Explanation, Posted, explain, read
from journey_engine.load import LoadedProject
from journey_engine.night.reporting import asked_anew
from journey_engine.plan.copying import copied, mailroom_beside
from journey_engine.preview.wording import Letter, Wording
from journey_engine.queries import statements
from journey_engine.rules import Rules, following, newest
from journey_engine.simulate.nights import NightTold, Stage, live
from journey_engine.simulate.outbox import Outbox
from journey_engine.simulate.supposed import read_events
from journey_engine.sweep import oldest_counted, unseen
from journey_engine.times import UTC

__all__ = ["NightTold", "Simulation", "Told", "simulate"]


@dataclass(frozen=True, slots=True)
class Told:
    """One customer at the end of a simulation: their passes, and the letters in the order in which they are due."""

    explanation: Explanation
    letters: tuple[tuple[dt.datetime, str, Letter], ...]  # due, state, the letter in words


@dataclass(frozen=True, slots=True)
class Simulation:
    """The nights in order; `replay` when they began from nothing."""

    replay: bool
    nights: tuple[NightTold, ...]
    customers: int
    notes: tuple[str, ...] = ()
    told: Told | None = None


def simulate(
    loaded: LoadedProject, nights: int, now: dt.datetime, *, since: dt.datetime | None = None,
    customer_id: str | None = None, journey: str | None = None, supposed: Path | None = None,
) -> Simulation:  # fmt: skip
    """Live so many nights; from the run behind the last one, or with `since` from the first one then, from nothing.

    `journey` may be a draft, which then takes part. Raises JourneyError, and ProblemsFound when project.yaml is broken.
    """
    rules = _rules(loaded, journey)
    with _copy(loaded, empty=since is not None) as engine:
        last, run = _last(engine)
        stage = Stage(
            loaded, engine, rules, Outbox() if since is not None else _outbox(loaded, engine, rules, run, last or now),
            replay=since is not None, wanted=frozenset([customer_id] if customer_id is not None else []),
        )  # fmt: skip
        if supposed is not None:
            stage.supposed = read_events(engine, loaded, supposed, last or now)
        lived = []
        for number, as_of in enumerate(_instants(loaded.project.cadence, nights, now, last, since), run + 1):
            lived.append(live(stage, number, as_of))
        told = _told(stage, customer_id, journey) if customer_id is not None else None
        notes = [*_notes(loaded), *unseen(engine, asked_anew(engine, rules, every=True))]
        return Simulation(since is not None, tuple(lived), stage.collected.customers, tuple(notes), told)


def _rules(loaded: LoadedProject, journey: str | None) -> Rules:
    """The rules of the next night; a named draft takes part."""
    if loaded.rules is None:
        raise ProblemsFound(loaded.problems)
    if journey is None or any(graph.journey == journey for graph in loaded.rules.journeys):
        return loaded.rules
    found = loaded.journeys.get(journey)
    if found is None:
        raise JourneyError(
            f"there is no journey '{journey}'{nearest(journey, sorted(loaded.journeys))}",
            remedy=f"name one of: {', '.join(sorted(loaded.journeys)) or 'there is none yet'}",
            code="unknown-journey",
        )
    if found.graph is None or not found.sound:
        raise ProblemsFound(list(found.errors))
    graphs = sorted([*loaded.rules.journeys, found.graph], key=lambda graph: graph.journey)
    return replace(loaded.rules, journeys=tuple(graphs))


@contextmanager
def _copy(loaded: LoadedProject, *, empty: bool) -> Iterator[Engine]:
    """What the last run left; or nothing of it, with the source tables that lie in the same engine."""
    project = loaded.project
    if empty and project.customers.table is None and project.events.table is None:
        with closing(memory()) as engine:
            yield engine
        return
    with copied(loaded) as engine:
        for table in statements("schema") if empty else ():
            if table not in ("meta", "properties"):
                engine.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables
        yield engine


def _last(engine: Engine) -> tuple[dt.datetime | None, int]:
    as_of, run = engine.rows("SELECT max(as_of), coalesce(max(run), 0) FROM runs")[0]
    return (None if as_of is None else as_of.replace(tzinfo=UTC)), int(run)


def _outbox(loaded: LoadedProject, engine: Engine, rules: Rules, run: int, as_of: dt.datetime) -> Outbox:
    with mailroom_beside(loaded, engine) as mailroom:
        return Outbox.of(mailroom, engine, run, oldest_counted(engine, rules, as_of))


def _instants(
    cadence: str, nights: int, now: dt.datetime, last: dt.datetime | None, since: dt.datetime | None
) -> Iterator[dt.datetime]:
    at = newest(cadence, now) if last is None else following(cadence, last)
    if since is not None:
        at = following(cadence, since - dt.timedelta(microseconds=1))
    for _ in range(nights):
        yield at
        at = following(cadence, at)


def _notes(loaded: LoadedProject) -> Iterator[str]:
    for name, journey in sorted(loaded.journeys.items()):
        if not journey.sound:
            yield f"{name} has mistakes and takes no part; `journey validate` shows them"


def _told(stage: Stage, customer_id: str, journey: str | None) -> Told:
    history = read(stage.engine, customer_id)
    states = stage.outbox.state_of([one.decision_id for made in history.decisions.values() for one in made])
    posted = {one: Posted(state, None, at or history.as_of) for one, (state, at) in states.items()}
    told = explain(stage.loaded, history, posted, journey)
    wording = Wording(stage.loaded, history.as_of, lambda path: "the simulated pass has no such value")
    letters = [
        (one.due_at, posted[one.decision_id].state if one.decision_id in posted else one.reason or one.state.value,
         wording.word(one, one.journey))
        for one in sorted(stage.kept, key=lambda one: (one.due_at, one.decision_id))
        if journey in (None, one.journey)
    ]  # fmt: skip
    return Told(told, tuple(letters))
