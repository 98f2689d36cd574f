"""Where the night is computed: one short file per SQL engine. Only this folder opens an analytic connection."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from journey_engine.engines.base import Engine, QueryFailed, Row, published
from journey_engine.engines.files import CSV, files_of, headless, looks_like_data, unreadable
from journey_engine.errors import JourneyError

if TYPE_CHECKING:
    from journey_engine.engines.postgres import Postgres

__all__ = [
    "CSV",
    "Engine",
    "QueryFailed",
    "Row",
    "files_of",
    "headless",
    "is_postgres",
    "looks_like_data",
    "memory",
    "open_engine",
    "open_reader",
    "published",
    "unreadable",
    "with_tables_of",
]


def open_engine(url: str, folder: Path, *, environment: str = "development") -> Engine:
    """Open the engine of a project for writing; relative paths start at the project's folder."""
    if is_postgres(url):
        return _postgres().open(url, environment=environment)
    from journey_engine.engines.duckdb import DuckDB

    return DuckDB.open(_path(url, folder), environment=environment)


def open_reader(url: str, folder: Path) -> Engine:
    """Open the published copy for reading, also while a night runs. Raises JourneyError before the first night."""
    if is_postgres(url):
        return _postgres().read(url)
    from journey_engine.engines.duckdb import DuckDB

    copy = published(_path(url, folder))
    if not copy.is_file() and _path(url, folder).is_file():
        raise JourneyError(
            f"there is nothing to read yet: the copy for reading, {copy}, is not there; a night may be committed "
            "all the same",
            remedy="run `journey run` again: what is committed stays as it is, and the copy is written anew",
            code="not-published",
        )
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


def with_tables_of(url: str, names: Iterable[str]) -> Engine:
    """An engine in memory with copies of source tables of a project's PostgreSQL, under the same names."""
    from journey_engine.engines.duckdb import DuckDB

    made = DuckDB.memory()
    owner = _postgres().look(url, beside=made)
    try:
        for name in dict.fromkeys(names):
            owner.table(name.split("."))
    finally:
        owner.beside = None
        owner.close()
    return made


def is_postgres(url: str) -> bool:
    """Whether a URL names a PostgreSQL engine."""
    return url.startswith(("postgresql:", "postgres:"))


def _postgres() -> type[Postgres]:
    try:
        from journey_engine.engines.postgres import Postgres
    except ImportError as error:
        raise JourneyError(
            "the engine is on PostgreSQL, and its driver is not installed",
            remedy="pip install 'journey-engine[postgres]'",
            code="missing-extra",
        ) from error
    return Postgres


def _path(url: str, folder: Path) -> Path:
    return folder / url.removeprefix("duckdb:///")
