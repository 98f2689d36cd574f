"""What a check may look at: the journey, the project, the names around it, and the columns of its customers."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, pairwise
from pathlib import Path as File

from journey_engine.conditions import CustomerCondition
from journey_engine.errors import Place, Problem, Severity
from journey_engine.graph import Await, Emit, Exit, Gate, Graph, Node, OnPass
from journey_engine.journey import Journey
from journey_engine.load import LoadedJourney, LoadedProject
from journey_engine.load.parts import Words, of_kind
from journey_engine.project import Project, Source
from journey_engine.render import Renderer, Use
from journey_engine.rules import following
from journey_engine.steps import Step
from journey_engine.steps.ask import Ask
from journey_engine.steps.enroll import EnrollStep
from journey_engine.steps.reward import RewardStep
from journey_engine.steps.send import Send
from journey_engine.steps.set import SetStep
from journey_engine.steps.task import TaskStep
from journey_engine.steps.wait_for import WaitFor
from journey_engine.times import UTC
from journey_engine.yamlfile import Path


@dataclass(frozen=True)
class Scope:
    """A project as checks see it; what is costly to find is found once."""

    loaded: LoadedProject
    _read: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _uses: dict[str, tuple[Use, ...]] = field(default_factory=dict)
    _mistakes: dict[tuple[str, bool], list[Problem]] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        """The settings."""
        return self.loaded.project

    @property
    def renderer(self) -> Renderer:
        """The templates."""
        assert self.loaded.renderer is not None
        return self.loaded.renderer

    @cached_property
    def columns(self) -> frozenset[str] | None:
        """The attributes that the customers' file provides; None where no header can be read."""
        return header(self.loaded.folder, self.project.customers)

    @cached_property
    def set_by_steps(self) -> frozenset[str]:
        """The attributes that some journey sets."""
        journeys = self.loaded.journeys.values()
        return frozenset(name for one in journeys for _, step in of_kind(SetStep, one.words) for name in step.values)

    @cached_property
    def asked_to_confirm(self) -> frozenset[str]:
        """The topics for which some journey sends a letter with a link that confirms."""
        sent = {step.template for one in self.loaded.journeys.values() for _, step in of_kind(Send, one.words)}
        known = sent.intersection(self.renderer.library.names)
        uses = (use for template in sorted(known) for use in self.renderer.confirms(template))
        return frozenset(use.path.removeprefix("links.confirm.") for use in uses)

    @cached_property
    def starts(self) -> dict[str, set[str]]:
        """Which journeys each journey starts: those that it enrolls into, and those that its passes trigger."""
        found: dict[str, set[str]] = {}
        for name, one in self.loaded.journeys.items():
            for _, step in of_kind(EnrollStep, one.words):
                found.setdefault(name, set()).add(step.journey)
            if one.lowered is not None and isinstance(one.lowered.trigger, OnPass):
                found.setdefault(one.lowered.trigger.journey, set()).add(name)
        return found

    @cached_property
    def attributes(self) -> frozenset[str] | None:
        """Every attribute that a customer may have; None where that cannot be told."""
        if self.columns is None:
            return None
        return self.columns | self.set_by_steps | frozenset(self.project.attributes) | {"customer_id"}

    @cached_property
    def likely(self) -> list[str]:
        """Names to suggest for a misspelt attribute."""
        return sorted(self.attributes or ())

    @cached_property
    def interval(self) -> int:
        """The shortest time between two instants of the cadence, in seconds."""
        instants = [dt.datetime(2024, 1, 1, tzinfo=UTC)]
        for _ in range(32):
            instants.append(following(self.project.cadence, instants[-1]))
        return int(min(behind - before for before, behind in pairwise(instants[1:])).total_seconds())

    def uses(self, template: str) -> tuple[Use, ...]:
        """The values that a template names; many journeys share one template."""
        if template not in self._uses:
            self._uses[template] = self.renderer.uses(template)
        return self._uses[template]

    def mistakes(self, template: str, marketing: bool) -> list[Problem]:
        """What is wrong in a template, and with `marketing` what the law asks and it lacks."""
        key = (template, marketing)
        if key not in self._mistakes:
            found = (self.renderer.marketing_problems if marketing else self.renderer.problems)(template)
            self._mistakes[key] = [self.moved(problem) for problem in found]
        return self._mistakes[key]

    def lines(self, file: str) -> tuple[str, ...]:
        """The lines of a template."""
        if file not in self._read:
            self._read[file] = ()
            with suppress(OSError, UnicodeDecodeError):  # that it cannot be read is told elsewhere
                self._read[file] = tuple(File(file).read_text(encoding="utf-8").splitlines())
        return self._read[file]

    def shown(self, file: str) -> str:
        """A file as messages call it."""
        return self.loaded.file.shown(File(file))

    def moved(self, problem: Problem) -> Problem:
        """A problem of a template, with its file and code as all others are written."""
        place = Place(self.shown(problem.place.file), problem.place.line, problem.place.column)
        root = self.renderer.library.root
        message = problem.message.replace(str(root), self.shown(str(root)))
        return Problem(place, message, problem.code.replace("_", "-"), problem.severity)


