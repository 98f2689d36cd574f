"""The head-to-head's nights decided on Spark in local mode and on DuckDB, in turn: the same rows, and the times.

    python -m bench.spark FOLDER

is the nights of one engine in a process of its own, with their rows as digests. Deciding is all that is measured: from
the collecting to the commit and the copy for reading; what leaves afterwards is the same whatever decided it.
"""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import page
from bench.data import NOW, write_data
from bench.flow import clock, timed
from bench.machine import load, machine, middle
from bench.project import PROJECT, write_project
from bench.sinks import ROOT
from journey_engine import night
from journey_engine.checks import open_project
from journey_engine.engines import Engine
from journey_engine.queries import statements

ENGINES = {"duckdb": "duckdb:///var/engine.duckdb", "spark": "spark:///var/spark"}
TITLES = {"duckdb": "DuckDB", "spark": "Spark, local"}
NIGHTS = 3
PHASES = ("collect", "facts", "sweep", "commit", "publish")
COUNTED = ("events",)
"""As large as its source: only the number of rows is compared."""
OWN_AFFAIR = re.compile(r"row_hash|run_id|report")


def measure(customers: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it; the result is plain data for JSON."""
    if not installed():
        raise SystemExit("bench: Spark or its Java is not here; run `make setup EXTRAS=spark`, and install Java 17")
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folders = {name: Path(temporary) / name for name in ENGINES}
        say(f"{customers:,} customers, {customers * 10:,} events, {NIGHTS} nights")
        for name, folder in folders.items():
            write_nights(folder, ENGINES[name])
        write_data(folders["duckdb"] / "data", customers)
        (folders["spark"] / "data").symlink_to(folders["duckdb"] / "data")
        done = []
        for turn in range(1, rounds + 1):
            before = load()
            told: dict[str, Any] = {name: _nights(folder) for name, folder in folders.items()}
            rows = [told[name].pop("rows") for name in ENGINES]
            parted = [table for table in rows[0] if rows[0][table] != rows[1][table]]
            assert not parted, f"not the same rows in {', '.join(parted)}"
            done.append({**told, "load": max(before, load())})
            say(f"round {turn} of {rounds}: " + ", ".join(
                f"{TITLES[name]} {told[name]['seconds']:.1f} s" for name in ENGINES) + f", load {done[-1]['load']}"
            )  # fmt: skip
    return {
        "what": "spark", "customers": customers, "machine": machine(), "compared": rows[0], "rounds": done,
        "median": middle(done),
    }  # fmt: skip


def installed() -> bool:
    """Whether Spark and a Java are here."""
    java = shutil.which("java") or os.environ.get("JAVA_HOME")
    return importlib.util.find_spec("pyspark") is not None and java is not None


def write_nights(folder: Path, engine: str) -> None:
    """The project of the head-to-head on an engine, with letters as files."""
    write_project(folder, None)
    text = f"engine: {engine}\n{PROJECT.replace('CHANNELS', '{default: file}').lstrip()}"
    (folder / "journeys/project.yaml").write_text(text, encoding="utf-8")


def _nights(folder: Path) -> dict[str, Any]:
    """Every night in one new process, from an empty store."""
    shutil.rmtree(folder / "var", ignore_errors=True)
    start = time.perf_counter()
    command = [sys.executable, "-m", "bench.spark", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"bench: the nights failed\n{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    decided = sum(phase["seconds"] for one in told["nights"] for phase in one["phases"].values())
    nights = {str(number): one for number, one in enumerate(told["nights"], 1)}
    return {"nights": nights, "rows": told["rows"], "seconds": decided, "whole": time.perf_counter() - start}


def one_night(folder: Path, as_of: dt.datetime, *, last: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """One night without sending: its phases, and after the last one its rows."""
    phases: dict[str, dict[str, float]] = {}
    rows: dict[str, Any] = {}
    with timed(phases, "open"):
        opened = night.begin(open_project(folder), as_of, clock=clock)
        run = opened.__enter__()
    for phase in PHASES:
        with timed(phases, phase):
            getattr(run, phase)()
    entered, moved = (sum(getattr(one, kind) for one in run.counts.values()) for kind in ("entered", "moved"))
    if last:
        rows = digests(run.engine)
    run.door()
    opened.__exit__(None, None, None)
    return {"phases": phases, "entered": entered, "moved": moved}, rows


def digests(engine: Engine) -> dict[str, Any]:
    """How many rows each table has, and what they are: the same on every engine."""
    found: dict[str, Any] = {}
    for table in statements("schema"):
        if table in COUNTED:
            found[table] = engine.rows(f"SELECT count(*) FROM {table}")[0][0]
        elif table not in ("meta", "zone_offsets"):
            names = ", ".join(f'"{name}"' for name in engine.columns(table) if not OWN_AFFAIR.fullmatch(name))
            rows = sorted(repr(row) for some in engine.batches(f"SELECT {names} FROM {table}") for row in some)
            found[table] = [len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()]
    return found


def figures(result: dict[str, Any]) -> str:
    """What it says, as Markdown."""
    typical = result["median"]
    decided, whole = ([typical[name][kind] for name in ENGINES] for kind in ("seconds", "whole"))
    rows: list[tuple[str, ...]] = [
        ("seconds", *TITLES.values(), "Spark / DuckDB"),
        ("three nights, decided", *_beside(decided)),
        ("the same with start, reading back and end of the process", *_beside(whole)),
    ]
    for number in map(str, range(1, NIGHTS + 1)):
        for phase in ("open", *PHASES):
            spent = [typical[name]["nights"][number]["phases"][phase]["seconds"] for name in ENGINES]
            rows.append((f"night {number}: {phase}", *_beside(spent)))
    entered = typical["duckdb"]["nights"]["1"]["entered"]
    compared = sum(one[0] for one in result["compared"].values() if isinstance(one, list))
    return (
        f"{result['customers']:,} customers and ten events each, of whom {entered:,.0f} entered; {compared:,} rows of "
        f"state, transitions and decisions compared, all equal; {page.circumstances(result)}\n\n{page.table(rows)}\n"
    )


def _beside(seconds: list[float]) -> tuple[str, str, str]:
    own, other = seconds
    return f"{own:.2f}", f"{other:.2f}", page.times(other / own)


if __name__ == "__main__":
    gc.freeze()  # as the commands do
    nights, rows = [], {}
    for day in range(NIGHTS):
        told, rows = one_night(Path(sys.argv[1]), NOW + dt.timedelta(days=day), last=day == NIGHTS - 1)
        nights.append(told)
    print(json.dumps({"nights": nights, "rows": rows}))
