"""Runs the tests that stand beside journeys (`*.test.yaml`) on `walk`: no data, no database, milliseconds each.

A test takes every message as accepted when it is due. What differs is told by the customer's clock, with the line of
the expectation and the story that led there; the report also says which steps no test has passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as File

from pydantic import ValidationError

from journey_engine.errors import Place, Problem, nearest
from journey_engine.graph import Gate, Graph
from journey_engine.journeytest.differences import Difference, differences
from journey_engine.journeytest.letters import unworded
from journey_engine.journeytest.story import Stage, Story, live, told
from journey_engine.journeytest.words import JourneyCase, JourneyTests
from journey_engine.load import LoadedJourney, LoadedProject
from journey_engine.load.mistakes import problems_of
from journey_engine.times import zone_names
from journey_engine.yamlfile import Path, YamlFile, read_file

__all__ = ["Coverage", "Difference", "JourneyTests", "TestReport", "TestResult", "run_tests", "test_files"]


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: where it stands, what differs (nothing: it passed), and the story of what happened."""

    __test__ = False

    name: str
    journey: str
    place: Place
    differences: tuple[Difference, ...] = ()
    story: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything came about as expected."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Coverage:
    """The steps of a journey that some test went through, and those that none did with their lines."""

    journey: str
    covered: tuple[str, ...]
    missing: tuple[tuple[str, Place], ...]


