"""A whole project: its settings and definitions, its journeys, and the rules that a night applies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path as File
from typing import Any

from pydantic import TypeAdapter

from journey_engine.conditions import Condition, Context, SegmentCondition, StageCondition
from journey_engine.cycles import SHIPPED
from journey_engine.errors import JourneyError, Problem, ProblemsFound
from journey_engine.graph import Emit, Message, Task, Webhook
from journey_engine.language import parse_share
from journey_engine.load.journeys import LoadedJourney, load_journey
from journey_engine.load.mistakes import validated
from journey_engine.load.names import Of, circles, unknown_names
from journey_engine.load.parts import Words, parts
from journey_engine.load.programs import LoadedProgram, load_programs
from journey_engine.message import EMAIL, SMS
from journey_engine.predicates import share_below
from journey_engine.program import Program
from journey_engine.project import Project
from journey_engine.render import Renderer
from journey_engine.rules import Definition, Rules, with_reward_ids
from journey_engine.structure import version_of
from journey_engine.times import parse_time
from journey_engine.yamlfile import Path, Positions, read_file

PROJECT_FILE = "journeys/project.yaml"


@dataclass(frozen=True)
class ProjectFile:
    """project.yaml and what every journey shares."""

    folder: File
    read: Project | None
    context: Context = field(default_factory=Context)
    positions: Positions = field(default_factory=lambda: Positions(PROJECT_FILE))
    lines: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    programs: tuple[LoadedProgram, ...] = ()

    @property
    def settings(self) -> Project:
        """The settings; raises ProblemsFound when the file is broken."""
        if self.read is None:
            raise ProblemsFound(list(self.problems))
        return self.read

    @cached_property
    def words(self) -> Words:
        """Every word of the settings with its path."""
        return parts(self.read) if self.read is not None else ()

    @property
    def terms(self) -> dict[str, Program | None]:
        """The reward programs by name; None for one that must be mended first."""
        return {one.name: one.read for one in self.programs}

    @property
    def sound(self) -> bool:
        """Whether nothing in project.yaml must be mended first."""
        return self.read is not None and all(problem.severity != "error" for problem in self.problems)

    def shown(self, path: File) -> str:
        """A file as messages call it: relative to the project's folder when it is inside."""
        try:
            return path.absolute().relative_to(self.folder.absolute()).as_posix()
        except ValueError:
            return str(path)


@dataclass(frozen=True)
class LoadedProject:
    """A project as far as it could be loaded; `rules` is None when project.yaml is broken.

    `rules` holds the live journeys without errors; `journeys` holds every one, by name.
    """

    file: ProjectFile
    rules: Rules | None = None
    journeys: Mapping[str, LoadedJourney] = field(default_factory=dict)
    renderer: Renderer | None = None

    @property
    def folder(self) -> File:
        """The project's folder; relative paths in project.yaml start here."""
        return self.file.folder

    @property
    def project(self) -> Project:
        """The settings; raises ProblemsFound when project.yaml is broken."""
        return self.file.settings

    @property
    def problems(self) -> list[Problem]:
        """Every problem of the project and its journeys, sorted by place."""
        own = {*self.file.problems, *(problem for one in self.file.programs for problem in one.problems)}
        return sorted(own.union(*(journey.problems for journey in self.journeys.values())))

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """The lines of every file that was read."""
        files = {journey.file: journey.lines for journey in self.journeys.values()}
        files |= {one.file.file: one.file.lines for one in self.file.programs}
        return {self.file.positions.file: self.file.lines, **files}


def journey_files(folder: File) -> list[File]:
    """Every journey file of a project, sorted: not project.yaml, tests or reward programs.

    What has the name of one and cannot be read, such as a link to nowhere, is among them and is told of.
    """
    root = folder / "journeys"
    found = [*root.rglob("*.yaml"), *root.rglob("*.yml")]
    return sorted(path for path in found if not path.is_dir() and _is_journey(path.relative_to(root)))


def _is_journey(path: File) -> bool:
    return (
        path.as_posix() != "project.yaml"
        and not path.name.endswith((".test.yaml", ".test.yml"))
        and path.parts[0] != "programs"
        and not any(part.startswith(".") for part in path.parts)
    )


def load_project(folder: File) -> LoadedProject:
    """Load a project with all of its journeys. Raises JourneyError when there is no project in the folder."""
    file = read_project(folder)
    return assemble(file, [load_journey(path, file) for path in journey_files(folder)] if file.sound else [])


def read_project(folder: File) -> ProjectFile:
    """Read project.yaml: settings, segments and stages. Raises JourneyError when there is none."""
    path = folder / PROJECT_FILE
    if not path.exists():
        raise JourneyError(
            f"no project here: {path} is not there",
            remedy="go to the project's folder, name it with --project, or make one with `journey init`",
            code="no-project",
        )
    source = read_file(path, PROJECT_FILE)
    file = ProjectFile(folder, None, positions=source.positions, lines=source.lines, problems=source.problems)
    if source.problems:
        return file
    project, mistakes = validated(Project, source)
    if project is None:
        return replace(file, problems=tuple(mistakes))
    context = Context(segments=project.segments, stages=_stages(project), double=project.double)
    problems = list(unknown_names(project, context, source.positions))
    if not problems:
        problems = list(circles(context, _places(project), source.positions))
    programs = load_programs(folder, file.shown)
    return replace(file, read=project, context=context, problems=tuple(sorted(problems)), programs=programs)


