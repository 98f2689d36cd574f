"""`make run` around its flows: whose data and state it may touch. The flows themselves are tried in tests/flows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from journey_engine import tour

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    return tmp_path


def test_the_first_tour_makes_the_samples_data_and_later_ones_make_them_again(folder: Path) -> None:
    tour._data(folder)
    made = (folder / "data/customers.csv").read_bytes()
    (folder / "data/customers.csv").write_text("spoilt")
    tour._data(folder)
    assert (folder / "data/customers.csv").read_bytes() == made


def test_data_of_somebody_else_are_used_as_they_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data").mkdir()
    (folder / "data/customers.csv").write_text("mine")
    tour._data(folder)
    assert (folder / "data/customers.csv").read_text() == "mine"
    assert "used as they are" in capsys.readouterr().out


def test_a_state_of_somebody_else_is_moved_aside_and_never_deleted(folder: Path) -> None:
    for number in (1, 2):
        (folder / "var/mailroom.sqlite").write_text(f"mine {number}")
        (folder / "var" / tour.MARK).unlink(missing_ok=True)
        tour._fresh_state(folder)
        assert (folder / f"var/earlier-{number}/mailroom.sqlite").read_text() == f"mine {number}"
        assert not (folder / "var/mailroom.sqlite").exists()


def test_the_tours_own_state_is_kept_once(folder: Path) -> None:
    tour._fresh_state(folder)
    for number in (1, 2, 3):
        (folder / "var/engine.duckdb").write_text(f"tour {number}")
        tour._fresh_state(folder)
    assert (folder / "var/last-tour/engine.duckdb").read_text() == "tour 3"
    assert sorted(path.name for path in (folder / "var").iterdir()) == ["last-tour", tour.MARK]


def test_a_project_whose_letters_would_leave_the_machine_gets_no_tour(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from journey_engine.scaffold import make_project

    make_project(folder / "shop")
    with (folder / "shop/journeys/project.yaml").open("a", encoding="utf-8") as file:
        file.write("channels: {default: smtp, smtp: {host: mail.example.com}}\n")
    assert tour.main(folder / "shop") == 1
    assert "uses smtp" in capsys.readouterr().err
    assert not (folder / "shop/var").exists()


def test_two_tours_at_once_are_one_too_many(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from journey_engine.scaffold import make_project

    make_project(folder / "shop")
    (folder / "shop/var").mkdir()
    with tour._alone(folder / "shop/var/tour.lock"):
        assert tour.main(folder / "shop") == 1
    assert "another `make run` is at work" in capsys.readouterr().err


def test_what_the_flows_report_becomes_progress(capsys: pytest.CaptureFixture[str]) -> None:
    report = {"events_received": 1200, "journeys": {"a": {"entered": 3, "moved": 4}, "b": {"entered": 1, "moved": 0}}}
    lines = [
        {"what": "starting"}, {"what": "started"}, {"what": "night", "as_of": tour.NIGHTS[0]},
        {"what": "report", "report": report}, {"what": "day", "accepted": 7},
    ]  # fmt: skip
    told = StringIO("".join(json.dumps(line) + "\n" for line in lines))
    assert list(tour._told(told)) == [report]
    out = capsys.readouterr().out
    assert "2026-02-28T02:00:00Z  1,200 new events, 4 passes begun, 4 moved" in out
    assert "7 letters left" in out


@pytest.mark.long
def test_the_whole_tour_twice_from_a_copy_of_the_repository(tmp_path: Path) -> None:
    import shutil

    for name in ("journeys", "templates", "flows"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for again in (False, True):
        done = subprocess.run(
            [sys.executable, "-m", "journey_engine.tour"],
            capture_output=True, text=True, cwd=tmp_path, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert ("fresh start" in done.stdout) is again
        assert re.search(r"(?m)^all +\d+", done.stdout)
        assert re.search(r"messages: accepted \d+", done.stdout)
        log = (tmp_path / "var/tour.log").read_text(encoding="utf-8")
        assert re.findall(r"WARN|ERROR|Traceback", log) == []
    letters = list((tmp_path / "var/outbox").rglob("*.eml"))
    assert len(letters) > 300
