"""The reward programs of a project: every file of `journeys/programs/`, with its problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path as File

from journey_engine.errors import Problem
from journey_engine.load.mistakes import validated
from journey_engine.program import Program
from journey_engine.yamlfile import YamlFile, read_file


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A program file as far as it could be read; `read` is None when something must be mended first."""

    name: str
    file: YamlFile
    read: Program | None
    problems: tuple[Problem, ...] = ()


def load_programs(folder: File, shown: Callable[[File], str]) -> tuple[LoadedProgram, ...]:
    """Every program of a project, by file; two of one name are both set aside: either may be meant."""
    root = folder / "journeys" / "programs"
    paths = sorted(path for path in (*root.rglob("*.yaml"), *root.rglob("*.yml")) if path.is_file())
    loaded = [_load(read_file(path, shown(path))) for path in paths if not path.name.startswith(".")]
    return tuple(_alone(one, loaded) for one in loaded)


def _load(file: YamlFile) -> LoadedProgram:
    stem = file.file.rpartition("/")[2].rpartition(".")[0]
    name = file.data.get("program") if isinstance(file.data, dict) else None
    loaded = LoadedProgram(name if isinstance(name, str) else stem, file, None, tuple(file.problems))
    if file.problems:
        return loaded
    read, mistakes = validated(Program, file)
    if read is not None and read.return_window is not None:
        held = read.hold.at_least_seconds if read.hold else 0
        if held < read.return_window.at_least_seconds:
            message = (
                f"a reward may be used before the goods can be sent back no more: `hold` is {read.hold or 'nothing'}, "
                f"the return window {read.return_window}; write hold: {read.return_window}"
            )
            place = file.positions.of(("hold",) if read.hold else ("return_window",))
            return replace(loaded, problems=(Problem(place, message, "short-hold"),))
    return replace(loaded, read=read, problems=tuple(mistakes))


def _alone(program: LoadedProgram, every: list[LoadedProgram]) -> LoadedProgram:
    others = [other.file.file for other in every if other.name == program.name and other is not program]
    if not others:
        return program
    message = f"another program is called '{program.name}' too ({', '.join(others)}); give one another name"
    problem = Problem(program.file.positions.of(("program",)), message, "duplicate-program")
    return replace(program, read=None, problems=(*program.problems, problem))
