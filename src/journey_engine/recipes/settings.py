"""Puts entries of one project.yaml into another as text, so that comments and order stay as people wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from journey_engine.errors import JourneyError
from journey_engine.yamlfile import Positions, Spot, read

PROJECT_FILE = "journeys/project.yaml"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a setting, such as a topic, with its lines as written and the comment above it."""

    setting: str
    name: str
    lines: tuple[str, ...]

    def indented(self, width: int) -> list[str]:
        """The lines with the outermost indented by `width`."""
        own = min(len(line) - len(line.lstrip()) for line in self.lines if line.strip())
        return [" " * width + line[own:] if line.strip() else "" for line in self.lines]


def entry(lines: tuple[str, ...], positions: Positions, setting: str, name: str) -> Entry:
    """The entry `name` of a setting that is written as a block."""
    spot = positions.root.child(setting)
    assert spot is not None
    starts = sorted(line for line, _ in [*spot.keys.values(), *positions.root.keys.values()])
    start = spot.keys[name][0]
    end = next((line for line in starts if line > start), len(lines) + 1)
    first = start - 1
    while first > 0 and lines[first - 1].startswith(" ") and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    held = list(lines[first : end - 1])
    while not held[-1].strip() or held[-1].lstrip().startswith("#"):  # the comment above whatever follows
        held.pop()
    return Entry(setting, name, tuple(held))


def with_entries(content: bytes, wanted: list[Entry]) -> bytes:
    """A project.yaml with the entries in it.

    Raises JourneyError with the lines to write when the text has no place for them, such as behind `{` on one line.
    """
    before = read(content, PROJECT_FILE)
    ending = "\r\n" if b"\r\n" in content else "\n"
    made = (ending.join(_inserted(before.lines, before.positions.root, wanted)) + ending).encode()
    after = read(made, PROJECT_FILE)
    if after.problems or after.data != _expected(before.data, after.data, wanted):
        raise JourneyError(
            "journeys/project.yaml is written in a way that nothing can be put into",
            remedy="write these lines into it by hand, then call this again:\n" + "\n".join(_by_hand(wanted)),
            code="write-by-hand",
        )
    return made


def _inserted(lines: tuple[str, ...], root: Spot, wanted: list[Entry]) -> Iterator[str]:
    """The lines with the entries right below the setting's own, or with the setting at the end."""
    settings = list(dict.fromkeys(one.setting for one in wanted))
    after: dict[int, list[str]] = {}
    for setting in settings:
        if setting in root.keys:
            spot = root.child(setting)
            width = min((column for _, column in spot.keys.values()), default=3) - 1 if spot else 2
            after[root.keys[setting][0]] = [line for one in _of(wanted, setting) for line in one.indented(width)]
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    for number, line in enumerate(lines[:end], 1):
        yield line
        yield from after.get(number, [])
    for setting in settings:
        if setting not in root.keys:
            yield from ["", *_block(wanted, setting)]


def _expected(before: Any, after: Any, wanted: list[Entry]) -> Any:
    """What the file must say afterwards: all it said before, and the new entries whatever they hold."""
    if not isinstance(after, dict):
        return None
    expected = dict(before)
    for one in wanted:
        held = after.get(one.setting)
        if not isinstance(held, dict) or one.name not in held or not isinstance(expected.get(one.setting, {}), dict):
            return None
        expected[one.setting] = {**expected.get(one.setting, {}), one.name: held[one.name]}
    return expected


def _by_hand(wanted: list[Entry]) -> list[str]:
    settings = dict.fromkeys(one.setting for one in wanted)
    return [f"    {line}" for setting in settings for line in _block(wanted, setting)]


def _block(wanted: list[Entry], setting: str) -> list[str]:
    return [f"{setting}:", *(line for one in _of(wanted, setting) for line in one.indented(2))]


def _of(wanted: Iterable[Entry], setting: str) -> list[Entry]:
    return [one for one in wanted if one.setting == setting]
