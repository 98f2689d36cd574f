"""Rows of the project's tables for templates, titles and webhooks: words that several steps share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, model_validator

from journey_engine.errors import nearest
from journey_engine.graph import Lookup
from journey_engine.language import Name, Word
from journey_engine.steps.base import Builder, Path

SOURCE = re.compile(r"(trigger|customer|step)(\.[A-Za-z0-9_:#\- ]+)+")


def _source(path: str) -> str:
    if not SOURCE.fullmatch(path):
        raise ValueError(f"'{path}' is no value; take one from trigger.NAME, step.ID.NAME or customer.NAME")
    return path


SourcePath = Annotated[str, AfterValidator(_source)]


OURS = frozenset({"ask", "answers", "variant", "customer", "trigger", "step"})
"""Names of values that no list and no row may have."""


def own_name(name: str) -> str:
    """Check that a list or a row does not take the place of other values."""
    if name in OURS:
        raise ValueError(f"'{name}' is a name of the engine's own; give it another")
    return name


RowName = Annotated[Name, AfterValidator(own_name)]


class TableRow(Word):
    """The row of a table of project.yaml whose key is this value; its columns are `store.city` where it is called so.

    ```yaml
    task: {team: service, title: "Call {{ store.phone }}", with: {store: {table: stores, key: customer.store_id}}}
    ```
    """

    table: str = Field(description="A table of project.yaml")
    key_: SourcePath = Field(alias="key", description="Where its key is: customer.store_id, trigger.sku, step.ID.NAME")


class MaybeRow(Word):
    """A word that may be a row of a table instead of what else it is."""

    other: ClassVar[str] = ""
    table: str | None = Field(None, description="Instead: a table of project.yaml; its row goes along, by column")
    key_: SourcePath | None = Field(
        None, alias="key", description="Where the table's key is: customer.store_id, trigger.sku"
    )

    @model_validator(mode="after")
    def _one_form(self) -> MaybeRow:
        given = getattr(self, self.other) is not None
        word = type(self).model_fields[self.other].alias or self.other
        if given == (self.table is not None) or (self.table is None) != (self.key_ is None):
            raise ValueError(f"write `{word}`, or a row such as {{table: stores, key: customer.store_id}}")
        more = sorted(self.model_fields_set - {"table", "key_", self.other})
        if self.table is not None and more:
            raise ValueError(f"`{more[0]}` belongs to `{word}`; a row of a table needs only `table` and `key`")
        return self


def row_path(name: str) -> str:
    """The name under which a webhook keeps a row beside its other values; no customer and no trigger is called so."""
    return f"row:{name}"


def lookups(
    words: Mapping[str, Word], builder: Builder, path: Path, called: Callable[[str], str] = str
) -> tuple[Lookup, ...]:
    """The rows among some words, by name; `path` leads to them. A table that is not there is a problem."""
    found = []
    for name, word in sorted(words.items()):
        table, key = getattr(word, "table", None), getattr(word, "key_", None)
        if table is None or key is None:
            continue
        if table not in builder.tables:
            known = list(builder.tables)
            message = f"unknown table '{table}'{nearest(table, known)}; project.yaml defines: "
            problem: Any = ((*path, name, "table"), message + (", ".join(known) or "none yet"), "unknown-table")
            builder.problems.append(problem)
        found.append(Lookup(name=called(name), table=table, key=key))
    return tuple(found)
