"""Each journey of the files beside the one that ran last: what changed, and where its open passes go (rule 20)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from journey_engine.checks.scope import after
from journey_engine.engines import Engine
from journey_engine.graph import Graph
from journey_engine.load import LoadedJourney, LoadedProject
from journey_engine.plan.words import of_journey
from journey_engine.times import naive

SETTINGS = ("starts", "ends", "on_change", "moved")  # of a journey, but of no version of it


class Change(StrEnum):
    """How a journey differs from what ran last."""

    NEW = "new"  # it never ran
    RESUMED = "resumed"  # it did not run last time, and will
    STRUCTURE = "structure"  # another version: it does something else
    SETTINGS = "settings"  # when it takes customers in, or whether and where to passes follow
    WORDING = "wording"  # the file reads otherwise and means the same
    PAUSED = "paused"
    DRAFT = "draft"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Fate:
    """Where the open passes that stand at one step go: `stay`, `go on`, `move` to another step, or `leave`."""

    fate: str
    version: str
    step: str
    passes: int
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A step that is new, and how many passes come to it; those that are past it or finished never will."""

    step: str
    come: int
    never: int
    finished: int


@dataclass(frozen=True, slots=True)
class JourneyPlan:
    """One journey; without changes it is as it was. `means` is what holds for it, in words."""

    journey: str
    file: str | None
    changes: tuple[Change, ...] = ()
    version: str | None = None
    before: str | None = None
    open: int = 0
    fates: tuple[Fate, ...] = ()
    newcomers: tuple[Newcomer, ...] = ()
    settings: tuple[str, ...] = ()  # of SETTINGS, those that changed
    means: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ran:
    """A journey as the engine knows it: its newest version, whether it was in the last run, and every graph of it."""

    version: str
    lately: bool
    graphs: Mapping[str, Graph]


def compare(
    engine: Engine, loaded: LoadedProject, last: dt.datetime | None
) -> tuple[tuple[JourneyPlan, ...], tuple[str, ...]]:
    """Every journey of the files and every one that ran, by name; and what else a run would take note of."""
    ran = _ran(engine, last)
    standing = Counter({
        (journey, version, int(node)): int(count)
        for journey, version, node, count in engine.rows(
            "SELECT journey, version, node, count(*) FROM enrollments WHERE state = 'open' "
            "GROUP BY journey, version, node"
        )
    })  # fmt: skip
    finished = Counter({
        (journey, version): int(count)
        for journey, version, count in engine.rows(
            "SELECT journey, version, count(*) FROM enrollments WHERE state = 'finished' GROUP BY journey, version"
        )
    })  # fmt: skip
    plans = []
    for name in sorted({*loaded.journeys, *ran}):
        mine = {(version, node): count for (journey, version, node), count in standing.items() if journey == name}
        done = {version: count for (journey, version), count in finished.items() if journey == name}
        plan = _plan(name, loaded.journeys.get(name), ran.get(name), mine, done)
        if plan is not None:
            plans.append(plan)
    return tuple(plans), tuple(_definitions(engine, loaded)) if last is not None else ()


def _ran(engine: Engine, last: dt.datetime | None) -> dict[str, _Ran]:
    graphs: dict[str, dict[str, Graph]] = {}
    for journey, version, text in engine.rows("SELECT journey, version, graph FROM versions"):
        try:
            graphs.setdefault(journey, {})[version] = Graph.model_validate_json(text)
        except ValueError:
            continue  # this program cannot read it: its passes stay, and each night says so
    rows = engine.rows("SELECT journey, version, last_as_of FROM journeys")
    return {
        journey: _Ran(version, last is not None and at == naive(last), graphs.get(journey, {}))
        for journey, version, at in rows
    }


def _plan(
    name: str, found: LoadedJourney | None, ran: _Ran | None, standing: Mapping[tuple[str, int], int],
    finished: Mapping[str, int],
) -> JourneyPlan | None:  # fmt: skip
    inside = sum(standing.values())
    before = ran.version if ran else None
    if found is None or found.journey is None or found.graph is None:
        if not inside and not (ran and ran.lately):
            return None  # gone long ago
        return JourneyPlan(name, None, (Change.REMOVED,), None, before, inside)
    graph = found.graph
    if found.journey.status != "live":
        return JourneyPlan(name, found.file, (Change(found.journey.status),), graph.version, before, inside)
    settings = _settings(graph, ran)
    changes = tuple(_changes(graph, ran, settings))
    return JourneyPlan(
        name, found.file, changes, graph.version, before, inside,
        tuple(_fates(graph, ran, standing)) if ran and changes else (),
        tuple(_newcomers(graph, ran, standing, finished)) if ran and changes else (),
        settings,
        of_journey(found, new=ran is None) if {*changes} - {Change.WORDING} else (),
    )  # fmt: skip


