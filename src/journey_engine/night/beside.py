"""Dispatchers beside one another on this machine: a process each, and one report for all of them.

Each is the command `journey dispatch` with the instants of the first. Its standard input is a pipe from there: when
that closes, since the first was killed, it stops after the batch in hand. Who gets a message the mailroom decides.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from journey_engine.mailroom import DispatchReport
from journey_engine.times import iso

MANY = 4_000
"""More due messages than this are worth another process: it needs most of a second to begin, in which one hands over
about half as many."""
MOST = 4
"""So many processes at most where nobody said how many: each has some 100 MB, and others want the cores too."""
COUNTED = ("accepted", "refused", "skipped", "unsure", "waiting", "taken_back", "tasks")
OWN = ("send_hours", "try_later")
"""Why a message waits that one dispatcher had in hand; what waits for other reasons each of them has seen."""


def cores() -> int:
    """How many cores this process may use, up to `MOST`."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(mine, MOST)


def with_others(
    count: int, folder: Path, as_of: dt.datetime, began: dt.datetime, here: Callable[[], DispatchReport]
) -> DispatchReport:
    """Dispatch `here` while so many more processes do the same, wait for all of them, and add up what they say.

    `began` is what the clock said when this dispatch began. Where one ends badly, this process dispatches once more: it
    looks into what that one had in hand.
    """
    troubles, others = list[str](), list[tuple[subprocess.Popen[str], IO[str]]]()
    with ExitStack() as stack:
        try:
            for _ in range(count):
                others.append(stack.enter_context(_started(folder, as_of, began)))
        except OSError as error:
            troubles.append(f"no further dispatcher could begin: {error.strerror}")
        reports = [here()]
        for process, said in others:
            told = _told(process, said)
            if isinstance(told, DispatchReport):
                reports.append(told)
            else:
                troubles.append(told)
    if troubles:
        reports.append(here())
    return together(reports, troubles)


@contextmanager
def _started(
    folder: Path, as_of: dt.datetime, began: dt.datetime
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:  # fmt: skip
    """One more process; what it complains of goes to a file, so that it never waits for a reader."""
    command = [sys.executable, "-P", "-m", "journey_engine.cli", "dispatch", "--json", "--as-of", iso(as_of)]
    command += ["--beside", iso(began), "--project", str(folder.absolute())]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, text=True) as process,
    ):
        yield process, said  # leaving closes its input, at which it stops, and waits for it


def _told(process: subprocess.Popen[str], said: IO[str]) -> DispatchReport | str:
    """What a process did, or why it could not."""
    assert process.stdout is not None
    out = process.stdout.read()
    status = process.wait()
    try:
        answer = json.loads(out)
    except ValueError:
        said.seek(0)
        last = said.read().strip().splitlines()[-1:] or ["it said nothing"]
        after = "what it had in hand was looked into, what it did before is not counted here"
        return f"a dispatcher ended with status {status}: {last[0]}; {after}"
    return f"a dispatcher could not work: {answer['error']['message']}" if "error" in answer else _report(answer)


def as_json(report: DispatchReport) -> dict[str, Any]:
    """What a dispatch did, as plain data for JSON."""
    reasons = sorted(report.reasons.items())
    return {
        **{name: getattr(report, name) for name in COUNTED},
        "reasons": [{"state": state, "reason": reason, "count": count} for (state, reason), count in reasons],
        "troubles": list(report.troubles),
        "attention": report.loud,
    }


def _report(told: Mapping[str, Any]) -> DispatchReport:
    """The same, read back."""
    return DispatchReport(
        **{name: told[name] for name in COUNTED},
        reasons={(one["state"], one["reason"]): one["count"] for one in told["reasons"]},
        troubles=tuple(told["troubles"]),
        loud=told["attention"],
    )


def together(reports: Sequence[DispatchReport], troubles: Sequence[str] = ()) -> DispatchReport:
    """One report for all: what was done is added up, what each has seen waiting is not."""
    reasons: Counter[tuple[str, str]] = Counter()
    for one in reports:
        for (state, why), count in one.reasons.items():
            seen_by_all = state == "pending" and why not in OWN
            before = reasons[state, why]
            reasons[state, why] = max(before, count) if seen_by_all else before + count
    added = {name: sum(getattr(one, name) for one in reports) for name in COUNTED if name != "waiting"}
    return DispatchReport(
        **added,
        waiting=sum(count for (state, _), count in reasons.items() if state == "pending"),
        reasons=dict(reasons),
        troubles=tuple(dict.fromkeys([*troubles, *(line for one in reports for line in one.troubles)])),
        loud=next((one.loud for one in reports if one.loud), None),
    )
