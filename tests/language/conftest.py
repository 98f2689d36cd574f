"""A small project that every file of the language tests is put into."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def put(tmp_path: Path) -> Callable[[Path], Path]:
    """Copy the project and put one file into it: as project.yaml, or as a program, where its first line says so."""

    def make(source: Path) -> Path:
        folder = tmp_path / "shop"
        shutil.copytree(HERE / "project", folder)
        content = source.read_bytes()
        settings = content.startswith(b"# project.yaml\n")
        programs = "programs/" if content.startswith(b"# program\n") else ""
        target = folder / "journeys" / ("project.yaml" if settings else programs + source.name)
        target.write_bytes(content)
        return folder

    return make
