"""Files of the events source that hold nothing new: their bytes are those of which the ledger has every row.

A night that reads only the other files takes in what it would take in from all of them. Where that could differ it
reads all: of an event that comes with several contents the last row counts, wherever it stands.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from journey_engine.collect.source import Incoming
from journey_engine.engines import files_of
from journey_engine.project import Source
from journey_engine.queries import fill, statements

MANY = 1000  # rows that wait for another night: with more, nothing is taken as read to the end


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a source in order with their digests, what was read to the end before, and what is to be read."""

    digests: Mapping[str, str]
    known: Mapping[str, str]
    fresh: list[str]


def look_at(incoming: Incoming, source: Source, columns: Mapping[str, str]) -> Files:
    """Tell the files that must be read from those that need not."""
    how = f"{sorted(columns.items())} {sorted(source.columns.items())} {source.timezone}"
    digests = {file: digest_of(file, how) for file in files_of(incoming.path(source))}
    known = {str(file): str(digest) for file, digest in incoming.engine.rows("SELECT file, digest FROM event_files")}
    now = {here(incoming, file): digest for file, digest in digests.items()}
    fresh = [file for file in digests if known.get(here(incoming, file)) != digests[file]]
    again = "several_contents" if known.items() - now.items() else "moved_events"
    if len(fresh) < len(digests) and incoming.engine.rows(statements("collect")[again]):
        fresh = list(digests)
    return Files(digests, known, fresh)


def remember(incoming: Incoming, files: Files) -> None:
    """Keep which files were read to the end, now or before."""
    read = incoming.part or list(files.digests)
    unfinished = _unfinished(incoming, read)
    done = [file for file in files.digests if file not in unfinished]
    rows = {here(incoming, file): files.digests[file] for file in done}
    if rows != files.known:
        incoming.engine.execute("DELETE FROM event_files")
        incoming.engine.load("event_files", ("file", "digest"), list(rows.items()))


def _unfinished(incoming: Incoming, read: list[str]) -> set[str]:
    """Those of the files with rows that were set aside, or that wait: for another night, or for their customer."""
    incoming.run("left_rows")
    incoming.engine.load("left_rows", ("row_in_source",), [(row,) for row in incoming.waiting])
    if not incoming.engine.rows("SELECT 1 FROM left_rows LIMIT 1"):
        return set()
    if len(read) == 1 or len(incoming.waiting) > MANY:
        return set(read)
    rows, first = [], 1
    for file in read:
        relation = exp.Var(this=incoming.reader.source(file))
        count = int(incoming.reader.rows(fill("SELECT count(*) FROM {relation}", {"relation": relation}))[0][0])
        rows.append((file, first, first + count - 1))
        first += count
    incoming.run("file_rows")
    incoming.engine.load("file_rows", ("file", "first_row", "last_row"), rows)
    return {str(file) for (file,) in incoming.engine.rows(statements("collect")["unfinished_files"])}


def digest_of(file: str, how: str) -> str:
    """A digest of a file's bytes and of how they are read."""
    with open(file, "rb") as stream:
        made = hashlib.file_digest(stream, lambda: hashlib.blake2b(how.encode(), digest_size=16))
    return made.hexdigest()


def here(incoming: Incoming, file: str) -> str:
    """A file's name as the store keeps it: from the project's folder, so that the folder may move."""
    return os.path.relpath(file, incoming.folder)
