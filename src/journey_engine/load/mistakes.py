"""What pydantic found, in words for people: what stands there, what is allowed, the nearest name."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from journey_engine.errors import Problem
from journey_engine.yamlfile import Positions


def problems_of(error: ValidationError, model: type[BaseModel], positions: Positions) -> list[Problem]:
    """The problems of one file, each with its place."""
    found = []
    for e in error.errors(include_url=False):
        loc: Any = e["loc"]
        found.append(Problem(positions.of(loc), e["msg"], e["type"]))
    return found
