"""python -m bench [--customers N] [--rounds N] [--style-sheet] [--page]: measure, print, keep as JSON."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from bench import page
from bench.head_to_head import measure

RESULTS = Path(__file__).parent / "results"


def say(line: str) -> None:
    """Progress, at once."""
    print(line, flush=True)


def main() -> None:
    """Run the head-to-head."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the engine on this machine.")
    parser.add_argument("--customers", type=int, default=int(os.environ.get("BENCH_CUSTOMERS", "10000")))
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS", "3")))
    parser.add_argument("--style-sheet", action="store_true", help="a <style> in the layout, inlined after rendering")
    parser.add_argument("--page", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    result = measure(options.customers, options.rounds, say, style_sheet=options.style_sheet)
    RESULTS.mkdir(exist_ok=True)
    name = f"head-to-head-{options.customers}{'-style-sheet' if options.style_sheet else ''}"
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    figures = page.figures(result)
    (RESULTS / f"{name}.md").write_text(figures, encoding="utf-8")
    print(f"\n{figures}\nkept in {RESULTS / name}.json and .md")
    if options.page:
        page.write(figures, options.customers)


if __name__ == "__main__":
    main()
