"""The plain reading: one customer, all of their passes, night after night. The judge of `sweep`.

Journey tests and `explain` run on it. It reads no store, no file and no clock, and shares
no evaluation with `sweep`.
"""

from __future__ import annotations

from journey_engine.walk.effects import Look, Tables
from journey_engine.walk.judge import Scene, judge, look
from journey_engine.walk.ledger import (
    CustomerState,
    LedgerEvent,
    Membership,
    Overlay,
    WalkResult,
    Watched,
    WorldState,
    take_in,
)
from journey_engine.walk.life import Life, Party, live_together, walk
from journey_engine.walk.night import after_run, walk_night
from journey_engine.walk.trace import Verdict, trace

__all__ = [
    "CustomerState",
    "LedgerEvent",
    "Life",
    "Look",
    "Membership",
    "Overlay",
    "Party",
    "Scene",
    "Tables",
    "Verdict",
    "WalkResult",
    "Watched",
    "WorldState",
    "after_run",
    "judge",
    "live_together",
    "look",
    "take_in",
    "trace",
    "walk",
    "walk_night",
]
