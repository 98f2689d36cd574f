"""One process: the nights of a project, each phase with its seconds and CPU seconds, and the memory of the process.

    python -m bench.flow FOLDER NIGHTS

Does what `journey run` does, through the same public functions, and prints one JSON object.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.data import NOW
from journey_engine import night
from journey_engine.checks import open_project

PHASES = ("dispatch_before", "collect", "facts", "sweep", "commit", "publish", "door", "dispatch")

Phases = dict[str, dict[str, float]]


def clock() -> dt.datetime:
    """The machine's time, as the command line passes it."""
    return dt.datetime.now(dt.UTC)


def one_night(folder: Path, as_of: dt.datetime) -> dict[str, Any]:
    """Run one night as a command of its own would, from reading the project to closing the stores."""
    phases: Phases = {}
    with timed(phases, "open"):
        loaded = open_project(folder)
        opened = night.begin(loaded, as_of, clock=clock)
        run = opened.__enter__()
    for phase in PHASES:
        with timed(phases, phase):
            getattr(run, phase)()
    with timed(phases, "close"):
        report = run.report()
        opened.__exit__(None, None, None)
    return {
        "phases": phases,
        "customers": report.customers,
        "events": report.events_received,
        "entered": sum(counts.entered for counts in report.journeys.values()),
        "moved": sum(counts.moved for counts in report.journeys.values()),
        "mails": report.dispatched,
    }


@contextmanager
def timed(into: Phases, name: str) -> Iterator[None]:
    """Note the seconds of a block."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    yield
    into[name] = {"seconds": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}


def cpu_seconds() -> float:
    """What this process has used, with those that it started and that have ended: a dispatch may have some beside."""
    both = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


if __name__ == "__main__":
    gc.freeze()  # as the commands do
    nights = [one_night(Path(sys.argv[1]), NOW + dt.timedelta(days=day)) for day in range(int(sys.argv[2]))]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"nights": nights, "peak_mib": peak / 1024, "cpu": cpu_seconds()}))
