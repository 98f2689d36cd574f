"""python -m bench [WHAT] [--customers N] [--rounds N] [--page]: measure, print, keep as JSON and Markdown."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import audience, door, head_to_head, moves, nights, page, spark, start, workers, year

RESULTS = Path(__file__).parent / "results"
PLOTS = page.PAGE.parent / "plots"


@dataclass(frozen=True, slots=True)
class Work:
    """A module with `measure` and `figures`, and maybe `plots`; how large and how often, unless told.

    How large is how many customers, but for `start`: how many journeys.
    """

    module: ModuleType
    customers: int
    rounds: int


WORK: Mapping[str, Work] = {
    "head-to-head": Work(head_to_head, 10_000, 3),
    "audience": Work(audience, 100_000, 3),
    "door": Work(door, 20_000, 3),
    "nights": Work(nights, 10_000, 1),
    "moves": Work(moves, 5_000, 3),
    "workers": Work(workers, 5_000, 3),
    "year": Work(year, 2_000, 365),
    "start": Work(start, 200, 5),
    "spark": Work(spark, 10_000, 1),
}


def say(line: str) -> None:
    """Progress, at once."""
    print(line, flush=True)


def main() -> None:
    """Measure one thing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the engine on this machine.")
    parser.add_argument("what", nargs="?", choices=WORK, default="head-to-head")
    parser.add_argument("--customers", type=int, default=os.environ.get("BENCH_CUSTOMERS"))
    parser.add_argument("--rounds", type=int, default=os.environ.get("BENCH_ROUNDS"))
    parser.add_argument("--style-sheet", action="store_true", help="a <style> in the layout, inlined after rendering")
    parser.add_argument("--page", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    work = WORK[options.what]
    measure, name = work.module.measure, options.what
    customers, rounds = options.customers or work.customers, options.rounds or work.rounds
    place: str | int = name
    if work.module is head_to_head:
        measure = partial(measure, style_sheet=options.style_sheet)
        name += f"-{customers}{'-style-sheet' if options.style_sheet else ''}"
        place = customers
    keep(work.module, measure(customers, rounds, say), name, place if options.page else None)


def keep(module: ModuleType, result: dict[str, Any], name: str, place: str | int | None) -> None:
    """Write a result down, and into the page when it has a place there."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    figures, plots = module.figures(result), module.plots(result) if hasattr(module, "plots") else {}
    (RESULTS / f"{name}.md").write_text(figures, encoding="utf-8")
    for plot, drawn in plots.items():
        (RESULTS / f"{plot}.svg").write_text(drawn, encoding="utf-8")
    print(f"\n{figures}\nkept in {RESULTS / name}.json and .md")
    if place is not None:
        for plot, drawn in plots.items():
            PLOTS.mkdir(exist_ok=True)
            (PLOTS / f"{plot}.svg").write_text(drawn, encoding="utf-8")
            figures += f"\n![{plot.replace('-', ' ')}](plots/{plot}.svg)\n"
        page.write(figures, place)


if __name__ == "__main__":
    main()
