"""The night's SQL in Spark's words: sqlglot translates, and what it does not know is rewritten here.

Spark changes no rows in place: what INSERT, UPDATE and DELETE do is told as a query, and as the table that takes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from journey_engine.engines.spark_words import written

Layout = dict[str, tuple[str, str | None]]
"""The columns of a table: each with its type and its default, in Spark's words."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one statement of the night does, in Spark's words.

    `make` gives a table new rows (those of the query, or none in a layout), `change` gives it other rows in its layout,
    `append` adds rows of these columns (of all when none are named), `widen` adds columns, and without a table it is a
    query. `reads` are the tables that it looks at.
    """

    query: str = ""
    does: str = "ask"
    table: str = ""
    names: tuple[str, ...] = ()
    layout: Layout | None = None
    lasting: bool = False
    reads: tuple[str, ...] = ()


def to_spark(sql: str, parameters: Sequence[Any], columns: Callable[[str], Sequence[str]]) -> Told:
    """Translate one statement, its parameters put in as literals. Raises sqlglot's errors for what cannot be said.

    `columns` tells the columns of a table.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    given = iter(parameters)
    for place in list(tree.find_all(exp.Placeholder, bfs=False)):
        place.replace(_literal(next(given)))
    reads = tuple(sorted({table.name.lower() for table in tree.find_all(exp.Table)}))
    match tree:
        case exp.Create():
            return _create(tree, reads)
        case exp.Insert():
            return _insert(tree, reads, columns)
        case exp.Update():
            query = _update(tree, columns(tree.this.name))
            return Told(written(query), "change", tree.this.name, reads=reads)
        case exp.Delete():
            return Told(written(_delete(tree)), "change", tree.this.name, reads=reads)
        case exp.Alter():
            return Told("", "widen", tree.this.name, layout=_layout(tree.args["actions"]))
        case _:
            return Told(written(tree), reads=reads)


def _literal(value: Any) -> exp.Expr:
    match value:
        case None:
            return exp.null()
        case dt.datetime():
            return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "TIMESTAMP", dialect="duckdb")
        case dt.time():
            return exp.cast(exp.Literal.string(value.isoformat()), "TIME")
        case dt.date():
            return exp.cast(exp.Literal.string(value.isoformat()), "DATE")
        case float():
            return exp.cast(exp.Literal.string(repr(value)), "DOUBLE")
        case bool() | int() | str():
            return exp.convert(value)
        case _:
            return exp.cast(exp.Literal.string(str(value)), "DECIMAL(38, 6)")


# --- statements that change rows ------------------------------------------------------------------------------


def _create(tree: exp.Create, reads: tuple[str, ...]) -> Told:
    named = isinstance(tree.this, exp.Schema)
    table = (tree.this.this if named else tree.this).name
    lasting = tree.find(exp.TemporaryProperty) is None
    query = tree.expression
    if query is None:
        return Told("", "make", table, layout=_layout(tree.this.expressions), lasting=lasting)
    return Told(written(query), "make", table, lasting=lasting, reads=tuple(name for name in reads if name != table))


def _layout(parts: Sequence[exp.Expr]) -> Layout:
    made: Layout = {}
    for part in parts:
        if isinstance(part, exp.ColumnDef) and part.kind is not None:
            value = part.find(exp.DefaultColumnConstraint)
            made[part.name] = (type_of(part.kind), written(value.this) if value else None)
    return made


def type_of(kind: exp.Expr) -> str:
    """A type of the night's SQL in Spark's words."""
    return written(kind.copy())


def _insert(tree: exp.Insert, reads: tuple[str, ...], columns: Callable[[str], Sequence[str]]) -> Told:
    named = isinstance(tree.this, exp.Schema)
    table = (tree.this.this if named else tree.this).name
    names = tuple(part.name for part in tree.this.expressions) if named else ()
    source = tree.expression
    if isinstance(source, exp.Values):
        source = exp.select("*").from_(source)
    conflict = tree.args.get("conflict")
    if conflict is None:
        return Told(written(source), "append", table, names, reads=reads)
    return Told(written(_replacing(table, names, source, conflict, columns(table))), "change", table, reads=reads)


def _replacing(table: str, names: Sequence[str], source: Any, conflict: exp.Expr, every: Sequence[str]) -> exp.Expr:
    """Known rows with what the new ones change, and new rows that were not known, where other columns are null."""
    keys = [key.this.name if isinstance(key, exp.Ordered) else key.name for key in conflict.args["conflict_keys"]]
    changed = {part.this.name: part.expression for part in conflict.expressions}
    met = exp.and_(*(_column("excluded", key).eq(_column("known", key)) for key in keys))
    news = exp.alias_(source.subquery(), "excluded", table=[*names])
    there = _column("excluded", keys[0]).is_(exp.null()).not_()
    kept = [
        exp.alias_(
            exp.If(this=there, true=changed[name], false=_column("known", name))
            if name in changed else _column("known", name), name, quoted=True,
        )
        for name in every
    ]  # fmt: skip
    known = exp.to_table(table, alias="known")
    fresh = [
        exp.alias_(_column("excluded", name) if name in names else exp.null(), name, quoted=True) for name in every
    ]
    old = exp.select(*kept).from_(known.copy()).join(news.copy(), on=met.copy(), join_type="LEFT")
    new = exp.select(*fresh).from_(news).join(known, on=met, join_type="LEFT ANTI")
    return exp.union(old, new, distinct=False)


def _column(table: str, name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table=table)


def _update(tree: exp.Update, every: Sequence[str]) -> exp.Expr:
    """Every row, with other values in those that meet the condition."""
    mine, source, where = tree.this, tree.args.get("from_"), tree.args.get("where")
    changed = {part.this.name.lower(): part.expression for part in tree.expressions}
    query = exp.select().from_(mine)
    met: exp.Expr | None = where.this if where is not None else None
    if source is not None:
        other = source.this
        marked = exp.select("*", exp.alias_(exp.true(), "met here", quoted=True)).from_(exp.to_table(other.name))
        query = query.join(exp.alias_(marked.subquery(), other.alias_or_name, table=True), on=met, join_type="LEFT")
        met = _column(other.alias_or_name, "met here")
    for name in every:
        value: exp.Expr = _column(mine.alias_or_name, name)
        if name.lower() in changed:
            new = changed[name.lower()]
            value = exp.Case(ifs=[exp.If(this=met.copy(), true=new)], default=value) if met is not None else new
        query = query.select(exp.alias_(value, name, quoted=True), copy=False)
    return query


def _delete(tree: exp.Delete) -> exp.Expr:
    mine, using, where = tree.this, tree.args.get("using"), tree.args.get("where")
    query = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier(mine.alias_or_name))).from_(mine)
    if using:
        return query.join(using[0], on=where and where.this, join_type="LEFT ANTI")
    if where is None:
        return query.where(exp.false())
    return query.where(exp.Case(ifs=[exp.If(this=where.this, true=exp.false())], default=exp.true()))
