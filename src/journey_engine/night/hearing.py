"""What the mailroom tells a night: only what the engine's ledger cannot hold yet."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.engines import Engine
from journey_engine.mailroom import Mailroom
from journey_engine.records import Event


def unheard(engine: Engine, mailroom: Mailroom) -> Iterator[Event]:
    """What is new, changed or waits; all that happened where the engine does not know the run that had the rest.

    That is an older copy of the engine, or a new one: its ledger lacks what that run's ledger had.
    """
    run_id = mailroom.collected_by()
    known = run_id is not None and engine.rows("SELECT 1 FROM runs WHERE run_id = ? LIMIT 1", (run_id,))
    return mailroom.take_in_hand(every=not known)
