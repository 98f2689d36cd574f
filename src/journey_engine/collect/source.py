"""What reading customers and events have in common: the source as a relation, and what of it could not be taken."""

from __future__ import annotations

import datetime as dt
import glob
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.engines import CSV, Engine, QueryFailed, files_of, headless, looks_like_data, unreadable
from journey_engine.errors import JourneyError, nearest
from journey_engine.expressions import Sql
from journey_engine.project import Project, Source
from journey_engine.queries import fill, statements
from journey_engine.times import iso


@dataclass(frozen=True, slots=True)
class Aside:
    """Rows of a source that were not taken, or values that were not: why, how many, and the first of them."""

    source: str
    reason: str
    count: int
    first: str = ""
    values: bool = False

    def __str__(self) -> str:
        where = f" (first: {self.first})" if self.first else ""
        rows = ("value" if self.values else "row") + ("" if self.count == 1 else "s")
        return f"{self.source}: {self.count} {rows} set aside: {self.reason}{where}"


@dataclass(frozen=True, slots=True)
class Ahead:
    """Events dated after the next run: how many, the latest, and where it stands."""

    source: str
    count: int
    latest: dt.datetime
    place: str

    def __str__(self) -> str:
        events = "event is" if self.count == 1 else "events are"
        return (
            f"{self.source}: {self.count} {events} dated after the next run, and nothing comes of it until then; "
            f"the latest is of {iso(self.latest)} ({self.place})"
        )


@dataclass(slots=True)
class Collected:
    """What came in: counts, what was set aside, and the attributes by kind. `received` are the source's own events."""

    columns: dict[str, str] = field(default_factory=dict)
    customers: int = 0
    received: int = 0
    corrected: int = 0
    ahead: Ahead | None = None
    default_zone: int = 0
    aside: list[Aside] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)  # bytes of the files of a source, by its path
    waiting: set[str] = field(default_factory=set)  # ids of the mailroom's events that no ledger has after this night


