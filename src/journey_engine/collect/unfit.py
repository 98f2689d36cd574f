"""What the engine takes for JSON and others do not: NaN, values too deep for reading by recursion, a name twice.

Of a name that stands twice the engine would read the first value, others the last. Only the few rows that may hold such
a thing are looked at one by one.
"""

from __future__ import annotations

import json
import re
from typing import Any

from journey_engine.collect.source import Incoming
from journey_engine.expressions import Sql
from journey_engine.queries import fill, statements

DEEPEST = 60
_BRACKETS = re.compile(r'"(?:\\.|[^"\\])*"|[\[\]{}]', re.DOTALL)


def doubtful(incoming: Incoming, table: Sql) -> list[tuple[int, str]]:
    """The rows of a table whose properties are not for everyone, by their number, with the reason."""
    rows = incoming.reader.rows(fill(statements("collect")["doubtful_rows"], {"table": table}), (DEEPEST,))
    return [(row, why) for row, text in rows if (why := _unfit(text)) is not None]


def _unfit(text: str) -> str | None:
    level = deepest = 0
    for found in _BRACKETS.finditer(text):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, level)
    if deepest > DEEPEST:
        return f"properties hold values more than {DEEPEST} deep"
    outermost: list[tuple[str, Any]] = []

    def remember(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        outermost[:] = pairs
        return dict(pairs)

    try:
        json.loads(text, parse_constant=_no_constant, object_pairs_hook=remember)
    except ValueError:
        return "properties are no JSON"
    return None if len(outermost) == len(dict(outermost)) else "properties have a name twice"


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON knows no {name}")
