"""How `walk` reads one value: an attribute by the literal's type, a property strictly by its own.

A value without the asked view is None, which makes every comparison false but `exists: false`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from journey_engine.predicates import Test, exact
from journey_engine.times import UTC, Duration, iso

LIMIT = Decimal(10) ** 18
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)?")

Scalar = str | bool | Decimal


def as_number(value: Any) -> Decimal | None:
    """The number view: numbers, and text that is written like one."""
    if isinstance(value, str):
        if _NUMBER.fullmatch(value) is None:
            return None
        value = Decimal(value)
    return own_number(value)


def own_number(value: Any) -> Decimal | None:
    """A number with six places, if the value is one by itself."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(str(value))
    return exact(number) if number.is_finite() and abs(number) < LIMIT else None


def as_text(value: Any) -> str | None:
    """The text view: every value as people would write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return iso(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    number = own_number(value)
    return None if number is None else plain_number(number)


def plain_number(number: Decimal) -> str:
    """A number without needless zeros: 5, 12.5."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def as_flag(value: Any) -> bool | None:
    """The flag view: true and false, also as text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def as_instant(value: Any) -> dt.datetime | None:
    """The instant view; a date begins at midnight UTC, an instant without zone is UTC."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


def as_date(value: Any) -> dt.date | None:
    """The date view: of an instant its date in UTC, of a text its first ten characters."""
    if isinstance(value, str):
        value = _parsed(value[:10])
    if isinstance(value, dt.datetime):
        instant = as_instant(value)
        return instant.date() if instant else None
    return value if isinstance(value, dt.date) else None


def _parsed(text: str) -> dt.date | dt.datetime | None:
    try:
        if _DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
        return dt.datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None
    except ValueError:
        return None


def attribute_passes(test: Test, value: Any, as_of: dt.datetime) -> bool:
    """Whether an attribute passes one test, read in the view that the test's literal asks for."""
    if test.length is not None:
        return _distance(test.op, as_instant(value), test.length, as_of)
    if test.op == "exists":
        return (value is not None) == test.operands[0]
    literal = test.operands[0]
    if isinstance(literal, bool):
        return compares(test, as_flag(value))
    return compares(test, as_text(value) if isinstance(literal, str) else as_number(value))


def property_passes(test: Test, value: Any) -> bool:
    """Whether an event's property passes one test; 100 is not '100'."""
    if test.op == "exists":
        return (value is not None) == test.operands[0]
    literal = test.operands[0]
    if isinstance(literal, bool):
        return compares(test, value if isinstance(value, bool) else None)
    if isinstance(literal, str):
        return compares(test, value if isinstance(value, str) else None)
    return compares(test, own_number(value))


def same_value(left: Any, right: Any) -> bool:
    """Whether two properties have the same type and value."""
    numbers = own_number(left), own_number(right)
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] == numbers[1]
    return type(left) is type(right) and isinstance(left, str | bool) and bool(left == right)


def unchanged(left: Any, right: Any) -> bool:
    """Whether an imported attribute is still what it was (rule 15)."""
    return same_value(left, right) or (type(left) is type(right) and bool(left == right))


def compares(test: Test, value: Scalar | None) -> bool:
    """Whether a value of the literal's type passes; a missing one never does."""
    if value is None:
        return False
    got = _key(value)
    wanted = [_key(operand) for operand in test.operands]
    match test.op:
        case "is" | "in":
            return got in wanted
        case "is_not" | "not_in":
            return got not in wanted
        case "at_least":
            return bool(got >= wanted[0])
        case "at_most":
            return bool(got <= wanted[0])
        case "above":
            return bool(got > wanted[0])
        case "below":
            return bool(got < wanted[0])
        case "between":
            return bool(wanted[0] <= got <= wanted[1])
        case "contains":
            return wanted[0] in got
        case "starts_with":
            return bool(got.startswith(wanted[0]))
        case _:
            raise ValueError(f"'{test.op}' does not compare with a literal")


def _key(value: Scalar) -> Any:
    """Text orders by its bytes, whatever the machine's language."""
    return value.encode() if isinstance(value, str) else value


def _distance(op: str, instant: dt.datetime | None, length: Duration, as_of: dt.datetime) -> bool:
    if instant is None:
        return False
    edge = length.before(as_of)
    return edge < instant <= as_of if op == "within" else instant <= edge


def plain(value: Any) -> Any:
    """A value as JSON keeps it: numbers as numbers, dates as ISO text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dt.date):
        return as_text(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