@dataclass(slots=True)
class Incoming:
    """The sources of one project on their way into one engine, for one run."""

    engine: Engine
    project: Project
    folder: Path
    as_of: dt.datetime
    collected: Collected = field(default_factory=Collected)
    part: list[str] = field(default_factory=list)  # the files of events that were read, where not all were
    waiting: list[int] = field(default_factory=list)  # some of their rows that wait for another night

    @property
    def reader(self) -> Engine:
        """The engine that reads the sources, which may be another than the one that keeps the state."""
        return self.engine.reader()

    @property
    def beside(self) -> bool:
        """Whether the reader is another engine."""
        return self.reader is not self.engine

    def relation(
        self, source: Source, what: str, required: Iterable[str], known: Iterable[str]
    ) -> tuple[Sql, dict[str, str]]:
        """The source as a relation with its columns; raises JourneyError that names what is missing."""
        relation: Sql | None = None
        if source.path is not None:
            relation = exp.Var(this=self.reader.source(self.path(source)))
        try:
            relation = relation or self._table(source.table or "", what)
            columns = self.reader.columns(x.written(relation))
        except QueryFailed as error:
            raise JourneyError(
                f"{what}: there is no table '{source.table}' in the engine",
                remedy=f"check `{what}: {{table: ...}}` in journeys/project.yaml",
                code="missing-table",
            ) from error
        for name in required:
            column = source.columns.get(name, name)
            if column not in columns:
                if source.path is not None and _is_row(columns, (*known, *source.columns.values())):
                    raise headless(named(source))
                raise JourneyError(
                    f"{named(source)} has no column '{column}'{nearest(column, list(columns))}; "
                    f"it has: {', '.join(columns)}",
                    remedy=f"add it, or name it: `{what}: {{columns: {{{name}: ...}}}}` in journeys/project.yaml",
                    code="missing-column",
                )
        for name, column in source.columns.items():
            if column not in columns:
                raise JourneyError(
                    f"{named(source)} has no column '{column}', which `columns:` maps to {name}"
                    f"{nearest(column, list(columns))}",
                    remedy=f"known names are {', '.join(known)}; mend `{what}: columns:` in journeys/project.yaml",
                    code="missing-column",
                )
        return relation, columns

    def is_text(self, source: Source) -> bool:
        """Whether a source is of CSV files, whose values are only seen to be readable when they are read."""
        files = [] if source.path is None else files_of(self.path(source))
        return any(Path(file).suffix.lower() in CSV for file in files)

    @contextmanager
    def reading(self, source: Source) -> Iterator[None]:
        """A statement that reads a source fails by what stands in it."""
        try:
            yield
        except QueryFailed as error:
            raise unreadable(named(source), error.said) from error

    def expect(self, source: Source, rows: int, least: int) -> None:
        """Raises JourneyError when a source has too few rows."""
        if rows < least:
            raise JourneyError(
                f"{named(source)}: {rows} rows, at least {least} are expected; nothing was changed",
                remedy="check the export, or change `expects:` in journeys/project.yaml; if the loss is right, "
                "run with --accept-loss",
                code="too-few-rows",
            )

    def count_aside(self, source: Source, table: str) -> None:
        """Count the rows of a table that have a reason."""
        query = (
            "SELECT reason, count(*), min(row_in_source) FROM {table} WHERE reason IS NOT NULL "
            "GROUP BY reason ORDER BY reason"
        )
        for why, count, first in self.reader.rows(fill(query, {"table": exp.to_table(table)})):
            self.aside(source, str(why), count, first)

    def aside(self, source: Source, reason: str, count: int, first: int, *, values: bool = False) -> None:
        """Note rows, or values, that could not be taken as they are; `first` is the number of one of their rows."""
        if count:
            place = self.place(source, int(first))
            self.collected.aside.append(Aside(named(source), reason, int(count), place, values))

    def measure(self, source: Source) -> None:
        """Keep how big the files of a source are."""
        if source.path is not None:
            files = files_of(self.path(source))
            self.collected.sizes[source.path] = sum(Path(file).stat().st_size for file in files)

    def run(self, *names: str, **parts: Sql) -> None:
        """Run named statements of `sql/collect.sql`, their places filled."""
        for name in names:
            self.engine.execute(fill(statements("collect")[name], parts))

    def read(self, *names: str, **parts: Sql) -> None:
        """Run named statements of `sql/collect.sql` where the sources are read."""
        for name in names:
            self.reader.execute(fill(statements("collect")[name], parts))

    def _table(self, name: str, what: str) -> Sql:
        """A table of the engine's file, never one that the engine made for itself nor one of this night only."""
        *schema, table = name.split(".")
        if table.lower() in {*statements("schema"), "customers"} and [place.lower() for place in schema] in (
            [],
            [self.engine.own_schema],
        ):
            raise JourneyError(
                f"{what}: the table '{name}' is the engine's own",
                remedy=f"keep source tables in a schema of their own: `{what}: {{table: raw.{table}}}`",
                code="reserved-table",
            )
        places = [exp.to_identifier(place, quoted=True) for place in self.engine.table([*schema, table])]
        return exp.Dot.build(places) if len(places) > 1 else exp.Table(this=places[0])

    def place(self, source: Source, row: int) -> str:
        """A row of a source for people, with its file where the path is a glob."""
        every = [] if source.path is None else files_of(self.path(source))
        for file in (self.part or every) if len(every) > 1 else []:
            relation = exp.Var(this=self.reader.source(file))
            count = int(self.reader.rows(fill("SELECT count(*) FROM {relation}", {"relation": relation}))[0][0])
            if row <= count:
                return f"row {row}{_below(file)} of {Path(file).name}"
            row -= count
        return f"row {row}{_below(every[0]) if every else ''}"

    def path(self, source: Source) -> str:
        """The path or glob of a source from the project's folder, whatever the folder's own name holds."""
        path = source.path or ""
        return path if Path(path).is_absolute() else f"{glob.escape(str(self.folder))}/{path}"


def _is_row(columns: Iterable[str], known: Iterable[str]) -> bool:
    """Whether a first line holds values: none of its words is a known name, and some are no names."""
    words = {column.lower() for column in columns}
    return words.isdisjoint(name.lower() for name in known) and looks_like_data(words)


def _below(file: str) -> str:
    """Rows of a CSV file are not its lines: a header stands above them, and a value may hold line breaks."""
    return " below the header" if Path(file).suffix.lower() in CSV else ""


def named(source: Source) -> str:
    """The source for people."""
    return source.path if source.path is not None else f"table {source.table}"
