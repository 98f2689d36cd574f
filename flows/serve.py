"""Serve both flows of a project from one process: the night at the project's cadence, dispatch every ten minutes.

    python -m flows.serve [PROJECT]

Needs a Prefect server (PREFECT_API_URL); runs until it is stopped. Who prefers workers uses prefect.yaml.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from prefect import serve
from prefect.schedules import Cron

from flows.dispatch import dispatch
from flows.nightly import nightly
from journey_engine.errors import JourneyError
from journey_engine.load import read_project


def main(folder: Path) -> None:
    """Serve until stopped."""
    # Prefect's own handler of SIGTERM stops well but forgets to wait, and says so on the way out.
    warnings.filterwarnings("ignore", message="coroutine 'Runner.astop' was never awaited")
    settings = read_project(folder).settings
    parameters = {"project": str(folder.absolute())}
    serve(
        nightly.to_deployment(
            f"{settings.project}-nightly",
            schedule=Cron(settings.cadence, timezone="UTC"),
            parameters=parameters,
            concurrency_limit=1,
            description="Evaluates every journey for every customer once, then hands over what is due.",
        ),
        dispatch.to_deployment(
            f"{settings.project}-dispatch",
            schedule=Cron("*/10 * * * *", timezone="UTC"),
            parameters=parameters,
            description="Hands over the messages that are due.",
        ),
    )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    except JourneyError as error:
        sys.exit(f"flows.serve: {error.message}\n  remedy: {error.remedy or 'journey validate tells more'}")
