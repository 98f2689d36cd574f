"""Expressions of the night's SQL in Spark's words: sqlglot translates, and what it does not know is rewritten here.

The functions that are called are in `spark_functions`.
"""

from __future__ import annotations

import re

from sqlglot import ErrorLevel, exp

_TRY = {"DECIMAL": "try_decimal", "BOOLEAN": "try_flag", "DOUBLE": "try_double", "DATE": "try_day",
        "TIMESTAMPTZ": "try_instant"}  # fmt: skip
_CLOCK = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss", "%f": "SSSSSS"}
_LENGTHS = {"to_months": "1' MONTH", "to_days": "1' DAY", "to_seconds": "1' SECOND",
            "to_microseconds": "0.000001' SECOND"}  # fmt: skip
_JSON = ("json_pick", "json_of", "json_put", "json_merge_patch")  # what gives JSON text
_TIME = "INTERVAL DAY TO SECOND"  # a time of day, since midnight


def written(tree: exp.Expr) -> str:
    """The text of an expression or a query, which is used up. Raises sqlglot's errors for what cannot be said."""
    root = exp.paren(tree, copy=False)
    for node in reversed(list(tree.walk())):  # what is inside comes first
        parent, key, index = node.parent, node.arg_key, node.index
        made = _rewritten(node)
        if made is not node and parent is not None and key is not None:
            parent.set(key, made, index)
    return str(root.this.sql(dialect="spark", unsupported_level=ErrorLevel.RAISE, copy=False))


def _rewritten(node: exp.Expr) -> exp.Expr:
    """One node in words that Spark has; what is inside it is so already."""
    match node:
        case exp.DataType():
            return _kind(node)
        case exp.Cast():  # TryCast too
            return _cast(node)
        case exp.AtTimeZone(this=exp.Anonymous(this="try_instant") as instant):
            return instant
        case exp.ConcatWs():  # leaves out what is null on every engine
            return node
        case exp.Concat():
            parts = [exp.Coalesce(this=_text(part), expressions=[exp.Literal.string("")]) for part in node.expressions]
            return _call("concat", *parts)
        case exp.RegexpLike(expression=exp.Literal() as form) if form.name.endswith("$"):
            form.replace(exp.Literal.string(form.name.removesuffix("$") + r"\z"))
        case exp.TimeToStr():
            return _call("date_format", node.this, _clock(node.args["format"].name))
        case exp.TimestampTrunc() | exp.DateTrunc():
            unit = node.args["unit"].name.lower()
            return exp.cast(_call("date_trunc", exp.Literal.string(unit), node.this), "TIMESTAMP_NTZ", dialect="spark")
        case exp.Window(this=exp.RowNumber()) if not (node.args.get("partition_by") or node.args.get("order")):
            return exp.paren(_call("monotonically_increasing_id") + 1, copy=False)
        case exp.GroupConcat(this=exp.Order() as order):
            joined = _call("listagg", order.this, node.args["separator"])
            return exp.WithinGroup(this=joined, expression=exp.Order(expressions=order.expressions))
        case exp.Func() if _named(node) in _LENGTHS:
            length = exp.Var(this=f"INTERVAL '{_LENGTHS[_named(node)]}")
            return exp.paren(exp.Mul(this=length, expression=exp.paren(_arguments(node)[0])), copy=False)
        case _:
            return _json_rewritten(node)
    return node


def _json_rewritten(node: exp.Expr) -> exp.Expr:
    """The same for what reads and writes JSON."""
    match node:
        case exp.JSONExtractScalar():
            return _call("json_pick_text", node.this, _pointer(node.expression))
        case exp.JSONExtract():
            return _call("json_pick", node.this, _pointer(node.expression))
        case exp.JSONType():
            return _call("json_kind", node.this)
        case exp.JSONObject() if not isinstance(node.parent, exp.JSONKeyValue):
            return _json_object(node)
        case exp.Anonymous(this=str(name)) if name.lower() == "to_json":
            value = node.expressions[0]
            return value if isinstance(value, exp.Null) or _is_json(value) else _call("json_of", value)
        case _:
            return node


