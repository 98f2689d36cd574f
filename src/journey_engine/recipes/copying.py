"""Copies a recipe into a project: its journey, test and letters, and the journeys, programs and settings that it needs.

Everything is looked at first; then files are written, project.yaml last. A refusal leaves nothing behind.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, meta

from journey_engine.checks import open_project
from journey_engine.errors import JourneyError, Problem, ProblemsFound
from journey_engine.load import LoadedProject, load_project
from journey_engine.recipes.needs import journeys, needed, programs, templates
from journey_engine.recipes.settings import PROJECT_FILE, Entry, with_entries
from journey_engine.recipes.shelf import Recipe


@dataclass(frozen=True, slots=True)
class Copied:
    """What was written, what was added to project.yaml, which shared files stay the project's own, what is not right.

    `others` came along because the journey names them. Paths are relative to the project's folder.
    """

    journey: str
    others: tuple[str, ...]
    files: tuple[str, ...]
    added: tuple[Entry, ...]
    kept: tuple[str, ...]
    problems: tuple[Problem, ...]


def copy_recipe(recipe: Recipe, folder: Path, name: str | None = None) -> Copied:
    """Copy a recipe into the project in `folder`, under another name if one is given.

    The journeys that it names come along, unless the project has one of that name.

    Raises JourneyError, and writes nothing, when a file is there already, the project is broken, its cycle lacks the
    stage or its settings cannot be added to.
    """
    target, called = load_project(folder), name or recipe.name
    _check(recipe, target, called)
    others = journeys(recipe, target.journeys)
    files = _journey(recipe, called)
    for one in others:
        _check(one, target, one.name)
        files |= _journey(one, one.name)
    kept = []
    for path, own in _beside([recipe, *others], target):
        there, content = folder / path, (recipe.loaded.folder / path).read_bytes()
        if not there.exists():
            files[path] = content
        elif there.read_bytes() != content:
            if not own:
                _refuse_letter(path)
            kept.append(path)
    taken = next((path for path in files if (folder / path).exists()), None)
    if taken is not None:
        _refuse(recipe, f"{taken} is there already")
    needs = needed([recipe, *others])
    wanted = [one for one in needs if one.name not in getattr(target.project, one.setting)]
    settings = with_entries((folder / PROJECT_FILE).read_bytes(), wanted) if wanted else None
    _write(folder, files, settings)
    names = (called, *(one.name for one in others))
    problems = tuple(_problems(folder, names))
    return Copied(called, names[1:], tuple(sorted(files)), tuple(wanted), tuple(sorted(kept)), problems)


def _check(recipe: Recipe, target: LoadedProject, called: str) -> None:
    if target.rules is None:
        raise ProblemsFound([one for one in target.problems if one.severity == "error"])
    stages = list(target.file.context.stages)
    if recipe.stage not in stages:
        raise JourneyError(
            f"'{recipe.stage}' is no stage of this project; its cycle has: {', '.join(stages)}",
            remedy="take a recipe of one of these stages, or set `cycle:` in journeys/project.yaml",
            code="other-cycle",
        )
    if re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", called) is None:
        raise JourneyError(f"'{called}' is no name for a journey", remedy="write it in lower-case-with-dashes")
    if called in target.journeys:
        _refuse(recipe, f"the project has a journey '{called}' already, in {target.journeys[called].file}")


def _refuse(recipe: Recipe, found: str) -> None:
    remedy = f"copy it under another name: journey new {recipe.title} --as my-{recipe.name}"
    raise JourneyError(found, remedy=remedy, code="recipe-exists")


def _refuse_letter(path: str) -> None:
    letter = path.rpartition("/")[0]
    remedy = f"rename your folder {letter} and the name in the journeys that send it, then call this again"
    raise JourneyError(f"{path} is there already, with other words", remedy=remedy, code="recipe-exists")


def _journey(recipe: Recipe, called: str) -> dict[str, bytes]:
    """The journey and its test under the name, with what they will hold."""
    files = {}
    for ending in (".yaml", ".test.yaml"):
        source = recipe.path.with_name(f"{recipe.path.stem}{ending}")
        text = source.read_text(encoding="utf-8")
        own = re.sub(rf"(?m)^journey: {re.escape(recipe.name)}$", f"journey: {called}", text, count=1)
        files[f"journeys/{recipe.stage}/{called}{ending}"] = own.encode()
    return files


def _beside(recipes: Sequence[Recipe], target: LoadedProject) -> Iterator[tuple[str, bool]]:
    """Every file that the letters and rewards are made of, and whether the project's own stays in its place.

    That is so of what letters share, layouts and blocks, and of programs; of one that the project has, by whatever
    file, nothing is copied.
    """
    root = recipes[0].loaded.folder / "templates"
    names = sorted({name for recipe in recipes for name in templates(recipe)})
    letters = sorted(path for name in names for path in (root / name).rglob("*") if path.is_file())
    shared = _shared(root, letters)
    for path in [*letters, *shared]:
        yield f"templates/{path.relative_to(root).as_posix()}", path in shared
    given = {one.name: one for recipe in recipes for one in programs(recipe)}
    own = {one.name: one.file.file for one in target.file.programs}
    for name, program in given.items():
        if own.get(name, program.file.file) == program.file.file:
            yield program.file.file, True


def _shared(root: Path, letters: list[Path]) -> list[Path]:
    """Layouts and blocks that the letters name, and those that these name, in every locale."""
    found: set[Path] = set()
    front = list(letters)
    while front:
        parsed = Environment(autoescape=True).parse(front.pop().read_text(encoding="utf-8"))
        for name in meta.find_referenced_templates(parsed):
            stem, _, ending = (name or "").rpartition(".")
            new = {path for path in (root / stem).parent.glob(f"{Path(stem).name}*.{ending}") if path not in found}
            found |= new
            front += sorted(new)
    return sorted(found)


def _write(folder: Path, files: dict[str, bytes], settings: bytes | None) -> None:
    """Write everything or, when the disk refuses, nothing; project.yaml is replaced as a whole, at the end."""
    written: list[Path] = []
    part = folder / f"{PROJECT_FILE}.part"
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                written.append(path)
                file.write(content)
        if settings is not None:
            written.append(part)
            part.write_bytes(settings)
            os.replace(part, folder / PROJECT_FILE)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise JourneyError(
            f"{error.filename or folder} cannot be written: {error.strerror}",
            remedy="make room or give yourself the right to write there, then call this again; nothing was changed",
        ) from error


def _problems(folder: Path, names: Sequence[str]) -> list[Problem]:
    """What is not right now, in project.yaml or the new journeys; other journeys' mistakes are their own."""
    loaded = open_project(folder)
    others = {one.file for name, one in loaded.journeys.items() if name not in names}
    return [one for one in loaded.problems if one.place.file not in others]
