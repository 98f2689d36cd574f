"""What Spark's workers do with JSON and text means what it means in DuckDB. No Spark is needed to ask that."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from journey_engine.engines import memory, spark_functions
from journey_engine.engines.spark_functions import (
    json_kind,
    json_merge_patch,
    json_object,
    json_of,
    json_pick,
    json_pick_text,
    try_boolean,
    try_date,
    try_decimal,
    try_double,
    try_instant,
)

FLOATS = (
    0.0,
    -0.0,
    5.0,
    0.1,
    -2.5,
    1e-6,
    1e-7,
    1.5e-7,
    1e20,
    1e21,
    1.25e300,
    123456789.125,
    1e15,
    0.30000000000000004,
    100.0,
)
NUMBERS = (
    "5",
    "-7.25",
    "1e3",
    "2.5e-6",
    "0.0000005",
    "+4",
    "1e400",
    "999999999999999999.999999",
    "1e18",
    "",
    "5x",
    ".5",
)
DAYS = ("2026-02-28", "2026-02-29", "2024-02-29", "2026-13-01", "0001-01-01", "9999-12-31")
INSTANTS = ("2026-01-31T02:00:00Z", "2026-01-31", "2026-01-31 02:00", "2026-01-31T02:00:00.123456+05:30",
            "2026-01-31T02:00:00.5-0830", "2026-01-31T02:00:60Z", "2026-01-31T25:00:00Z",
            "2026-02-30T02:00:00Z")  # fmt: skip
TEXTS = (
    "plain",
    'with "quotes"',
    "back\\slash",
    "tab\t",
    "\x01\x08\x0b\x0c\x1b\x1f\x7f",
    "Grüße, 東京, 🎈",
    "",
    "a/b",
    "\\u001f",
)
OBJECTS = (
    '{"a":1}', '{"a":1.50}', '{"a":"1"}', '{"a":null}', '{"a":true}', '{"a":[1,{"b":2}]}', "{}", "[1]", '"x"',
    "5", "-3", "18446744073709551615", '{"x":{"a":0},"a":"}"}', '{"a":"\\"]"}', '{"a":1,"a":2}', '{"a":{"a":-1e3}}',
)  # fmt: skip
PATHS = (
    '{"a/b":{"c":"x"}}',
    '{"a/b":{"c":null}}',
    '{"a/b":[1,2]}',
    '{"a/b":"é\\""}',
    "{}",
    '{"a/b":{"c":{"d":"é"}}}',
)
READINGS: dict[str, tuple[str, str, Callable[[Any], Any], tuple[Any, ...]]] = {
    "floats as JSON": ("DOUBLE", "CAST(to_json(v) AS VARCHAR)", json_of, FLOATS),
    "floats in an inner object": (
        "DOUBLE", "CAST(json_object('a', json_object('b', v)) AS VARCHAR)",
        lambda v: json_object("j", "a", json_object("V", "b", v)), FLOATS,
    ),
    "exact numbers as JSON": (
        "DECIMAL(38, 6)", "CAST(to_json(v) AS VARCHAR)", json_of,
        tuple(Decimal(n) for n in ("5.000000", "-7.250000", "0.000001")),
    ),
    "exact numbers in an inner object": (
        "DECIMAL(38, 6)", "CAST(json_object('a', json_object('b', v)) AS VARCHAR)",
        lambda v: json_object("j", "a", json_object("V", "b", v)),
        tuple(Decimal(n) for n in ("5.000000", "-7.250000", "0.000001", "123456789012345678.123456")),
    ),
    "floats as numbers": (
        "DOUBLE", "TRY_CAST(v AS DECIMAL(38, 6))", try_decimal, (*FLOATS[:8], 12345678901.1, 0.1234565, 9.99e17),
    ),
    "numbers in text": ("VARCHAR", "TRY_CAST(v AS DECIMAL(38, 6))", try_decimal, NUMBERS),
    "whole numbers": ("BIGINT", "TRY_CAST(v AS DECIMAL(38, 6))", try_decimal, (0, -5, 2**31)),
    "binary numbers in text": ("VARCHAR", "TRY_CAST(v AS DOUBLE)", try_double, NUMBERS[:6]),
    "flags in text": ("VARCHAR", "TRY_CAST(v AS BOOLEAN)", try_boolean, ("true", "false", "maybe", "")),
    "flags as JSON": ("BOOLEAN", "CAST(to_json(v) AS VARCHAR)", json_of, (True, False, None)),
    "days": ("VARCHAR", "TRY_CAST(v AS DATE)", try_date, DAYS),
    "days as JSON": ("DATE", "CAST(to_json(v) AS VARCHAR)", json_of, (dt.date(2026, 2, 3), dt.date(1, 1, 1))),
    "instants": ("VARCHAR", "TRY_CAST(v AS TIMESTAMPTZ) AT TIME ZONE 'UTC'", try_instant, INSTANTS),
    "instants as JSON": (
        "TIMESTAMP", "CAST(to_json(v) AS VARCHAR)", json_of,
        (dt.datetime(2026, 1, 31, 2, 3, 4, 500_000), dt.datetime(2026, 12, 1), dt.datetime(999, 1, 1, 23, 59, 59, 1)),  # noqa: DTZ001
    ),
    "text as JSON": ("VARCHAR", "CAST(to_json(v) AS VARCHAR)", json_of, TEXTS),
    "JSON within JSON": (
        "VARCHAR", "CAST(json_object('a', json_object('b', to_json(v))) AS VARCHAR)",
        lambda v: json_object("j", "a", json_object("J", "b", json_of(v))), (*TEXTS, None),
    ),
    "what JSON values are": ("VARCHAR", "json_type(v)", json_kind, OBJECTS),
    "what is inside": (
        "VARCHAR", "CAST(json_extract(v, '/a') AS VARCHAR)", lambda v: json_pick(v, "/a"),
        tuple(text for text in OBJECTS if "1.50" not in text and "1e3" not in text),
    ),
    "what is inside as text": ("VARCHAR", "json_extract_string(v, '/a')", lambda v: json_pick_text(v, "/a"),
                               tuple(text for text in OBJECTS if "1.50" not in text and "1e3" not in text)),
    "values by pointer": (
        "VARCHAR", "json_extract_string(v, '/a~1b/c')", lambda v: json_pick_text(v, "/a~1b/c"), PATHS,
    ),
    "places in a list": (
        "VARCHAR", "json_extract_string(v, '/a~1b/1')", lambda v: json_pick_text(v, "/a~1b/1"), PATHS,
    ),
    "the whole value as text": (
        "VARCHAR", "json_extract_string(v, '$')", lambda v: json_pick_text(v, ""), ('"x"', "5", "true"),
    ),
    "objects put together": (
        "VARCHAR", "json_merge_patch(v, json_object('at', 'now'))", lambda v: json_merge_patch(v, '{"at":"now"}'),
        ('{"a":1,"at":2,"b":{"at":3}}', "{}", '{"at":1}', '{"\\"q\\"":"x"}', '{"a":[1,"]"],"b":"}"}'),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", READINGS)
def test_functions_mean_what_they_mean_in_duckdb(what: str) -> None:
    kind, expression, function, values = READINGS[what]
    plain = memory()
    plain.execute(f"CREATE TABLE given_values (place INTEGER, v {kind})")
    plain.load("given_values", ("place", "v"), list(enumerate(values)))
    expected = [one for (one,) in plain.rows(f"SELECT {expression} FROM given_values ORDER BY place")]
    plain.close()
    assert [function(value) for value in values] == expected


def test_numbers_within_json_stay_as_they_are_written() -> None:
    assert json_pick('{"a":1.50}', "/a") == "1.50"
    assert json_pick_text('{"a":{"b":-1e3}}', "/a/b") == "-1e3"


@pytest.mark.parametrize("function", [one for one, _ in spark_functions.FUNCTIONS.values() if one is not json_object])
def test_no_value_makes_a_function_raise(function: Callable[..., Any]) -> None:
    odd = (None, "", " ", "{", "[", '"', '"\\', '{"a"', '{"a":', '{"a":1', "nul", "\0", "{}}", "9" * 2000, "1e999",
           "NaN", "ñ", "2026-02-30", "9999-12-31T23:59:59-15:59", 5, -5, 2.5, float("inf"), float("nan"), True,
           Decimal("1e40"), dt.date(2026, 1, 1), dt.datetime(2026, 1, 1))  # noqa: DTZ001 # fmt: skip
    more = {json_pick: ("/a",), json_pick_text: ("/a/0",), json_merge_patch: ('{"b":1}',)}.get(function, ())
    of_text = function in (json_pick, json_pick_text, json_kind, json_merge_patch)
    for value in odd:
        if isinstance(value, str | None) or not of_text:
            function(value, *more)


def test_the_functions_need_nothing_that_workers_may_lack() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(spark_functions.__file__).parent)!r}); import spark_functions; "
        "print(sorted(name for name in ('duckdb', 'sqlglot', 'pydantic', 'journey_engine') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
