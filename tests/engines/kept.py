"""Everything that an engine keeps, as rows that can be compared between engines."""

from __future__ import annotations

import re
from typing import Any

from journey_engine.engines import Engine
from journey_engine.queries import statements

KEPT = (*(name for name in statements("schema") if name not in ("meta", "zone_offsets")), "customers")


def kept(engine: Engine, *, typed: bool = True) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table in the order of all their columns, without what is an engine's own affair.

    Not `typed`: without the columns of event properties, which a journey's new words make before the night begins.
    """
    found = {}
    for table in KEPT:
        own = [name for name in engine.columns(table) if name not in ("row_hash", "run_id", "report")]
        if not typed:
            own = [name for name in own if not re.fullmatch(r"p[0-9]+_[a-z]+", name)]
        names = ", ".join(f'"{name}"' for name in own)
        found[table] = sorted(engine.rows(f"SELECT {names} FROM {table}"), key=repr)
    return found


def same(found: dict[str, list[tuple[Any, ...]]], expected: dict[str, list[tuple[Any, ...]]]) -> None:
    """Row for row and byte for byte; the first that differ are shown."""
    for table, rows in expected.items():
        other = found[table]
        parted = next(((one, two) for one, two in zip(other, rows, strict=False) if one != two), None)
        assert parted is None, f"{table}: {parted[0]} and not {parted[1]}"
        assert len(other) == len(rows), table
