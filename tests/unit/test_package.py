"""The package as it is installed: its version, its type marker, and the rules that tools enforce."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import journey_engine

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def ruff(path: str, source: str) -> set[str]:
    """The codes ruff reports for `source` if it stood at `path`."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--no-cache",
            "--output-format=concise",
            f"--stdin-filename={path}",
            "-",
        ],
        input=source,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.stderr == ""
    return set(re.findall(r"^\S+:\d+:\d+: ([A-Z]+\d+)", done.stdout, flags=re.MULTILINE))


def test_version_is_the_one_that_is_installed() -> None:
    assert journey_engine.__version__ == importlib.metadata.version("journey-engine")
    assert journey_engine.__version__ == PYPROJECT["project"]["version"]


def test_type_checkers_of_users_find_the_marker() -> None:
    assert (importlib.resources.files("journey_engine") / "py.typed").is_file()


def test_importing_the_package_loads_neither_prefect_nor_an_engine() -> None:
    code = "import sys, journey_engine; print(sorted({'prefect', 'duckdb', 'sqlalchemy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CLOCK = "import datetime as dt\n\nNOW = dt.datetime.now(dt.UTC)\n"
RANDOM = "import random\n\nDRAW = random.random()\n"
PRINT = 'print("hello")\n'
PASTED = 'NAME = "x"\nSQL = f"SELECT a FROM {NAME}"\n'


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("src/journey_engine/walk.py", CLOCK, {"TID251"}),
        ("src/journey_engine/steps/wait.py", CLOCK, {"TID251"}),
        ("src/journey_engine/cli.py", CLOCK, set()),
        ("flows/nightly.py", CLOCK, set()),
        ("src/journey_engine/sweep.py", RANDOM, {"TID251"}),
        ("src/journey_engine/night.py", PRINT, {"T201"}),
        ("src/journey_engine/report.py", PRINT, set()),
        ("src/journey_engine/facts.py", PASTED, {"S608"}),
    ],
)
def test_rules_of_the_house_are_checked_where_they_hold(path: str, source: str, expected: set[str]) -> None:
    assert ruff(path, f'"""A room."""\n\n{source}') == expected


def test_every_dependency_is_pinned_once_and_without_an_address() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    pattern = re.compile(r'([a-z0-9-]+)==([0-9][^\s;]*)(; python_version (<|>=) "3\.\d+")?')
    assert [line for line in pins if not pattern.fullmatch(line)] == []
    pinned = [line.partition("==")[0] for line in pins]
    assert pinned == sorted(set(pinned))
    declared = list(PYPROJECT["project"]["dependencies"])
    for extra in PYPROJECT["project"]["optional-dependencies"].values():
        declared += extra
    names = {re.split(r"[\[<>=~! ]", line)[0].lower().replace("_", "-") for line in declared}
    assert names - set(pinned) == set()
