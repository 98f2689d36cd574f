"""What one run is told: the lowered journeys with the project's definitions, and the run's own instants.

Both readings take `Rules` and `Night`; neither reads a file or a clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cronsim import CronSim, CronSimError

from journey_engine.graph import Emit, Graph, OnDate, OnSchedule, Reward, lookups_of, wording_of
from journey_engine.predicates import Predicate
from journey_engine.times import UTC, Duration

ALL_JOURNEYS = "all journeys"  # the salt of the project's own holdout; a journey's is its name, which has no space
HOURS_72 = Duration(0, 72 * 3600)
LONGEST_CAP = 366  # days: no cap looks back longer, whichever is written next (rule 17)
COUNTED_FOR = LONGEST_CAP + 2  # days: a zone's day may be the one before or after that of the run


@dataclass(frozen=True, slots=True)
class Definition:
    """A segment, or a stage of the cycle, whose members are computed for everyone each run (rule 10)."""

    of: str  # segment | stage
    name: str
    predicate: Predicate
    version: str  # hash of the predicate: a changed definition is a baseline again


@dataclass(frozen=True, slots=True)
class Cap:
    """No more than `at_most` messages of a topic, or of a class, on any `days` days in a row (rule 17)."""

    name: str
    topic: str | None
    topic_class: str | None
    at_most: int
    days: int

    def counts(self, topic: str, topic_class: str) -> bool:
        """Whether a message of this topic is limited and counted."""
        return topic_class != "transactional" and (topic == self.topic or topic_class == self.topic_class)


@dataclass(frozen=True, slots=True)
class Limit:
    """How much a program may give as it stands tonight: in all, and rewards for one customer by side (rule 25)."""

    budget: Decimal
    caps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that a night applies. `values` maps a template, or a task's title, to the dotted paths it names."""

    journeys: tuple[Graph, ...]  # live journeys in their newest version, by name
    pinned: tuple[Graph, ...] = ()  # older versions that passes still stand in
    definitions: tuple[Definition, ...] = ()  # segments, then stages in the order of the cycle
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    programs: Mapping[str, Limit] = field(default_factory=dict)
    timezone: str = "UTC"
    accept_late: Duration = HOURS_72
    send_hours: tuple[dt.time, dt.time] = (dt.time(9), dt.time(20))
    caps: tuple[Cap, ...] = ()  # in the order in which they are asked
    hold_when: Predicate | None = None  # while it holds of a customer, no marketing is sent to them
    holdout: str | None = None  # held out of every journey are those whose hash lies below (rule 11)
    wordless: frozenset[tuple[str, str]] = frozenset()  # templates without words for a way (email, sms), with the way
    aside: frozenset[str] = frozenset()  # journeys with a mistake: what they miss still counts when it is mended

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """Every version that a pass may stand in."""
        return self.journeys + self.pinned


@dataclass(frozen=True, slots=True)
class Night:
    """The instants of one run (rules 1 to 3).

    `horizon` is the next instant of the cadence; what time alone decides before it is decided in this run.
    `since` is `as_of` less one interval: how far back a journey's first run looks.
    """

    run: int
    as_of: dt.datetime
    horizon: dt.datetime
    since: dt.datetime

    @classmethod
    def of(cls, run: int, as_of: dt.datetime, cadence: str) -> Night:
        """The night at `as_of` for a cadence (a cron line in UTC)."""
        before, after = newest(cadence, as_of), following(cadence, as_of)
        if before == as_of:
            return cls(run, as_of, after, newest(cadence, as_of - dt.timedelta(microseconds=1)))
        return cls(run, as_of, as_of + (after - before), as_of - (after - before))


def check_cron(line: str) -> str | None:
    """Return what is wrong with a cron line of five fields, or None."""
    if len(line.split()) != 5:
        return f"'{line}' is not a cron line; write five fields: minute hour day month weekday, such as '0 2 * * *'"
    try:
        next(CronSim(line, dt.datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)))
    except (CronSimError, StopIteration):
        return f"'{line}' is not a cron line that ever fires; five fields such as '0 2 * * *'"
    return None


def newest(cadence: str, instant: dt.datetime) -> dt.datetime:
    """The newest instant of the cadence that is not after `instant`."""
    # The reverse search excludes its start and works in whole minutes, so it begins just behind the instant.
    start = instant.replace(tzinfo=None, second=0, microsecond=0) + dt.timedelta(minutes=1)
    return next(CronSim(cadence, start, reverse=True)).replace(tzinfo=UTC)


def following(cadence: str, instant: dt.datetime) -> dt.datetime:
    """The first instant of the cadence after `instant`."""
    return next(CronSim(cadence, instant.replace(tzinfo=None))).replace(tzinfo=UTC)


def firings(cron: str, local_from: dt.datetime, local_until: dt.datetime) -> Iterator[dt.datetime]:
    """Wall clock readings at which a cron line fires, from (included) to until (excluded)."""
    for local in CronSim(cron, local_from - dt.timedelta(minutes=1)):
        if local >= local_until:
            return
        if local >= local_from:
            yield local


def with_reward_ids(values: Mapping[str, frozenset[str]], graphs: Iterable[Graph]) -> dict[str, frozenset[str]]:
    """The same where whatever names a reward also carries its id: if it was not given, the mailroom must know."""
    steps = {
        node.step
        for graph in graphs
        for node in graph.nodes
        if isinstance(node, Emit) and isinstance(node.effect, Reward)
    }
    return {
        wording: paths
        | {f"step.{step}.reward_id" for step in steps if any(p.startswith(f"step.{step}.") for p in paths)}
        for wording, paths in values.items()
    }


def begun(graph: Graph, night: Night, *, ran: bool) -> bool:
    """Whether a journey that never ran may begin tonight: its `starts` lies before the horizon (rule 2)."""
    return ran or graph.starts is None or graph.starts < night.horizon


def columns_named(paths: Collection[str], name: str) -> frozenset[str] | None:
    """The columns of a row that a wording names under the row's name; None for all of them."""
    if name in paths:
        return None
    return frozenset(path.split(".")[1] for path in paths if path.startswith(f"{name}."))


def looked_up(rules: Rules) -> dict[str, frozenset[str] | None]:
    """The tables that tonight's versions look things up in, each with the columns that somebody names; None for all."""
    found: dict[str, frozenset[str] | None] = {}
    for effect in (node.effect for graph in rules.graphs for node in graph.nodes if isinstance(node, Emit)):
        for row in lookups_of(effect):
            columns = columns_named(rules.values.get(wording_of(effect), ()), row.name)
            before = found.get(row.table, frozenset())
            found[row.table] = None if columns is None or before is None else before | columns
    return found


def time_triggered(graph: Graph) -> bool:
    """Whether time alone decides the journey's occurrences, so that a run looks ahead (rule 3)."""
    return isinstance(graph.trigger, OnDate | OnSchedule)
