"""What every command prints with: text that stays the same when piped, colour only on a terminal, JSON when asked.

Errors go to standard error with their remedy; a traceback goes to a file, not to the screen.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from journey_engine.errors import JourneyError, ProblemsFound, visible
from journey_engine.times import iso

BOLD, RED, GREEN, YELLOW, DIM, PLAIN = "\033[1m", "\033[31m", "\033[32m", "\033[33m", "\033[2m", "\033[0m"


def now() -> dt.datetime:
    """The clock; the commands read it here and hand it down."""
    return dt.datetime.now(dt.UTC)


def coloured(stream: object = None) -> bool:
    """Whether colour is wanted: a terminal, and no NO_COLOR (https://no-color.org)."""
    stream = stream or sys.stdout
    return (
        bool(getattr(stream, "isatty", bool)()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def paint(text: str, style: str, stream: object = None) -> str:
    """The text in a style, where colour is wanted."""
    return f"{style}{text}{PLAIN}" if coloured(stream) else text


def say(text: str = "") -> None:
    """One line, or several, on standard output."""
    print(text)


def warn(text: str) -> None:
    """One line, or several, on standard error."""
    print(text, file=sys.stderr)


def plain(value: Any) -> Any:
    """Any of our values as JSON keeps it: instants with their zone, tuples as lists."""
    match value:
        case dt.datetime():
            return iso(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def print_json(value: Mapping[str, Any], *, indent: int | None = None) -> None:
    """One JSON object on standard output, and nothing else."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=indent))


def problem(error: JourneyError) -> None:
    """What was found and what to do, without a traceback."""
    warn(f"{paint('journey:', RED, sys.stderr)} {_lines(error.message)}")
    if error.remedy:
        warn(f"  {paint('remedy:', BOLD, sys.stderr)} {_lines(error.remedy)}")


def _lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def problems(error: ProblemsFound, named: str | None) -> None:
    """Every problem with its line and a caret."""
    from journey_engine.checks import format_problems

    try:
        folder = project_folder(named)
    except JourneyError:
        folder = Path()
    warn(format_problems(error.problems, folder, {}))


def unexpected(error: Exception, *, debug: bool) -> None:
    """One line for a person; the traceback, which may hold personal data, in a file that only they can read."""
    said = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    if debug:
        traceback.print_exception(error)
        return
    handle, name = tempfile.mkstemp(prefix="journey-", suffix=".traceback")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    warn(f"{paint('journey:', RED, sys.stderr)} unexpected {what}")
    warn(f"  the traceback is in {name}; --debug shows it here")


def project_folder(named: str | None, start: Path | None = None) -> Path:
    """The folder that holds journeys/project.yaml: the one named, or the nearest at or above `start`."""
    if named is not None:
        folder = Path(named)
        if (folder / "project.yaml").is_file() and folder.resolve().name == "journeys":
            return folder.parent
        if (folder / "journeys" / "project.yaml").is_file():
            return folder
        found = "is no folder" if not folder.is_dir() else "holds no journeys/project.yaml"
        raise JourneyError(
            f"--project {named} {found}",
            remedy="name the folder above journeys/, or make one: journey init DIR",
        )
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "journeys" / "project.yaml").is_file():
            return _relative(folder)
    raise JourneyError(
        f"no journeys/project.yaml in {here} or above it",
        remedy="go to your project's folder, name it with --project DIR, or make one: journey init DIR",
        code="no-project",
    )


def _relative(folder: Path) -> Path:
    """Short names in messages: relative to where the person is, when that is shorter."""
    here = Path.cwd().resolve()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
