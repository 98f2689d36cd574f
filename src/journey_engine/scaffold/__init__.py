"""A new project: a folder that runs as it is, with a journey, its test, its letter and six made-up customers.

What is copied lies in files/ as it will lie in the project. Never replaces a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from journey_engine.errors import JourneyError

PLACEHOLDER = "project: my-shop"


def make_project(folder: Path) -> tuple[Path, ...]:
    """Write the skeleton into a folder, which is made when absent; return the files written, sorted.

    The project takes the folder's name. Raises JourneyError, and writes nothing, when one of them is there.
    """
    wanted = {folder / name: source for name, source in _files(resources.files(__name__) / "files", "")}
    there = sorted(str(path) for path in wanted if path.exists())
    if there:
        raise JourneyError(
            f"{there[0]} is there already",
            remedy="name a folder that holds no project yet: journey init NEW-FOLDER",
            code="project_exists",
        )
    for path, source in wanted.items():
        text = source.read_text(encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(PLACEHOLDER, f"project: {_name(folder)}"), encoding="utf-8", newline="\n")
    return tuple(sorted(wanted))


def _name(folder: Path) -> str:
    """The folder's name as a project may be called: small ASCII letters and digits with dashes between."""
    words = re.findall(r"[a-z0-9]+", folder.resolve().name.lower())
    return "-".join(words)[:80].strip("-") or "my-shop"


def _files(folder: Traversable, below: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{below}{entry.name}/")
        else:
            yield f"{below}{entry.name}", entry
