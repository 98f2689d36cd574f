"""Problems as text with the line and a caret, and as plain data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from journey_engine.errors import Problem, masked

WIDTH = 100  # of a source line; longer ones are shown around the caret
PASSWORD = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]+(?=@)|(?<=[?&]password=)[^\s&]+")  # of a URL, with its user


def format_problem(problem: Problem, lines: Sequence[str] = ()) -> str:
    """`file:line:col: message [code]`, then the source line and a caret below the place."""
    label = "warning: " if problem.severity == "warning" else ""
    head = f"{problem.place}: {label}{problem.message} [{problem.code}]"
    number, column = problem.place.line, problem.place.column
    if not 1 <= number <= len(lines) or not lines[number - 1].strip():
        return head
    text = masked("".join(letter if letter.isprintable() else " " for letter in lines[number - 1]))
    text = PASSWORD.sub(lambda found: "*" * len(found[0]), text)
    start = max(0, column - 1 - WIDTH // 2) if len(text) > WIDTH else 0
    shown = text[start : start + WIDTH]
    word = re.match(r"[\w.-]+|.?", text[column - 1 :])
    length = min(len(word[0]) if word else 1, start + WIDTH - column + 1)
    margin = " " * len(str(number))
    caret = " " * (column - 1 - start) + "^" + "~" * max(0, length - 1)
    return f"{head}\n  {number} | {shown}\n  {margin} | {caret}"


def format_problems(problems: Iterable[Problem], folder: Path, sources: dict[str, tuple[str, ...]]) -> str:
    """All of them, sorted by place; files outside `sources` (templates) are read from the folder."""
    known = dict(sources)
    shown = []
    for problem in sorted(problems):
        if problem.code == "unreadable-file":  # nor is it shown: a link may lead to what is nobody's business
            known.setdefault(problem.place.file, ())
        if problem.place.file not in known:
            known[problem.place.file] = _lines(folder / problem.place.file)
        shown.append(format_problem(problem, known[problem.place.file]))
    return "\n".join(shown)


def _lines(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else ()
    except (OSError, UnicodeDecodeError):
        return ()


def as_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Plain data, one entry a problem, sorted by place."""
    return [
        {
            "file": problem.place.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "severity": problem.severity,
            "code": problem.code,
            "message": problem.message,
        }
        for problem in sorted(problems)
    ]
