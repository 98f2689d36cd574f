"""How the judge reads one value: views of attributes, strict properties, and every comparison."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from journey_engine.predicates import Op, Test, exact
from journey_engine.times import UTC, Duration
from journey_engine.walk.values import (
    as_date,
    as_flag,
    as_instant,
    as_number,
    as_text,
    attribute_passes,
    plain,
    property_passes,
    same_value,
    unchanged,
)

NIGHT = dt.datetime(2026, 3, 11, 2, tzinfo=UTC)


def ask(op: Op, *operands: Any, length: str | None = None) -> Test:
    numbers = [exact(value) if type(value) in (int, float) else value for value in operands]
    return Test(op=op, operands=tuple(numbers), length=Duration.parse(length) if length else None)


@pytest.mark.parametrize(
    ("value", "number", "text", "flag"),
    [
        ("12.5", Decimal("12.5"), "12.5", None),
        ("+5", 5, "+5", None),
        ("-0.5", Decimal("-0.5"), "-0.5", None),
        (" 5", None, " 5", None),  # no blanks
        ("1e3", None, "1e3", None),
        ("5.", None, "5.", None),
        ("٥", None, "٥", None),  # a digit, but not one of ours
        ("", None, "", None),
        ("true", None, "true", True),
        ("True", None, "True", None),
        ("false", None, "false", False),
        (True, None, "true", True),
        (False, None, "false", False),
        (5, 5, "5", None),
        (Decimal("12.500"), Decimal("12.5"), "12.5", None),
        (Decimal("100"), 100, "100", None),
        (0.1, Decimal("0.1"), "0.1", None),
        (Decimal("0.0000005"), Decimal("0.000001"), "0.000001", None),  # half up at six places
        (10**18, None, None, None),  # too large to be kept exactly
        ("9" * 30, None, "9" * 30, None),
        (None, None, None, None),
        (["a"], None, None, None),
        (dt.date(2026, 3, 1), None, "2026-03-01", None),
        (dt.datetime(2026, 3, 1, 2, tzinfo=UTC), None, "2026-03-01T02:00:00Z", None),
    ],
)
def test_each_view_of_an_attribute(value: Any, number: Any, text: str | None, flag: bool | None) -> None:
    assert (as_number(value), as_text(value), as_flag(value)) == (number, text, flag)


@pytest.mark.parametrize(
    ("value", "instant", "date"),
    [
        ("2026-03-01", "2026-03-01T00:00", "2026-03-01"),
        ("2026-03-01T23:30:00+02:00", "2026-03-01T21:30", "2026-03-01"),  # a text's date is its first ten characters
        ("2026-03-01T01:30:00+02:00", "2026-02-28T23:30", "2026-03-01"),
        ("2026-03-01 12:00", "2026-03-01T12:00", "2026-03-01"),  # without a zone: UTC
        ("2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.500000", "2026-03-01"),
        (dt.date(2026, 3, 1), "2026-03-01T00:00", "2026-03-01"),
        (dt.datetime(2026, 3, 1, 23, tzinfo=UTC), "2026-03-01T23:00", "2026-03-01"),
        (dt.datetime(2026, 3, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2026-02-28T23:00", "2026-02-28"),
        ("2026-02-30", None, None),
        ("20260301", None, None),
        ("1 March", None, None),
        (5, None, None),
        (None, None, None),
    ],
)
def test_instants_and_dates_of_an_attribute(value: Any, instant: str | None, date: str | None) -> None:
    expected = dt.datetime.fromisoformat(instant).replace(tzinfo=UTC) if instant else None
    assert as_instant(value) == expected
    assert as_date(value) == (dt.date.fromisoformat(date) if date else None)


@pytest.mark.parametrize(
    ("test", "holds", "fails"),
    [
        (ask("is", "pro"), ["pro"], ["Pro", "pr", None]),
        (ask("is", 5), [5, "5", "5.0", Decimal("5.0000004")], [True, "five", Decimal("5.000001"), None]),
        (ask("is", True), [True, "true"], [False, "false", "yes", 1, None]),
        (ask("is", "5"), ["5", 5], ["5.0"]),
        (ask("is_not", "pro"), ["free", ""], ["pro", None]),  # a missing value is not even different
        (ask("is_not", 5), [6, "6"], [5, "5", "five", None]),
        (ask("in", "a", "b"), ["a", "b"], ["c", None]),
        (ask("not_in", "a", "b"), ["c"], ["a", "b", None]),
        (ask("at_least", 18), [18, "18", 19], [17, "17.999999", None]),
        (ask("at_most", 18), [18, "-3"], [19, None]),
        (ask("above", 18), ["18.000001"], [18, None]),
        (ask("below", 18), [17], [18, None]),
        (ask("between", 1, 3), [1, 2, 3, "2.5"], [0, 4, None]),
        (ask("between", "b", "d"), ["b", "c", "d"], ["a", "da", None]),
        (ask("at_least", "z"), ["z", "é", "ä"], ["Z", "a"]),  # bytewise: é begins with a byte above z
        (ask("contains", "an"), ["Ada Lovelace and", "an"], ["AN", "", None]),
        (ask("contains", "5"), [15, "x5"], [1]),
        (ask("starts_with", "Ad"), ["Ada"], ["ada", "A", None]),
        (ask("exists", True), ["", 0, False, "x"], [None]),
        (ask("exists", False), [None], ["", 0, False]),
        # As of 11 March 02:00, three days ago is 8 March 02:00.
        (ask("within", length="3 days"), ["2026-03-08T02:00:01Z", "2026-03-11", NIGHT], ["2026-03-08T02:00:00Z"]),
        (ask("within", length="3 days"), [], ["2026-03-08", "2026-03-11T02:00:01Z", "2027-01-01", None, "soon"]),
        (ask("before", length="3 days"), ["2026-03-08T02:00:00Z", "2026-03-08"], ["2026-03-08T02:00:01Z", None]),
        (ask("before", length="1 month"), ["2026-02-11T02:00:00Z"], ["2026-02-11T02:00:01Z"]),
    ],
)  # fmt: skip
def test_every_comparison_of_an_attribute(test: Test, holds: list[Any], fails: list[Any]) -> None:
    assert [attribute_passes(test, value, NIGHT) for value in holds] == [True] * len(holds)
    assert [attribute_passes(test, value, NIGHT) for value in fails] == [False] * len(fails)


@pytest.mark.parametrize(
    ("test", "holds", "fails"),
    [
        (ask("is", 100), [100, 100.0, Decimal("100.00")], ["100", True, None]),
        (ask("is", "100"), ["100"], [100, None]),
        (ask("is", True), [True], ["true", 1, None]),
        (ask("is", 1), [1], [True]),
        (ask("at_least", 0.3), [0.1 + 0.2, 0.3], [0.2999]),  # six places
        (ask("is_not", "a"), ["b"], ["a", 5, None]),
        (ask("in", 1, 2), [1, 2.0], [3, "1"]),
        (ask("exists", True), [0, "", False, [], {"a": 1}], [None]),
        (ask("exists", False), [None], [[], 0]),
        (ask("contains", "a"), ["cat"], [["a"], None]),
    ],
)
def test_a_property_is_read_strictly_by_its_own_type(test: Test, holds: list[Any], fails: list[Any]) -> None:
    assert [property_passes(test, value) for value in holds] == [True] * len(holds)
    assert [property_passes(test, value) for value in fails] == [False] * len(fails)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1, "1", False),
        (1, True, False),
        ("a", "a", True),
        (True, True, True),
        (None, None, False),  # what is absent is the same as nothing
        ([1], [1], False),
    ],
)
def test_same_asks_for_type_and_value(left: Any, right: Any, same: bool) -> None:
    assert same_value(left, right) is same


def test_an_import_is_unchanged_when_it_says_the_same() -> None:
    day = dt.date(2026, 3, 1)
    assert unchanged(None, None) and unchanged(day, dt.date(2026, 3, 1)) and unchanged(Decimal("5.0"), 5)
    assert not unchanged(None, "") and not unchanged("5", 5) and not unchanged(True, 1)


def test_json_keeps_numbers_as_numbers_and_dates_as_text() -> None:
    told = {"a": Decimal("5.000000"), "b": Decimal("2.5"), "c": [dt.date(2026, 3, 1), NIGHT], "d": {"e": True}}
    expected = {"a": 5, "b": 2.5, "c": ["2026-03-01", "2026-03-11T02:00:00Z"], "d": {"e": True}}
    assert plain(told) == expected
    assert type(plain(told)["a"]) is int
