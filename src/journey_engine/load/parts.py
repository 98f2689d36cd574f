"""Every word inside a model, with the path it was written at, so that a check can name its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from journey_engine.language import Word
from journey_engine.yamlfile import Path

Kind = TypeVar("Kind", bound=Word)


def parts(value: object, path: Path = ()) -> Iterator[tuple[Path, Word]]:
    """A word and every word in it, outermost first; the path has each word's own key, as in the YAML."""
    if isinstance(value, Word):
        yield path, value
        for name, info in type(value).model_fields.items():
            yield from _under(getattr(value, name), (*path, info.alias or name))
    else:
        yield from _under(value, path)


def _under(value: object, path: Path) -> Iterator[tuple[Path, Word]]:
    if isinstance(value, Word):
        yield from parts(value, (*path, value.key) if value.key else path)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _under(item, (*path, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _under(item, (*path, str(key)))


def parts_of(kind: type[Kind], value: object, path: Path = ()) -> Iterator[tuple[Path, Kind]]:
    """The words of one kind."""
    for where, word in parts(value, path):
        if isinstance(word, kind):
            yield where, word
