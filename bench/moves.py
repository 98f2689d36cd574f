"""The sweep: moves a second, with their transitions and decisions, while many passes are in flight.

    python -m bench.moves FOLDER

is the measured night, in a process of its own. A night before it lets every customer into twenty journeys, where each
pass waits; in the measured one all of them move: past the wait and a branch, to a letter or out. So `customers` here is
a twentieth of the passes in flight. Beside it the very rows that came of it, transitions and decisions, go into a new
file of DuckDB by INSERT ... SELECT, which decides nothing: the floor.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from bench import page
from bench.data import NOW, write_data
from bench.door import INTO_FILES
from bench.floors import Watch
from bench.flow import clock, timed
from bench.machine import load, machine, middle
from bench.project import JOURNEY, write_project
from bench.sinks import ROOT
from journey_engine import night
from journey_engine.checks import open_project

JOURNEYS = 20
AIM = 500_000
PHASES = ("collect", "facts", "sweep", "commit")
TABLES = ("transitions", "decisions")

STEPS = """steps:
  - wait: 1 day
  - branch:
      - when: {customer: {plan: free}}
        steps: [{send: picks}]
      - otherwise: [{exit: not-free}]
"""


def measure(customers: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it; the result is plain data for JSON."""
    passes = customers * JOURNEYS
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        write_moves(folder, customers)
        say(f"{passes:,} passes in flight: {customers:,} customers in {JOURNEYS} journeys")
        _night(folder, NOW)
        (folder / "var").rename(folder / "before")
        done = []
        for turn in range(1, rounds + 1):
            done.append(_round(folder, passes))
            say(f"round {turn} of {rounds}: {done[-1]['moves_a_second']:,.0f} moves/s, load {done[-1]['load']}")
    return {
        "what": "moves", "customers": customers, "passes": passes, "machine": machine(), "rounds": done,
        "median": middle(done),
    }  # fmt: skip


def write_moves(folder: Path, customers: int) -> None:
    """Twenty journeys that everybody enters."""
    write_data(folder / "data", customers, each=1)
    write_project(folder, None)
    (folder / "journeys/project.yaml").write_text(INTO_FILES, encoding="utf-8")
    head = JOURNEY.partition("steps:")[0].replace("active-buyers", "everybody")
    (folder / "journeys/retention/picks.yaml").unlink()
    for number in range(JOURNEYS):
        text = head.replace("journey: picks", f"journey: picks-{number}") + STEPS
        (folder / f"journeys/retention/picks-{number}.yaml").write_text(text, encoding="utf-8")


def _round(folder: Path, passes: int) -> dict[str, Any]:
    shutil.rmtree(folder / "var", ignore_errors=True)
    shutil.copytree(folder / "before", folder / "var")
    before = load()
    command = [sys.executable, "-m", "bench.moves", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"bench: the night failed\n{done.stderr}")
    told = json.loads(done.stdout)
    assert told["passes"] == passes, "not every pass moved"
    floor = _bare(folder)
    assert [floor[table] for table in TABLES] == [told[table] for table in TABLES], "not the same rows"
    decided = sum(told["phases"][name]["seconds"] for name in ("facts", "sweep"))
    kept = decided + told["phases"]["commit"]["seconds"]
    cpu = sum(told["phases"][name]["cpu"] for name in ("facts", "sweep", "commit"))
    return {
        **told,
        "load": max(before, load()),
        "moves_a_second": told["transitions"] / kept,
        "moves_a_second_swept": told["transitions"] / decided,
        "moves_a_cpu_second": told["transitions"] / cpu,
        "floor": {**floor, "a_second": told["transitions"] / floor["seconds"],
                  "a_cpu_second": told["transitions"] / floor["cpu"]},
    }  # fmt: skip


def _bare(folder: Path) -> dict[str, float]:
    """The rows of the night once more, into an empty file, flushed to the disk."""
    target = folder / "bare.duckdb"
    target.unlink(missing_ok=True)
    found: dict[str, float] = {}
    with duckdb.connect(str(target)) as db:
        db.execute(f"ATTACH '{folder / 'var/engine.duckdb'}' AS engine (READ_ONLY)")
        for table in TABLES:
            db.execute(f"CREATE TABLE {table} AS SELECT * FROM engine.{table} LIMIT 0")
        watch = Watch()
        db.execute("BEGIN TRANSACTION")
        for table in TABLES:
            row = db.execute(f"INSERT INTO {table} SELECT * FROM engine.{table} WHERE run = 2").fetchone()
            found[table] = 0 if row is None else row[0]
        db.execute("COMMIT")
        db.execute("CHECKPOINT")
        spent = watch.spent(1)
    return {**found, "seconds": spent.seconds, "cpu": spent.cpu}


def _night(folder: Path, as_of: dt.datetime) -> dict[str, Any]:
    """One night up to its commit; nothing goes into the mailroom."""
    phases: dict[str, dict[str, float]] = {}
    with night.begin(open_project(folder), as_of, clock=clock) as run:
        for phase in PHASES:
            with timed(phases, phase):
                getattr(run, phase)()
        counts = {
            table: run.engine.rows(f"SELECT count(*) FROM {table} WHERE run = ?", (run.number,))[0][0]
            for table in TABLES
        }
        moved = sum(one.moved for one in run.counts.values())
    return {"phases": phases, "passes": moved, **counts}


def figures(result: dict[str, Any]) -> str:
    """What it says, as Markdown."""
    typical, floor = result["median"], result["median"]["floor"]
    rows: list[tuple[str, ...]] = [
        ("moves with their transitions and decisions", "a second", "per CPU second", "of the floor, time", "CPU time"),
        ("the same rows by INSERT ... SELECT", page.number(floor["a_second"]), page.number(floor["a_cpu_second"]),
         "", ""),
        ("facts, sweep and commit", page.number(typical["moves_a_second"]), page.number(typical["moves_a_cpu_second"]),
         f"{typical['moves_a_second'] / floor['a_second']:.2f}",
         f"{typical['moves_a_cpu_second'] / floor['a_cpu_second']:.2f}"),
        ("facts and sweep", page.number(typical["moves_a_second_swept"]), "", "", ""),
    ]  # fmt: skip
    phases = ", ".join(f"{name} {typical['phases'][name]['seconds']:.2f} s" for name in PHASES)
    return (
        f"{result['passes']:,} passes in flight, {typical['transitions']:,.0f} moves, {typical['decisions']:,.0f} "
        f"decisions; peak memory {typical['peak_mib']:,.0f} MiB; {phases}. Aim: {AIM:,} a second with 5,000,000 in "
        f"flight. Here {page.circumstances(result)}\n\n{page.table(rows)}\n"
    )


if __name__ == "__main__":
    gc.freeze()  # as the commands do
    told = _night(Path(sys.argv[1]), NOW + dt.timedelta(days=1))
    print(json.dumps({**told, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
