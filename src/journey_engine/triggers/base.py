"""What a trigger is: a word that resolves to a closed form of `graph`, with its default re-entry."""

from __future__ import annotations

from typing import Any, ClassVar

from journey_engine.graph import Reentry
from journey_engine.language import Word


class TriggerWord(Word):
    """A trigger of a journey."""

    default_reentry: ClassVar[str | None] = "after_exit"  # None: it must be written (rule 9)
    can_backfill: ClassVar[bool] = True
    provides: ClassVar[tuple[str, ...] | None] = ()  # names under trigger.*; None: the event's own properties

    def lower(self) -> Any:
        """The resolved form of the trigger."""
        raise TypeError(f"{type(self).__name__} does not lower itself")

    def reentry(self) -> Reentry | None:
        """What holds when the journey says nothing, or None when it must."""
        mode: Any = self.default_reentry
        return None if mode is None else Reentry(mode=mode)
