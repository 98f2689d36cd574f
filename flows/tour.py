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
from flows.nightly import nightly, now, phase
from journey_engine.checks import open_project
from journey_engine.night import deliver
from journey_engine.report import as_json, last
from journey_engine.times import iso, parse_instant


def say(what: str, **more: Any) -> None:
    """One line for the tour."""
    print(json.dumps({"what": what, **more}), flush=True)  # noqa: T201 - the tour reads it


@flow(name="day of the tour", flow_run_name="day after the night of {night:%Y-%m-%d}", persist_result=False)
def day(project: str, night: dt.datetime) -> int:
    """Every hour what is due leaves, as with the deployment `dispatch`; the number of messages accepted."""
    loaded = open_project(Path(project))

    def hour(at: dt.datetime) -> int:
        return phase(f"dispatch at {at:%H:%M}", lambda: deliver(loaded, at, clock=now)).accepted

    return sum(hour(night + dt.timedelta(hours=count)) for count in range(1, 24))


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
