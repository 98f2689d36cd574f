"""Where the night is computed: one short file per SQL engine. Only this folder opens an analytic connection."""

from __future__ import annotations

from pathlib import Path

from journey_engine.engines.base import Engine, QueryFailed, Row, published
from journey_engine.engines.files import files_of, unreadable
from journey_engine.errors import JourneyError

__all__ = [
    "Engine",
    "QueryFailed",
    "Row",
    "files_of",
    "memory",
    "open_engine",
    "open_reader",
    "published",
    "unreadable",
]


def open_engine(url: str, folder: Path, *, environment: str = "development") -> Engine:
    """Open the engine of a project for writing; relative paths start at the project's folder."""
    from journey_engine.engines.duckdb import DuckDB

    return DuckDB.open(_path(url, folder), environment=environment)


def open_reader(url: str, folder: Path) -> Engine:
    """Open the published copy for reading, also while a night runs. Raises JourneyError before the first night."""
    from journey_engine.engines.duckdb import DuckDB

    copy = published(_path(url, folder))
    if not copy.is_file():
        raise JourneyError(
            "there is nothing to read yet: no night has been run in this project",
            remedy="run one with `journey run`",
            code="no-run",
        )
    return DuckDB.read(copy)


def memory() -> Engine:
    """An engine that lives in this process only."""
    from journey_engine.engines.duckdb import DuckDB

    return DuckDB.memory()


def _path(url: str, folder: Path) -> Path:
    return folder / url.removeprefix("duckdb:///")
