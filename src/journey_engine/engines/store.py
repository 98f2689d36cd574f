"""The engine's own tables in a store, whatever keeps it: made once, and checked for version and environment."""

from __future__ import annotations

from journey_engine.engines.base import Engine
from journey_engine.errors import JourneyError
from journey_engine.queries import statements

SCHEMA_VERSION = 1


def prepare(store: Engine, environment: str, named: str) -> None:
    """Make the tables if there are none; raises JourneyError for a store of a newer version or another environment."""
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
    if int(found["schema_version"]) > SCHEMA_VERSION:
        raise JourneyError(
            f"the engine store {named} has schema version {found['schema_version']}; "
            f"this program knows up to {SCHEMA_VERSION}",
            remedy="upgrade the journey engine; the store was left as it is",
            code="newer-store",
        )
    return found
