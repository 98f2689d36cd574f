"""What the night asks of an engine: execute, fetch, load rows, read a source, publish. Nothing of journeys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from journey_engine.engines.files import first_line
from journey_engine.errors import JourneyError

Row = tuple[Any, ...]


class QueryFailed(JourneyError):
    """A statement that the engine refused; `said` are the engine's own words, maybe with data in them."""

    def __init__(self, said: str, sql: str) -> None:
        super().__init__(first_line(said), code="query-failed")
        self.said, self.sql = said, sql


class Engine(Protocol):
    """A SQL engine with one connection. Instants are naive UTC in rows."""

    own_schema: str
    """The schema of the engine's own tables."""

    gaps: Mapping[str, str]
    """What the engine cannot do that the night could use, each with what happens instead."""

    def exists(self, table: str) -> bool:
        """Whether there is a table of this name in the engine's own schema."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement."""
        ...

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run one query and fetch all of it."""
        ...

    def batches(self, sql: str, size: int = 10_000) -> Iterator[list[Row]]:
        """Run one query and fetch it in batches."""
        ...

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Append rows to a table; returns how many."""
        ...

    def columns(self, relation: str) -> dict[str, str]:
        """The columns of a table or query source, with the engine's type names."""
        ...

    def source(self, path: str) -> str:
        """The SQL of a file or glob as a relation. Raises JourneyError when it cannot be read."""
        ...

    def reader(self) -> Engine:
        """The engine that reads the sources: this one, or one beside it in this process."""
        ...

    def table(self, name: Sequence[str]) -> tuple[str, ...]:
        """A source table by its (schema and) name, as the reader finds it; QueryFailed when there is none."""
        ...

    def lend(self, query: str, table: str) -> None:
        """Put what a query finds into a table of the reader's."""
        ...

    def bring(self, table: str, json: Collection[str] = ()) -> None:
        """Take a table of the reader's over as a temporary one; `json` are its columns of compact JSON text."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""
        ...

    def publish(self) -> Path | None:
        """Put a read-only copy beside the store, by rename."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


def published(path: Path) -> Path:
    """Where the read-only copy of an engine file lies."""
    return path.with_name(f"{path.stem}.read{path.suffix}")
