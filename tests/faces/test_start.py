"""How the command starts, fails and prints: fast, without tracebacks, the same when piped."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from journey_engine.cli import main, output
from journey_engine.cli.parser import build
from journey_engine.errors import JourneyError

from .conftest import NIGHT, Journey, process

ENGINES = ("duckdb", "psycopg", "pyspark", "sqlalchemy", "sqlglot")
RARE = ("apprise", "fastapi", "httpx", "phonenumbers", "prefect", "rich", "sendgrid", "starlette", "uvicorn")
"""What only flows, pages, some channel or some data need."""


def test_help_comes_at_once_because_nothing_heavy_is_loaded() -> None:
    assert loaded("--help") & {*ENGINES, *RARE, "babel", "jinja2", "pydantic", "yaml"} == set()


def test_validating_opens_no_database_and_loads_none(shop: Path) -> None:
    assert loaded("validate", "--project", str(shop)) & {*ENGINES, *RARE} == set()


@pytest.mark.parametrize("command", [("run", "--as-of", NIGHT), ("dispatch",)])
def test_a_night_and_a_dispatch_load_no_engine_or_channel_that_the_project_does_not_use(
    shop: Path, command: tuple[str, ...]
) -> None:
    assert loaded(*command, "--project", str(shop)) & {*RARE, "psycopg", "pyspark"} == set()


def loaded(*arguments: str) -> set[str]:
    """Every module that a command loads, run as a process of its own."""
    code = (
        "import sys; from journey_engine.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_every_command_has_help_and_names_a_function(journey: Journey) -> None:
    for name in commands():
        said = journey(name, "--help")
        assert said.status == 0
        assert said.out.startswith(f"usage: journey {name}")


def commands() -> list[str]:
    return [name for action in build()._actions if action.dest != "version" for name in (action.choices or ())]


def test_no_command_and_half_an_option_are_not_guessed(journey: Journey, shop: Path) -> None:
    assert journey().status == 2
    said = journey("run", "--proj", shop)
    assert said.status == 2
    assert "unrecognized arguments: --proj" in said.err


def test_an_instant_without_zone_is_refused_with_the_way_to_write_it(journey: Journey) -> None:
    said = journey("run", "--as-of", "2026-03-02")
    assert said.status == 2
    assert "2026-01-31T02:00:00Z" in said.err


def test_outside_a_project_the_command_says_where_it_looked(tmp_path: Path) -> None:
    said = process("validate", folder=tmp_path)
    assert said.status == 2
    assert said.err.splitlines() == [
        f"journey: no journeys/project.yaml in {tmp_path.resolve()} or above it",
        "  remedy: go to your project's folder, name it with --project DIR, or make one: journey init DIR",
    ]


def test_inside_a_project_any_folder_will_do(shop: Path) -> None:
    said = process("validate", folder=shop / "templates" / "hello")
    assert (said.status, said.out) == (0, "1 journey checked: no problems\n")


def test_journeys_folder_itself_may_be_named(journey: Journey, shop: Path) -> None:
    assert journey("validate", "--project", shop / "journeys").status == 0


@pytest.mark.parametrize(("named", "found"), [("nowhere", "is no folder"), (".", "holds no journeys/project.yaml")])
def test_a_wrong_project_is_named(journey: Journey, tmp_path: Path, named: str, found: str) -> None:
    said = journey("run", "--project", tmp_path / named)
    assert said.status == 2
    assert found in said.err


def test_an_unexpected_error_is_one_line_and_a_file_that_only_its_owner_reads(
    journey: Journey, shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("something nobody thought of")

    monkeypatch.setattr("journey_engine.checks.open_project", fails)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = journey("validate", "--project", shop)
    assert said.status == 2
    assert "Traceback" not in said.err
    assert "unexpected ZeroDivisionError: something nobody thought of" in said.err
    (kept,) = tmp_path.glob("journey-*.traceback")
    assert str(kept) in said.err
    assert "ZeroDivisionError" in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o077 == 0
    assert "Traceback" in journey("validate", "--project", shop, "--debug").err


def test_piped_output_has_no_colour_and_a_terminal_has(run_shop: Path) -> None:
    plain = process("explain", "c1", "--project", run_shop, folder=run_shop)
    assert "\033" not in plain.out
    assert "\033[1m" in on_a_terminal("explain", "c1", "--project", str(run_shop))
    assert "\033" not in on_a_terminal("explain", "c1", "--project", str(run_shop), NO_COLOR="1")


def on_a_terminal(*arguments: str, **environment: str) -> str:
    parent, child = pty.openpty()
    set_up = {**os.environ, "TERM": "xterm", **environment}
    if "NO_COLOR" not in environment:
        set_up.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-m", "journey_engine.cli", *arguments], stdout=child, env=set_up
    ) as started:
        os.close(child)
        seen = b""
        while True:
            try:
                part = os.read(parent, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        started.wait()
    os.close(parent)
    return seen.decode()


def test_a_reader_that_leaves_early_is_no_error(run_shop: Path) -> None:
    line = f"{sys.executable} -m journey_engine.cli mailroom --project {run_shop} --json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "{"


def test_stopping_by_hand_says_that_nothing_is_lost(
    journey: Journey, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("journey_engine.checks.open_project", stopped)
    said = journey("run", "--project", shop, "--as-of", NIGHT)
    assert said.status == 130
    assert "what was committed before is kept" in said.err


def test_errors_name_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    output.problem(JourneyError("the file x is gone", remedy="put it back"))
    assert capsys.readouterr().err == "journey: the file x is gone\n  remedy: put it back\n"


def test_version(journey: Journey) -> None:
    assert journey("--version").out.startswith("journey 0.")


def test_the_entry_point_is_main() -> None:
    from importlib.metadata import entry_points

    (found,) = entry_points(group="console_scripts", name="journey")
    assert found.load() is main
