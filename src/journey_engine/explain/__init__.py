"""Why a customer is where they are, and why they are not where they are not.

Reads the published copy and asks `walk` again for what each condition saw; changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from journey_engine.errors import JourneyError, nearest
from journey_engine.explain.absence import Absence, why_not
from journey_engine.explain.history import History, read
from journey_engine.explain.story import Line, Move, Posted, Story, tell
from journey_engine.load import LoadedProject
from journey_engine.walk.trace import Verdict

__all__ = ["Absence", "Explanation", "History", "Line", "Move", "Posted", "Story", "Verdict", "explain", "read"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one customer as of the last run."""

    customer_id: str
    as_of: dt.datetime
    known: bool
    memberships: tuple[tuple[str, str], ...]  # (segment | stage, name)
    stories: tuple[Story, ...]
    absences: tuple[Absence, ...]


def explain(
    loaded: LoadedProject, history: History, posted: Mapping[str, Posted], journey: str | None = None
) -> Explanation:
    """Tell every pass, and every journey without one; of one journey when it is named.

    `posted` is what the mailroom says of each message id. Raises JourneyError for a journey or a customer of whom
    nothing is known.
    """
    names = sorted({*loaded.journeys, *(one.journey for one in history.passes)})
    if journey is not None and journey not in names:
        raise JourneyError(
            f"there is no journey '{journey}'{nearest(journey, names)}",
            remedy=f"name one of: {', '.join(names)}",
            code="unknown-journey",
        )
    if history.attributes is None and not history.passes and not history.newest:
        raise JourneyError(
            f"no customer '{history.customer_id}' is known as of {history.as_of:%Y-%m-%d %H:%M}Z",
            remedy="check the id against the customers file; a new customer is known from the next run on",
            code="unknown-customer",
        )
    wanted = [journey] if journey is not None else names
    passes = [one for one in history.passes if one.journey in wanted]
    entered = {one.journey for one in passes}
    asked = wanted if journey is not None else [name for name in wanted if name not in entered]
    return Explanation(
        customer_id=history.customer_id,
        as_of=history.as_of,
        known=history.attributes is not None,
        memberships=tuple(sorted(name for name, standing in history.members.items() if standing.member)),
        stories=tuple(tell(one, history, loaded, posted) for one in passes),
        absences=tuple(why_not(name, history, loaded) for name in asked),
    )
