"""The project's tables: the cells that tonight's letters, tasks and webhooks may look up, by key."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect.source import Incoming
from journey_engine.errors import JourneyError
from journey_engine.expressions import Sql
from journey_engine.facts import attribute_view, iso
from journey_engine.project import TableWords
from journey_engine.sources import columns_sql


def take_tables(incoming: Incoming, needed: Mapping[str, Collection[str] | None], *, accept_loss: bool) -> None:
    """Read the tables that somebody looks things up in; `needed` has their columns, None for all.

    Raises JourneyError for a table that cannot be read or trusted (rule 10). Of several rows with one key the first
    counts; the others are set aside.
    """
    if not needed:
        return
    incoming.read("table_cells")
    for name, words in incoming.project.tables.items():
        if name in needed:
            try:
                _take(incoming, name, words, needed[name], accept_loss=accept_loss)
            except JourneyError as error:
                raise JourneyError(f"table '{name}': {error.message}", remedy=error.remedy, code=error.code) from error
    incoming.engine.bring("table_cells")


def _take(
    incoming: Incoming, name: str, words: TableWords, needed: Collection[str] | None, *, accept_loss: bool
) -> None:
    source, key = words.source, words.key_
    relation, columns = incoming.relation(source, f"tables: {name}: source", (key,), (key,))
    kinds, selected = columns_sql(columns, source.columns, {})
    wanted = [column for column in kinds if needed is None or column in needed]
    kept = [part for part in selected if part.alias in {*wanted, key}]
    with incoming.reading(source):
        incoming.read("incoming_table", columns=exp.Tuple(expressions=kept), relation=relation)
    value = attribute_view(x.col("i", key), kinds[key]).txt
    reasons = {"none": x.text(f"no {key}"), "again": x.text(f"duplicate {key}")}
    incoming.read("table_aside", key=value, **reasons)
    incoming.count_aside(source, "table_aside")
    rows = int(incoming.reader.rows("SELECT count(*) FROM incoming_table")[0][0])
    incoming.expect(source, rows, 0 if accept_loss else max(source.expects.rows, 1))
    for column in wanted:
        cell = _json(x.col("i", column), kinds[column])
        parts: dict[str, Sql] = {"tab": x.text(name), "key": value.copy(), "col": x.text(column), "value": cell}
        incoming.read("take_cells", given=x.negate(x.is_null(x.col("i", column))), **parts)


def _json(column: Sql, kind: str) -> Sql:
    """A value as JSON text: numbers and booleans as they are, dates and instants as ISO text."""
    match kind:
        case "timestamp":
            column = iso(column)
        case "date":
            column = x.cast(column, "VARCHAR")
    return x.cast(x.call("TO_JSON", column), "VARCHAR")
