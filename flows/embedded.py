"""Prefect's embedded server for runs without an operator: started with patience, stopped once it wrote everything down.

For a schedule start a server of your own (docs/operator.md); then nothing here is needed.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE_S = 180


def settings(home: Path) -> dict[str, str]:
    """The environment of a process that keeps Prefect's own files in `home` and tells nobody."""
    mine = {name: value for name, value in os.environ.items() if name not in ("PREFECT_API_URL", "PREFECT_PROFILE")}
    return mine | {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(PATIENCE_S),
        # One by one, its default, the server falls behind a run and still writes when it is stopped.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    }


@contextmanager
def server() -> Iterator[None]:
    """Have a server while the body runs: the one that is configured, or an embedded one."""
    if os.environ.get("PREFECT_API_URL"):
        yield
        return
    import httpx
    from prefect.server.api.server import SubprocessASGIServer

    began = dt.datetime.now(dt.UTC)
    embedded = SubprocessASGIServer()
    for attempt in range(1, 4):
        try:
            embedded.start(timeout=PATIENCE_S)
            break
        except httpx.TransportError:  # it listens, but the machine is too busy for an answer in time
            embedded.stop()
            if attempt == 3:
                raise
    try:
        yield
    finally:
        settle(began)


def settle(began: dt.datetime) -> None:
    """Wait until the server has written down how every task since `began` ended; stopped earlier, it complains."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import TaskRunFilter
    from prefect.client.schemas.objects import TERMINAL_STATES, StateType
    from prefect.client.schemas.sorting import TaskRunSort
    from prefect.events.worker import EventsWorker

    EventsWorker.drain_all(at_exit=False)
    open_states = [state for state in StateType if state not in TERMINAL_STATES]
    unfinished = TaskRunFilter.model_validate(
        {"state": {"type": {"any_": open_states}}, "start_time": {"after_": began}}
    )
    until = time.monotonic() + 20
    with suppress(httpx.HTTPError), get_client(sync_client=True) as client:
        running = True
        while running and time.monotonic() < until:
            time.sleep(2.5)  # twice the interval in which the server writes down what it was told, and a little more
            found = client.read_task_runs(task_run_filter=unfinished, sort=TaskRunSort.ID_DESC, limit=1)
            running = bool(found)
