"""Nights of twenty journeys as customers grow, and as more of them do something: what a quiet night costs.

    python -m bench.nights FOLDER CUSTOMERS

is one size, in a process of its own: a first night into which most customers enter (`backfill: current`), then quiet
ones before which 0.1, 1 and 10 % as many new events as there are customers came in, in a file of their own; then one
with 1 % and a file of customers in which one of a hundred rows is another. Before them, on a fresh connection, what the
conditions of the twenty ask of everybody, as one query by hand over the files.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from bench import page, plot
from bench.data import NOW, Data, write_data
from bench.floors import Spent, Watch
from bench.flow import clock, timed
from bench.machine import load, machine
from bench.sinks import ROOT
from bench.twenty import by_hand, write_twenty
from journey_engine import night
from journey_engine.checks import open_project

SHARES = (0.001, 0.01, 0.1)
CHANGED = 0.01  # new before the night whose customers changed too, and the part of them that did
PARTS = (0.1, 0.3, 1.0)  # of the customers asked for
PHASES = ("collect", "facts", "sweep", "commit", "door", "publish")
AIMS = {"first": 4.0, "quiet": 1.0}  # times the query by hand

_EVENTS = """
COPY (
    SELECT concat('n{day}-', i) AS event_id, concat('c', CAST(hash(i, {day}) % {customers} AS BIGINT)) AS customer_id,
        CASE WHEN i % 10 = 0 THEN 'support' WHEN i % 10 = 1 THEN 'page_view' WHEN i % 10 < 4 THEN 'purchase'
            ELSE 'login' END AS name,
        to_timestamp({now} - 3600 - i % 50000) AS occurred_at,
        CASE WHEN i % 10 IN (2, 3) THEN concat('{{"amount":', i % 100, '}}') ELSE '{{}}' END AS properties
    FROM range({count}) AS t(i)
) TO '{path}' (FORMAT PARQUET)
"""

_CUSTOMERS = """
COPY (
    SELECT * REPLACE (CASE WHEN hash(customer_id) % 100 = 0 THEN ltv + 1 ELSE ltv END AS ltv) FROM '{path}'
) TO '{path}.new' (FORMAT PARQUET)
"""


def measure(customers: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it; the result is plain data for JSON. Each size is measured once: `rounds` is of no use here."""
    sizes = []
    for part in PARTS:
        count = max(100, round(customers * part))
        with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
            folder = Path(temporary)
            write(folder, count)
            before = load()
            told = _apart(folder, count)
            sizes.append({"customers": count, "load": max(before, load()), **told})
        first, quiet = told["nights"][0], told["nights"][2]
        say(f"{count:,} customers: by hand {told['by_hand']['seconds']:.2f} s, first night {first['seconds']:.1f} s, "
            f"1 % changed {quiet['seconds']:.1f} s, load {sizes[-1]['load']}")  # fmt: skip
    return {"what": "nights", "customers": customers, "machine": machine(), "rounds": sizes}


def write(folder: Path, customers: int) -> None:
    """The twenty journeys, with the events in a folder of files."""
    data = write_data(folder / "data", customers)
    (folder / "data/events").mkdir()
    data.events.rename(folder / "data/events/000.parquet")
    write_twenty(folder, "3GB" if customers <= 2_000_000 else "6GB")


def nights(folder: Path, customers: int) -> dict[str, Any]:
    """One size in this process."""
    data = Data(folder / "data/customers.parquet", folder / "data/events/*.parquet")
    hand = min((_by_hand(data) for _ in range(3)), key=lambda spent: spent.seconds)
    done = [_night(folder, NOW)]
    peak = _peak()
    for day, share in enumerate((*SHARES, CHANGED), 1):
        as_of = NOW + dt.timedelta(days=day)
        count = max(1, round(customers * share))
        path = folder / f"data/events/{day:03}.parquet"
        with duckdb.connect() as db:
            db.execute("SET TimeZone = 'UTC'")
            db.execute(_EVENTS.format(day=day, customers=customers, now=as_of.timestamp(), count=count, path=path))
        if day > len(SHARES):
            with duckdb.connect() as db:
                db.execute(_CUSTOMERS.format(path=data.customers))
            Path(f"{data.customers}.new").replace(data.customers)
        done.append({"share": share, **_night(folder, as_of)})
        assert done[-1]["events"] == count, "not every new event was taken"
    return {
        "by_hand": {"seconds": hand.seconds, "cpu": hand.cpu}, "nights": done, "peak_mib": peak,
        "bytes": (folder / "var/engine.duckdb").stat().st_size,
    }  # fmt: skip


