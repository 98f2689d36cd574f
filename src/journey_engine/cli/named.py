"""Words of a command line that name something: one that nothing has would find nothing, and tell nobody why."""

from __future__ import annotations

from collections.abc import Iterable

from journey_engine.errors import JourneyError, nearest

SHOWN = 30  # names in a remedy; of more only the first


def known_name(kind: str, name: str | None, known: Iterable[str]) -> None:
    """Raises JourneyError for a name that is not among those known, with the nearest and what there is."""
    if name is None:
        return
    every = list(dict.fromkeys(known))
    if name not in every:
        more = f" and {len(every) - SHOWN:,} more" if len(every) > SHOWN else ""
        raise JourneyError(
            f"there is no {kind} '{name}'{nearest(name, every)}",
            remedy=f"known are: {', '.join(every[:SHOWN]) or 'none yet'}{more}",
            code="unknown-name",
        )
