"""One journey file: read, validated, its names looked up, lowered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import TYPE_CHECKING

from journey_engine.conditions import Context, CustomerCondition, SegmentCondition, StageCondition
from journey_engine.errors import Place, Problem
from journey_engine.graph import Graph
from journey_engine.journey import Journey
from journey_engine.load.mistakes import validated
from journey_engine.load.names import unknown_in, unknown_name
from journey_engine.load.parts import Words, of_kind, parts
from journey_engine.steps import Builder
from journey_engine.yamlfile import Path, Positions, YamlFile, read_file

if TYPE_CHECKING:
    from journey_engine.load.project import ProjectFile


@dataclass(frozen=True, slots=True)
class LoadedJourney:
    """A journey file as far as it could be read and lowered, with its problems.

    `words` has every word of it with its path; `steps` each step id with its path, the last step first.
    """

    name: str
    file: str
    positions: Positions
    lines: tuple[str, ...] = ()
    journey: Journey | None = None
    words: Words = ()
    lowered: Graph | None = None
    steps: tuple[tuple[str, Path], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def graph(self) -> Graph | None:
        """The graph that a night may run; None when something must be mended first."""
        return self.lowered if self.sound else None

    @property
    def sound(self) -> bool:
        """Whether nothing keeps it from running."""
        return self.lowered is not None and not self.errors

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps it from running."""
        return tuple(one for one in self.problems if one.severity == "error")

    def with_problems(self, more: list[Problem]) -> LoadedJourney:
        """The same with more problems, sorted by place."""
        return replace(self, problems=tuple(sorted({*self.problems, *more})))


def load_journey(path: File, project: ProjectFile) -> LoadedJourney:
    """Load one file of a project; its problems are in the result."""
    file = project.shown(path)
    return lower_journey(read_file(path, file), project)


def lower_journey(source: YamlFile, project: ProjectFile) -> LoadedJourney:
    """Validate and lower what a file holds."""
    stem = source.file.rpartition("/")[2].removesuffix(".yaml")
    name = source.data.get("journey") if isinstance(source.data, dict) else None
    loaded = LoadedJourney(
        name=name if isinstance(name, str) else stem,
        file=source.file,
        positions=source.positions,
        lines=source.lines,
        problems=source.problems,
    )
    if source.problems:
        return loaded
    if isinstance(source.data, dict) and "tests" in source.data and "trigger" not in source.data:
        # Under its own name: the journey that it is about has a file of its own, and is not doubled.
        message = (
            f"these are tests, and the file's name does not say so; call it {stem.removesuffix('-test')}.test.yaml"
        )
        return replace(loaded, name=source.file).with_problems(
            [Problem(source.positions.of(("tests",), key=True), message, "misplaced-file")]
        )
    journey, mistakes = validated(Journey, source)
    if journey is None:
        return loaded.with_problems(mistakes)
    words = parts(journey)
    unknown = list(unknown_in(words, project.context, source.positions))
    unknown += _own_stage(journey, project, source.positions)
    return _lowered(replace(loaded, journey=journey, words=words).with_problems(unknown), journey, project)


def _own_stage(journey: Journey, project: ProjectFile, positions: Positions) -> list[Problem]:
    if journey.stage is None:
        return []
    return list(unknown_name("stage", journey.stage, project.context, ("stage",), positions))


def _lowered(loaded: LoadedJourney, journey: Journey, project: ProjectFile) -> LoadedJourney:
    settings, positions = project.settings, loaded.positions

    def place(path: Path) -> tuple[int, int]:
        found = positions.of(path, key=True)
        return found.line, found.column

    builder = Builder(
        context=_with_stand_ins(project.context, loaded.words),
        topics={name: topic.class_ for name, topic in settings.topics.items()},
        programs=project.terms,
        webhooks=settings.webhooks,
        tables=settings.tables,
        channel=settings.channels.default,
        reach=settings.channels.reach,
        prefers=settings.channels.prefers,
        max_lateness=settings.max_lateness,
        timezone=settings.timezone,
        place=place,
    )
    graph = journey.lower(builder, loaded.file)
    problems = [Problem(_pointed(positions, path, code), message, code) for path, message, code in builder.problems]
    return replace(loaded, lowered=graph, steps=tuple(builder.ids.items())).with_problems(problems)


def _with_stand_ins(context: Context, words: Words) -> Context:
    """The names inside a pass; unknown ones, reported already, stand for everyone, so all else is checked."""
    everyone = CustomerCondition.model_validate({"customer_id": {"exists": True}})
    segments = {word.name: everyone for _, word in of_kind(SegmentCondition, words)}
    stages = {word.name: everyone for _, word in of_kind(StageCondition, words)}
    known = dict(context.stages)
    names = {**segments, **context.segments}
    return replace(context, segments=names, stages=known | {**stages, **known}, in_pass=True)


def _pointed(positions: Positions, path: Path, code: str) -> Place:
    """What is unknown is pointed at itself; what lacks something, at its key."""
    return positions.of(path, key=not code.startswith("unknown"))