def _apart(folder: Path, customers: int) -> Any:
    command = [sys.executable, "-m", "bench.nights", str(folder), str(customers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"bench: the nights failed\n{done.stderr}")
    return json.loads(done.stdout)


def _by_hand(data: Data) -> Spent:
    watch = Watch()
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(by_hand(data)).fetchall()
    return watch.spent(1)


def _night(folder: Path, as_of: dt.datetime) -> dict[str, Any]:
    phases: dict[str, dict[str, float]] = {}
    with night.begin(open_project(folder), as_of, clock=clock) as run:
        for phase in PHASES:
            with timed(phases, phase):
                getattr(run, phase)()
        report = run.report()
    return {
        "seconds": sum(one["seconds"] for one in phases.values()), "cpu": sum(one["cpu"] for one in phases.values()),
        "phases": phases, "events": report.events_received,
        "entered": sum(one.entered for one in report.journeys.values()),
        "moved": sum(one.moved for one in report.journeys.values()),
    }  # fmt: skip


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def figures(result: dict[str, Any]) -> str:
    """What it says, as Markdown: times, CPU times in brackets, and how often the query by hand."""
    rows: list[tuple[str, ...]] = [
        (
            "customers",
            "by hand",
            "first night",
            *(f"{share:.1%} new" for share in SHARES),
            f"{CHANGED:.1%} new, customers too",
            "entered, first",
            "memory, MiB",
        )
    ]
    for size in result["rounds"]:
        hand = size["by_hand"]
        rows.append((
            page.number(size["customers"]), f"{hand['seconds']:.2f} ({hand['cpu']:.2f}) s",
            *(_beside(one, hand) for one in size["nights"]),
            page.number(size["nights"][0]["entered"]), page.number(size["peak_mib"]),
        ))  # fmt: skip
    largest = result["rounds"][-1]["nights"]
    phases = ", ".join(f"{name} {one['seconds']:.2f} ({one['cpu']:.2f})" for name, one in largest[2]["phases"].items())
    return (
        "Twenty journeys, ten events a customer. Seconds, CPU seconds in brackets, and CPU seconds in times those of "
        f"the query by hand (aims: first night {AIMS['first']:g}, quiet night {AIMS['quiet']:g}). Of the largest size "
        f"with 1 % new: {phases}; {page.number(largest[2]['entered'])} entered, {page.number(largest[2]['moved'])} "
        f"moved. Each size once. {page.surroundings(result)}\n\n{page.table(rows)}\n"
    )


def _beside(one: dict[str, Any], hand: dict[str, float]) -> str:
    return f"{one['seconds']:.1f} ({one['cpu']:.1f}) s, {page.times(one['cpu'] / hand['cpu'])}"


def plots(result: dict[str, Any]) -> dict[str, str]:
    """CPU seconds of quiet nights over the customers, by how much is new, beside the query by hand."""
    series = {
        f"{share:.1%} new": [(one["customers"], one["nights"][number]["cpu"]) for one in result["rounds"]]
        for number, share in enumerate(SHARES, 1)
    }
    series["query by hand"] = [(one["customers"], one["by_hand"]["cpu"]) for one in result["rounds"]]
    drawn = plot.lines("A quiet night, by customers and by how much is new", series, "customers", "CPU seconds")
    return {"nights": drawn}


if __name__ == "__main__":
    gc.freeze()  # as the commands do
    print(json.dumps(nights(Path(sys.argv[1]), int(sys.argv[2]))))