def _stages(project: Project) -> dict[str, Any]:
    if project.cycle.name is not None:
        return shipped_stages(project.cycle.name)
    return {stage.stage: stage.when for stage in project.cycle.stages}


@lru_cache
def shipped_stages(cycle: str) -> dict[str, Any]:
    """The stages of a shipped cycle with their conditions, in order."""
    read = TypeAdapter(Condition).validate_python
    return {stage["stage"]: read(stage["when"]) for stage in SHIPPED[cycle]}


def _places(project: Project) -> dict[Of, Path]:
    """Where each definition is written."""
    places: dict[Of, Path] = {("segment", name): ("segments", name) for name in project.segments}
    for index, stage in enumerate(project.cycle.stages):
        places["stage", stage.stage] = ("cycle", "stages", index, "when")
    return places


def assemble(file: ProjectFile, journeys: Iterable[LoadedJourney]) -> LoadedProject:
    """Put loaded journeys together; two of one name are both set aside: either may be meant."""
    if not file.sound:
        return LoadedProject(file)
    by_name: dict[str, list[LoadedJourney]] = {}
    for journey in journeys:
        by_name.setdefault(journey.name, []).append(journey)
    known: dict[str, LoadedJourney] = {}
    for name, same in by_name.items():
        if len(same) == 1:
            known[name] = same[0]
        else:
            known.update((f"{name} ({journey.file})", _doubled(journey, same)) for journey in same)
    renderer = Renderer(file.folder / "templates", file.settings.sender, locale=file.settings.locale)
    return LoadedProject(file, _rules(file, known, renderer), known, renderer)


def _doubled(journey: LoadedJourney, same: list[LoadedJourney]) -> LoadedJourney:
    others = ", ".join(other.file for other in same if other is not journey)
    message = f"another journey is called '{journey.name}' too ({others}); give one another name"
    problem = Problem(journey.positions.of(("journey",)), message, "duplicate-journey")
    return journey.with_problems([problem])


def with_journeys(loaded: LoadedProject, journeys: Mapping[str, LoadedJourney]) -> LoadedProject:
    """The same project with journeys as later checks left them, and rules for those that are still sound."""
    if loaded.rules is None or loaded.renderer is None:
        return loaded
    return replace(loaded, journeys=journeys, rules=_rules(loaded.file, journeys, loaded.renderer))


def _rules(file: ProjectFile, journeys: Mapping[str, LoadedJourney], renderer: Renderer) -> Rules:
    settings = file.settings
    live = [one for one in journeys.values() if one.sound and one.journey and one.journey.status == "live"]
    lowered = [one.graph for one in journeys.values() if one.graph is not None]
    graphs = (journey.graph for journey in sorted(live, key=lambda journey: journey.name))
    aside = (journey.name for journey in journeys.values() if not journey.sound)
    return Rules(
        journeys=tuple(graph for graph in graphs if graph is not None),
        definitions=tuple(_definitions(file.context)),
        values=with_reward_ids(_values(journeys.values(), renderer), lowered),
        programs={one.name: one.read.limit() for one in file.programs if one.read is not None},
        timezone=settings.timezone,
        aside=frozenset(aside),
        accept_late=settings.accept_late,
        hold_when=settings.hold_when.resolve(file.context) if settings.hold_when is not None else None,
        holdout=share_below(parse_share(settings.holdout)) if settings.holdout is not None else None,
        send_hours=(parse_time(settings.send_hours.from_), parse_time(settings.send_hours.until)),
        caps=tuple(cap.lower() for cap in settings.caps),
        wordless=frozenset(_wordless(settings, renderer)),
    )


def _wordless(settings: Project, renderer: Renderer) -> Iterator[tuple[str, str]]:
    """The templates that say nothing by one of the ways; of passes in older versions too."""
    for template in renderer.library.names if SMS in settings.channels.known else ():
        for way in (EMAIL, SMS):
            if not renderer.library.speaks(template, way):
                yield template, way


def _definitions(context: Context) -> Iterator[Definition]:
    for name in context.segments:
        yield _definition("segment", name, SegmentCondition(name=name).resolve(context))
    for name in context.stages:
        yield _definition("stage", name, StageCondition(name=name).resolve(context))


def _definition(of: str, name: str, predicate: Any) -> Definition:
    return Definition(of=of, name=name, predicate=predicate, version=version_of(predicate))


def _values(journeys: Iterable[LoadedJourney], renderer: Renderer) -> dict[str, frozenset[str]]:
    """The dotted paths that each template, task's title and webhook names, of drafts too: their tests run.

    A letter also brings what says who it is from.
    """
    found: dict[str, frozenset[str]] = {}
    for journey in journeys:
        for node in journey.graph.nodes if journey.graph is not None else ():
            match node:
                case Emit(effect=Message(template=template, topic=topic)):
                    named = found[template] if template in found else renderer.variables(template)
                    found[template] = named | renderer.author_paths(topic)
                case Emit(effect=Task(title=title)) if title not in found:
                    found[title] = renderer.line_variables(title)
                case Emit(effect=Webhook() as effect):
                    found[effect.wording] = effect.paths
                case _:
                    pass
    return found
