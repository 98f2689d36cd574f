"""What the night's SQL asks of JSON and of text that may be no value, as functions for Spark's workers.

Spark's own functions write numbers anew and read other texts as values, so that rows would differ between engines.
Spark may call a function for rows that the statement would not look at: none of them raises, whatever the value. The
workers get this module's code with each call: it imports nothing but the standard library.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PLAIN = re.compile(r"[^,\]}\s]+")
_GAP = re.compile(r"[\s,:]*")
_NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_FRACTION = re.compile(r"-?[0-9]+[.][0-9]+", re.ASCII)
_ESCAPE = re.compile(r"\\(u00[01][0-9a-f]|.)")
_INSTANT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.](\d{1,6}))?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?", re.ASCII
)
_EXACT = Context(prec=1200, rounding=ROUND_HALF_UP)
_PLACES = Decimal("0.000001")
_WHOLE = 2.0**52  # from here on a binary number has no fraction


# --- reading JSON ---------------------------------------------------------------------------------------------


def json_pick(text: str | None, pointer: str) -> str | None:
    """The JSON text of the value at a pointer, as it is written there; None when there is none."""
    if text is None:
        return None
    at = _start(text, 0)
    for name in (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]):
        found = next((place for known, place in _members(text, at) if known == name), None)
        if found is None:
            return None
        at = found
    return text[at : _end(text, at)] or None


def json_pick_text(text: str | None, pointer: str) -> str | None:
    """The same as text; None for null."""
    found = json_pick(text, pointer)
    if found is None or found == "null":
        return None
    return _unquoted(found) if found.startswith('"') else found


def json_kind(text: str | None) -> str | None:
    """What a JSON value is, in DuckDB's words; whole numbers are told from others by how they are written."""
    if not text:
        return None
    named = {"{": "OBJECT", "[": "ARRAY", '"': "VARCHAR", "t": "BOOLEAN", "f": "BOOLEAN", "n": "NULL"}.get(text[0])
    if named is not None:
        return named
    if re.search(r"[.eE]", text) or len(text) > 20:
        return "DOUBLE"
    return "BIGINT" if text.startswith("-") else "UBIGINT"


def _start(text: str, at: int) -> int:
    found = _GAP.match(text, at)
    return found.end() if found else at


def _end(text: str, at: int) -> int:
    """Where the value that begins at a place ends."""
    if text[at : at + 1] == '"':
        found = _STRING.match(text, at)
        return found.end() if found else len(text)
    if text[at : at + 1] not in ("{", "["):
        found = _PLAIN.match(text, at)
        return found.end() if found else at
    depth = 0
    for token in _TOKEN.finditer(text, at):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(text)


def _members(text: str, at: int) -> Iterator[tuple[str, int]]:
    """The names (of an array the places) of what is inside a value, and where each begins."""
    opening, number = text[at : at + 1], 0
    if opening not in ("{", "["):
        return
    at = _start(text, at + 1)
    while at < len(text) and text[at] not in "}]":
        name = str(number)
        if opening == "{":
            found = _STRING.match(text, at)
            if found is None:
                return
            name, at = _unquoted(found[0]), _start(text, found.end())
        yield name, at
        at, number = _start(text, _end(text, at)), number + 1


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text[1:-1]


# --- writing JSON ---------------------------------------------------------------------------------------------


