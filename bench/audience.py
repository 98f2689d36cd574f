"""One rule of five clauses asked of everybody: as a query by hand, of the sources, and of what the last night keeps.

One night was run before. A round asks each in turn; all find the same number of customers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import floors, page
from bench.data import NOW, write_data
from bench.flow import clock
from bench.machine import load, machine, middle
from bench.project import write_project
from journey_engine import audience, night
from journey_engine.checks import open_project
from journey_engine.engines import published

AIM = 1.5  # times the query by hand
NIGHT = ("collect", "facts", "sweep", "commit", "door", "publish")
TITLES = {"hand": "the rule as one query by hand", "sources": "`journey audience`, before the first night",
          "kept": "`journey audience`, after a night, sources as they were"}  # fmt: skip


def measure(customers: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it; the result is plain data for JSON."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        data = write_data(folder / "data", customers)
        write_project(folder, None)
        with night.begin(open_project(folder), NOW, clock=clock) as run:
            for phase in NIGHT:
                getattr(run, phase)()
        copy = published(folder / "var/engine.duckdb")
        aside = copy.with_suffix(".aside")
        done: list[dict[str, Any]] = []
        for turn in range(1, rounds + 1):
            before = load()
            spent = {"hand": floors.by_hand(data), "kept": asked(folder)}
            copy.rename(aside)
            engine = folder / "var/engine.duckdb"
            hidden = engine.rename(engine.with_suffix(".hidden"))
            spent["sources"] = asked(folder)
            hidden.rename(engine)
            aside.rename(copy)
            counts = {one.count for one in spent.values()}
            assert len(counts) == 1, f"different answers: {counts}"
            told = {name: {"seconds": one.seconds, "cpu": one.cpu} for name, one in spent.items()}
            done.append({**told, "load": max(before, load())})
            cpu = ", ".join(f"{name} {one['cpu']:.2f}" for name, one in told.items())
            say(f"round {turn} of {rounds}: {counts.pop():,} match; CPU seconds of {cpu}; load {done[-1]['load']}")
        return {"what": "audience", "customers": customers, "machine": machine(), "rounds": done,
                "median": middle(done)}  # fmt: skip


def asked(folder: Path) -> floors.Spent:
    """The same rule by `journey audience`, from reading the project on."""
    watch = floors.Watch()
    loaded = open_project(folder)
    found = audience.count(loaded, audience.read_condition("active-buyers", loaded), NOW, sample=0)
    return watch.spent(found.customers)


def figures(result: dict[str, Any]) -> str:
    """What it says, as Markdown."""
    said, hand = result["median"], result["median"]["hand"]
    rows: list[tuple[str, ...]] = [("", "seconds", "CPU seconds", "by hand, time", "CPU time", "aim")]
    for name, title in TITLES.items():
        one, aim = said[name], "" if name == "hand" else f"{AIM:g}"
        rows.append((title, f"{one['seconds']:.2f}", f"{one['cpu']:.2f}", page.times(one["seconds"] / hand["seconds"]),
                     page.times(one["cpu"] / hand["cpu"]), aim))  # fmt: skip
    return (f"{page.number(result['customers'])} customers and ten events each, {page.circumstances(result)}\n\n"
            f"{page.table(rows)}\n")  # fmt: skip
