"""The night as a Prefect flow: a task for each journey and each phase, the run report as artifacts.

Decides nothing: the phases are those of `journey run`, in the same order. A journey that cannot be loaded fails its own
task and is left as it was; the others go on, and the flow ends as failed with the reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run
from prefect.states import Failed
from prefect.tasks import Task

from flows.blocks import secrets
from journey_engine import report as reports
from journey_engine.checks import check, check_journey
from journey_engine.errors import JourneyError, ProblemsFound
from journey_engine.load import LoadedJourney, LoadedProject, load_project, with_journeys
from journey_engine.mailroom import DispatchReport
from journey_engine.night import NightRun, RunReport, begin
from journey_engine.rules import newest
from journey_engine.times import UTC, iso

T = TypeVar("T")


def now() -> dt.datetime:
    """The clock; the flows read it and hand it down."""
    return dt.datetime.now(UTC)


def _name() -> str:
    """The run's name on the page: the night it is for."""
    as_of = flow_run.parameters.get("as_of")
    return f"night of {iso(as_of)}" if isinstance(as_of, dt.datetime) else f"night before {now():%Y-%m-%dT%H:%MZ}"


@flow(name="nightly", flow_run_name=_name, persist_result=False)
def nightly(project: str = ".", as_of: dt.datetime | None = None, accept_loss: bool = False) -> State[Any] | None:
    """Run one night of the project in this folder; without `as_of` the newest instant of its cadence.

    The same night again enters, moves and sends nothing, so a failed run may be started again at any time.
    """
    if as_of is not None and as_of.tzinfo is None:
        return Failed(message=f"as_of {as_of} has no zone; write it like 2026-01-31T02:00:00Z")
    try:
        loaded, broke = load(Path(project))
        at = as_of or newest(loaded.project.cadence, now())
        with secrets(loaded.project), begin(loaded, at, clock=now, accept_loss=accept_loss) as night:
            night.broken |= broke
            done = work(night)
    except JourneyError as error:
        return Failed(message=str(error))
    if done.repeated:  # the report of the night that did the work stays the newest
        get_run_logger().info("%s", reports.as_text(done))
    else:
        show(loaded.project.project, done)
    if done.broken:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(done.broken.items()))
        return Failed(message=f"set aside and left as they were: {reasons}")
    return None


# --- the journeys -------------------------------------------------------------------------------------------------


def load(folder: Path) -> tuple[LoadedProject, dict[str, str]]:
    """The project with its journeys, each checked by a task of its own; and those whose task broke, with the reason.

    A journey with mistakes fails its task and stays out of the rules; its mistakes are the task's message.
    """
    outline = load_project(folder)
    settled = check(replace(outline, journeys={}))
    if settled.rules is None:
        raise ProblemsFound(settled.problems)
    checked: dict[str, LoadedJourney] = {}

    def one(name: str) -> State[Any] | None:
        journey = checked[name] = check_journey(outline.journeys[name], outline)
        for problem in journey.problems:
            if problem.severity == "warning":
                get_run_logger().warning("%s", problem)
        return None if journey.sound else Failed(message="; ".join(str(problem) for problem in journey.errors))

    futures = {name: as_task(name, one).submit(name) for name in outline.journeys}
    for future in futures.values():
        future.wait()
    broke = {name: str(futures[name].state.message) for name in outline.journeys if name not in checked}
    return with_journeys(replace(outline, file=settled.file), checked), broke


def as_task(name: str, work: Callable[..., T], *, retries: int = 0) -> Task[..., T]:
    """A piece of work as a task under a name. Only names and numbers go in as parameters, because Prefect looks through
    everything that is passed. What a person must mend is told without a traceback and not tried again.
    """

    @wraps(work)
    def told(*given: Any) -> T | State[Any]:
        try:
            return work(*given)
        except JourneyError as error:
            return Failed(message=str(error), data=error)

    made: Task[..., T] = task(
        told,
        name=name,
        task_run_name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=retries,
        retry_delay_seconds=[5, 30][:retries],
        retry_condition_fn=_worth_another_try,
    )
    return made


def _worth_another_try(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    try:
        state.result()
    except JourneyError:
        return False
    except Exception:  # noqa: BLE001 - whatever it was, this kind of work may be done again
        return True
    return False


# --- the phases ---------------------------------------------------------------------------------------------------


def work(night: NightRun) -> RunReport:
    """Every phase as a task, in order. Those that continue from what is committed are tried again when they fail."""
    phase("dispatch what was due before", night.dispatch_before, retries=2)
    phase("collect", night.collect)
    phase("facts", night.facts)
    phase("sweep", night.sweep)
    phase("commit", night.commit)
    phase("door", night.door, retries=2)
    phase("publish", night.publish, retries=2)
    phase("dispatch", lambda: night.dispatch(on_batch=_batch), retries=2)
    return night.report()


def phase(name: str, work: Callable[[], T], *, retries: int = 0) -> T:
    """Do a piece of work as a task, here and now; raises what it raised."""
    ended = as_task(name, work, retries=retries)(return_state=True)
    done: T = ended.result()
    return done


def _batch(so_far: DispatchReport) -> None:
    get_run_logger().info("%d accepted, %d refused, %d skipped", so_far.accepted, so_far.refused, so_far.skipped)


def show(project: str, done: RunReport) -> None:
    """The report on the flow run's page: as text, and as a table."""
    create_markdown_artifact(
        key=f"{project}-run",
        markdown=reports.as_markdown(done),
        description=f"What the run as of {iso(done.as_of)} did",
    )
    create_table_artifact(
        key=f"{project}-journeys", table=reports.journey_records(done), description=f"Journeys as of {iso(done.as_of)}"
    )
    get_run_logger().info("%s", reports.as_text(done))


if __name__ == "__main__":
    import sys

    from flows.embedded import server

    with server():
        ended = nightly(*sys.argv[1:2], return_state=True)
    sys.exit(0 if ended.is_completed() else 1)
