"""The fuse at the door: a run that is far from usual is held as it comes in, until somebody has looked at it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from sqlalchemy import Connection, select

from journey_engine.mailroom.tables import loaded_runs

USUAL = 20  # runs with messages that tell what is usual
ENOUGH = 5  # fewer tell nothing
FEW = 100  # messages; below, nothing is far from usual


@dataclass(frozen=True, slots=True)
class Fuse:
    """How many messages a run may have: at most so many, and at most so many times the usual number."""

    at_most: int | None = None
    times_usual: float | None = None


def usual(db: Connection, run: int) -> tuple[float | None, int]:
    """What is usual before a run: the median of the newest runs that had messages, and how many were empty since."""
    query = select(loaded_runs.c.messages).where(loaded_runs.c.run < run).order_by(loaded_runs.c.run.desc())
    counts = [int(count or 0) for count in db.execute(query.limit(10 * USUAL)).scalars()]
    full = [count for count in counts if count][:USUAL]
    empty = next((place for place, count in enumerate(counts) if count), len(counts))
    return (statistics.median(full) if len(full) >= ENOUGH else None), empty


def blown(fuse: Fuse, count: int, median: float | None) -> str | None:
    """Why a run with so many messages is held; None when it is not."""
    if fuse.at_most is not None and count > fuse.at_most:
        return f"it has {count:,} messages, and the fuse allows {fuse.at_most:,}"
    if fuse.times_usual is not None and median is not None and count >= FEW and count > fuse.times_usual * median:
        return f"it has {count:,} messages, and usual are {median:,.0f}: more than {fuse.times_usual:g} times as many"
    return None


def silent(fuse: Fuse, count: int, median: float | None, empty: int) -> str | None:
    """Why a run without any message is suspicious; None when it is not."""
    if fuse.times_usual is None or count or empty or median is None or median < FEW:
        return None
    return f"it has no message at all, and usual are {median:,.0f}; look whether the data or the journeys are whole"
