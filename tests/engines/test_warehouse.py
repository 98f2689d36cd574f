"""The folder behind an engine on Spark: what its small file names is the state, whatever else lies there."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from journey_engine.address import SparkPlace
from journey_engine.engines import is_file, is_postgres, open_engine, open_reader
from journey_engine.engines.warehouse import CURRENT, Warehouse
from journey_engine.errors import JourneyError


def table(warehouse: Warehouse, name: str, text: str) -> dict[str, Any]:
    """A table of one part."""
    folder = warehouse.new_part(name)
    warehouse.part(folder).mkdir(parents=True)
    (warehouse.part(folder) / "rows.parquet").write_text(text)
    return {"layout": [], "parts": [{"folder": folder, "few": 1}]}


def lying(folder: Path) -> list[str]:
    """The texts of all parts."""
    return sorted(file.read_text() for file in (folder / "parts").rglob("*.parquet"))


def test_what_is_committed_is_there_again_and_older_parts_are_removed(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path)
    assert warehouse.tables == {}
    warehouse.commit({"runs": table(warehouse, "runs", "old"), "meta": table(warehouse, "meta", "kept")})
    warehouse.commit({**warehouse.tables, "runs": table(warehouse, "runs", "new")})
    assert lying(tmp_path) == ["kept", "new", "old"]
    warehouse.tidy()
    assert lying(tmp_path) == ["kept", "new"]
    committed = warehouse.tables
    warehouse.close()
    again = Warehouse.open(tmp_path)
    assert (again.version, again.tables) == (2, committed)
    again.close()


def test_what_a_dead_run_left_is_not_state_and_goes_when_the_next_one_opens(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path)
    warehouse.commit({"runs": table(warehouse, "runs", "old")})
    table(warehouse, "runs", "half of a commit")
    warehouse.stage().mkdir(parents=True)
    (tmp_path / "CURRENT.new").write_text("{")
    before = (tmp_path / CURRENT).read_bytes()
    warehouse.lock.close()  # type: ignore[union-attr] # as the end of a process does
    again = Warehouse.open(tmp_path)
    assert lying(tmp_path) == ["old"]
    assert (tmp_path / CURRENT).read_bytes() == before
    assert not (tmp_path / "staging").exists()
    again.close()


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_commit_that_cannot_end_leaves_the_state_as_it_was(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse.open(tmp_path)
    warehouse.commit({"runs": table(warehouse, "runs", "old")})
    before = (tmp_path / CURRENT).read_bytes()
    committed = warehouse.tables

    def fails(*_: Any) -> None:
        raise OSError("disk full")

    new = {"runs": table(warehouse, "runs", "new")}
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fails)
        with pytest.raises(OSError, match="disk full"):
            warehouse.commit(new)
    assert (tmp_path / CURRENT).read_bytes() == before
    assert (warehouse.version, warehouse.tables) == (1, committed)
    warehouse.commit({"runs": table(warehouse, "runs", "newer")})
    warehouse.tidy()
    assert lying(tmp_path) == ["newer"]
    warehouse.close()


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path)
    with pytest.raises(JourneyError, match="another process has it open for writing"):
        Warehouse.open(tmp_path)
    warehouse.close()
    Warehouse.open(tmp_path).close()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "CURRENT cannot be read"),
        ("[]", "CURRENT cannot be read"),
        ('{"version": 1}', "CURRENT cannot be read"),
        (json.dumps({"version": 1, "tables": {"runs": {"parts": [{"folder": "runs/1-1"}]}}}), "runs/1-1 is not there"),
    ],
)
def test_a_damaged_folder_is_told_and_left_as_it_is(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_text(text)
    with pytest.raises(JourneyError, match=what) as found:
        Warehouse.open(tmp_path)
    assert "restore it from a copy" in (found.value.remedy or "")
    assert (tmp_path / CURRENT).read_text() == text
    (tmp_path / CURRENT).unlink()
    Warehouse.open(tmp_path).close()  # nobody holds it


def test_folders_that_cannot_be_used_are_told_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(JourneyError, match="takes for a pattern"):
        Warehouse.open(tmp_path / "all[1]")
    (tmp_path / "file").write_text("")
    with pytest.raises(JourneyError, match="cannot be opened"):
        Warehouse.open(tmp_path / "file" / "spark")


def test_urls_name_a_folder_and_a_master() -> None:
    assert SparkPlace.of("spark:///var/spark") == SparkPlace("var/spark", "local[*]")
    assert SparkPlace.of("spark:////mnt/shop?master=spark://host:7077") == SparkPlace("/mnt/shop", "spark://host:7077")
    assert SparkPlace.of("spark:///var/spark?master=local[2]").master == "local[2]"
    assert not is_file("spark:///var/spark")
    assert not is_postgres("spark:///var/spark")


@pytest.mark.parametrize("url", ["spark://host:7077", "spark:///", "spark:///x?master=", "spark:///x?master=mesos://h"])
def test_other_urls_are_refused_with_one_that_would_do(url: str) -> None:
    with pytest.raises(ValueError, match=r"spark:///|local\[2\]"):
        SparkPlace.of(url)


def test_before_the_first_night_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(JourneyError, match="no night has been run"):
        open_reader("spark:///spark", tmp_path)
    (tmp_path / "spark").mkdir()
    (tmp_path / "spark" / CURRENT).write_text("{}")
    with pytest.raises(JourneyError, match="the copy for reading"):
        open_reader("spark:///spark", tmp_path)


def test_without_spark_the_remedy_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    for name in ("spark", "spark_names", "spark_session", "spark_tables"):
        monkeypatch.delitem(sys.modules, f"journey_engine.engines.{name}", raising=False)
    with pytest.raises(JourneyError, match="it is not installed") as found:
        open_engine("spark:///spark", tmp_path)
    assert found.value.remedy == "pip install 'journey-engine[spark]'"