@dataclass(frozen=True, slots=True)
class TestReport:
    """Every result, the steps covered, and the mistakes in test files."""

    __test__ = False

    results: tuple[TestResult, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    problems: tuple[Problem, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every test passed and every file could be read."""
        return not self.problems and all(result.passed for result in self.results)

    def lines(self) -> Iterator[str]:
        """The report as people read it: what failed, then the steps covered, then the count; not the problems."""
        for result in self.results:
            if not result.passed:
                yield f"{result.journey}: {result.name}"
                for difference in result.differences:
                    yield from (f"  {line}" for line in difference.lines())
                yield "  what happened, by the customer's clock:"
                yield from (f"    {line}" for line in result.story)
                yield ""
        for one in self.coverage:
            steps = len(one.covered) + len(one.missing)
            yield f"{one.journey}: {len(one.covered)} of {steps} steps passed by a test"
            yield from (f"  no test passes {step} ({place})" for step, place in one.missing)
        failed = sum(not result.passed for result in self.results)
        unread = len({problem.place.file for problem in self.problems})
        files = f"; {unread} test file{'s' * (unread != 1)} with mistakes, not run" if unread else ""
        yield f"{len(self.results)} tests, {len(self.results) - failed} passed, {failed} failed{files}"


def test_files(folder: File) -> list[File]:
    """Every test file of a project, sorted."""
    root = folder / "journeys"
    found = [*root.rglob("*.test.yaml"), *root.rglob("*.test.yml")]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


test_files.__test__ = False  # type: ignore[attr-defined]


def run_tests(loaded: LoadedProject, paths: Sequence[File] = ()) -> TestReport:
    """Run the tests of a project, or only those in `paths` (test files, journeys with tests beside them, folders).

    Raises ProblemsFound when project.yaml is broken.
    """
    stage_of = _stages(loaded)
    results: list[TestResult] = []
    problems: list[Problem] = []
    sources: dict[str, tuple[str, ...]] = {}
    walked: dict[str, set[int]] = {}
    for path in _chosen(loaded.folder, paths):
        file = read_file(path, loaded.file.shown(path))
        sources[file.file] = file.lines
        tests, mistakes = _read(file, loaded)
        problems += mistakes
        if tests is None or mistakes:
            continue
        graph = stage_of[tests.journey].graph
        nodes = walked.setdefault(tests.journey, set())
        for index, case in enumerate(tests.tests):
            story = live(case, stage_of[tests.journey])
            nodes |= {move.from_node for move in story.transitions if move.from_node is not None}
            found = unworded(case.expect, story, stage_of[tests.journey].renderer, file.positions, _expect(index))
            results.append(_result(case, story, graph, file, index, found))
    coverage = tuple(_coverage(loaded.journeys[name], walked[name]) for name in sorted(walked))
    return TestReport(tuple(results), coverage, tuple(sorted(problems)), sources)


def _stages(loaded: LoadedProject) -> dict[str, Stage]:
    """What the tests of each journey need, drafts included."""
    settings, rules, renderer = loaded.project, loaded.rules, loaded.renderer
    if rules is None or renderer is None:
        return {}
    keys = {name: table.key_ for name, table in settings.tables.items()}
    return {
        name: Stage(one.graph, rules, settings.cadence, renderer, keys)
        for name, one in loaded.journeys.items()
        if one.graph is not None
    }


def _chosen(folder: File, paths: Iterable[File]) -> list[File]:
    """The test files that are meant by some paths; all of them when there are none."""
    every = test_files(folder)
    wanted = [path.absolute() for path in paths]
    if not wanted:
        return every

    def meant(path: File) -> bool:
        whole = path.absolute()
        beside = whole.with_name(whole.name.replace(".test.", "."))
        return any(one in (whole, beside) or one in whole.parents for one in wanted)

    return [path for path in every if meant(path)]


def _read(file: YamlFile, loaded: LoadedProject) -> tuple[JourneyTests | None, list[Problem]]:
    """The tests of a file, or the mistakes in it."""
    if file.problems:
        return None, list(file.problems)
    try:
        tests = JourneyTests.model_validate(file.data)
    except ValidationError as error:
        return None, problems_of(error, JourneyTests, file.positions)
    return tests, list(_mistakes(tests, file, loaded))


def _mistakes(tests: JourneyTests, file: YamlFile, loaded: LoadedProject) -> Iterator[Problem]:
    """A journey that is not there or not sound, a zone that is none, two tests of one name."""
    journey = loaded.journeys.get(tests.journey)
    place = file.positions.of(("journey",))
    if journey is None:
        hint = nearest(tests.journey, sorted(loaded.journeys))
        yield Problem(place, f"unknown journey '{tests.journey}'{hint}", "unknown-journey")
    elif journey.graph is None:
        first = journey.errors[0] if journey.errors else journey.file
        message = f"'{tests.journey}' cannot be tested before it is mended: {first}"
        yield Problem(place, message, "broken-journey")
    names: set[str] = set()
    for index, case in enumerate(tests.tests):
        zone = case.customer.get("timezone")
        if zone is not None and zone not in zone_names():
            where = file.positions.of(("tests", index, "customer", "timezone"))
            hint = nearest(str(zone), sorted(zone_names()))
            yield Problem(where, f"unknown zone '{zone}'{hint}; write a name such as Europe/Berlin", "unknown-zone")
        yield from _unknown_arms(case, journey, file, index)
        if case.name in names:
            where = file.positions.of(("tests", index, "name"))
            yield Problem(where, f"two tests are called '{case.name}'; give one another name", "duplicate-test")
        names.add(case.name)


def _unknown_arms(case: JourneyCase, journey: LoadedJourney | None, file: YamlFile, index: int) -> Iterator[Problem]:
    graph = journey.graph if journey is not None else None
    known = [node.arm for node in graph.nodes if isinstance(node, Gate) and node.arm is not None] if graph else []
    for place, arm in enumerate(case.arms):
        if graph is not None and arm not in known:
            where = file.positions.of(("tests", index, "arms", place))
            listed = f"; known: {', '.join(known)}" if known else ""
            yield Problem(where, f"unknown arm '{arm}'{nearest(arm, known)}{listed}", "unknown-arm")


def _expect(index: int) -> Path:
    return ("tests", index, "expect")


def _result(
    case: JourneyCase, story: Story, graph: Graph, file: YamlFile, index: int, unworded: Sequence[Difference]
) -> TestResult:
    found = [*differences(case.expect, story, file.positions, _expect(index)), *unworded]
    lines = tuple(told(story, graph)) if found else ()
    place = file.positions.of(("tests", index))
    return TestResult(case.name, graph.journey, place, tuple(found), lines)


def _coverage(journey: LoadedJourney, nodes: set[int]) -> Coverage:
    """A step is covered when a pass left one of its own nodes; the gate of `only_if` alone is passing it by."""
    covered, missing = [], []
    for step, path in reversed(journey.steps):
        own = [i for i, node in enumerate(journey.graph.nodes if journey.graph else ()) if node.step == step]
        acting = [i for i in own if journey.graph and not isinstance(journey.graph.nodes[i], Gate)] or own
        if nodes.intersection(acting):
            covered.append(step)
        else:
            missing.append((step, journey.positions.of(path)))
    return Coverage(journey.name, tuple(covered), tuple(missing))
