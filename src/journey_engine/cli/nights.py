"""Commands that change something: a run, a dispatch; and the report of the last run."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading

from journey_engine.cli import DONE, FOUND, output
from journey_engine.cli.output import now, project_folder, say, warn
from journey_engine.errors import ProblemsFound
from journey_engine.times import iso


def run(options: argparse.Namespace) -> int:
    """Evaluate everyone once and hand over what is due."""
    from journey_engine import night, report
    from journey_engine.checks import open_project
    from journey_engine.rules import newest

    loaded = open_project(project_folder(options.project))
    if loaded.rules is None:
        raise ProblemsFound(loaded.problems)
    gc.freeze()  # what is loaded now stays until the end: the collector need not look at it for every message
    done = night.run(
        loaded,
        options.as_of or newest(loaded.project.cadence, now()),
        clock=now,
        accept_loss=options.accept_loss,
        dry_run=options.dry_run,
        show_sql=_show if options.show_sql else None,
    )
    if options.json:
        output.print_json(report.as_json(done))
    else:
        say(report.as_text(done))
        if options.dry_run:
            say("a dry run: nothing was kept and nothing was sent")
    return FOUND if done.broken or done.undelivered else DONE


def _show(sql: str) -> None:
    warn(f"{sql.strip().rstrip(';')};\n")


FOREIGN_SENDER = "foreign_sender"  # the reason of a letter that left in the project's name for want of a better one
SAID = ("accepted", "refused", "skipped", "unsure", "waiting", "tasks")


def dispatch(options: argparse.Namespace) -> int:
    """Hand over the messages that are due."""
    from journey_engine.checks import open_project
    from journey_engine.night import beside, deliver, deliver_beside

    as_of = options.as_of or now()
    stopped = _input_closed() if options.beside else None
    loaded = open_project(project_folder(options.project))
    gc.freeze()
    if stopped is not None:
        done = deliver_beside(loaded, as_of, clock=now, began=options.beside, stopped=stopped)
    else:
        done = deliver(loaded, as_of, clock=now, workers=options.workers)
    told = {"as_of": as_of, **beside.as_json(done)}
    if told["attention"]:
        warn(f"journey: {told['attention']}")
    if options.json:
        output.print_json(told)
        return FOUND if told["troubles"] else DONE
    found = ", ".join(f"{told[name]:,} {name}" for name in SAID if told[name])
    say(f"dispatch as of {iso(as_of)}: {found or 'nothing was due'}")
    foreign = sum(one["count"] for one in told["reasons"] if one["reason"] == FOREIGN_SENDER)
    if foreign:
        say(f"{foreign:,} of them in the project's name: whom the data name may not write for it (`sender: own:`)")
    for trouble in told["troubles"]:
        warn(f"journey: {trouble}")
    return FOUND if told["troubles"] else DONE


def _input_closed() -> threading.Event:
    """Set once standard input has ended: whoever holds its other end is gone, or has no more use for us."""
    closed = threading.Event()

    def watch() -> None:
        try:
            while os.read(sys.stdin.fileno(), 1):
                pass
        finally:
            closed.set()

    threading.Thread(target=watch, daemon=True).start()
    return closed


def report(options: argparse.Namespace) -> int:
    """Show what the last run did."""
    from journey_engine import report as reports
    from journey_engine.load import load_project

    done = reports.last(load_project(project_folder(options.project)))
    if options.json:
        output.print_json(reports.as_json(done))
    else:
        say(reports.as_markdown(done) if options.markdown else reports.as_text(done))
    return DONE
