"""The night's SQL in PostgreSQL's words: sqlglot translates, and what it does not know is rewritten here.

Functions that PostgreSQL lacks are in `sql/postgres.sql`. Whatever becomes text compares bytewise (COLLATE "C"),
whatever the database's own order is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import ErrorLevel, exp

_TRY = {"DECIMAL": "try_decimal", "BOOLEAN": "try_boolean", "DOUBLE": "try_double", "DATE": "try_date",
        "TIMESTAMPTZ": "try_instant"}  # fmt: skip
_CLOCK = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS", "%f": "US"}


@dataclass(frozen=True, slots=True)
class Translated:
    """Statements of PostgreSQL, in order, that do what one statement of the night does.

    A lasting table that is made anew (`replaces`) is made as a temporary one, to be put in place when the run commits:
    until then others read the old one and wait for nothing.
    """

    statements: tuple[str, ...]
    replaces: str | None = None


@lru_cache(maxsize=4096)
def to_postgres(sql: str) -> Translated:
    """Translate one statement; `?` becomes $1, $2 and so on. Raises sqlglot's errors for what cannot be said there."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    before: tuple[str, ...] = ()
    replaces: str | None = None
    if isinstance(tree, exp.Create) and tree.args.get("replace") and tree.kind == "TABLE":
        name = (tree.this.this if isinstance(tree.this, exp.Schema) else tree.this).sql(dialect="postgres")
        if not tree.find(exp.TemporaryProperty):
            replaces = name
            tree.set("properties", exp.Properties(expressions=[exp.TemporaryProperty()]))
        tree.set("replace", False)
        before = (f"DROP TABLE IF EXISTS pg_temp.{name}",)
    for number, place in enumerate(tree.find_all(exp.Placeholder, bfs=False), 1):
        place.replace(exp.Var(this=f"${number}"))
    for node in reversed(list(tree.walk())):  # what is inside comes first
        parent, key, index = node.parent, node.arg_key, node.index
        made = _rewritten(node)
        if made is not node and parent is not None and key is not None:
            parent.set(key, made, index)
    written = tree.sql(dialect="postgres", unsupported_level=ErrorLevel.RAISE, copy=False)
    return Translated((*before, written), replaces)


def _rewritten(node: exp.Expr) -> exp.Expr:
    """One node in words that PostgreSQL has; what is inside it is so already."""
    match node:
        case exp.ColumnDef() if _is_text(node.kind):
            bytewise = exp.CollateColumnConstraint(this=exp.to_identifier("C", quoted=True))
            node.set("constraints", [exp.ColumnConstraint(kind=bytewise), *node.args.get("constraints", [])])
        case exp.TryCast() if not _is_text(node.to):
            return _call(_TRY[node.to.this.name], node.this)
        case exp.Cast() if _is_text(node.to):  # TryCast too
            return _bytewise(exp.Cast(this=_text_of(node.this), to=node.to))
        case exp.IgnoreNulls(this=exp.AnyValue(this=value)):
            return _call("first_known", value)
        case exp.TimeToStr():
            return _bytewise(_call("to_char", node.this, _clock(node.args["format"].name)))
        case exp.DateFromParts():
            return _call("make_date", *(_whole(node.args[part]) for part in ("year", "month", "day")))
        case exp.DataType(this=exp.DType.UBIGINT):
            return exp.DataType.build("NUMERIC(20)", dialect="postgres")
        case _:
            return _json_rewritten(node)
    return node


def _json_rewritten(node: exp.Expr) -> exp.Expr:
    """The same for what reads and writes JSON."""
    match node:
        case exp.JSONExtractScalar():
            found = exp.JSONBExtractScalar(this=_json(node.this), expression=_path(node.expression))
            return _bytewise(exp.paren(found, copy=False))
        case exp.JSONExtract():
            return exp.paren(exp.JSONBExtract(this=_json(node.this), expression=_path(node.expression)), copy=False)
        case exp.JSONType():
            return _call("json_kind", _json(node.this))
        case exp.JSONObject() if not isinstance(node.parent, exp.JSONKeyValue):
            return _json_object(node)
        case exp.Anonymous(this=str(name)) if name.lower() == "to_json":
            value = node.expressions[0]
            return _json(value if isinstance(value, exp.Null) else _json_of(value))
        case _:
            return node


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _whole(value: exp.Expr) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType.build("INT"))


def _is_text(kind: exp.Expr | None) -> bool:
    return isinstance(kind, exp.DataType) and kind.this in exp.DataType.TEXT_TYPES


def _bytewise(text: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Collate(this=text, expression=exp.to_identifier("C", quoted=True)), copy=False)


def _clock(form: str) -> exp.Expr:
    """A form of strftime as one of to_char, with everything else quoted: TH alone would mean the ending of a number."""
    parts = re.split(r"(%[a-zA-Z])", form)
    return exp.Literal.string("".join(_CLOCK.get(part, f'"{part}"') for part in parts if part))


# --- JSON -----------------------------------------------------------------------------------------------------


def _text_of(value: exp.Expr) -> exp.Expr:
    """What is cast to text: of JSON just made the text that it was made of."""
    made = isinstance(value, exp.Cast) and isinstance(value.this, exp.Anonymous) and value.this.name == "json_of"
    return value.this if made else value


def _json(value: exp.Expr) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType.build("JSON"))


def _path(place: exp.Expr) -> exp.Expr:
    """A JSON pointer as an array of names; the root is the empty one."""
    names = place.name.split("/")[1:] if isinstance(place, exp.Literal) else []
    plain = (name.replace("~1", "/").replace("~0", "~") for name in names)
    quoted = ",".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in plain)
    return exp.Cast(this=exp.Literal.string(f"{{{quoted}}}"), to=exp.DataType.build("TEXT[]", dialect="postgres"))


def _json_of(value: exp.Expr) -> exp.Expr:
    """A value as JSON text; literals at once."""
    if isinstance(value, exp.Null):
        return exp.Literal.string("null")
    if isinstance(value, exp.Literal) and value.is_string:
        return exp.Literal.string(json.dumps(value.name, ensure_ascii=False))
    return _call("json_of", value)


def _json_object(node: exp.JSONObject, *, inner: bool = False) -> exp.Expr:
    """The text of a JSON object as DuckDB writes it: no spaces, members in the order given, the inner ones in place."""
    parts: list[exp.Expr] = []
    for number, pair in enumerate(node.expressions):
        value = pair.expression
        made = _json_object(value, inner=True) if isinstance(value, exp.JSONObject) else _json_of(value)
        if inner and isinstance(made, exp.Anonymous) and not isinstance(value, exp.JSONObject):
            made = _call("json_inside", made)
        parts += [exp.Literal.string("," if number else "{"), _json_of(pair.this), exp.Literal.string(":")]
        parts.append(_call("coalesce", made, exp.Literal.string("null")))
    closing = exp.Literal.string("}" if parts else "{}")
    return _call("concat", *parts, closing)
