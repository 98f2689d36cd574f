"""A shop as `journey init` makes it, and the command called as a person would, in this process or in its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from journey_engine.cli import main
from journey_engine.scaffold import make_project

NIGHT = "2026-03-02T02:00:00Z"


@dataclass(frozen=True)
class Said:
    """What a command left: its exit status and both outputs."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Journey = Callable[..., Said]


@pytest.fixture
def journey(capsys: pytest.CaptureFixture[str]) -> Journey:
    """Call the command in this process."""

    def call(*arguments: str | Path) -> Said:
        capsys.readouterr()
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as stop:  # argparse
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return call


def process(*arguments: str | Path, folder: Path, **environment: str) -> Said:
    """Call the command as a process of its own, piped."""
    return _process(["-m", "journey_engine.cli", *map(str, arguments)], folder, environment)


def together(commands: list[list[str]], folder: Path) -> Said:
    """Call several commands in one other process; its last line lists their exit statuses."""
    code = f"from journey_engine.cli import main; print([main(one) for one in {commands!r}])"
    return _process(["-c", code], folder, {})


def _process(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> Said:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A fresh project: one journey, six customers, nothing run."""
    folder = tmp_path / "shop"
    make_project(folder)
    return folder


@pytest.fixture(scope="module")
def run_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after its first night; for tests that only look."""
    folder = tmp_path_factory.mktemp("run") / "shop"
    make_project(folder)
    assert main(["run", "--project", str(folder), "--as-of", NIGHT, "--json"]) == 0
    return folder
