"""Where the night is computed: one short file per SQL engine. Only this folder opens an analytic connection."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from journey_engine.address import FilePlace, SparkPlace
from journey_engine.engines.base import Engine, QueryFailed, Row, published
from journey_engine.engines.files import CSV, files_of, headless, looks_like_data, relation_of, unreadable
from journey_engine.errors import JourneyError

if TYPE_CHECKING:
    from journey_engine.engines.postgres import Postgres
    from journey_engine.engines.spark import Spark

__all__ = [
    "CSV",
    "Engine",
    "QueryFailed",
    "Row",
    "files_of",
    "headless",
    "is_file",
    "is_postgres",
    "looks_like_data",
    "memory",
    "open_engine",
    "open_reader",
    "relation_of",
    "scratch",
    "unreadable",
]


def open_engine(url: str, folder: Path, *, environment: str = "development") -> Engine:
    """Open the engine of a project for writing; relative paths start at the project's folder."""
    if is_postgres(url):
        return _postgres().open(url, environment=environment)
    if is_spark(url):
        place = SparkPlace.of(url)
        return _spark().open((folder / place.folder).absolute(), place.master, environment=environment)
    from journey_engine.engines.duckdb import DuckDB

    return DuckDB.open(_path(url, folder), environment=environment, memory=FilePlace.of(url).memory)


def open_reader(url: str, folder: Path) -> Engine:
    """Open the published copy for reading, also while a night runs. Raises JourneyError before the first night."""
    if is_postgres(url):
        return _postgres().read(url)
    from journey_engine.engines.duckdb import DuckDB

    store = _path(url, folder)
    if is_spark(url):
        store /= "engine.duckdb"
    copy = published(store)
    if not copy.is_file() and (store.is_file() or (is_spark(url) and store.with_name("CURRENT").is_file())):
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


def _with_tables_of(url: str, names: Iterable[str]) -> Engine:
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


@contextmanager
def scratch(url: str, folder: Path, *, environment: str, tables: Iterable[str] = ()) -> Iterator[Engine]:
    """An engine that is gone afterwards: a copy of a project's file as the faces see it, empty before the first run.

    Of a project whose state is elsewhere one in memory, with copies of the source tables of its PostgreSQL.
    """
    if is_file(url):
        store = _path(url, folder)
        source = published(store) if published(store).is_file() else store
        with tempfile.TemporaryDirectory() as place:
            if source.is_file():
                shutil.copyfile(source, Path(place) / "copy.duckdb")
            with closing(open_engine("duckdb:///copy.duckdb", Path(place), environment=environment)) as engine:
                yield engine
        return
    names = list(tables)
    with closing(_with_tables_of(url, names) if names and is_postgres(url) else memory()) as engine:
        yield engine


def is_postgres(url: str) -> bool:
    """Whether a URL names a PostgreSQL engine."""
    return url.startswith(("postgresql:", "postgres:"))


def is_spark(url: str) -> bool:
    """Whether a URL names an engine on Spark."""
    return url.startswith("spark:")


def is_file(url: str) -> bool:
    """Whether a URL names an engine file."""
    return not is_postgres(url) and not is_spark(url)


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


def _spark() -> type[Spark]:
    try:
        from journey_engine.engines.spark import Spark
    except ImportError as error:
        raise JourneyError(
            "the engine is on Spark, and it is not installed",
            remedy="pip install 'journey-engine[spark]'",
            code="missing-extra",
        ) from error
    return Spark


def _path(url: str, folder: Path) -> Path:
    if is_spark(url):
        return folder / SparkPlace.of(url).folder
    return folder / FilePlace.of(url).file
