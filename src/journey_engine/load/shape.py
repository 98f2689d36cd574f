"""The models themselves as data: which model reads a place, which words it allows, its example."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from textwrap import dedent
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag

from journey_engine.language import Inside


def model_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that reads the value at one of pydantic's locations, if a model does."""
    here: list[Any] = [model]
    for segment in loc:
        inside = [found for annotation in here for found in _step(annotation, segment)]
        here = inside or here
    models = (kind for annotation in here for kind, _ in members(annotation) if _is_model(kind))
    return next(models, None)


def allowed_words(model: type[BaseModel]) -> list[str]:
    """The words a model reads, as they are written; not those that only the engine uses."""
    hidden = {getattr(model, "main", None)} if getattr(model, "whole", False) else set()
    fields = model.model_fields.items()
    words = [info.alias or name for name, info in fields if name not in hidden]
    return sorted(words, key=lambda word: word in ("id", "only_if"))


def example(model: type[BaseModel]) -> str:
    """The example in a model's docstring when it is one line, else nothing."""
    written = examples(model)
    return written[0] if written and "\n" not in written[0] else ""


def examples(model: type) -> list[str]:
    """Every YAML example in a docstring of the model's own."""
    text = model.__dict__.get("__doc__") or ""
    return [dedent(block).strip() for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def members(annotation: Any) -> Iterator[tuple[Any, str | None]]:
    """The kinds that an annotation allows, each with the tag that chooses it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *marks = get_args(annotation)
        tag = next((mark.tag for mark in marks if isinstance(mark, Tag)), None)
        yield from ((kind, tag or own) for kind, own in members(inner))
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from members(part)
    elif isinstance(annotation, type) and issubclass(annotation, Inside):
        yield from members(annotation.union)
    else:
        yield annotation, None


def _step(annotation: Any, segment: str | int) -> Iterator[Any]:
    for kind, tag in members(annotation):
        if tag is not None:
            if tag == segment:
                yield kind
        elif _is_model(kind):
            if kind.__name__ == segment:
                yield kind
            for name, info in kind.model_fields.items():
                if segment in (name, info.alias):
                    yield info.annotation
        elif isinstance(segment, int) and get_origin(kind) in (list, tuple):
            yield get_args(kind)[0]
        elif get_origin(kind) in (dict, Mapping):
            yield get_args(kind)[1]
