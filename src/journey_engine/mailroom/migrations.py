"""How an older mailroom becomes a new one: numbered steps from the first version up, on every database.

A change of `tables.py` comes with its operations here, in the words of Alembic, written out in full: `tables.py` is the
newest form, and a step must stay what it was. They run in the transaction that writes the new version down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from journey_engine.mailroom.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.operations import Operations

Step = Callable[["Operations"], object]

STEPS: Mapping[int, tuple[Step, ...]] = {
    # Such as lambda op: op.add_column("messages", Column("note", Text)). A column may be null or has a server default.
    2: (),
}


def upgrade(db: Connection, found: int) -> None:
    """Bring the tables from a version to the newest one, inside the caller's transaction."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    operations = Operations(MigrationContext.configure(db))
    for version in range(found + 1, SCHEMA_VERSION + 1):
        for step in STEPS[version]:
            step(operations)
