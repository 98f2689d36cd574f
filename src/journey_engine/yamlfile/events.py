"""One pass over the parser's events, with bounds on depth and size before anything recurses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from journey_engine.yamlfile.places import Spot
from journey_engine.yamlfile.scalars import Scalar, plain

MAX_VALUES = 100_000  # with every alias counted as often as it stands
MAX_DEPTH = 60  # 20 branches inside each other; the parsers behind this one recurse

_KNOWN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


class Stop(Exception):
    """The first thing that cannot be read."""

    def __init__(self, line: int, column: int, message: str, code: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message, self.code = line, column, message, code


class PlainEvents(Reader, Scanner, Parser):
    """The parser of plain Python, for where PyYAML came without its C part."""

    def __init__(self, stream: str) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)


try:
    from yaml._yaml import CParser as Events
except ImportError:  # pragma: no cover - PyYAML without its C part
    Events = PlainEvents  # type: ignore[assignment,misc]


class Reading:
    """One pass over the parser's events, with bounds on depth and size before anything recurses."""

    def __init__(self, text: str, events: type[Any] = Events) -> None:
        self.events = events(text)
        self.anchors: dict[str, tuple[Any, Spot, int]] = {}
        self.count = 0
        self.quoted: list[range] = []  # lines of texts that go on over several lines

    def document(self) -> tuple[Any, Spot, list[range]]:
        self.events.get_event()  # stream start
        if isinstance(self.events.peek_event(), yaml.StreamEndEvent):
            raise Stop(1, 1, "this file is empty", "empty-file")
        self.events.get_event()  # document start
        data, spot = self.value(self.events.get_event(), 0)
        self.events.get_event()  # document end
        more = self.events.get_event()
        if not isinstance(more, yaml.StreamEndEvent):
            line, column = _at(more)
            message = "a second document begins here; keep one a file"
            raise Stop(line, column, message, "several-documents")
        return data, spot, self.quoted

    def value(self, event: Any, depth: int) -> tuple[Any, Spot]:
        line, column = _at(event)
        if depth > MAX_DEPTH:
            raise Stop(line, column, f"values stand inside each other more than {MAX_DEPTH} deep", "too-deep")
        before = self.count
        self.count += 1
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if self.count > MAX_VALUES:
            raise Stop(line, column, f"this file has more than {MAX_VALUES:,} values; split it", "too-many-values")
        _check_tag(event)
        if isinstance(event, yaml.ScalarEvent):
            last = event.end_mark.line if event.end_mark else 0
            if last >= line:
                self.quoted.append(range(line + 1, last + 2))
            made: tuple[Any, Spot] = (scalar(event), Spot(line, column))
        elif isinstance(event, yaml.SequenceStartEvent):
            made = self.sequence(line, column, depth)
        else:
            made = self.mapping(line, column, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (*made, self.count - before)
        return made

    def alias(self, event: yaml.AliasEvent) -> tuple[Any, Spot]:
        line, column = _at(event)
        if event.anchor not in self.anchors:
            message = f"'*{event.anchor}' repeats nothing: no finished '&{event.anchor}' stands before it"
            raise Stop(line, column, message, "unknown-alias")
        data, spot, size = self.anchors[event.anchor]
        self.count += size
        if self.count > MAX_VALUES:
            message = f"with '*{event.anchor}' this file grows beyond {MAX_VALUES:,} values"
            raise Stop(line, column, message, "too-many-values")
        return data, spot

    def sequence(self, line: int, column: int, depth: int) -> tuple[Any, Spot]:
        data: list[Any] = []
        spots: list[Spot] = []
        while not isinstance(event := self.events.get_event(), yaml.SequenceEndEvent):
            item, spot = self.value(event, depth + 1)
            data.append(item)
            spots.append(spot)
        return data, Spot(line, column, {}, spots)

    def mapping(self, line: int, column: int, depth: int) -> tuple[Any, Spot]:
        data: dict[str, Any] = {}
        keys: dict[str, tuple[int, int]] = {}
        spots: dict[str, Spot] = {}
        while not isinstance(event := self.events.get_event(), yaml.MappingEndEvent):
            key = self.key(event, keys)
            keys[key] = _at(event)
            data[key], spots[key] = self.value(self.events.get_event(), depth + 1)
        return data, Spot(line, column, keys, spots)

    def key(self, event: Any, keys: dict[str, tuple[int, int]]) -> str:
        line, column = _at(event)
        if not isinstance(event, yaml.ScalarEvent):
            message = "a key must be one word; put a text that begins with {{ or [ in quotes"
            raise Stop(line, column, message, "key-not-text")
        _check_tag(event)
        key = str(event.value)
        if key == "<<" and event.implicit[0]:
            raise Stop(line, column, "'<<' merges nothing in YAML 1.2; write the keys out", "merge-key")
        if key in keys:
            message = f"the key '{key}' stands twice (first on line {keys[key][0]}); keep one"
            raise Stop(line, column, message, "duplicate-key")
        return key


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _check_tag(event: Any) -> None:
    if event.tag is not None and event.tag != "!" and event.tag not in _KNOWN_TAGS:
        line, column = _at(event)
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        message = f"the tag '{tag}' is not used here; put a text that begins with ! in quotes"
        raise Stop(line, column, message, "unknown-tag")


def scalar(event: yaml.ScalarEvent) -> Scalar:
    """The value of a scalar, by its tag, its quotes or its look."""
    text = str(event.value)
    tag = event.tag.rpartition(":")[2] if event.tag else None
    if tag in ("str", "!") or (tag is None and not event.implicit[0]):
        return text
    value = plain(text)
    if tag == "float" and type(value) is int:
        return Decimal(value)
    kinds: dict[str, type] = {"int": int, "float": Decimal, "bool": bool, "null": type(None)}
    if tag in kinds and type(value) is not kinds[tag]:
        raise Stop(*_at(event), f"'{text}' is no {tag}", "unknown-tag")
    return value
