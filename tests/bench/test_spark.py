"""The measurement of Spark compares what two engines keep; a second file of DuckDB stands in for Spark.

That Spark keeps the same is tested in tests/engines; its nights take minutes.
"""

from __future__ import annotations

from typing import Any

import pytest

from bench import spark
from journey_engine.engines import Engine


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(spark, "installed", lambda: True)
    monkeypatch.setattr(spark, "ENGINES", {"duckdb": "duckdb:///var/one.duckdb", "spark": "duckdb:///var/two.duckdb"})
    return []


def test_both_engines_decide_the_same_nights_and_their_rows_are_compared(told: list[str]) -> None:
    result = spark.measure(60, 1, told.append)
    assert len(told) == 2
    assert result["median"]["duckdb"]["nights"]["1"]["entered"] > 0
    assert result["compared"]["decisions"][0] > 0
    assert result["compared"]["transitions"][0] > result["compared"]["decisions"][0]
    assert result["compared"]["events"] == 600
    text = spark.figures(result)
    assert "all equal" in text
    assert "load average" in text


def test_a_row_that_differs_is_told_by_its_table(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def nights(folder: Any) -> dict[str, Any]:
        return {"nights": {}, "seconds": 1.0, "whole": 1.0, "rows": {"runs": [1, "a"], "decisions": [1, folder.name]}}

    monkeypatch.setattr(spark, "_nights", nights)
    with pytest.raises(AssertionError, match="not the same rows in decisions"):
        spark.measure(10, 1, told.append)


def test_a_digest_is_of_the_rows_whatever_their_order() -> None:
    class Two:
        """An engine with two rows in every table."""

        def __init__(self, *rows: tuple[Any, ...]) -> None:
            self.kept = list(rows)

        def columns(self, _table: str) -> dict[str, str]:
            return {"a": "VARCHAR", "run_id": "VARCHAR"}

        def rows(self, _sql: str) -> list[tuple[int]]:
            return [(len(self.kept),)]

        def batches(self, sql: str) -> list[list[tuple[Any, ...]]]:
            assert "run_id" not in sql
            return [[row] for row in self.kept]

    def digest(*rows: tuple[Any, ...]) -> Any:
        engine: Engine = Two(*rows)  # type: ignore[assignment]
        return spark.digests(engine)

    assert digest(("x",), ("y",)) == digest(("y",), ("x",)) != digest(("x",), ("x",))


def test_without_spark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "installed", lambda: False)
    with pytest.raises(SystemExit, match="make setup EXTRAS=spark"):
        spark.measure(10, 1, print)