@dataclass(frozen=True)
class Subject:
    """One lowered journey under check."""

    loaded: LoadedJourney
    journey: Journey
    graph: Graph

    @property
    def words(self) -> Words:
        """Every word of the journey with its path."""
        return self.loaded.words

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Where each step is written, by id, in the order of the file."""
        return dict(sorted(self.loaded.steps, key=lambda item: item[1]))

    @cached_property
    def awaited(self) -> dict[str, Step]:
        """The steps that leave something to `step.<id>`: what ended a wait, or a reward."""
        return {
            step: word
            for kind in (WaitFor, Ask, RewardStep, TaskStep)
            for where, word in of_kind(kind, self.words)
            if not isinstance(word, TaskStep) or word.awaited
            for step, at in self.paths.items()
            if where[: len(at)] == at and len(where) == len(at) + 1
        }

    @cached_property
    def reachable(self) -> frozenset[int]:
        """The nodes that a pass can come to."""
        return self.reached_from([0])

    def reached_from(self, start: Sequence[int]) -> frozenset[int]:
        """The nodes that can be come to from some nodes, these included."""
        found: set[int] = set()
        waiting = list(start)
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += after(self.graph.nodes[number])
        return frozenset(found)

    def nodes_of(self, step: str) -> list[int]:
        """The nodes of a step and of the steps inside it."""
        return [number for number, node in enumerate(self.graph.nodes) if step in node.steps]

    def step_at(self, path: Path) -> str | None:
        """The innermost step around a path."""
        around = [step for step, where in self.paths.items() if path[: len(where)] == where]
        return max(around, key=lambda step: len(self.paths[step]), default=None)

    def at(self, path: Path, message: str, code: str, severity: Severity = "error", *, key: bool = False) -> Problem:
        """A problem at a path of this journey."""
        return Problem(self.loaded.positions.of(path, key=key), message, code, severity)

    def at_step(self, node: Node, message: str, code: str) -> Problem:
        """A warning at the step of a node."""
        return self.at(self.paths.get(node.step, ()), message, code, "warning", key=True)


def after(node: Node) -> list[int]:
    """The nodes behind a node."""
    match node:
        case Emit(next=following_):
            return [following_]
        case Await(next=following_, otherwise=other):
            return [following_] if other is None else [following_, other]
        case Gate(next=following_, otherwise=other):
            return [following_, other]
        case Exit():
            return []


def header(folder: File, source: Source) -> frozenset[str] | None:
    """The known names of the columns of a CSV file, or of the first of a glob; None for anything else."""
    if source.path is None or not source.path.lower().endswith(".csv"):
        return None
    path = folder / source.path
    found = sorted(path.parent.glob(path.name)) if "*" in path.name or "?" in path.name else [path]
    for file in islice(found, 1):
        columns = _columns(file)
        if columns is not None:
            known = {column: name for name, column in source.columns.items()}
            return frozenset(known.get(column, column) for column in columns)
    return None


def _columns(file: File) -> list[str] | None:
    try:
        if not file.is_file():
            return None
        with file.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline(100_000)
    except (OSError, UnicodeDecodeError):
        return None
    delimiter = max(",;\t|", key=first.count)
    row = next(csv.reader([first], delimiter=delimiter), [])
    return [column.strip() for column in row] or None


def customer_conditions(words: Words) -> Iterator[tuple[Path, str]]:
    """Every attribute that a condition compares, with its path."""
    for where, word in of_kind(CustomerCondition, words):
        for name in word.attributes:
            yield (*where, name), name
