"""Dispatch as a Prefect flow: hands over what is due, every ten minutes, beside any night.

Many may run at once: each message is claimed before it is handed over. Decides nothing.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.blocks import secrets
from journey_engine.checks import open_project
from journey_engine.errors import JourneyError
from journey_engine.night import deliver
from journey_engine.times import UTC, iso


def now() -> dt.datetime:
    """The clock; the flows read it and hand it down."""
    return dt.datetime.now(UTC)


def _name() -> str:
    """The run's name on the page: the instant it is for."""
    as_of = flow_run.parameters.get("as_of")
    return f"dispatch at {iso(as_of)}" if isinstance(as_of, dt.datetime) else f"dispatch at {now():%Y-%m-%dT%H:%MZ}"


@flow(name="dispatch", flow_run_name=_name, persist_result=False)
def dispatch(project: str = ".", as_of: dt.datetime | None = None) -> State[Any] | None:
    """Hand over the messages of this project that are due; without `as_of` at the clock's instant.

    Ends as failed when a message could not be worded or a channel could not work: the message says which.
    """
    at = as_of or now()
    log = get_run_logger()
    try:
        loaded = open_project(Path(project))
        with secrets(loaded.project):
            done = deliver(
                loaded,
                at,
                clock=now,
                on_batch=lambda so_far: log.info("%d accepted so far", so_far.accepted) if so_far.accepted else None,
            )
    except JourneyError as error:
        return Failed(message=str(error))
    log.info(
        "as of %s: %d accepted, %d refused, %d skipped, %d unsure, %d waiting, %d tasks",
        iso(at), done.accepted, done.refused, done.skipped, done.unsure, done.waiting, done.tasks,
    )  # fmt: skip
    if done.loud:
        log.warning(done.loud)
    return Failed(message="; ".join(done.troubles)) if done.troubles else None


if __name__ == "__main__":
    import sys

    from flows.embedded import server

    with server():
        ended = dispatch(*sys.argv[1:2], return_state=True)
    sys.exit(0 if ended.is_completed() else 1)
