"""What a command costs before it does anything, and `journey validate` of many journeys, each as a process of its own.

A round runs every one once, in turn; `python -c pass` is the floor. Everything is compiled to bytecode before the first
round, as an installed package is.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import page
from bench.machine import load, machine, middle
from bench.many import write_many
from journey_engine.scaffold import make_project

JOURNEY = ("-m", "journey_engine.cli")
COMMANDS: dict[str, tuple[str, ...]] = {
    "python": ("-c", "pass"),
    "help": (*JOURNEY, "--help"),
    "one": (*JOURNEY, "validate", "--project", "new"),
    "dispatch": (*JOURNEY, "dispatch", "--project", "new"),
    "many": (*JOURNEY, "validate", "--project", "many"),
}
AIMS = {"help": 0.3, "many": 1.5}


def measure(journeys: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it; the result is plain data for JSON."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        make_project(folder / "new")
        write_many(folder / "many", journeys)
        say(f"{journeys:,} journeys, each with templates of its own")
        for arguments in COMMANDS.values():
            _spent(arguments, folder)
        done: list[dict[str, Any]] = []
        for turn in range(1, rounds + 1):
            before = load()
            spent = {name: _spent(arguments, folder) for name, arguments in COMMANDS.items()}
            done.append({**spent, "load": max(before, load())})
            cpu = ", ".join(f"{name} {one['cpu']:.2f}" for name, one in spent.items())
            say(f"round {turn} of {rounds}: CPU seconds of {cpu}; load {done[-1]['load']}")
        return {"what": "start", "journeys": journeys, "machine": machine(), "rounds": done, "median": middle(done)}


def _spent(arguments: tuple[str, ...], folder: Path) -> dict[str, float]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, start = _cpu(), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False, cwd=folder, env=kept)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(arguments)} failed\n{done.stdout.decode()}{done.stderr.decode()}")
    return {"seconds": seconds, "cpu": _cpu() - before}


def _cpu() -> float:
    """CPU seconds of every process that this one started and that has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def figures(result: dict[str, Any]) -> str:
    """What it says, as Markdown."""
    middle = result["median"]
    titles = {
        "python": "`python -c pass`, the floor",
        "help": "`journey --help`",
        "one": "`journey validate` of one journey",
        "dispatch": "`journey dispatch` with nothing due",
        "many": f"`journey validate` of {result['journeys']:,} journeys",
    }
    rows: list[tuple[str, ...]] = [("a process", "seconds", "CPU seconds", "CPU time / floor", "aim, seconds")]
    for name, title in titles.items():
        spent, aim = middle[name], f"{AIMS[name]:g}" if name in AIMS else ""
        ratio = page.times(spent["cpu"] / middle["python"]["cpu"])
        rows.append((title, f"{spent['seconds']:.2f}", f"{spent['cpu']:.2f}", ratio, aim))
    return f"Each command as a process of its own, {page.circumstances(result)}\n\n{page.table(rows)}\n"
