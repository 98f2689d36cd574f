"""`make run`: three nights of the sample shop, shown while they happen.

Makes the sample's data, starts `flows/tour.py` as a process of its own (the package never imports Prefect), tells what
it reports and where to look afterwards. Never touches a state or data that it did not make.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from journey_engine.cli.output import BOLD, DIM, RED, paint
from journey_engine.engines import open_reader
from journey_engine.errors import JourneyError
from journey_engine.graph import Emit, Message
from journey_engine.load import LoadedProject, load_project
from journey_engine.night import open_mailroom
from journey_engine.report import COLUMNS, journey_rows, table, with_sum
from journey_engine.sample import write_sample

NIGHTS = ("2026-02-28T02:00:00Z", "2026-03-01T02:00:00Z", "2026-03-02T02:00:00Z")
MARK = "made-by-make-run"
STATE = ("engine.duckdb", "engine.duckdb.wal", "engine.read.duckdb", "mailroom.sqlite", "mailroom.sqlite-wal",
         "mailroom.sqlite-shm", "outbox", MARK)  # fmt: skip


def main(root: Path | None = None) -> int:
    """Run the tour in a folder; 0 when it went well."""
    root = (root or Path.cwd()).resolve()
    try:
        _harmless(root)
        _data(root)
        (root / "var").mkdir(exist_ok=True)
        with _alone(root / "var" / "tour.lock"):
            _fresh_state(root)
            reports = list(_nights(root))
    except JourneyError as error:
        print(f"\n{paint('make run:', RED, sys.stderr)} {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; `make run` starts again from the beginning", file=sys.stderr)
        return 130
    _ending(root, reports)
    return 0


def _harmless(root: Path) -> None:
    """The tour simulates days: what it sends must not leave the machine."""
    loaded = load_project(root)
    live = loaded.rules.journeys if loaded.rules else ()
    channels = {loaded.project.channels.default} | {
        channel
        for graph in live
        for node in graph.nodes
        if isinstance(node, Emit) and isinstance(node.effect, Message)
        for channel in node.effect.channels
    }
    if channels != {"file"}:
        raise JourneyError(
            f"the tour only runs where letters become files, and this project uses {', '.join(sorted(channels))}",
            remedy="use `journey run` and `journey dispatch` here, or run the tour in a fresh clone",
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One tour at a time in a folder; the lock goes with the process."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JourneyError("another `make run` is at work in this folder", remedy="wait for it to end") from None
        yield


def _data(root: Path) -> None:
    """The sample's data, unless there are data of somebody else."""
    data = root / "data"
    if data.exists() and any(data.iterdir()) and not (data / MARK).exists():
        print("data/ holds files that `make run` did not make: they are used as they are")
        return
    data.mkdir(exist_ok=True)
    (data / MARK).touch()
    made = write_sample(root)
    print(f"{paint('sample shop', BOLD)}  {made.customers:,} customers and {made.events:,} events of a year, in data/")


def _fresh_state(root: Path) -> None:
    """Begin without a state. What the tour made before is replaced; anything else is moved aside, never deleted."""
    var = root / "var"
    old = [var / name for name in STATE if (var / name).exists()]
    if old:
        ours = (var / MARK).exists()
        aside = var / "last-tour" if ours else _free(var)
        if ours and aside.exists():
            shutil.rmtree(aside)
        aside.mkdir(parents=True)
        for path in old:
            path.rename(aside / path.name)
        whose = "of the last tour" if ours else "that was here"
        print(f"{paint('fresh start', BOLD)}  the state {whose} is in {aside.relative_to(root)}/")
    (var / MARK).touch()


def _free(var: Path) -> Path:
    return next(path for path in (var / f"earlier-{number}" for number in range(1, 10_000)) if not path.exists())


def _nights(root: Path) -> Iterator[dict[str, Any]]:
    """Run the flows, tell what happens, yield the report of each night."""
    log = root / "var" / "tour.log"
    command = [sys.executable, "-m", "flows.tour", str(root), *NIGHTS]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            command, cwd=root, env=_environment(root), stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        yield from _told(process.stdout)
    if process.returncode != 0:
        tail = "".join(log.read_text(encoding="utf-8").splitlines(keepends=True)[-15:])
        raise JourneyError(f"the flows stopped early; the end of their log:\n{tail}", remedy=f"the whole log is {log}")


