"""The canonical structure of a graph or a condition, and its hash: what a version is (rule 20).

A change of how the program writes a graph is no edit of a journey. The first form wrote every field out, so what it
knew is written out for ever; a field that came later is left out while it has its default.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

# The fields with a default that the first form knew; those without one, and those that tell a kind, are always written.
FIRST_FORM = {
    "Assignment": ("value", "source"),
    "Await": ("delay", "events", "since", "timeout", "otherwise"),
    "Emit": ("occurrence",),
    "EventSet": ("where", "same", "of_pass"),
    "Goal": ("stay",),
    "Graph": ("stage", "priority", "audience", "backfill", "goal", "exit_when"),
    "Happened": (
        "scope", "since", "within", "count", "sum_of", "sum", "first_within", "first_before", "last_within",
        "last_before",
    ),
    "InJourney": ("within",),
    "Lines": ("since", "newest"),
    "Message": ("lines",),
    "OnDate": ("every", "offsets", "feb29"),
    "OnEvent": ("first",),
    "OnSchedule": ("zone",),
    "OnSilence": ("without",),
    "Reentry": ("after",),
    "Task": ("due",),
    "Test": ("operands", "length"),
}  # fmt: skip


def version_of(value: BaseModel, without: Collection[str] = ()) -> str:
    """The hash of a structure: 12 hex digits. Fields named in `without` are no part of it, wherever they stand."""
    text = json.dumps(structure(value, without), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def structure(value: BaseModel, without: Collection[str] = ()) -> Any:
    """The canonical structure of a graph or a condition, as JSON keeps it."""
    return _written(value, value.model_dump(mode="json"), without)


def _written(value: Any, dumped: Any, without: Collection[str]) -> Any:
    if isinstance(value, tuple):
        return [_written(*pair, without) for pair in zip(value, dumped, strict=True)]
    if not isinstance(value, BaseModel):
        return dumped
    model = type(value)
    first = FIRST_FORM.get(model.__name__, ())
    return {
        name: _written(getattr(value, name), dumped[name], without)
        for name, always, default in _fields(model)
        if name not in without and (always or name in first or getattr(value, name) != default)
    }


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, bool, Any], ...]:
    """The fields of a model: name, whether it is always written, and its default."""
    return tuple((name, _always(field), field.default) for name, field in model.model_fields.items())


def _always(field: FieldInfo) -> bool:
    """What has no default, and what tells one kind from another."""
    kind = field.annotation
    return field.is_required() or (get_origin(kind) is Literal and len(get_args(kind)) == 1)
