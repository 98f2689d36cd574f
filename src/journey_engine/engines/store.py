"""The engine's own tables in a store, whatever keeps it: made once, checked, and brought up to date.

`sql/schema.sql` is the newest form; the statements of `sql/migrations.sql` named `to_2_...` lead from version 1 to 2.
"""

from __future__ import annotations

from journey_engine.engines.base import Engine, QueryFailed
from journey_engine.errors import JourneyError
from journey_engine.queries import statements

SCHEMA_VERSION = 2


def prepare(store: Engine, environment: str, named: str) -> None:
    """Make the tables if there are none, and bring older ones up to date.

    Raises JourneyError for a store of a newer version or another environment.
    """
    if not store.exists("meta"):
        _create(store, environment, named)
    found = check_version(store, named)
    if found["environment"] != environment:
        raise JourneyError(
            f"the engine store {named} belongs to the environment '{found['environment']}', "
            f"the project says '{environment}'",
            remedy="use a store of its own for each environment: `engine:` in journeys/project.yaml",
            code="other-environment",
        )
    _upgrade(store, int(found["schema_version"]), named)


def _create(store: Engine, environment: str, named: str) -> None:
    if foreign := [table for table in statements("schema") if store.exists(table)]:
        raise JourneyError(
            f"the engine store {named} has tables of another maker under our names: {', '.join(foreign)}",
            remedy="keep source tables in a schema of their own, such as `table: raw.customers`",
            code="foreign-tables",
        )
    with store.transaction():
        for sql in statements("schema").values():
            store.execute(sql)
        store.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)])
        store.execute("INSERT INTO meta VALUES ('environment', ?)", [environment])


def check_version(store: Engine, named: str) -> dict[str, str]:
    """What the store says of itself; raises JourneyError when it is newer than this program."""
    found: dict[str, str] = dict(store.rows("SELECT name, value FROM meta"))
    if not found.get("schema_version", "").isdecimal():
        raise JourneyError(
            f"the engine store {named} is damaged: its schema version is no number",
            remedy="restore it from a copy; then `journey run` goes on from there, and nothing is sent twice",
            code="engine-unreadable",
        )
    if int(found["schema_version"]) > SCHEMA_VERSION:
        raise JourneyError(
            f"the engine store {named} has schema version {found['schema_version']}; "
            f"this program knows up to {SCHEMA_VERSION}",
            remedy="upgrade the journey engine; the store was left as it is",
            code="newer-store",
        )
    return found


def check_readable(store: Engine, named: str) -> None:
    """Raises JourneyError when this program cannot read a store or a copy: a reader brings nothing up to date."""
    found = check_version(store, named)["schema_version"]
    if int(found) < SCHEMA_VERSION:
        raise JourneyError(
            f"{named} was written by an older version of the journey engine "
            f"(schema version {found}; this program reads {SCHEMA_VERSION})",
            remedy="`journey run` brings it up to date; until then the version that wrote it can read it",
            code="older-store",
        )


def _upgrade(store: Engine, found: int, named: str) -> None:
    """From a version to the newest one, in one transaction; a newest one is left alone."""
    if found == SCHEMA_VERSION:
        return
    try:
        with store.transaction():
            for version in range(found + 1, SCHEMA_VERSION + 1):
                for sql in steps_to(version):
                    store.execute(sql)
            store.execute("UPDATE meta SET value = ? WHERE name = 'schema_version'", [str(SCHEMA_VERSION)])
    except QueryFailed as error:
        raise JourneyError(
            f"the engine store {named} cannot be brought from schema version {found} to {SCHEMA_VERSION}: "
            f"{error.message}",
            remedy="nothing was changed: the version of the journey engine that wrote it still runs; "
            "undo what was altered in the store by hand, or restore a copy of it",
            code="not-upgraded",
        ) from error


def steps_to(version: int) -> list[str]:
    """The statements that lead from the version before to this one, in order."""
    return [sql for name, sql in statements("migrations").items() if name.startswith(f"to_{version}_")]