def _named(node: exp.Expr) -> str:
    return str(node.this if isinstance(node, exp.Anonymous) else node.sql_name()).lower()  # type: ignore[attr-defined]


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    return node.expressions if isinstance(node, exp.Anonymous) else [node.this]


def _kind(kind: exp.DataType) -> exp.Expr:
    match kind.this:
        case exp.DType.UBIGINT:
            return exp.DataType.build("DECIMAL(20, 0)", dialect="spark")
        case exp.DType.TIME:
            return exp.Var(this=_TIME)
        case exp.DType.JSON:
            text = exp.DataType.build("STRING", dialect="spark")
            text.meta["json"] = True
            return text
        case exp.DType.TIMESTAMP:
            return exp.DataType.build("TIMESTAMP_NTZ", dialect="spark")
        case _:
            return kind


def _cast(node: exp.Cast) -> exp.Expr:
    """Casts that mean something else to Spark, or fail where DuckDB's do not."""
    if isinstance(node.to, exp.Var):  # a time of day
        if isinstance(node.this, exp.Literal):
            return exp.Var(this=f"INTERVAL '{node.this.name}' HOUR TO SECOND")
        midnight = exp.cast(exp.cast(node.this, "DATE"), "TIMESTAMP_NTZ", dialect="spark")
        return exp.paren(exp.Sub(this=node.this.copy(), expression=midnight), copy=False)
    if isinstance(node, exp.TryCast) and not _is_text(node.to):
        return _call(_TRY[node.to.this.name], node.this)
    return exp.Cast(this=node.this, to=node.to) if isinstance(node, exp.TryCast) else node


def _text(value: exp.Expr) -> exp.Expr:
    return value if isinstance(value, exp.Literal) and value.is_string else exp.cast(value, "STRING", dialect="spark")


def _is_text(kind: exp.Expr | None) -> bool:
    return isinstance(kind, exp.DataType) and kind.this in exp.DataType.TEXT_TYPES


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _clock(form: str) -> exp.Expr:
    """A form of strftime as one of date_format, with everything else quoted."""
    parts = re.split(r"(%[a-zA-Z])", form)
    return exp.Literal.string("".join(_CLOCK.get(part, f"'{part}'") for part in parts if part))


def _pointer(place: exp.Expr) -> exp.Expr:
    """A JSON pointer; the root is the empty one."""
    name = place.name if isinstance(place, exp.Literal) else ""
    return exp.Literal.string(name if name.startswith("/") else "")


def _is_json(value: exp.Expr | None) -> bool:
    """Whether what stands here is JSON, and no text to be quoted."""
    match value:
        case exp.Cast(to=kind):
            return bool(kind.meta.get("json"))
        case exp.Anonymous(this=str(name)):
            return name in _JSON
        case exp.JSONObject():
            return True
        case exp.Case():
            return any(_is_json(branch) for branch in (*(one.args["true"] for one in value.args["ifs"]),
                                                       value.args.get("default")))  # fmt: skip
        case exp.Subquery() | exp.Paren() | exp.AnyValue() | exp.IgnoreNulls() | exp.Alias() | exp.Coalesce():
            return _is_json(value.this)
        case exp.Select():
            return _is_json(value.expressions[0])
        case _:
            return False


def _json_object(node: exp.JSONObject, *, inner: bool = False) -> exp.Expr:
    forms, pairs = "", []
    for pair in node.expressions:
        value = pair.expression
        nested = isinstance(value, exp.JSONObject)
        made = _json_object(value, inner=True) if nested else value
        form = "j" if nested or _is_json(value) else "v"
        forms += form.upper() if inner and not nested else form
        pairs += [pair.this, made]
    return _call("json_put", exp.Literal.string(forms), *pairs)
