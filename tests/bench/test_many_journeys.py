"""What `journey validate` of many journeys does, counted: it grows with the journeys and looks at nothing again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench.many import SHIPPED, write_many
from journey_engine.checks import open_project

COUNTING = """
import json, sys
from collections import Counter
from journey_engine.cli import main

looks = Counter()
sys.addaudithook(lambda name, told: looks.update([f"{name} {told[0]}"]) if name in ("open", "os.scandir") else None)
status = main(["validate", "--project", sys.argv[1]])
print(json.dumps([status, looks]))
"""


def test_each_folder_of_templates_is_listed_and_each_file_read_a_fixed_number_of_times(tmp_path: Path) -> None:
    write_many(tmp_path, 2 * len(SHIPPED))
    command = [sys.executable, "-c", COUNTING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, looks = json.loads(done.stdout.splitlines()[-1])
    assert status == 0, done.stdout
    templates = {look: count for look, count in looks.items() if str(tmp_path / "templates") in look}
    assert len(templates) > 200
    # A folder: for locales, for variants, for its files, and for files that stand in a wrong place; a subject twice.
    most = {"open": 2, "os.scandir": 5}
    assert {look: count for look, count in templates.items() if count > most[look.split(" ")[0]]} == {}


def test_twice_the_journeys_are_twice_the_work(tmp_path: Path) -> None:
    few, many = (calls(tmp_path / str(journeys), journeys) for journeys in (2 * len(SHIPPED), 4 * len(SHIPPED)))
    assert many < 2.1 * few


def calls(folder: Path, journeys: int) -> int:
    """How many functions of Python the checks of a project call."""
    write_many(folder, journeys)
    counted: Counter[str] = Counter()
    sys.setprofile(lambda _frame, event, _told: counted.update([event]))
    try:
        loaded = open_project(folder)
    finally:
        sys.setprofile(None)
    assert len(loaded.journeys) == journeys
    assert not [problem for problem in loaded.problems if problem.severity == "error"]
    return counted["call"]
