"""A copy of what the last run left, to rehearse on: the engine's own stores are only read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from journey_engine.engines import Engine, is_file, open_reader, scratch
from journey_engine.errors import JourneyError
from journey_engine.load import LoadedProject
from journey_engine.mailroom import Mailroom
from journey_engine.night import open_mailroom
from journey_engine.queries import statements

MADE_ANEW = frozenset({"meta", "properties"})  # typed columns are read again from the ledger


@contextmanager
def copied(loaded: LoadedProject) -> Iterator[Engine]:
    """The state as the faces see it, in an engine that is gone afterwards; empty before the first run."""
    project = loaded.project
    tables = [source.table for source in (project.customers, project.events) if source.table is not None]
    with scratch(project.engine, loaded.folder, environment=project.environment, tables=tables) as engine:
        if not is_file(project.engine):
            _bring_state(engine, loaded)
        yield engine


def _bring_state(engine: Engine, loaded: LoadedProject) -> None:
    """Take every table of the engine's own over, row by row as it stands."""
    try:
        reader = open_reader(loaded.project.engine, loaded.folder)
    except JourneyError as error:
        if error.code == "no-run":
            return
        raise
    try:
        for table in (name for name in statements("schema") if name not in MADE_ANEW):
            names = list(engine.columns(table))
            listed = ", ".join(f'"{name}"' for name in names)
            for rows in reader.batches(f"SELECT {listed} FROM {table}"):  # noqa: S608 - names of our own tables
                engine.load(table, names, rows)
    finally:
        reader.close()


@contextmanager
def mailroom_beside(loaded: LoadedProject, engine: Engine) -> Iterator[Mailroom]:
    """The project's mailroom, of which only is read; before the first run an empty one: none is made for a look."""
    if engine.rows("SELECT 1 FROM runs LIMIT 1"):
        with open_mailroom(loaded) as mailroom:
            yield mailroom
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/mailroom.sqlite"
        with Mailroom.open(url, environment=loaded.project.environment) as mailroom:
            yield mailroom
