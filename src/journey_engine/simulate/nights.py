"""One night of a simulation: the sweep of a real one, on a copy that is gone afterwards, with a made-up outbox."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from journey_engine import expressions as x
from journey_engine.collect import Collected, Collector, ensure_properties
from journey_engine.engines import Engine
from journey_engine.load import LoadedProject
from journey_engine.night import JourneyCounts, decisions_of, journey_counts, with_pinned
from journey_engine.night.reporting import message_counts
from journey_engine.project import EVENT_COLUMNS, Source
from journey_engine.queries import fill, statements
from journey_engine.records import Decision, DecisionKind, DecisionState, Event
from journey_engine.rules import Night, Rules, looked_up
from journey_engine.simulate.outbox import Outbox
from journey_engine.sweep import Sweep, named
from journey_engine.times import naive


@dataclass(frozen=True, slots=True)
class NightTold:
    """What one night would do: passes by journey, letters by (journey, template), all else by kind, and held back."""

    as_of: dt.datetime
    journeys: Mapping[str, JourneyCounts] = field(default_factory=dict)
    letters: Mapping[tuple[str, str], int] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)
    held_back: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    """All that the nights of one simulation share. `wanted` are customers whose decisions are kept."""

    loaded: LoadedProject
    engine: Engine
    rules: Rules
    outbox: Outbox
    supposed: list[Event] = field(default_factory=list)
    replay: bool = False
    wanted: frozenset[str] = frozenset()
    kept: list[Decision] = field(default_factory=list)
    collected: Collected = field(default_factory=Collected)


def live(stage: Stage, number: int, as_of: dt.datetime) -> NightTold:
    """Live one night, and let its letters go when they are due."""
    engine, loaded = stage.engine, stage.loaded
    rules, _ = with_pinned(engine, stage.rules, loaded.renderer)
    happened = stage.outbox.arrive(as_of)
    happened += [one for one in stage.supposed if one.occurred_at <= as_of]
    stage.supposed = [one for one in stage.supposed if one.occurred_at > as_of]
    properties = ensure_properties(engine, named(rules))
    with engine.transaction():
        collector = Collector(engine, loaded.project, loaded.folder, as_of)
        if stage.replay:
            _as_received(collector)
        _collect(collector, rules, happened)
        sweep = Sweep(
            engine, rules, Night.of(number, as_of, loaded.project.cadence), collector.collected.columns, properties,
            sorted(stage.outbox.waiting), sorted(stage.outbox.unsent) if rules.caps else [],
        )  # fmt: skip
        sweep.prepare()
        sweep.decide()
        collector.keep_roster()
        engine.execute(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)",
            (number, f"simulated {number}", naive(as_of), collector.collected.customers, collector.collected.received,
             "{}"),
        )  # fmt: skip
    stage.collected = collector.collected
    return _told(stage, number, as_of)


def _collect(collector: Collector, rules: Rules, happened: Iterable[Event]) -> None:
    collector.customers(accept_loss=True)
    collector.tables(looked_up(rules), accept_loss=True)
    collector.events(happened, accept_loss=True)


def _as_received(collector: Collector) -> None:
    """In a replay an event is there from its `received_at` on, where the data have that column (rule 2)."""
    source = collector.project.events
    relation, columns = collector.relation(source, "events", EVENT_COLUMNS[:4], EVENT_COLUMNS)
    if "received_at" not in columns:
        return
    known = statements("simulate")
    collector.reader.execute(known["schema"])
    collector.reader.execute(fill(known["known_events"], {"relation": relation, "as_of": x.stamp(collector.as_of)}))
    events = Source.model_validate({"table": "replayed.events", "columns": source.columns, "timezone": source.timezone})
    collector.project = collector.project.model_copy(update={"events": events})


def _told(stage: Stage, number: int, as_of: dt.datetime) -> NightTold:
    letters: Counter[tuple[str, str]] = Counter()
    others: Counter[str] = Counter()
    made = list(decisions_of(stage.engine, number))
    for one in made:
        if one.state is DecisionState.PENDING and one.kind is DecisionKind.MESSAGE:
            letters[one.journey, one.payload["template"]] += 1
        elif one.state is DecisionState.PENDING and one.kind in (
            DecisionKind.TASK, DecisionKind.REWARD, DecisionKind.WEBHOOK,
        ):  # fmt: skip
            others[one.kind.value] += 1
    stage.outbox.take(made)
    stage.kept += [one for one in made if one.customer_id in stage.wanted and one.kind is DecisionKind.MESSAGE]
    _, held = message_counts(stage.engine, number)
    return NightTold(as_of, journey_counts(stage.engine, number), dict(letters), dict(others), held)
