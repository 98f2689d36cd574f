"""A year of nights in simulated time: whether seconds, memory and disk drift while `retention` takes out what is old.

    python -m bench.year FOLDER NIGHTS CUSTOMERS

runs them in one process and prints one JSON object a night. The journeys are that of the head-to-head and four that
events start; each day brings events of a tenth of the customers, in a file of its own, and the source shows the last
forty files, as exports do. `rounds` is how many nights there are.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench import page, plot
from bench.data import NOW, write_data, write_day
from bench.flow import one_night
from bench.machine import load, machine
from bench.project import PROJECT, write_project
from bench.sinks import ROOT, smtp_sink

SHARE = 0.1  # events a customer and day
SHOWN = 40  # days that the source shows
SPAN = 30  # nights that are taken together
RETENTION = "60 days"
STORES = {"engine": "engine.duckdb", "copy": "engine.read.duckdb", "mailroom": "mailroom.sqlite"}

JOURNEYS = {
    "thanks": ("{event: {name: purchase, where: {amount: {above: 80}}}}", "  - wait: 1 day\n  - send: picks\n"),
    "helped": (
        "{event: support}",
        "  - wait_for: {event: login, timeout: 3 days}\n"
        "  - branch:\n"
        "      - when: {event: {name: login, since: entry}}\n"
        "        steps: [{exit: came}]\n"
        "      - otherwise:\n"
        "          - task: {team: care, title: Call them, due: 2 days}\n",
    ),
    "looked": (
        "{event: page_view}",
        "  - wait_for: {event: purchase, timeout: 7 days}\n"
        "  - branch:\n"
        "      - when: {event: {name: purchase, since: entry}}\n"
        "        steps: [{exit: bought}]\n"
        "      - otherwise:\n"
        "          - send: picks\n",
    ),
    "away": ("{inactive: {event: login, for: 60 days}}", "  - wait: 2 days\n  - send: picks\n"),
}


def measure(customers: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it; the result is plain data for JSON."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, smtp_sink() as sink:
        folder = Path(temporary)
        say(f"{customers:,} customers, {rounds} nights; mail sink: {sink.kind}")
        write_year(folder, customers, sink.port)
        nights, loads = [], [load()]
        command = [sys.executable, "-m", "bench.year", str(folder), str(rounds), str(customers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            for line in process.stdout:
                nights.append(json.loads(line))
                if len(nights) % SPAN == 0 or len(nights) == rounds:
                    loads.append(load())
                    say(f"night {len(nights)}: {nights[-1]['seconds']:.2f} s, load {loads[-1]}")
        if process.returncode:
            raise SystemExit("bench: the year came to no end")
    return {
        "what": "year", "customers": customers, "sink": sink.kind, "machine": machine(), "nights": nights,
        "rounds": [{"load": one} for one in loads], "drift": drift(nights),
    }  # fmt: skip


def write_year(folder: Path, customers: int, port: int) -> None:
    """The project, and the year before it as the first file of the events."""
    data = write_data(folder / "data", customers)
    (folder / "data/events").mkdir()
    data.events.rename(folder / "data/events/before.parquet")
    write_project(folder, port)
    smtp = f"{{default: smtp, smtp: {{host: 127.0.0.1, port: {port}}}}}"
    text = PROJECT.replace("CHANNELS", smtp).replace("data/events.parquet", "data/events/*.parquet")
    (folder / "journeys/project.yaml").write_text(f"retention: {RETENTION}\n{text.lstrip()}", encoding="utf-8")
    for name, (trigger, steps) in JOURNEYS.items():
        head = f"journey: {name}\nstage: retention\ntopic: picks\ntrigger: {trigger}\n"
        head += "reentry: {after: 30 days}\nsteps:\n"
        (folder / f"journeys/retention/{name}.yaml").write_text(head + steps, encoding="utf-8")


def drift(nights: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """What a night takes on the middle of a month: the second month, the last, and the last through the second."""
    span = min(SPAN, len(nights) // 3)
    early, late = nights[span : 2 * span], nights[-span:]
    found = {}
    for name in nights[0]:
        before, after = (statistics.median(one[name] for one in some) for some in (early, late))
        found[name] = {"early": before, "late": after, "ratio": after / before if before else 1.0}
    return found


def figures(result: dict[str, Any]) -> str:
    """What it says, as Markdown."""
    nights, moved = result["nights"], result["drift"]
    span = min(SPAN, len(nights) // 3)
    rows: list[tuple[str, ...]] = [
        (f"median of {span} nights", f"nights {span + 1} to {2 * span}", "the last", "the last / those before"),
    ]
    for name, title, form in (
        ("seconds", "seconds a night", "{:.2f}"), ("cpu", "CPU seconds a night", "{:.2f}"),
        ("peak_mib", "peak memory of a night, MiB", "{:,.0f}"), ("engine", "the engine's file, MB", "{:,.1f}"),
        ("mailroom", "the mailroom's file, MB", "{:,.1f}"), ("mails", "letters a night", "{:,.0f}"),
    ):  # fmt: skip
        one = moved[name]
        rows.append((title, form.format(one["early"]), form.format(one["late"]), f"{one['ratio']:.2f}"))
    total, letters = sum(one["seconds"] for one in nights), sum(one["mails"] for one in nights)
    return (
        f"{result['customers']:,} customers, {len(nights)} nights in {total:,.0f} s, {letters:,.0f} letters, "
        f"retention of {RETENTION}. {page.surroundings(result)} Mail sink: {result['sink']}.\n\n{page.table(rows)}\n"
    )


def plots(result: dict[str, Any]) -> dict[str, str]:
    """Seconds, memory and files, night by night."""
    nights, who = result["nights"], f"{result['customers']:,} customers"

    def line(name: str) -> list[tuple[float, float]]:
        return [(number, one[name]) for number, one in enumerate(nights, 1)]

    seconds = {name: line(key) for name, key in (("seconds", "seconds"), ("CPU seconds", "cpu"))}
    files = {f"the {name}'s file": line(name) for name in ("engine", "mailroom")}
    return {
        "year-seconds": plot.lines(f"A year of nights, {who}: time", seconds, "night", "seconds"),
        "year-memory": plot.lines(f"A year of nights, {who}: memory", {"peak": line("peak_mib")}, "night", "MiB"),
        "year-files": plot.lines(f"A year of nights, {who}: disk", files, "night", "MB"),
    }


def work(folder: Path, nights: int, customers: int) -> None:
    """Every night in this process; what the day brings is written before the watch starts."""
    gc.freeze()  # as the commands do
    for day in range(nights):
        write_day(folder / f"data/events/day-{day:03}.parquet", customers, day, max(1, int(customers * SHARE)))
        if day >= SHOWN:
            (folder / f"data/events/day-{day - SHOWN:03}.parquet").unlink()
            (folder / "data/events/before.parquet").unlink(missing_ok=True)
        _forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        done = one_night(folder, NOW + dt.timedelta(days=day))
        spent = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak_mib": _peak()}
        counts = {name: done[name] for name in ("events", "entered", "moved", "mails")}
        sizes = {name: _megabytes(folder / "var", file) for name, file in STORES.items()}
        print(json.dumps({**spent, **counts, **sizes}), flush=True)


def _megabytes(folder: Path, name: str) -> float:
    """A file with what is written beside it."""
    return sum(path.stat().st_size for path in folder.glob(f"{name}*")) / 1e6


def _forget_peak() -> None:
    """Let the system count the peak of memory anew; where it cannot, the peak is that of all nights so far."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def _peak() -> float:
    said = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(next(line for line in said.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