def _environment(root: Path) -> dict[str, str]:
    """The flows' own Prefect below var/, so that the user's is left alone; its log goes to a file."""
    sys.path.insert(0, str(root))
    from flows.embedded import settings  # type: ignore[import-not-found,unused-ignore]

    own: dict[str, str] = settings(root / "var" / "prefect")
    return own | {"PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])}


def _told(lines: IO[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        told = json.loads(line)
        match told["what"]:
            case "starting":
                print(
                    f"{paint('prefect', BOLD)}      the embedded server starts; this takes 5 to 60 seconds", flush=True
                )
            case "night":
                print(f"{paint('night', BOLD)}        {told['as_of']}", end="", flush=True)
            case "report":
                print(_one_night(told["report"]), flush=True)
                yield told["report"]
            case "day":
                print(f"{paint('its day', BOLD)}      {told['accepted']:,} letters left, hour by hour", flush=True)
            case "failed":
                print(f"\n{told['reason']}", flush=True)


def _one_night(report: dict[str, Any]) -> str:
    entered = sum(counts["entered"] for counts in report["journeys"].values())
    moved = sum(counts["moved"] for counts in report["journeys"].values())
    left = f", {report['dispatched']:,} letters left" if report.get("dispatched") else ""
    return f"  {report['events_received']:,} new events, {entered:,} passes begun, {moved:,} moved{left}"


def _ending(root: Path, reports: list[dict[str, Any]]) -> None:
    names = sorted({name for report in reports for name in report["journeys"]})
    records = [
        {
            "journey": name,
            **{key: sum(one["journeys"].get(name, {}).get(key, 0) for one in reports) for key in COLUMNS[1:]},
        }
        for name in names
    ]
    print(f"\n{paint(f'{len(reports)} nights', BOLD)}\n{table(COLUMNS, journey_rows(with_sum(records)))}")
    loaded = load_project(root)
    with open_mailroom(loaded) as room:
        groups = room.groups()
    counts: dict[str, int] = {}
    for one in groups:
        state = f"{one.state.value} ({one.reason})" if one.reason else one.state.value
        counts[state] = counts.get(state, 0) + one.count
    print(f"messages: {', '.join(f'{state} {count:,}' for state, count in sorted(counts.items()))}")
    print(_next(root, _somebody(loaded)))


def _somebody(loaded: LoadedProject) -> str:
    """A customer with a story: the one with the most moves."""
    reader = open_reader(loaded.project.engine, loaded.folder)
    try:
        rows = reader.rows(
            "SELECT e.customer_id FROM transitions AS t JOIN enrollments AS e ON e.enrollment_id = t.enrollment_id"
            " GROUP BY e.customer_id ORDER BY count(*) DESC, e.customer_id LIMIT 1"
        )
    finally:
        reader.close()
    return str(rows[0][0]) if rows else "CUSTOMER"


def _next(root: Path, somebody: str) -> str:
    outbox = root / "var" / "outbox"
    letters = sorted(outbox.rglob("*.eml"))
    first = letters[0].relative_to(root) if letters else "var/outbox"
    return f"""
{paint("look", BOLD)}
  {len(letters):,} letters lie in var/outbox; any mail program opens them, such as {first}
  the nights on Prefect's page:   PREFECT_HOME=var/prefect .venv/bin/prefect server start

{paint("try", BOLD)}
  .venv/bin/journey report
  .venv/bin/journey mailroom
  .venv/bin/journey explain {somebody}
  .venv/bin/journey audience regulars --as-of {NIGHTS[-1]}
  .venv/bin/journey validate && .venv/bin/journey test

{paint("then", BOLD)}  a first journey of your own in ten minutes: docs/marketer.md
{paint("      what the flows wrote: var/tour.log", DIM)}"""


if __name__ == "__main__":
    sys.exit(main())
