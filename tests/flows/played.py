"""A play for test_flows.py in a process of its own, on one embedded server: flows run, and what it knows of them.

    python tests/flows/played.py FOLDER

Prints one JSON object. Projects are made by `journey init`; the nights are those of its made-up customers.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import Any

from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from prefect.client.schemas.sorting import ArtifactSort, FlowRunSort, TaskRunSort

from flows.dispatch import dispatch
from flows.embedded import server
from flows.nightly import nightly
from flows.tour import day
from journey_engine.checks import open_project
from journey_engine.report import as_json, last
from journey_engine.scaffold import make_project

NIGHT = dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def ended(state: Any) -> dict[str, Any]:
    return {"type": state.type.value, "message": state.message}


def play(folder: Path) -> dict[str, Any]:
    shop, torn, bad = folder / "shop", folder / "torn", folder / "bad"
    for one in (shop, torn, bad):
        make_project(one)
    told: dict[str, Any] = {"good": ended(nightly(str(shop), NIGHT, return_state=True))}
    told["good report"] = as_json(last(open_project(shop)))
    told["again"] = ended(nightly(str(shop), NIGHT, return_state=True))
    told["again report"] = as_json(last(open_project(shop)))
    told["dispatch"] = ended(dispatch(str(shop), NIGHT + dt.timedelta(hours=13), return_state=True))
    told["letters"] = len(list((shop / "var/outbox").rglob("*.eml")))
    told["day"] = day(str(shop), NIGHT)

    told["keyed"] = keyed(folder / "keyed")

    (torn / "journeys/torn.yaml").write_text("journey: torn\ntrigger: {event: order_placed}\nsteps: [{sned: hello}]\n")
    told["torn"] = ended(nightly(str(torn), NIGHT, return_state=True))
    told["torn report"] = as_json(last(open_project(torn)))

    (bad / "journeys/project.yaml").write_text("project: bad\n")
    told["bad"] = ended(nightly(str(bad), NIGHT, return_state=True))
    told["bad dispatch"] = ended(dispatch(str(bad), NIGHT, return_state=True))
    told["no zone"] = ended(nightly(str(shop), dt.datetime(2026, 3, 3), return_state=True))  # noqa: DTZ001
    (shop / "data/customers.csv").unlink()
    told["no data"] = ended(nightly(str(shop), NIGHT + DAY, return_state=True))
    return told


def keyed(shop: Path) -> list[dict[str, Any]]:
    """A project with a key for its letters: nowhere, then in a Secret block; nobody listens where the letters go."""
    make_project(shop)
    with (shop / "journeys/project.yaml").open("a") as settings:
        settings.write('channels: {default: sendgrid, sendgrid: {host: "http://127.0.0.1:9"}}\n')
    os.environ.pop("SENDGRID_API_KEY", None)
    nightly(str(shop), NIGHT, return_state=True)
    found = [ended(dispatch(str(shop), NIGHT + dt.timedelta(hours=13), return_state=True))]
    Secret(value="12345").save("sendgrid-api-key", _sync=True)  # type: ignore[call-arg]
    found.append(ended(dispatch(str(shop), NIGHT + dt.timedelta(hours=14), return_state=True)))
    assert "SENDGRID_API_KEY" not in os.environ
    return found


def known() -> dict[str, Any]:
    """What Prefect's page would show."""
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(sort=FlowRunSort.START_TIME_ASC)
        artifacts = client.read_artifacts(sort=ArtifactSort.CREATED_DESC)
        return {
            "runs": [
                {
                    "name": run.name,
                    "state": run.state_type.value if run.state_type else None,
                    "tasks": {
                        task.name: task.state_type.value if task.state_type else None
                        for task in client.read_task_runs(
                            flow_run_filter=FlowRunFilter.model_validate({"id": {"any_": [run.id]}}),
                            task_run_filter=TaskRunFilter(),
                            sort=TaskRunSort.END_TIME_DESC,
                        )
                    },
                }
                for run in runs
            ],
            "artifacts": [{"key": one.key, "type": one.type, "data": one.data} for one in artifacts],
        }


if __name__ == "__main__":
    with server():
        told = play(Path(sys.argv[1]))
    # Settled: the server has written everything down, and is still there until this process ends.
    print(json.dumps(told | known()))  # noqa: T201 - the tests read it
