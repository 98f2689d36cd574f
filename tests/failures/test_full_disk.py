"""A disk that takes no more: a message with the remedy, nothing lost, nothing twice when there is room again.

Files that may not grow beyond a limit stand for the full disk; the limit is set on a process of its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.failures.small_shop import Shop

SMALL = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from journey_engine.cli import main
sys.exit(main())
"""


def limited(shop: Shop, limit: int, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process whose files may not grow beyond so many bytes."""
    command = [sys.executable, "-c", SMALL, str(limit), *words, "--project", str(shop.folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = Shop(tmp_path_factory.mktemp("begun") / "shop", customers=20, journeys=["welcome"])
    shop.run("02")
    return shop.folder


@pytest.fixture(scope="module")
def undisturbed(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    shop = again(begun, tmp_path_factory.mktemp("undisturbed"))
    shop.run("03")
    return shop.stands()


def again(begun: Path, folder: Path) -> Shop:
    shutil.copytree(begun, folder / "shop")
    shop = Shop.__new__(Shop)
    shop.folder = folder / "shop"
    return shop


@pytest.mark.parametrize("share", [0.001, 0.2, 0.9])
def test_a_night_on_a_full_disk_says_so_and_is_finished_when_there_is_room(
    begun: Path, undisturbed: dict[str, Any], tmp_path: Path, share: float
) -> None:
    shop = again(begun, tmp_path)
    limit = int((shop.folder / "var/engine.duckdb").stat().st_size * share)
    done = limited(shop, limit, "run", "--as-of", "2026-03-03T02:00:00Z")
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "unexpected" not in said
    assert done.returncode in (1, 2)
    if done.returncode == 2:
        assert re.search(r"(disk|too large|No space)", said)
        assert "remedy: free " in said
    else:  # the night and its letters had room: only the copy for reading, or what is written in front of it, had not
        assert re.search(r"note: (the copy for reading .*the next run writes it anew|the engine could not write)", said)
    shop.run("03")
    assert shop.stands() == undisturbed
    assert shop.command("report").returncode == 0


def test_a_night_that_is_committed_but_for_its_file_is_not_called_lost(tmp_path: Path) -> None:
    shop = Shop(tmp_path, journeys=["welcome"])
    done = limited(shop, 3_000_000, "run", "--as-of", "2026-03-02T02:00:00Z")
    assert done.returncode in (1, 2)
    told = done.stdout + done.stderr
    assert "nothing was committed" not in told
    assert "free space on the disk and run again; the night may be committed" in told
    assert "nothing is sent twice" in told
    said = shop.command("report")
    assert (said.returncode, "no night has been run" in said.stderr) == (2, False)
    assert "run `journey run` again" in said.stderr
    again = shop.run("02")
    assert (again.repeated, again.customers, again.events_received) == (True, 30, 17)
    assert again.journeys["welcome"].entered == 10
    assert again.messages == {"accepted": 10}
    assert len(shop.letters()) == 10
    assert shop.command("report").returncode == 0


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
def test_an_engine_file_that_lost_its_end_is_called_damaged(begun: Path, tmp_path: Path, share: float) -> None:
    shop = again(begun, tmp_path)
    file = shop.folder / "var/engine.duckdb"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    done = shop.command("run", "--as-of", "2026-03-03T02:00:00Z")
    assert done.returncode == 2
    assert "damaged" in done.stderr
    assert "remedy: restore it from a copy" in done.stderr


def test_a_first_night_on_a_full_disk_leaves_a_project_that_runs(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["welcome"])
    done = limited(shop, 100_000, "run", "--as-of", "2026-03-02T02:00:00Z")
    assert done.returncode == 2
    assert "remedy: free " in done.stderr
    assert shop.run("02").journeys["welcome"].entered == 2
