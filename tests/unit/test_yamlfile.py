"""Reading YAML 1.2: what scalars mean, where everything stands, and what is refused before it can hurt."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from journey_engine.yamlfile import MAX_BYTES, Positions, Spot, read, read_file
from journey_engine.yamlfile.events import PlainEvents, Reading
from journey_engine.yamlfile.scalars import plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, word) for word in ("NO", "no", "No", "yes", "YES", "on", "On", "off", "y", "Y", "n", "N")),
        *((word, word) for word in ("9:30", "12:30:45", "1:00", "2026-01-31", "2026-01-31T02:00:00Z", "1_000")),
        *((word, word) for word in ("01234", "00", "-007", "007.5", "0o8", "0xZZ", "1e", "e5", ".", "-", "+", "--1")),
        *((word, word) for word in ("nUll", "tRue", "none", "None", "=", "1 2", "0b101", "infinity", "NaN", "3 days")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, None) for word in ("null", "Null", "NULL", "~", "")),
        ("0", 0),
        ("-0", 0),
        ("42", 42),
        ("+42", 42),
        ("-17", -17),
        ("0o17", 15),
        ("0xfF", 255),
        ("123456789012345678", 123456789012345678),
        ("1.10", Decimal("1.10")),
        ("0.1", Decimal("0.1")),
        ("-.5", Decimal("-0.5")),
        ("5.", Decimal("5")),
        ("1e3", Decimal("1000")),
        ("6.02E+23", Decimal("6.02E+23")),
        ("1234567890123456789012", Decimal("1234567890123456789012")),
        (".inf", Decimal("Infinity")),
        ("-.INF", Decimal("-Infinity")),
    ],
)
def test_scalar_means_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert plain(text) == value and type(plain(text)) is type(value)
    if text not in ("", "-"):
        found = read(f"key: {text}", "x").data["key"]
        assert found == value and type(found) is type(value)


def test_numbers_are_exact() -> None:
    assert str(read("[0.1, 19.90]", "x").data[0] + Decimal("0.2")) == "0.3"
    assert plain(".nan").is_nan()  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["'42'", '"true"', "! 42", "!!str 42", "|-\n 42", ">-\n 42"])
def test_quoted_and_tagged_scalars_are_text(text: str) -> None:
    assert isinstance(read(f"key: {text}", "x").data["key"], str)


def test_tags_of_the_core_schema_may_be_written() -> None:
    source = read("{a: !!int 3, b: !!float 3, c: !!bool true, d: !!null '', e: !!seq [1], f: !!map {g: 1}}", "x")
    assert source.data == {"a": 3, "b": Decimal(3), "c": True, "d": None, "e": [1], "f": {"g": 1}}
    assert type(source.data["b"]) is Decimal


@pytest.mark.parametrize("text", ["!!int x", "!!bool 3", "!!binary aGVsbG8=", "!!python/name:os.system", "!mine 3"])
def test_other_tags_are_refused(text: str) -> None:
    assert [problem.code for problem in read(f"key: {text}", "x").problems] == ["unknown-tag"]


def test_keys_are_text_whatever_they_look_like() -> None:
    assert read("{on: 1, 3: 2, 2.50: 3, null: 4, true: 5}", "x").data == {
        "on": 1, "3": 2, "2.50": 3, "null": 4, "true": 5,
    }  # fmt: skip


def test_byte_order_mark_and_windows_line_ends_are_read() -> None:
    source = read(b"\xef\xbb\xbfjourney: x\r\nsteps:\r\n  - send: hello\r\n", "x")
    assert source.data == {"journey": "x", "steps": [{"send": "hello"}]}
    assert source.lines == ("journey: x", "steps:", "  - send: hello", "")
    assert str(source.positions.of(("steps", 0, "send"))) == "x:3:11"


def test_tab_inside_a_text_is_content() -> None:
    source = read("about: |\n  first\n  \tsecond\ntitle: 'a\n  b\n  \tc'\nplain: a\tb # c\n", "x")
    assert source.problems == ()
    assert source.data["about"] == "first\n\tsecond\n"


@pytest.mark.parametrize("text", ["a:\n\tb: 1", "a:\n  - b\n\t- c", "\ta: 1", "a: [\n\t1]", "a: b\n\tc"])
def test_tab_that_indents_is_refused_at_its_place(text: str) -> None:
    (problem,) = read(text, "x").problems
    assert problem.code == "tab"
    assert text.splitlines()[problem.place.line - 1][problem.place.column - 1] == "\t"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"a: 1\nb: \xff", "x:2:4"),
        (b"\xef\xbb\xbfa\xe4\xf6", "x:1:2"),
        (b"\xff\xfea\x00:\x00", "x:1:1"),
        ("ü: 1\nä: ö\x00", "x:2:5"),
        ("a: 1\na: 2", "x:2:1"),
        ("a: {b: 1, 'b': 2}", "x:1:11"),
        ("a: 1\n---\nb: 2", "x:2:1"),
        ("a: &x [*x]", "x:1:8"),
        ("", "x:1:1"),
    ],
)
def test_what_cannot_be_read_is_told_with_line_and_column(text: bytes | str, place: str) -> None:
    source = read(text, "x")
    assert [str(problem.place) for problem in source.problems] == [place]
    assert source.data is None


def test_missing_file_is_a_problem(tmp_path: Path) -> None:
    (problem,) = read_file(tmp_path / "gone.yaml", "gone.yaml").problems
    assert str(problem) == "gone.yaml:1:1: this file cannot be read: no such file or directory [unreadable-file]"


def test_aliases_repeat_their_value_and_its_places() -> None:
    source = read("first: &a {b: [1, 2]}\nsecond: *a", "x")
    assert source.data["second"] == {"b": [1, 2]}
    assert str(source.positions.of(("second", "b", 1))) == "x:1:19"
    assert str(source.positions.of(("second",), key=True)) == "x:2:1"


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [" + ", ".join("x" * 9) + "]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (bomb(30), "too-many-values"),
        ("- a: b\n" * 120_000, "too-many-values"),
        ("[" * 400_000, "too-deep"),
        ("{a: " * 200_000, "too-deep"),
        ("- " * 400_000, "too-deep"),
        ("? " * 400_000, "key-not-text"),
        ("x" * (MAX_BYTES + 1), "too-big"),
        (("ü" * (MAX_BYTES // 2 + 1)).encode(), "too-big"),
        ('a: "' + "x" * 900_000, "yaml"),
    ],
    ids=["bomb", "wide", "deep list", "deep mapping", "deep block", "deep key", "long", "long in bytes", "open quote"],
)
def test_file_made_to_hurt_is_refused(text: str | bytes, code: str) -> None:
    assert [problem.code for problem in read(text, "x").problems] == [code]


def test_file_at_the_limit_of_depth_is_read() -> None:
    assert read("[" * 60 + "]" * 60, "x").problems == ()


@pytest.mark.parametrize(
    "text", ["a: NO\nb: [1, {c: 'd'}]\ne: |\n  f\n", "- &x {a: 1}\n- *x\n- ~\n", "a: >-\n  b\n  c\n"]
)
def test_plain_parser_reads_the_same_where_the_fast_one_is_missing(text: str) -> None:
    data, spot, _ = Reading(text, PlainEvents).document()
    assert data == read(text, "x").data
    assert spot == read(text, "x").positions.root


# positions

KEYS = st.text("abcdefgh -_.", min_size=1, max_size=6).map(str.strip).filter(bool)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.text("abc:#'\"\n -{}[]é", max_size=8), st.integers(-1000, 1000), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for segment, item in inside for below in paths(item, (*path, segment)))]


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for segment in path:
        value = value[segment]
    return value


@given(VALUES, st.booleans())
def test_every_value_and_key_is_found_at_its_place(value: Any, flow: bool) -> None:
    text = yaml.safe_dump({"top": value}, allow_unicode=True, default_flow_style=flow, sort_keys=False, width=40)
    source = read(text, "x")
    assert source.problems == ()
    assert source.data == {"top": value}
    for path in paths(source.data):
        place = source.positions.of(path)
        here = source.lines[place.line - 1][place.column - 1 :]
        found = at(source.data, path)
        if isinstance(found, int) and not isinstance(found, bool):
            assert here.startswith(str(found))
        if isinstance(found, bool):
            assert here.startswith(("true", "false"))
        if path and isinstance(path[-1], str):
            key = source.positions.of(path, key=True)
            written = source.lines[key.line - 1][key.column - 1 :].lstrip("?'\" ")
            assert written.startswith(path[-1])
        if path and isinstance(path[-1], int):
            assert source.positions.of(path, key=True) == place


@given(VALUES, st.data())
def test_segments_that_are_not_in_the_data_are_passed_over(value: Any, data: st.DataObject) -> None:
    source = read(yaml.safe_dump({"top": value}, allow_unicode=True), "x")
    path = data.draw(st.sampled_from(paths(source.data)))
    padded: list[str | int] = []
    for segment in path:
        padded += [*data.draw(st.lists(st.sampled_from(["<tag>", "<items>", 99]), max_size=2)), segment]
    assert source.positions.present(tuple(padded)) == path
    assert source.positions.of(tuple(padded)) == source.positions.of(path)


def test_path_that_follows_the_most_of_the_data_wins() -> None:
    positions = read("{not: {not: {customer: {attributes: {is: 3}}}}}", "x").positions
    wanted = ("not", "not", "customer", "attributes", "is")
    assert positions.present(("not", "item", "not", "item", "customer", "attributes", "attributes", "is")) == wanted
    assert positions.present(("nowhere", 3)) == ()
    assert str(Positions("x", Spot(2, 3)).of(("a",))) == "x:2:3"
