"""The commands of a person whose project keeps its state on PostgreSQL: the same answers as with a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from journey_engine.cli import main
from journey_engine.scaffold import make_project

NIGHTS = ("2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z")
LATER = "2026-03-02T15:00:00Z"
OWN = ("seconds", "run_id", "updated_at", "accepted_at", "claimed_at", "state_at", "since", "age")


def shop(folder: Path, engine: str, **changes: str) -> Path:
    """A new project on an engine."""
    make_project(folder)
    path = folder / "journeys" / "project.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(f"{old}: data/{old}.csv", f"{old}: {new}")
    path.write_text(f"{text}\nengine: {engine}\n", encoding="utf-8")
    (folder / "old.yaml").write_text("event: {name: order_placed, count: {at_least: 1}, ever: true}\n")
    return folder


def answers(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """What the commands say of two nights, without what differs from project to project."""
    said = []
    for words in (
        ["audience", str(folder / "old.yaml")],
        ["run", "--as-of", NIGHTS[0]],
        ["dispatch", "--as-of", LATER],
        ["run", "--as-of", NIGHTS[1]],
        ["report"],
        ["explain", "c1"],
        ["explain", "c2"],
        ["audience", str(folder / "old.yaml")],
        ["mailroom"],
    ):
        assert main([*words, "--project", str(folder), "--json"]) == 0, words
        said.append(timeless(json.loads(capsys.readouterr().out)))
    return said


def timeless(value: Any) -> Any:
    """An answer without the ids of runs, what the clock said and the names of sources."""
    if isinstance(value, dict):
        return {name: timeless(item) for name, item in value.items() if name not in OWN}
    if isinstance(value, list):
        return [timeless(item) for item in value]
    return re.sub(r"data/\w+\.csv|table raw\.\w+| below the header", "", value) if isinstance(value, str) else value


def test_every_command_says_the_same_as_with_a_file(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = answers(shop(tmp_path / "file" / "shop", "duckdb:///var/engine.duckdb"), capsys)
    assert answers(shop(tmp_path / "server" / "shop", database), capsys) == plain
    assert plain[1]["messages"] == {"accepted": 1, "pending": 3}


def test_customers_and_events_may_be_tables_of_the_database(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = answers(shop(tmp_path / "file" / "shop", "duckdb:///var/engine.duckdb"), capsys)
    tables = {name: f"{{table: raw.{name}}}" for name in ("customers", "events")}
    folder = shop(tmp_path / "server" / "shop", database, **tables)
    with psycopg.connect(database, autocommit=True) as server:
        server.execute("CREATE SCHEMA raw")
        for name in tables:
            data = (folder / "data" / f"{name}.csv").read_text(encoding="utf-8")
            columns = ", ".join(f"{column} text" for column in data.splitlines()[0].split(","))
            server.execute(f"CREATE TABLE raw.{name} ({columns})")
            with server.cursor() as cursor, cursor.copy(f"COPY raw.{name} FROM STDIN (FORMAT csv, HEADER)") as copy:
                copy.write(data)
    assert answers(folder, capsys) == plain


def test_a_server_that_is_down_is_told_in_two_lines_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hush")
    folder = shop(tmp_path / "shop", "postgresql://shop@127.0.0.1:1/shop")
    assert main(["run", "--project", str(folder), "--as-of", NIGHTS[0]]) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(
        r"journey: the engine shop at 127\.0\.0\.1 cannot be opened: .*\n  remedy: start the server, or mend .*\n", said
    )
    assert "hush" not in said


def test_a_password_in_the_settings_is_refused_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shop(tmp_path / "shop", "postgresql://shop:hush@127.0.0.1/shop")
    assert main(["validate", "--project", str(folder)]) == 1
    said = capsys.readouterr()
    assert "the password does not belong in a file" in said.out + said.err
    assert "hush" not in said.out + said.err
