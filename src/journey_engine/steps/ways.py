"""The channels that a step names, as ways in the order in which they are tried.

`email` means the channel for letters that is set up, `preferred` the one that the customer's attribute names; when
`preferred` comes last, every other way that is set up comes after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from journey_engine.graph import Way
from journey_engine.message import medium

PREFERRED = "preferred"


def channel_words(named: Sequence[str], default: str, reach: Mapping[str, str], prefers: str) -> dict[str, Any]:
    """The fields of a message that say how it travels.

    `reach` has the channel that is set up for each way to reach a customer, `default` is the project's own.
    """
    found = list(_distinct(_each(named, default, reach)))
    if len({way.channel for way in found}) < 2:
        return {"channel": found[0].channel if found else default}
    whole = {"channel": next(way.channel for way in found if way.wanted is None), "ways": tuple(found)}
    return whole | ({"prefers": prefers} if any(way.wanted for way in found) else {})


def _each(named: Sequence[str], default: str, reach: Mapping[str, str]) -> Iterator[Way]:
    for number, word in enumerate(named, 1):
        if word != PREFERRED:
            yield Way(channel=reach.get(word, word))
            continue
        for way, channel in reach.items():
            yield Way.model_validate({"channel": channel, "wanted": way})
        if number == len(named):
            yield from (Way(channel=channel) for channel in (default, *reach.values()) if channel in reach.values())


def _distinct(ways: Iterable[Way]) -> Iterator[Way]:
    """Without those that come to the same address as one before, and so could never be taken."""
    tried: set[str] = set()
    for way in ways:
        if medium(way.channel) not in tried:
            yield way
        if way.wanted is None:
            tried.add(medium(way.channel))
