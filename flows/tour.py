"""Three nights of the sample shop with the embedded server, told as JSON lines to `journey_engine.tour`.

    python -m flows.tour PROJECT NIGHT [NIGHT ...]

As an operator's schedule would, with a simulated clock: each night, then the dispatches of the day after it.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

from prefect import flow

from flows.embedded import server
from flows.nightly import as_task, nightly
from journey_engine.checks import open_project
from journey_engine.mailroom import DispatchReport
from journey_engine.night import deliver
from journey_engine.report import as_json, last
from journey_engine.times import UTC, iso, parse_instant


def say(what: str, **more: Any) -> None:
    """One line for the tour."""
    print(json.dumps({"what": what, **more}), flush=True)  # noqa: T201 - the tour reads it


@flow(name="day of the tour", flow_run_name="day after the night of {night:%Y-%m-%d}", persist_result=False)
def day(project: str, night: dt.datetime) -> int:
    """Every hour what is due leaves, as with the deployment `dispatch`; the number of messages accepted."""
    loaded = open_project(Path(project))

    def hour(at: dt.datetime) -> DispatchReport:
        return deliver(loaded, at, clock=lambda: dt.datetime.now(UTC))

    hours = [night + dt.timedelta(hours=count) for count in range(1, 24)]
    return sum(as_task(f"dispatch at {at:%H:%M}", hour)(at).accepted for at in hours)


def main(project: str, nights: list[dt.datetime]) -> int:
    """Run the nights; 0 when all of them ended well."""
    say("starting")
    with server():
        say("started")
        for night in nights:
            say("night", as_of=iso(night))
            ended = nightly(project, night, return_state=True)
            if not ended.is_completed():
                say("failed", reason=ended.message)
                return 1
            say("report", report=as_json(last(open_project(Path(project)))))
            say("day", accepted=day(project, night))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], [parse_instant(text) for text in sys.argv[2:]]))
