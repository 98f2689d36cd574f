"""A run that dies anywhere: the next goes on from what is committed, and in the end all is as if nothing had happened.

The dying process is a real one: a script patches the product from outside, so that it ends with os._exit right behind a
step, or a SIGKILL comes at any instant.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.failures.small_shop import JOURNEYS, Shop, event

ROOT = Path(__file__).parents[2]
PRELUDE = """
import functools, os, sys
from pathlib import Path
from tests.failures.small_shop import Shop
from journey_engine.collect import Collector
from journey_engine.channels.file import FileChannel
from journey_engine.engines.duckdb import DuckDB
from journey_engine.mailroom import Mailroom, claim
from journey_engine.night import NightRun

def dies_after(owner, name, time=1):
    real, calls = getattr(owner, name), []
    @functools.wraps(real)
    def patched(*given, **named):
        result = real(*given, **named)
        calls.append(name)
        if len(calls) == time:
            os._exit(9)
        return result
    setattr(owner, name, patched)
"""
RUN = """
shop = Shop.__new__(Shop)
shop.folder = Path(sys.argv[1])
shop.run(sys.argv[2])
"""

DEATHS = {
    "the feedback": "dies_after(Collector, 'events')",
    "the sweep": "dies_after(NightRun, 'sweep')",
    "the state commit": "dies_after(NightRun, 'commit')",
    "publish": "dies_after(NightRun, 'publish')",
    "loading, before the engine knows": "dies_after(Mailroom, 'load_run', 2)",
    "the door": "dies_after(NightRun, 'door')",
    "a claim": "dies_after(claim, 'claim')",
    "the third letter": "dies_after(FileChannel, '_send', 3)",
    "sending, before the receipt": "dies_after(sys.modules['journey_engine.mailroom.dispatch']._Work, 'send')",
    "a receipt": "dies_after(claim, 'settle')",
    "the last dispatch": "dies_after(NightRun, 'dispatch', 2)",
}


def begin(folder: Path) -> Shop:
    """The shop after two nights: passes wait, letters have left, and some more will be taken back before they leave."""
    shop = Shop(folder, customers=20, journeys=["welcome"])
    shop.write("journeys/quiet.yaml", JOURNEYS["quiet"].replace("for: 3 days", "for: 1 day"))
    shop.events += [event(1000 + who, who, "order_placed", "03 13:00", '{"total":1}') for who in (0, 6, 12)]
    shop.save()
    for day in ("01", "02"):
        shop.run(day)
        shop.deliver(f"{day} 14:00")
    return shop


def finish(shop: Shop) -> dict[str, Any]:
    """The nights until the end, and what they leave."""
    shop.run("03")
    shop.run("04")
    shop.deliver("04 14:00")
    return shop.stands()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begin(tmp_path_factory.mktemp("begun") / "shop").folder


@pytest.fixture(scope="module")
def undisturbed(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    shop = again(begun, tmp_path_factory.mktemp("undisturbed"))
    found = finish(shop)
    assert len(found["letters"]) > 20
    assert {row[1] for row in found["messages"]} == {"accepted", "cancelled"}
    return found


def again(begun: Path, folder: Path) -> Shop:
    """A copy of the shop as it had begun."""
    shutil.copytree(begun, folder / "shop", dirs_exist_ok=True)
    shop = Shop.__new__(Shop)
    shop.folder = folder / "shop"
    return shop


def run(shop: Shop, script: str, night: str) -> subprocess.Popen[str]:
    """A night in a process of its own."""
    command = [sys.executable, "-c", PRELUDE + script + RUN, str(shop.folder), night]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


@pytest.mark.parametrize("death", DEATHS)
def test_a_run_that_dies_behind_a_step_is_finished_by_the_next(
    begun: Path, undisturbed: dict[str, Any], tmp_path: Path, death: str
) -> None:
    shop = again(begun, tmp_path)
    with run(shop, DEATHS[death], "03") as dying:
        _, said = dying.communicate(timeout=120)
    assert (dying.returncode, said) == (9, "")
    same(finish(shop), undisturbed)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)])
def test_runs_killed_at_any_instant_leave_nothing_half_done(
    begun: Path, undisturbed: dict[str, Any], tmp_path: Path, seed: int
) -> None:
    shop, dice = again(begun, tmp_path), random.Random(seed)
    started = time.monotonic()
    with run(again(begun, tmp_path / "first"), "", "03") as first:
        assert first.communicate(timeout=120)[1] == ""
    whole = time.monotonic() - started
    killed = 0
    for night in ("03", "03", "03", "04"):
        with run(shop, "", night) as dying:
            time.sleep(dice.uniform(0.3, 1.0) * whole)
            killed += dying.poll() is None
            dying.kill()
            dying.communicate()
    assert killed
    same(finish(shop), undisturbed)


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Everything is equal; what differs is shown."""
    for name in expected.keys() | found.keys():
        assert found.get(name) == expected.get(name), name


def test_a_run_killed_before_its_first_commit_leaves_a_project_that_runs(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["welcome"])
    with run(shop, DEATHS["the sweep"], "02") as dying:
        dying.communicate(timeout=120)
    assert dying.returncode == 9
    assert shop.run("02").journeys["welcome"].entered == 2
