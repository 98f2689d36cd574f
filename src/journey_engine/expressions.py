"""Small words for building SQL as expressions (sqlglot), so that no text is ever pasted into a statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache, reduce
from typing import Any

from sqlglot import exp

Sql = exp.Expr

NUMBER = "DECIMAL(38, 6)"
WIDEST = 16
TRUE, FALSE, NULL = exp.true(), exp.false(), exp.null()


def col(table: str | None, name: str) -> Sql:
    """A column, quoted."""
    return exp.column(exp.to_identifier(name, quoted=True), table=table)


def text(value: str) -> Sql:
    """A text literal."""
    return exp.Literal.string(value)


def integer(value: int) -> Sql:
    """A whole number."""
    return exp.convert(value)


def number(value: Decimal) -> Sql:
    """An exact decimal with six places."""
    return cast(exp.Literal.string(f"{value:f}"), NUMBER)


def stamp(value: dt.datetime) -> Sql:
    """An instant as a naive UTC timestamp."""
    plain = value.astimezone(dt.UTC).replace(tzinfo=None)
    return cast(exp.Literal.string(plain.isoformat(sep=" ")), "TIMESTAMP")


def literal(value: bool | str | Decimal) -> Sql:
    """A scalar of the language."""
    if isinstance(value, bool):
        return exp.convert(value)
    return text(value) if isinstance(value, str) else number(value)


def call(name: str, *arguments: Sql) -> Sql:
    """A function call by name."""
    return exp.func(name, *arguments, dialect="duckdb")


def named(value: Sql, name: str) -> Sql:
    """value AS "name"."""
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def cast(value: Sql, kind: str) -> Sql:
    """CAST."""
    return exp.Cast(this=value, to=_type(kind))


def try_cast(value: Sql, kind: str) -> Sql:
    """TRY_CAST: NULL for what does not parse."""
    return exp.TryCast(this=value, to=_type(kind))


def _type(kind: str) -> exp.DataType:
    """A type; reading its name anew each time is what most of a night's SQL would cost."""
    return _parsed(kind).copy()


@lru_cache(maxsize=64)
def _parsed(kind: str) -> exp.DataType:
    return exp.DataType.build(kind, dialect="duckdb")


def number_or_null(value: Sql) -> Sql:
    """A number of the language: six places, smaller than 10 to the 18, so that no sum of them overflows; else NULL."""
    known = try_cast(value, NUMBER)
    return case([(compare("<", exp.Abs(this=known), integer(10**18)), known.copy())], cast(exp.null(), NUMBER))


def case(branches: Iterable[tuple[Sql, Sql]], otherwise: Sql | None = None) -> Sql:
    """CASE WHEN ... END; only `otherwise` when there is no branch."""
    ifs = [exp.If(this=when, true=then) for when, then in branches]
    if not ifs:
        return otherwise if otherwise is not None else exp.null()
    return exp.Case(ifs=ifs, default=otherwise)


def switch(value: Sql, branches: Iterable[tuple[Sql, Sql]], otherwise: Sql) -> Sql:
    """CASE value WHEN ... END."""
    ifs = [exp.If(this=when, true=then) for when, then in branches]
    return exp.Case(this=value, ifs=ifs, default=otherwise) if ifs else otherwise


def both(parts: Sequence[Sql]) -> Sql:
    """All of them, true when there is none."""
    return _joined(exp.And, parts) if parts else exp.true()


def either(parts: Sequence[Sql]) -> Sql:
    """Any of them, false when there is none."""
    return _joined(exp.Or, parts) if parts else exp.false()


def _joined(kind: type[exp.And | exp.Or], parts: Sequence[Sql]) -> Sql:
    """Many parts in groups, and these in groups again: engines limit how deep an expression may be."""
    level = [wrap(part) for part in parts]
    while len(level) > WIDEST:
        groups = [level[start : start + WIDEST] for start in range(0, len(level), WIDEST)]
        level = [wrap(_in_a_row(kind, group)) for group in groups]
    return _in_a_row(kind, level)


def _in_a_row(kind: type[exp.And | exp.Or], parts: Sequence[Sql]) -> Sql:
    return reduce(lambda left, right: kind(this=left, expression=right), parts)


def wrap(part: Sql) -> Sql:
    """Parentheses."""
    return exp.paren(part, copy=False)


def negate(part: Sql) -> Sql:
    """NOT."""
    return exp.Not(this=wrap(part))


def sure(part: Sql) -> Sql:
    """The same with unknown read as false: the language has two truth values."""
    return exp.Coalesce(this=wrap(part), expressions=[exp.false()])


def compare(op: str, left: Sql, right: Sql) -> Sql:
    """A binary comparison: = <> < <= > >=."""
    kinds: dict[str, Any] = {
        "=": exp.EQ,
        "<>": exp.NEQ,
        "<": exp.LT,
        "<=": exp.LTE,
        ">": exp.GT,
        ">=": exp.GTE,
    }
    return kinds[op](this=left, expression=right)  # type: ignore[no-any-return]


def is_null(value: Sql) -> Sql:
    """IS NULL."""
    return exp.Is(this=value, expression=exp.null())


def filtered(aggregate: Sql, where: Sql) -> Sql:
    """aggregate FILTER (WHERE ...)."""
    return exp.Filter(this=aggregate, expression=exp.Where(this=where))


def pointer(properties: Sql, *names: str) -> Sql:
    """The JSON value of a property, or of one inside it, by JSON pointer so that any name is safe."""
    return exp.Anonymous(this="json_extract", expressions=[properties, _path(names)])


def pointed_text(properties: Sql, *names: str) -> Sql:
    """The same as text; NULL for null."""
    return exp.Anonymous(this="json_extract_string", expressions=[properties, _path(names)])


def _path(names: Sequence[str]) -> Sql:
    return text("".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names))


def written(query: Sql) -> str:
    """The statement in DuckDB's dialect."""
    return query.sql(dialect="duckdb", copy=False)
