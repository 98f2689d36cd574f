"""Keys and items without a value. A commented-out audience must not become an audience of everyone."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.errors import Problem
from journey_engine.yamlfile import Path, Positions


def said_once(empty: list[Problem], others: list[Problem], value: object, positions: Positions) -> list[Problem]:
    """Both lists, without what was only found because a value is empty."""
    places = {positions.of(path) for path in _empty(value)}
    return [*empty, *(problem for problem in others if problem.place not in places)]


def empty_values(value: object, positions: Positions) -> list[Problem]:
    """Every place where something should stand and nothing does."""
    found = []
    for path in _empty(value):
        message = "this item of the list is empty; write it, or delete the '-'"
        if isinstance(path[-1], str):
            message = f"'{path[-1]}' has no value; write one, or delete the word"
        found.append(Problem(positions.of(path, key=True), message, "empty-value"))
    return found


def _empty(value: object, path: Path = ()) -> Iterator[Path]:
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    for segment, item in inside:
        if item is None:
            yield (*path, segment)
        yield from _empty(item, (*path, segment))
