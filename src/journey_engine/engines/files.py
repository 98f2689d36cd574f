"""CSV and Parquet files as relations that DuckDB reads, with what is wrong with a file in words.

The form of a CSV file is read from its first line and stated in full: nothing is guessed from a sample of the rows,
so a broken row is an error with its line and never another reading of the file. Messages never repeat values.
"""

from __future__ import annotations

import csv
import glob
import io
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from journey_engine.errors import JourneyError, nearest

PARQUET, CSV = (".parquet", ".pq"), (".csv", ".tsv", ".txt")
LONGEST_LINE = 64 * 2**20
_DELIMITERS = (",", ";", "\t", "|")
_HEAD = 2**20
_BREAK = re.compile(r"\r\n|\r|\n")
_QUOTE_OR_BREAK = re.compile(r"\"|\r\n|\r|\n")
_VALUE = re.compile(r"@|^[^A-Za-z]*\d|^[A-Za-z]{0,3}[-_]?\d+$")  # an address, what begins with digits, ids such as c17
_AGAIN = "open the file at that place and export it again; nothing was changed"


def files_of(path: str) -> list[str]:
    """The files that a path or glob names, in order. Raises JourneyError when there is none."""
    found = [path] if Path(path).is_file() else sorted(glob.glob(path, recursive=True))
    found = [file for file in found if not Path(file).is_dir()]
    if found:
        return found
    if Path(path).is_dir():
        raise JourneyError(
            f"{path} is a folder",
            remedy=f"name its files in journeys/project.yaml, such as `path: {Path(path).name}/*.csv`",
            code="missing-file",
        )
    beside = sorted(item.name for item in Path(path).parent.glob("*") if item.is_file())
    raise JourneyError(
        f"there is no file {path}{nearest(Path(path).name, beside)}",
        remedy="put it there, or mend `path:` in journeys/project.yaml",
        code="missing-file",
    )


def relation_of(path: str | Sequence[str]) -> str:
    """The SQL of a file, glob or list of files as a relation; a CSV file has text columns only. Raises JourneyError."""
    files = files_of(path) if isinstance(path, str) else list(path)
    for file in files:
        if not Path(file).is_file():
            raise JourneyError(
                f"{file} is no file: a pipe or a device gives its rows once, and a night may read them twice",
                remedy="write the rows into a file, and name it in journeys/project.yaml",
                code="unreadable-source",
            )
        if Path(file).stat().st_size == 0:
            raise JourneyError(f"{file} is empty: not even a header", remedy="export it again", code="empty-source")
    kinds = {Path(file).suffix.lower() for file in files}
    if kinds <= set(PARQUET):
        return f"read_parquet([{_quoted_list(files)}], union_by_name = true)"
    if kinds <= set(CSV):
        return _csv(files)
    raise JourneyError(
        f"{path}: files of type {', '.join(sorted(kind or 'none' for kind in kinds))} cannot be read",
        remedy="give CSV (.csv) or Parquet (.parquet) files of one kind",
        code="unreadable-source",
    )


def unreadable(name: str, said: str) -> JourneyError:
    """The error of a source that the engine refused: where, and what is wrong there."""
    line = re.search(r"CSV Error on Line: (\d+)", said)
    file = re.search(r"file = (.+)", said)
    where = f"{file[1].strip() if file else name}" + (f", line {line[1]}" if line else "")
    columns = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said)
    remedy = _AGAIN
    if columns:
        what = f"the header has {columns[1]} columns, this row has {columns[2]}"
        remedy = "put values that hold the delimiter or a line break between double quotes; nothing was changed"
    elif "not utf-8" in said or "Invalid unicode" in said:
        what, remedy = "it is not written in UTF-8", "export it in UTF-8; nothing was changed"
    elif "unterminated quote" in said:
        what = "a value begins with a double quote that does not end it"
        if file and line and _is_last(file[1].strip(), int(line[1])):
            what += ", and the file ends there: the export may have been cut off"
        remedy = "write a double quote within a value twice, and the value between double quotes; nothing was changed"
    elif "Maximum line size" in said:
        what = f"a row is longer than {LONGEST_LINE // 2**20} MB"
    elif "state machine reached an invalid state" in said:
        what = "lines end in different ways, or a double quote stands where none may"
        remedy = "export it with one kind of line ends; nothing was changed"
    else:
        what = first_line(said)
    return JourneyError(f"{where} cannot be read: {what}", remedy=remedy, code="unreadable-source")


