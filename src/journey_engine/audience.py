"""How many customers match a condition, on the data as they are: no run is needed, nothing is kept.

Uses the same facts as the night. What only the engine knows (passes, attributes that journeys set, stages reached) is
read from the published copy. When an event came into the data does not matter here.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from journey_engine.collect import Asked, Collected, Collector, Person, asked_by, ensure_properties
from journey_engine.conditions import Condition
from journey_engine.engines import Engine, is_file, memory, open_reader, scratch
from journey_engine.errors import JourneyError, Problem, ProblemsFound, nearest
from journey_engine.facts import asked_properties, named_properties
from journey_engine.language import Word
from journey_engine.load import LoadedProject
from journey_engine.load.mistakes import problems_of
from journey_engine.load.names import unknown_names
from journey_engine.predicates import Attribute, Happened, InJourney, Predicate, Subscribed, TriggerHas, leaves
from journey_engine.project import CUSTOMER_COLUMNS
from journey_engine.records import Event
from journey_engine.sweep import count_matching, event_names, unseen
from journey_engine.times import UTC, naive
from journey_engine.yamlfile import read_file


@dataclass(frozen=True, slots=True)
class Audience:
    """How many match, of how many, and the ids of some of them."""

    customers: int
    known: int
    sample: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what may be wrong with the condition


@dataclass(frozen=True, slots=True)
class Gathered:
    """The data as they are, with what only the engine knows, in an engine that is gone afterwards."""

    engine: Engine
    as_of: dt.datetime
    collected: Collected
    properties: Mapping[str, int]
    tables: frozenset[str] = frozenset()  # those that were read

    def matching(self, predicate: Predicate, sample: int) -> tuple[int, list[str]]:
        """How many customers a condition holds for, and the ids of some of them."""
        return count_matching(self.engine, predicate, self.as_of, self.collected.columns, self.properties, sample)


class ConditionFile(Word):
    """A file that holds one condition.

    ```yaml
    event: {name: order_placed, last: {before: 90 days}}
    ```
    """

    main: ClassVar[str | None] = "condition"
    whole: ClassVar[bool] = True
    condition: Condition


def read_condition(named: str, loaded: LoadedProject) -> Predicate:
    """The condition in a YAML file, or a segment of the project. Raises ProblemsFound or JourneyError."""
    path, segments = Path(named), loaded.file.context.segments
    if not path.is_file():
        if named in segments:
            resolved: Predicate = segments[named].resolve(loaded.file.context)
            return resolved
        hint = nearest(named, sorted(segments))
        raise JourneyError(
            f"'{named}' is no file and no segment of the project{hint}",
            remedy=f"write a condition into a YAML file, or name a segment: {', '.join(segments) or 'none yet'}",
            code="no-condition",
        )
    source = read_file(path)
    if source.problems:
        raise ProblemsFound(list(source.problems))
    try:
        read = ConditionFile.model_validate(source.data)
    except ValidationError as error:
        raise ProblemsFound(problems_of(error, ConditionFile, source.positions)) from None
    unknown = list(unknown_names(read, loaded.file.context, source.positions))
    if unknown:
        raise ProblemsFound(unknown)
    predicate: Predicate = read.condition.resolve(loaded.file.context)
    if any(inside_a_pass(leaf) for leaf in leaves(predicate)):
        message = "`trigger`, `since` and `same` mean something only inside a journey; leave them out here"
        raise ProblemsFound([Problem(source.positions.of(()), message, "outside-a-pass")])
    return predicate


def inside_a_pass(leaf: object) -> bool:
    """Whether a part of a condition can be answered inside a pass only."""
    if isinstance(leaf, Happened):
        return leaf.scope != "history" or leaf.events.same is not None
    return isinstance(leaf, TriggerHas)


def asks_mailroom(predicate: Predicate) -> bool:
    """Whether a condition looks at what became of messages or tasks."""
    return any(
        isinstance(leaf, Subscribed)
        or (
            isinstance(leaf, Happened)
            and leaf.events.name.startswith(("message_", "task_", "unsubscribed", "subscribed", "answer_"))
        )
        for leaf in leaves(predicate)
    )


def count(
    loaded: LoadedProject, predicate: Predicate, as_of: dt.datetime, *, feedback: Iterable[Event] = (),
    people: Iterable[Person] = (), sample: int = 10,
) -> Audience:  # fmt: skip
    """Count the customers whom a condition holds for; `feedback` and `people` are what the mailroom tells."""
    feedback, people = list(feedback), list(people)
    if not feedback and (known := _of_the_last_run(loaded, predicate, as_of, people, sample)) is not None:
        return known
    asked = None if _needs_all(loaded) else asked_by(predicate, as_of)
    with gathered(loaded, as_of, [predicate], feedback=feedback, people=people, asked=asked) as data:
        _columns_known(predicate, {*data.collected.columns, *loaded.project.attributes, *CUSTOMER_COLUMNS})
        found, some = data.matching(predicate, sample)
        notes = _unseen(data, predicate)
        answer = Audience(found, data.collected.customers, tuple(some), tuple(notes))
    if not notes or asked is None:
        return answer
    with gathered(
        loaded, as_of, [predicate], feedback=feedback, people=people
    ) as data:  # it may only have been left out
        return replace(answer, notes=tuple(_unseen(data, predicate)))


def _of_the_last_run(
    loaded: LoadedProject, predicate: Predicate, as_of: dt.datetime, people: Sequence[Person], sample: int
) -> Audience | None:
    """The answer of the published copy, where the sources say what the last run took in; None where they do not.

    It has read all of them, and an id with several rows is settled there.
    """
    project = loaded.project
    if not is_file(project.engine) or asks_mailroom(predicate) or _needs_all(loaded) or project.events.expects.rows:
        return None
    try:
        engine = open_reader(loaded.project.engine, loaded.folder)
    except JourneyError:
        return None  # no run yet
    with closing(engine):
        last = engine.rows("SELECT max(as_of) FROM runs")[0][0]
        numbers = {str(name): int(number) for name, number in engine.rows("SELECT property, number FROM properties")}
        collector = Collector(engine, loaded.project, loaded.folder, as_of)
        if last is None or last > naive(as_of) or not asked_properties([predicate]) <= numbers.keys():
            return None
        if not collector.stands(people):
            return None
        data = Gathered(engine, as_of, collector.collected, numbers)
        _columns_known(predicate, {*data.collected.columns, *loaded.project.attributes, *CUSTOMER_COLUMNS})
        found, some = data.matching(predicate, sample)
        return Audience(found, data.collected.customers, tuple(some), tuple(_unseen(data, predicate)))


def _unseen(data: Gathered, predicate: Predicate) -> list[str]:
    """The events that the condition asks for and that are not there."""
    return unseen(data.engine, {name: ["the condition"] for name in event_names(predicate)})


@contextmanager
def gathered(
    loaded: LoadedProject,
    as_of: dt.datetime,
    predicates: Sequence[Predicate],
    *,
    feedback: Iterable[Event] = (),
    people: Iterable[Person] = (),
    tables: Mapping[str, Collection[str] | None] | None = None,
    accept_stale: bool = False,
    asked: Asked | None = None,
) -> Iterator[Gathered]:
    """Read the sources for a question; `predicates` are all that will be asked, `tables` what is looked up in them.

    With `asked` only that is read, and only whether the predicates hold can be told: much sooner, and the same.
    Raises JourneyError for a source that cannot be read, or, without `accept_stale`, for events that are too old.
    """
    with _engine(loaded) as engine:
        names = named_properties(predicates, []) if asked is None else asked_properties(predicates)
        properties = ensure_properties(engine, names)
        collector = Collector(engine, loaded.project, loaded.folder, as_of)
        every = [leaf for predicate in predicates for leaf in leaves(predicate)]
        stages = asked is None or "stage_entered" in asked.events
        made = _from_the_copy(engine, loaded, any(isinstance(leaf, InJourney) for leaf in every), stages)
        collector.customers(people, accept_loss=True, asked=asked)
        collector.tables(tables or {}, accept_loss=True)
        collector.events([*feedback, *made], accept_loss=accept_stale, asked=asked)
        yield Gathered(engine, as_of, collector.collected, properties, frozenset(tables or ()))


def _needs_all(loaded: LoadedProject) -> bool:
    """Whether the whole sources must be read: to know the newest event, or because they are tables, maybe elsewhere."""
    project = loaded.project
    return project.events.expects.freshness is not None or bool(
        {project.customers.table, project.events.table} - {None}
    )


def _columns_known(predicate: Predicate, columns: Collection[str]) -> None:
    """Raises JourneyError for an attribute that no column provides: it would match nobody, or everybody."""
    for leaf in leaves(predicate):
        if isinstance(leaf, Attribute) and (name := leaf.where.name) not in columns:
            raise JourneyError(
                f"no column of the customers and no `set` step provides '{name}'{nearest(name, sorted(columns))}",
                remedy=f"ask for one of: {', '.join(sorted(columns))}",
                code="unknown-attribute",
            )


@contextmanager
def _engine(loaded: LoadedProject) -> Iterator[Engine]:
    """An engine for this question alone; a copy of the project's when a source is one of its tables."""
    project = loaded.project
    tables = [source.table for source in (project.customers, project.events) if source.table is not None]
    if not tables:
        with closing(memory()) as engine:
            yield engine
        return
    with scratch(project.engine, loaded.folder, environment=project.environment, tables=tables) as engine:
        yield engine


def _from_the_copy(engine: Engine, loaded: LoadedProject, passes: bool, stages: bool) -> list[Event]:
    """What only the engine knows: set attributes and, where they are asked about, passes and events of stages."""
    try:
        reader = open_reader(loaded.project.engine, loaded.folder)
    except JourneyError:
        return []  # no run yet
    try:
        for table in ("overlays", *(["enrollments"] if passes else [])):
            if not engine.rows(f"SELECT 1 FROM {table} LIMIT 1"):  # noqa: S608 - one of two names above
                names = list(reader.columns(table))
                for rows in reader.batches(f"SELECT * FROM {table}"):  # noqa: S608
                    engine.load(table, names, rows)
        if not stages:
            return []
        reached = reader.rows(
            "SELECT event_id, customer_id, name, occurred_at, properties FROM events WHERE name = 'stage_entered'"
        )
        return [Event(row[0], row[1], row[2], row[3].replace(tzinfo=UTC), json.loads(row[4])) for row in reached]
    finally:
        reader.close()
