"""What a journey says about its own time and about its changes: `starts`, `ends`, `on_change` and `moved` (rule 20)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator

from journey_engine.errors import nearest
from journey_engine.steps import Builder
from journey_engine.times import local_to_utc, parse_instant

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _written(text: str) -> str:
    try:
        if _DAY.fullmatch(text):
            dt.date.fromisoformat(text)
        else:
            parse_instant(text)
    except ValueError:
        raise ValueError(f"'{text}' is no day such as 2026-03-01 and no instant such as 2026-03-01T09:00:00Z") from None
    return text


Moment = Annotated[str, AfterValidator(_written)]


def beginning(text: str | None, zone: str) -> dt.datetime | None:
    """The instant that `starts` means: a day begins at midnight in the project's zone."""
    if text is None or not _DAY.fullmatch(text):
        return None if text is None else parse_instant(text)
    return local_to_utc(dt.datetime.combine(dt.date.fromisoformat(text), dt.time()), zone)


def ending(text: str | None, zone: str) -> dt.datetime | None:
    """The instant that `ends` means: a day is over at the next midnight in the project's zone."""
    if text is not None and _DAY.fullmatch(text):
        text = (dt.date.fromisoformat(text) + dt.timedelta(days=1)).isoformat()
    return beginning(text, zone)


def check_period(builder: Builder, starts: dt.datetime | None, ends: dt.datetime | None) -> None:
    """A journey that ends before it starts is a problem."""
    if starts is not None and ends is not None and ends <= starts:
        told = "nobody could ever enter: `ends` is not after `starts`; exchange them, or leave one away"
        builder.problems.append((("ends",), told, "ends-first"))


def check_moved(builder: Builder, moved: Mapping[str, str], *, follows: bool) -> None:
    """Every `moved` leads from a step that is gone to one that is there."""
    for path, message, code in _mistakes(builder, moved, follows):
        builder.problems.append((path, message, code))


def _mistakes(builder: Builder, moved: Mapping[str, str], follows: bool) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if moved and not follows:
        told = "`moved` moves nobody: passes stay in the version they entered; write `on_change: follow` too"
        yield ("moved",), told, "moved-in-vain"
    for old, new in moved.items():
        if new not in builder.ids:
            known = ", ".join(reversed(builder.ids))
            yield (
                ("moved", old),
                f"no step has the id '{new}'{nearest(new, list(builder.ids))}; there are: {known}",
                "unknown-step",
            )
        if old in builder.ids:
            told = f"the step '{old}' is still there, and its passes stay at it; take this line away"
            yield ("moved", old), told, "moved-in-vain"
