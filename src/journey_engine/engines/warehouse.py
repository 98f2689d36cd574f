"""The folder that keeps the state of an engine on Spark: tables as Parquet files, and one small file that names them.

What `CURRENT` names is committed, and nothing else is. A commit writes new folders beside the old ones, and its last
act puts another `CURRENT` in place by rename; whoever dies before that has changed nothing. What is no longer named is
removed afterwards, or when the next one opens the folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from journey_engine.errors import JourneyError

CURRENT, PARTS, STAGING = "CURRENT", "parts", "staging"
GLOBS = "*?[]{}\\"


@dataclass(slots=True)
class Warehouse:
    """The folder, for one process that writes."""

    folder: Path
    version: int = 0
    tables: dict[str, Any] = field(default_factory=dict)
    lock: IO[str] | None = None
    made: int = 0

    @classmethod
    def open(cls, folder: Path) -> Warehouse:
        """Open or make the folder, for this process alone. Raises JourneyError for what stands in the way."""
        if any(sign in str(folder) for sign in GLOBS):
            raise JourneyError(
                f"the engine folder {folder} has a name that Spark takes for a pattern",
                remedy=f"use a folder without any of {GLOBS} in its path",
                code="engine-unavailable",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "lock").open("w")
        except OSError as error:
            raise JourneyError(
                f"the engine folder {folder} cannot be opened: {error.strerror}",
                remedy="mend the permissions of the folder, or `engine:` in project.yaml",
                code="engine-unavailable",
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise JourneyError(
                f"the engine folder {folder} is in use: another process has it open for writing",
                remedy="wait for it to end",
                code="engine-unavailable",
            ) from error
        opened = cls(folder, lock=lock)
        try:
            opened._read()
        except BaseException:
            lock.close()
            raise
        shutil.rmtree(folder / STAGING, ignore_errors=True)
        opened.tidy()
        return opened

    def _read(self) -> None:
        current = self.folder / CURRENT
        if not current.exists():
            return
        try:
            found = json.loads(current.read_text(encoding="utf-8"))
            self.version, self.tables = int(found["version"]), dict(found["tables"])
            gone = sorted(name for name in self._named() if not self.part(name).is_dir())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(self.folder, f"{CURRENT} cannot be read") from error
        if gone:
            raise _damaged(self.folder, f"{gone[0]} is not there")

    def part(self, name: str) -> Path:
        """Where a part of a table lies."""
        return self.folder / PARTS / name

    def new_part(self, table: str) -> str:
        """A name for a new part of a table."""
        self.made += 1
        return f"{table}/{self.version + 1}-{self.made}"

    def stage(self) -> Path:
        """A new folder for rows on their way, gone when the night is over."""
        self.made += 1
        return self.folder / STAGING / str(self.made)

    def commit(self, tables: Mapping[str, Any]) -> None:
        """Make these tables the committed ones. Their parts are written already; the rename is the one moment."""
        known = self._named()
        for table in tables.values():
            for part in table["parts"]:
                if part["folder"] not in known:
                    _sync(self.part(part["folder"]))
        _sync_folder(self.folder / PARTS)
        fresh = self.folder / f"{CURRENT}.new"
        with fresh.open("w", encoding="utf-8") as out:
            json.dump({"version": self.version + 1, "tables": tables}, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        os.replace(fresh, self.folder / CURRENT)
        _sync_folder(self.folder)
        self.version, self.tables = self.version + 1, dict(tables)

    def tidy(self) -> None:
        """Remove what is not named: older versions, and what a run left that came to no end."""
        named = self._named()
        for table in (self.folder / PARTS).glob("*"):
            for part in table.glob("*"):
                if f"{table.name}/{part.name}" not in named:
                    shutil.rmtree(part, ignore_errors=True)

    def _named(self) -> set[str]:
        return {part["folder"] for table in self.tables.values() for part in table["parts"]}

    def close(self) -> None:
        """Let others write."""
        shutil.rmtree(self.folder / STAGING, ignore_errors=True)
        if self.lock is not None:
            self.lock.close()
            self.lock = None


def _sync(folder: Path) -> None:
    """What is renamed into place must be on the disk before."""
    for file in folder.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    _sync_folder(folder)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system knows it
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _damaged(folder: Path, what: str) -> JourneyError:
    return JourneyError(
        f"the engine folder {folder} is damaged: {what}",
        remedy="restore it from a copy; then `journey run` goes on from there, and nothing is sent twice",
        code="engine-unreadable",
    )
