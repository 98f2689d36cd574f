"""The fixed SQL of the engine: statements in `.sql` files, each under a name and a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from sqlglot import exp

from journey_engine.expressions import Sql, written


@lru_cache(maxsize=32)
def statements(file: str) -> dict[str, str]:
    """The statements of `sql/<file>.sql` by name, in order. A statement begins with `-- name: sentence`."""
    text = files("journey_engine").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for part in re.split(r"(?m)^-- (?=[a-z0-9_]+: )", text)[1:]:
        name, _, rest = part.partition(": ")
        found[name] = rest.partition("\n")[2].strip().rstrip(";")
    return found


def fill(statement: str, parts: Mapping[str, Sql]) -> str:
    """A statement with its `{name}` places filled by expressions; a tuple stands without its parentheses."""

    def place(found: re.Match[str]) -> str:
        part = parts[found[1]]
        many = part.expressions if isinstance(part, exp.Tuple) else [part]
        return ", ".join(written(item) for item in many)

    return re.sub(r"\{([a-z_]+)\}", place, statement)