def _is_last(file: str, line: int) -> bool:
    """Whether a line is the last one of a file."""
    try:
        with open(file, "rb") as stream:
            return line >= sum(1 for _ in stream)
    except OSError:
        return False


def first_line(said: str) -> str:
    """The engine's words in one line, without values from the data."""
    said = re.split(r"\n\s*LINE \d+: ", said)[0]  # what follows is our own statement with a caret below
    lines = [line.strip() for line in said.splitlines() if line.strip() and "Original Line" not in line]
    text = " ".join(lines[:1] if "Conversion Error" in said or "CSV Error" in said else lines[:3])
    return re.sub(r"(string|value|field) (['\"]).*\2", r"\1 ...", text)[:400]


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted_list(values: Sequence[str]) -> str:
    return ", ".join(_quoted(value) for value in values)


def _csv(files: Sequence[str]) -> str:
    """Neighbours with one header are read together; the others' columns are put together by name."""
    parts = []
    for (delimiter, columns), same in groupby(files, key=_form):
        spec = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in columns)
        parts.append(
            f"read_csv([{_quoted_list(list(same))}], columns = {{{spec}}}, header = true, auto_detect = false, "
            f"delim = {_quoted(delimiter)}, quote = '\"', escape = '\"', max_line_size = {LONGEST_LINE})"
        )
    if len(parts) == 1:
        return parts[0]
    return "(" + " UNION ALL BY NAME ".join(f"FROM {part}" for part in parts) + ")"


def _form(file: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter and the columns of a CSV file, from its first line."""
    try:
        with open(file, "rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise JourneyError(
            f"{file} cannot be read: {error.strerror}", remedy="mend its permissions", code="unreadable-source"
        ) from error
    if b"\0" in head[:4096]:
        raise JourneyError(
            f"{file} is no text: it holds bytes that no CSV file in UTF-8 has",
            remedy="export it as CSV in UTF-8, or as Parquet with the ending .parquet",
            code="unreadable-source",
        )
    try:
        text = head.decode("utf-8-sig", errors="strict" if len(head) < _HEAD else "ignore")
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        raise unreadable(file, f"CSV Error on Line: {line}\nInvalid unicode") from None
    readings = {delimiter: _header(text, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda one: len(readings[one]))
    if not any(readings.values()):
        raise JourneyError(f"{file}, line 1: there is no header", remedy="export it again", code="unreadable-source")
    columns = tuple(name.strip() or f"column{place}" for place, name in enumerate(readings[delimiter], 1))
    _check_breaks(file, text, columns)
    if len({name.lower() for name in columns}) < len(columns) and looks_like_data(columns):
        raise headless(file)
    seen: dict[str, str] = {}
    for name in columns:
        if name.lower() in seen:
            twin = seen[name.lower()]
            what = "twice" if twin == name else f"and '{twin}', which differ only in case"
            raise JourneyError(
                f"{file}, line 1: there is a column '{name}' {what}",
                remedy="give each column a name of its own; nothing was changed",
                code="duplicate-column",
            )
        seen[name.lower()] = name
    return delimiter, columns


def _check_breaks(file: str, text: str, columns: Sequence[str]) -> None:
    """A name may hold line breaks as lines end in this file; from others DuckDB would take no row, and say nothing."""
    for place, name in enumerate(columns, 1):
        if (found := _BREAK.search(name)) and found[0] != _line_end(text):
            raise JourneyError(
                f"{file}, line 1: the name of column {place} holds a line break that ends no line in this file",
                remedy="give the column a name in one line and export it again; nothing was changed",
                code="unreadable-source",
            )


def _line_end(text: str) -> str | None:
    """How the header ends: the first line break that does not stand between double quotes."""
    quoted = False
    for found in _QUOTE_OR_BREAK.finditer(text):
        if found[0] == '"':
            quoted = not quoted
        elif not quoted:
            return found[0]
    return None


def looks_like_data(columns: Iterable[str]) -> bool:
    """Whether the names of columns look like a row: an address, a number, a date or an id among them."""
    return any(_VALUE.search(name) for name in columns)


def headless(file: str) -> JourneyError:
    """The error of a file that begins with a row; its values are not shown."""
    return JourneyError(
        f"{file}: line 1 looks like data, not a header",
        remedy="export it again with the names of its columns in the first line; nothing was changed",
        code="missing-column",
    )


def _header(text: str, delimiter: str) -> list[str]:
    """The first record of a text."""
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
