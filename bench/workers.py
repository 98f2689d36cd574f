"""Several dispatchers at one mailroom on PostgreSQL: letters a second of 1, 2 and 4 processes, in turn.

    python -m bench.workers FOLDER

is one of them: what `journey dispatch` does, through the same public functions, once somebody says so on its standard
input. What its imports and the reading of the project take is not counted, as dispatchers live long.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import page, plot
from bench.data import NOW
from bench.door import DURABLE, EVERYBODY, forget, server_process, write_letters
from bench.flow import clock
from bench.machine import cpu_of, load, machine, middle
from bench.sinks import ROOT, smtp_sink
from journey_engine import night
from journey_engine.checks import open_project
from journey_engine.engines import open_engine
from tests.servers import Server, postgres_server

PROCESSES = (1, 2, 4)


def measure(customers: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it; the result is plain data for JSON."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as temporary,
        postgres_server(DURABLE) as server,
        smtp_sink() as sink,
    ):
        folder = Path(temporary)
        say(f"{customers:,} letters on PostgreSQL; mail sink: {sink.kind}")
        url = server.new("workers").replace("postgresql:", "postgresql+psycopg:")
        channels = f"{{default: smtp, smtp: {{host: 127.0.0.1, port: {sink.port}}}}}"
        write_letters(folder, customers, f"mailroom: {url}\n{EVERYBODY.replace('CHANNELS', channels)}")
        done = []
        for turn in range(1, rounds + 1):
            before = load()
            one: dict[str, Any] = {str(count): _dispatched(folder, server, count, customers) for count in PROCESSES}
            done.append({**one, "load": max(before, load())})
            speeds = ", ".join(f"{count}: {one[str(count)]['a_second']:,.0f}/s" for count in PROCESSES)
            say(f"round {turn} of {rounds}: {speeds}, load {done[-1]['load']}")
        return {
            "what": "workers", "customers": customers, "sink": sink.kind, "machine": machine(), "rounds": done,
            "median": middle(done),
        }  # fmt: skip


def _dispatched(folder: Path, server: Server, count: int, letters: int) -> dict[str, float]:
    """The same letters from a new mailroom by so many processes; seconds from the word to the last one's end."""
    _fill(folder, server)
    postmaster = server_process(server)
    with ExitStack() as stack:
        command = [sys.executable, "-m", "bench.workers", str(folder)]
        pipe = subprocess.PIPE
        workers = [
            stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT))
            for _ in range(count)
        ]
        for one in workers:
            assert one.stdout is not None
            one.stdout.readline()  # it is ready
        before, start = cpu_of(postmaster), time.perf_counter()
        for one in workers:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        told = [json.loads(one.stdout.readline()) for one in workers if one.stdout is not None]
        seconds, served = time.perf_counter() - start, cpu_of(postmaster) - before
    accepted, cpu = sum(one["accepted"] for one in told), sum(one["cpu"] for one in told)
    assert accepted == letters, "not every letter left"
    return {
        "a_second": accepted / seconds, "a_cpu_second": accepted / cpu, "cpu": cpu, "server_cpu": served,
        "least": min(one["accepted"] for one in told),
    }  # fmt: skip


def _fill(folder: Path, server: Server) -> None:
    """A new mailroom with the committed night in it."""
    server.new("workers")
    loaded = open_project(folder)
    engine = open_engine(loaded.project.engine, folder, environment=loaded.project.environment)
    try:
        forget(engine)
        with night.open_mailroom(loaded) as mailroom:
            night.finish_last_run(engine, mailroom, None, loaded.file.terms)
    finally:
        engine.close()


def figures(result: dict[str, Any]) -> str:
    """What it says, as Markdown."""
    rows: list[tuple[str, ...]] = [
        ("dispatchers", "letters a second", "of one", "letters per CPU second of theirs", "CPU seconds of the server"),
    ]
    alone = result["median"]["1"]["a_second"]
    for count in PROCESSES:
        one = result["median"][str(count)]
        rows.append((
            str(count), page.number(one["a_second"]), page.times(one["a_second"] / alone),
            page.number(one["a_cpu_second"]), f"{one['server_cpu']:.1f}",
        ))  # fmt: skip
    return (
        f"{result['customers']:,} letters of about 6 KB, {page.circumstances(result)} Mail sink: {result['sink']}; its "
        f"CPU is not in the figures, but has to be found on the same cores.\n\n{page.table(rows)}\n"
    )


def plots(result: dict[str, Any]) -> dict[str, str]:
    """Letters a second by the number of processes, beside so many times one."""
    alone, cores = result["median"]["1"]["a_second"], result["machine"]["cores"]
    groups = {
        f"{count} process{'es' * (count > 1)}": {
            "measured": result["median"][str(count)]["a_second"],
            "as many times one, up to the cores": alone * min(count, cores),
        }
        for count in PROCESSES
    }  # fmt: skip
    return {"workers": plot.bars("Dispatch on PostgreSQL by the number of processes", groups, "letters a second")}


def work(folder: Path) -> None:
    """Be one dispatcher."""
    loaded = open_project(folder)
    gc.freeze()  # as the commands do
    with night.open_mailroom(loaded) as mailroom:
        print("ready", flush=True)
        sys.stdin.readline()
        before = time.process_time()
        report = night.delivery.hand_over(loaded, mailroom, NOW, clock, None, workers=1)
        print(json.dumps({"accepted": report.accepted, "cpu": time.process_time() - before}), flush=True)


if __name__ == "__main__":
    work(Path(sys.argv[1]))