def json_of(value: Any) -> str | None:
    """A value as JSON text; None for none."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return _ESCAPE.sub(_in_capitals, json.dumps(value, ensure_ascii=False))
        case Decimal():
            return f"{value:f}"
        case float():
            return _of_float(value)
        case dt.datetime():
            micros = f".{value.microsecond:06}".rstrip("0") if value.microsecond else ""
            return f'"{value.replace(microsecond=0).isoformat(sep=" ")}{micros}"'
        case dt.date():
            return f'"{value.isoformat()}"'
        case _:
            return str(value)


def _in_capitals(escape: re.Match[str]) -> str:
    return escape[0] if len(escape[1]) == 1 else rf"\u{escape[1][1:].upper()}"


def _of_float(value: float) -> str:
    """By its shortest digits: 5.0, 0.1, 1e21, 1e-7."""
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        plain = f"{Decimal(repr(value)):f}"
        return f"{plain.rstrip('0')}0".replace(".00", ".0") if plain.endswith(".0") else _with_fraction(plain)
    return repr(value).replace("e+", "e").replace("e-0", "e-")


def _with_fraction(plain: str) -> str:
    return plain if "." in plain else f"{plain}.0"


def json_object(forms: str, *pairs: Any) -> str:
    """Names and values as a JSON object, in the order given.

    Each value has a letter in `forms`: v for a value, j for JSON text as it is; capitals stand inside an inner object,
    where numbers with a fraction are written by their shortest digits.
    """
    parts = []
    for form, name, value in zip(forms, pairs[::2], pairs[1::2], strict=True):
        made = value if form in "jJ" else json_of(value)
        if form in "VJ" and made is not None and _FRACTION.fullmatch(made):
            made = _of_float(float(made))
        parts.append(f"{json_of(name)}:{'null' if made is None else made}")
    return "{" + ",".join(parts) + "}"


def json_merge_patch(text: str | None, patch: str | None) -> str | None:
    """An object with the members of another in place of its own, at the end."""
    if text is None or patch is None:
        return None
    news = [(name, patch[at : _end(patch, at)]) for name, at in _members(patch, _start(patch, 0))]
    names = {name for name, _ in news}
    olds = [(name, text[at : _end(text, at)]) for name, at in _members(text, _start(text, 0)) if name not in names]
    return "{" + ",".join(f"{json_of(name)}:{value}" for name, value in [*olds, *news]) + "}"


# --- values that may be none ----------------------------------------------------------------------------------


def try_decimal(value: Any) -> Decimal | None:
    """A number of the language with six places; None for what is none or too large."""
    match value:
        case bool() | None:
            return None
        case float():
            return _of_binary(value)
        case str():
            found = value if _NUMBER.fullmatch(value) and len(value) < 1000 else None
            return None if found is None else _fitting(_EXACT.create_decimal(found))
        case int() | Decimal():
            return _fitting(_EXACT.create_decimal(value))
        case _:
            return None


def _fitting(value: Decimal) -> Decimal | None:
    return value.quantize(_PLACES, context=_EXACT) if abs(value) < 10**32 else None


def _of_binary(value: float) -> Decimal | None:
    """Millionths are rounded as a binary number."""
    if not abs(value) < 1e18:
        return None
    millionths = value * 1e6
    if abs(millionths) < _WHOLE:
        millionths += 0.5 if value > 0 else -0.5 if value < 0 else 0.0
    return _EXACT.scaleb(Decimal(int(millionths)), -6)


def try_double(value: Any) -> float | None:
    """A binary number from text; None for what is no number or too large."""
    if not isinstance(value, str):
        return float(value) if isinstance(value, int | float | Decimal) else None
    if not _NUMBER.fullmatch(value) or len(value) >= 1000 or abs(Decimal(value)) >= Decimal("1e300"):
        return None
    return float(value)


def try_boolean(value: Any) -> bool | None:
    """true and false; None for everything else."""
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(value)


def try_date(value: Any) -> dt.date | None:
    """A day from YYYY-MM-DD; None for one that no calendar has."""
    found = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", value, re.ASCII) if isinstance(value, str) else None
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def try_instant(value: Any) -> dt.datetime | None:
    """An instant from ISO text as naive UTC, in UTC where it names no zone; None for one that no clock has."""
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    *numbers, micros, zone = found.groups()
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in numbers)
        micro = int((micros or "").ljust(6, "0"))
        local = dt.datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001 (Spark's own form)
        if zone in (None, "Z"):
            return local
        hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
        return local - dt.timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    except (ValueError, OverflowError):
        return None


FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "json_pick": (json_pick, "string"),
    "json_pick_text": (json_pick_text, "string"),
    "json_kind": (json_kind, "string"),
    "json_of": (json_of, "string"),
    "json_put": (json_object, "string"),
    "json_merge_patch": (json_merge_patch, "string"),
    "try_decimal": (try_decimal, "decimal(38,6)"),
    "try_double": (try_double, "double"),
    "try_flag": (try_boolean, "boolean"),
    "try_day": (try_date, "date"),
    "try_instant": (try_instant, "timestamp_ntz"),
}
"""By the name that the translated SQL calls each, with the type of what it gives."""
