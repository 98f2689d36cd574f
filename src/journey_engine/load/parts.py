"""Every word inside a model, with the path it was written at, so that a check can name its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TypeVar

from journey_engine.language import Word
from journey_engine.yamlfile import Path

Kind = TypeVar("Kind", bound=Word)
Words = tuple[tuple[Path, Word], ...]


def parts(value: object, path: Path = ()) -> Words:
    """A word and every word in it, outermost first; the path has each word's own key, as in the YAML."""
    return tuple(_word(value, path) if isinstance(value, Word) else _under(value, path))


def of_kind(kind: type[Kind], words: Iterable[tuple[Path, Word]]) -> Iterator[tuple[Path, Kind]]:
    """Those of one kind."""
    for where, word in words:
        if isinstance(word, kind):
            yield where, word


@cache
def _fields(kind: type[Word]) -> tuple[tuple[str, str], ...]:
    """The names of the fields of a word, in the model and in the YAML."""
    return tuple((name, info.alias or name) for name, info in kind.model_fields.items())


def _word(word: Word, path: Path) -> Iterator[tuple[Path, Word]]:
    yield path, word
    for name, written in _fields(type(word)):
        value = getattr(word, name)
        if isinstance(value, Word | list | dict):
            yield from _under(value, (*path, written))


def _under(value: object, path: Path) -> Iterator[tuple[Path, Word]]:
    if isinstance(value, Word):
        yield from _word(value, (*path, value.key) if value.key else path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _under(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _under(item, (*path, str(key)))