def _settings(graph: Graph, ran: _Ran | None) -> tuple[str, ...]:
    old = ran.graphs.get(ran.version) if ran else None
    return tuple(name for name in SETTINGS if old is not None and getattr(graph, name) != getattr(old, name))


def _changes(graph: Graph, ran: _Ran | None, settings: Sequence[str]) -> Iterator[Change]:
    if ran is None:
        yield Change.NEW
        return
    if not ran.lately:
        yield Change.RESUMED
    if graph.version != ran.version:
        yield Change.STRUCTURE
    if settings:
        yield Change.SETTINGS
    if graph.version == ran.version and not settings and graph != ran.graphs.get(ran.version, graph):
        yield Change.WORDING


def _fates(graph: Graph, ran: _Ran, standing: Mapping[tuple[str, int], int]) -> Iterator[Fate]:
    """Where the passes of older versions go, by the step they stand at; those of this version go on as they are."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for (version, node), count in standing.items():
        old = ran.graphs.get(version)
        if version == graph.version:
            continue
        step = old.nodes[node].step if old else "?"
        if old is None or graph.on_change == "pin":
            counted["stay", version, step, ""] += count
            continue
        place = graph.place_of(old, node)
        to = graph.nodes[place].step if place is not None else ""
        fate = "leave" if place is None else "go on" if to == step else "move"
        counted[fate, version, step, to if fate == "move" else ""] += count
    for (fate, version, step, to), count in sorted(counted.items()):
        yield Fate(fate, version, step, count, to or None)


def _newcomers(
    graph: Graph, ran: _Ran, standing: Mapping[tuple[str, int], int], finished: Mapping[str, int]
) -> Iterator[Newcomer]:
    """Steps that the version before lacks, in the order of the journey, with who comes to them and who never will."""
    old = ran.graphs.get(ran.version)
    if old is None:
        return
    here = _steps(old)
    for step in sorted(_steps(graph) - here, key=_line_of(graph)):
        come = never = 0
        for (version, node), count in standing.items():
            place = _place(graph, ran, version, node)
            if place is not None and step in _ahead(graph, place):
                come += count
            elif version == graph.version or version not in ran.graphs or step not in _steps(ran.graphs[version]):
                never += count
        past = sum(
            count for version, count in finished.items()
            if version in ran.graphs and step not in _steps(ran.graphs[version])
        )  # fmt: skip
        yield Newcomer(step, come, never, past)


def _place(graph: Graph, ran: _Ran, version: str, node: int) -> int | None:
    """Where a pass stands in today's version; None for one that stays in another, or leaves."""
    old = ran.graphs.get(version)
    if version == graph.version:
        return node
    return graph.place_of(old, node) if old is not None and graph.on_change == "follow" else None


def _steps(graph: Graph) -> frozenset[str]:
    return frozenset(node.step for node in graph.nodes if node.steps)


def _line_of(graph: Graph) -> Callable[[str], tuple[int, str]]:
    """The order in which the file has the steps."""
    lines = {node.step: (node.line, node.step) for node in graph.nodes}
    return lambda step: lines[step]


def _ahead(graph: Graph, place: int) -> frozenset[str]:
    """The steps that a pass can still come to, its own included."""
    found, waiting = set(), [place]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += after(graph.nodes[number])
    return frozenset(graph.nodes[number].step for number in found)


def _definitions(engine: Engine, loaded: LoadedProject) -> Iterator[str]:
    """A new or changed segment or stage is looked at first, and fires nothing (rule 10)."""
    known = {(of, name): version for of, name, version in engine.rows('SELECT "of", name, version FROM definitions')}
    for one in loaded.rules.definitions if loaded.rules else ():
        stored = known.get((one.of, one.name))
        if stored != one.version:
            what = "is new" if stored is None else "has changed"
            yield f"{one.of} {one.name} {what}: the next run notes who is in it, and that starts no journey"
