"""Files that are not read because of their name or place, and data that are not there: nothing else would tell."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from pathlib import Path

from journey_engine.checks.scope import Scope
from journey_engine.engines import files_of
from journey_engine.errors import JourneyError, Place, Problem
from journey_engine.project import Source

_ENDINGS = (".yaml", ".yml", ".yaml.txt", ".yml.txt")
_KIND = re.compile(r"(?m)^(journey|program|tests):")
_LOOKED_AT = 100_000  # characters


def files(scope: Scope) -> Iterator[Problem]:
    """Journeys, tests and programs where nobody looks: beside journeys/, in templates/, or with `.txt` behind."""
    folder = scope.loaded.folder
    for path in sorted({*_in(folder / "journeys", deep=True), *_in(folder / "templates", deep=True), *_in(folder)}):
        shown = path.relative_to(folder)
        inside = shown.parts[0] == "journeys"
        kinds = set() if inside and not path.name.endswith(".txt") else set(_KIND.findall(_text(path)))
        if not kinds:
            continue
        what = "tests" if "tests" in kinds else "a journey" if "journey" in kinds else "a reward program"
        own = path.name.removesuffix(".txt")
        place = shown.parent / own if inside else Path("journeys") / ("programs" if "program" in what else "") / own
        message = f"{what}, and nobody reads this file; move it to {place.as_posix()}"
        yield Problem(Place(shown.as_posix()), message, "misplaced-file", "warning")


def sources(scope: Scope) -> Iterator[Problem]:
    """Data that are not there: a night cannot run without them."""
    project, positions = scope.project, scope.loaded.file.positions
    found: list[tuple[tuple[str, ...], Source]] = [(("customers",), project.customers), (("events",), project.events)]
    found += [(("tables", name, "source"), words.source) for name, words in project.tables.items()]
    for path, source in found:
        if source.path is not None and not _there(scope.loaded.folder, source.path):
            message = f"there is no {source.path}; put the file there before the first night"
            yield Problem(positions.of(path), message, "missing-source", "warning")


def _there(folder: Path, path: str) -> bool:
    try:
        return bool(files_of(path if Path(path).is_absolute() else f"{glob.escape(str(folder))}/{path}"))
    except JourneyError:
        return False


def _in(folder: Path, *, deep: bool = False) -> Iterator[Path]:
    """Files that may be such, but for hidden ones."""
    for path in folder.rglob("*") if deep else folder.glob("*"):
        named = path.name.lower().endswith(_ENDINGS)
        if named and path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LOOKED_AT)
    except OSError:
        return ""
