"""Every engine tells the same of the same nights: state, moves and decisions, row for row and byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.engines import memory, open_engine, open_reader
from journey_engine.night import run
from journey_engine.sample import write_sample
from journey_engine.times import parse_instant
from tests.engines.kept import kept, same
from tests.properties.readings import Sweeping
from tests.properties.worlds import Maker

ROOT = Path(__file__).parents[2]
NIGHTS = ("2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02")
SEEDS = [2, 22, 30, 207, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(100, 160))]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_worlds_are_told_alike(seed: int, database: str) -> None:
    scenario = Maker(seed).scenario(40)
    rows = [row for person in scenario.people for row in person.rows]
    plain = Sweeping(scenario.kinds, scenario.timezone, memory(), tables=scenario.tables)
    store = open_engine(database, Path(), environment="memory")
    other = Sweeping(scenario.kinds, scenario.timezone, store, tables=scenario.tables)
    try:
        for index in range(len(scenario.nights)):
            known = [(one.customer_id, found) for one in scenario.people if (found := one.nights[index]) is not None]
            decided = [
                reading.run(scenario.rules(index), scenario.night(index), known, rows) for reading in (plain, other)
            ]
            assert decided[0] == decided[1]
            same(kept(other.engine), kept(plain.engine))
    finally:
        plain.engine.close()
        other.engine.close()


def test_the_shipped_journeys_are_told_alike(database: str, tmp_path: Path) -> None:
    left = {}
    for name, engine in (("duckdb", "duckdb:///var/engine.duckdb"), ("postgres", database)):
        folder = shipped(tmp_path / name, engine)
        for day in NIGHTS:
            loaded, as_of = open_project(folder), parse_instant(f"{day}T02:00:00Z")
            report = run(loaded, as_of, clock=lambda now=as_of: now, accept_loss=True)
            assert not report.broken
        reader = open_reader(engine, folder)
        left[name] = kept(reader)
        reader.close()
    assert len(left["duckdb"]["decisions"]) > 100
    assert len({row[1] for row in left["duckdb"]["enrollments"]}) >= 4
    same(left["postgres"], left["duckdb"])


def shipped(folder: Path, engine: str, customers: int = 1200) -> Path:
    """The project of this repository with a small sample, on an engine."""
    for name in ("journeys", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    settings = folder / "journeys" / "project.yaml"
    settings.write_text(f"{settings.read_text()}\nengine: {engine}\n")
    write_sample(folder, customers=customers)
    return folder
