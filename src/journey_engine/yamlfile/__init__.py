"""YAML 1.2 with the place of every key and value.

`NO`, `on`, `9:30` and `01234` are text, numbers are exact, a key may stand once. Whatever cannot be read is
a `Problem` with line and column. Knows nothing of journeys, and builds only plain data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import yaml

from journey_engine.errors import Place, Problem
from journey_engine.yamlfile.events import Reading, Stop
from journey_engine.yamlfile.places import Path, Positions, Spot

__all__ = ["MAX_BYTES", "Path", "Positions", "Spot", "YamlFile", "read", "read_file"]

MAX_BYTES = 1_000_000

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# What the scanner says, and what a person can do about it.
_NEAR = "is not closed, or a comma is missing before this place"
_ALIGN = "this line does not line up with the"
_SAYINGS = (
    ("mapping values are not allowed", "a second ': ' on this line; quote the text, or begin a new line"),
    ("found unexpected end of stream", "this quote is never closed"),
    ("expected ',' or ']'", f"a list in [ ] {_NEAR}"),
    ("expected ',' or '}'", f"a mapping in {{ }} {_NEAR}"),
    ("expected node content", "a value is missing before this place, or a bracket is not closed"),
    ("expected '-' indicator", "this line belongs to a list but does not begin with '- '"),
    ("did not find expected key", f"{_ALIGN} keys above it"),
    ("could not find expected ':'", "a ':' is missing after this key"),
    ("expected <block end>", f"{_ALIGN} lines above it"),
    ("document start", f"{_ALIGN} lines above it"),
    ("unknown escape character", "an unknown \\ escape; write \\\\ for a backslash, or use single quotes"),
    ("cannot start any token", "a value cannot begin with this character; put the text in quotes"),
    ("undefined tag handle", "tags (words that begin with !) are not used here; put the text in quotes"),
)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file holds: plain data with its places, or the problems that kept it from being read."""

    file: str
    data: Any
    positions: Positions
    lines: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def read_file(path: File, name: str | None = None) -> YamlFile:
    """Read a file; `name` is what messages call it."""
    shown = name or str(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
            raise OSError("it is no file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return _refused(shown, (), Stop(1, 1, f"this file cannot be read: {reason}", "unreadable-file"))
    return read(content, shown)


def read(content: bytes | str, name: str) -> YamlFile:
    """Read a text, or bytes in UTF-8."""
    lines: tuple[str, ...] = ()
    try:
        text = _decoded(content)
        lines = tuple(_BREAK.split(text))
        _check_characters(text)
        data, spot, quoted = Reading(text).document()
        _check_tabs(lines, quoted)
    except Stop as stop:
        return _refused(name, lines, stop)
    except yaml.YAMLError as error:
        return _refused(name, lines, _explained(error, lines))
    return YamlFile(name, data, Positions(name, spot), lines)


def _refused(name: str, lines: tuple[str, ...], stop: Stop) -> YamlFile:
    problem = Problem(Place(name, stop.line, stop.column), stop.message, stop.code)
    return YamlFile(name, None, Positions(name), lines, (problem,))


def _decoded(content: bytes | str) -> str:
    size = len(content)
    if size > MAX_BYTES:
        raise Stop(1, 1, f"this file is larger than {MAX_BYTES:,} bytes; journeys are small, split it", "too-big")
    if isinstance(content, str):
        return content
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        line, column = _line_and_column(before, len(before))
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise Stop(line, column, message, "not-utf8") from None


def _check_characters(text: str) -> None:
    found = _CONTROL.search(text)
    if found:
        line, column = _line_and_column(text, found.start())
        message = f"the control character U+{ord(found[0]):04X} cannot stand in YAML; delete it"
        raise Stop(line, column, message, "control-character")


def _check_tabs(lines: tuple[str, ...], quoted: list[range]) -> None:
    """Tabs indent nothing; inside a text of several lines they are content."""
    for number, line in enumerate(lines, 1):
        blank = line.lstrip(" ")
        if blank.startswith("\t") and blank.strip() and not any(number in lines_of for lines_of in quoted):
            raise _tab(number, line)


def _tab(number: int, line: str) -> Stop:
    column = line.index("\t") + 1
    return Stop(number, column, "a tab indents this line; YAML wants spaces", "tab")


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    breaks = list(_BREAK.finditer(text, 0, offset))
    return len(breaks) + 1, offset - (breaks[-1].end() if breaks else 0) + 1


def _explained(error: yaml.YAMLError, lines: tuple[str, ...]) -> Stop:
    said = str(getattr(error, "problem", None) or error)
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    shown = lines[line - 1] if line <= len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return _tab(line, shown)
    opened = getattr(error, "context_mark", None)
    if said == "found unexpected end of stream" and opened:
        line, column = opened.line + 1, opened.column + 1
    told = next((saying for words, saying in _SAYINGS if words in said), said)
    if said.startswith("mapping values") and ": " not in shown[: column - 1]:
        told = "this line is indented deeper than the one above it, which has a value already"
    return Stop(line, column, f"this is not YAML: {told}", "yaml")
