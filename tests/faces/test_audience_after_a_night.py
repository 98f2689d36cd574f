"""`journey audience` asks what the last night keeps where the sources are as they were; it says the same as they do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from pydantic import TypeAdapter

from bench.data import NOW, write_data
from bench.project import write_project
from journey_engine import audience, night
from journey_engine.audience import Audience
from journey_engine.checks import open_project
from journey_engine.conditions import Condition, Context
from journey_engine.predicates import Predicate
from journey_engine.yamlfile import read

CONDITIONS = (
    "segment: active-buyers",
    "event: {name: purchase, where: {amount: {above: 60}}, count: {at_least: 2}}",
    "not: {event: {name: login, within: 30 days}}",
    "customer: {plan: free, ltv: {above: 50}}",
    "journey: {name: picks, state: in}",
    "event: {name: login, last: {before: 90 days}}",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data(tmp_path / "data", 200)
    write_project(tmp_path, None)
    with night.begin(open_project(tmp_path), NOW, clock=lambda: dt.datetime.now(dt.UTC)) as run:
        for phase in ("collect", "facts", "sweep", "commit", "publish", "door"):
            getattr(run, phase)()
    return tmp_path


def predicate(folder: Path, text: str) -> Predicate:
    known: Context = open_project(folder).file.context
    found: Predicate = TypeAdapter(Condition).validate_python(read(text, "condition").data).resolve(known)
    return found


def count(folder: Path, text: str, as_of: dt.datetime = NOW) -> Audience:
    return audience.count(open_project(folder), predicate(folder, text), as_of)


def by_the_sources(patch: pytest.MonkeyPatch, ask: Callable[[], Audience]) -> Audience:
    with patch.context() as inside:
        inside.setattr(audience, "_of_the_last_run", lambda *given: None)
        return ask()


def sources_read(patch: pytest.MonkeyPatch, ask: Callable[[], Audience]) -> bool:
    read: list[str] = []
    gathered = audience.gathered
    with patch.context() as inside:
        inside.setattr(audience, "gathered", lambda *given, **more: read.append("") or gathered(*given, **more))  # type: ignore[func-returns-value]
        ask()
    return bool(read)


@pytest.mark.parametrize("text", CONDITIONS)
@pytest.mark.parametrize("later", [0, 20])
def test_the_answer_is_that_of_the_sources(
    folder: Path, text: str, later: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask() -> Audience:
        return count(folder, text, NOW + dt.timedelta(days=later))

    assert ask() == by_the_sources(monkeypatch, ask)
    assert not sources_read(monkeypatch, ask)


@pytest.mark.parametrize("change", ["events", "customers", "one more file", "an earlier instant", "a new property"])
def test_the_sources_are_read_where_they_say_something_else(
    folder: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of, text = NOW, CONDITIONS[0]
    match change:
        case "events" | "customers":
            rewrite(folder / f"data/{change}.parquet")
        case "one more file":
            project = folder / "journeys/project.yaml"
            project.write_text(project.read_text().replace("data/events.parquet", "data/e*.parquet"))
            (folder / "data/e2.parquet").write_bytes((folder / "data/events.parquet").read_bytes())
        case "an earlier instant":
            as_of = NOW - dt.timedelta(days=2)
        case _:
            text = "event: {name: purchase, where: {colour: red}}"

    def ask() -> Audience:
        return count(folder, text, as_of)

    assert sources_read(monkeypatch, ask)
    assert ask() == by_the_sources(monkeypatch, ask)


def rewrite(path: Path) -> None:
    """A tenth of the rows is gone."""
    kept = path.with_suffix(".kept")
    duckdb.sql(f"COPY (SELECT * FROM '{path}' WHERE hash(customer_id) % 10 > 0) TO '{kept}' (FORMAT PARQUET)")
    kept.replace(path)
