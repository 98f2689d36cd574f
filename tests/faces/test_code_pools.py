"""Codes of a till through whole nights: an empty pool is told and waits, a loaded one gives each letter its code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mailroom.house import letters

from .conftest import Journey

JOURNEY = """
journey: gift
topic: letters
trigger: {event: {name: signed_up, first: true}}
steps:
  - reward: {program: till, id: voucher}
  - send: gift
"""
PROGRAM = "program: till\ncurrency: EUR\nsides: {customer: 10}\nbudget: 100\ncode: pool\n"
LETTER = '{% extends "layouts/base.txt" %}{% block content %}<{{ step.voucher.code }}>{% endblock %}'


@pytest.fixture
def till(journey: Journey, shop: Path) -> Path:
    """A shop whose first night gave four rewards of a pool that has no code."""
    for name in ("hello.yaml", "hello.test.yaml"):
        (shop / "journeys" / name).unlink()
    files = {
        "journeys/gift.yaml": JOURNEY, "journeys/programs/till.yaml": PROGRAM,
        "templates/gift/subject.txt": "A voucher\n", "templates/gift/body.txt": LETTER, "codes.csv": "code\nTILL-1\n",
    }  # fmt: skip
    for name, text in files.items():
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text(text, encoding="utf-8")
    settings = shop / "journeys/project.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace('from: "09:00", until: "20:00"', 'from: "00:00", until: "23:59"'), encoding="utf-8"
    )
    assert journey("run", "--project", shop, "--as-of", "2026-03-02T02:00:00Z").err == ""
    return shop


def codes(shop: Path) -> list[str]:
    """The codes in the letters that left."""
    bodies = [one.get_body(("plain",)) for one in letters(shop / "var")]
    return sorted(body.get_content().partition(">")[0].rpartition("<")[2] for body in bodies if body is not None)


def test_empty_pool_is_an_alarm_and_no_letter_leaves_without_its_code(journey: Journey, till: Path) -> None:
    done = journey("dispatch", "--project", till, "--as-of", "2026-03-02T15:00:00Z")
    assert done.status == 1
    assert "codes of till: the pool is empty and 4 rewards wait" in done.out + done.err
    assert "journey rewards load FILE --program till" in done.out + done.err
    assert codes(till) == []
    assert "no_code" in journey("mailroom", "--project", till).out
    said = journey("rewards", "load", till / "codes.csv", "--program", "till", "--project", till)
    assert said.out == "1 codes are new, 0 were here; 1 rewards that waited have theirs\n0 are left\n"
    assert journey("dispatch", "--project", till, "--as-of", "2026-03-02T15:20:00Z").status == 1  # three wait still
    assert codes(till) == ["TILL-1"]
    (till / "codes.csv").write_text("TILL-1\nTILL-2\nTILL-3\nTILL-4\nTILL-5\n", encoding="utf-8")
    again = journey("rewards", "load", till / "codes.csv", "--program", "till", "--project", till, "--json").json
    assert again == {"program": "till", "added": 4, "known": 1, "given": 3, "left": 1}
    assert journey("dispatch", "--project", till, "--as-of", "2026-03-02T15:40:00Z").status == 0
    assert codes(till) == ["TILL-1", "TILL-2", "TILL-3", "TILL-4"]
    assert journey("rewards", "balance", "--program", "till", "--project", till, "--json").json["codes_left"] == 1


def test_code_of_a_letter_that_was_recovered_is_still_its_own(journey: Journey, till: Path) -> None:
    (till / "codes.csv").write_text("TILL-1\nTILL-2\nTILL-3\nTILL-4\n", encoding="utf-8")
    for file in (till / "var").glob("mailroom.sqlite*"):
        file.unlink()  # the pool is gone with the store that had it
    assert journey("mailroom", "recover", "--project", till).status == 0
    at = ("--project", till, "--as-of", "2026-03-02T15:00:00Z")
    assert journey("mailroom", "retry", "--state", "unsure", *at).status == 0
    assert journey("dispatch", *at).status == 1
    assert codes(till) == []
    assert journey("rewards", "load", till / "codes.csv", "--program", "till", "--project", till).status == 0
    assert journey("dispatch", "--project", till, "--as-of", "2026-03-02T15:20:00Z").status == 0
    assert codes(till) == ["TILL-1", "TILL-2", "TILL-3", "TILL-4"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("codes.csv", "TILL 1\n", "line 1 of"),
        ("none.csv", None, "cannot be read: No such file"),
    ],
)
def test_list_with_a_mistake_is_told_and_loads_nothing(
    journey: Journey, till: Path, name: str, text: str | None, said: str
) -> None:
    if text is not None:
        (till / name).write_text(text, encoding="utf-8")
    found = journey("rewards", "load", till / name, "--program", "till", "--project", till)
    assert (found.status, "remedy: " in found.err) == (2, True)
    assert said in found.err
    assert journey("rewards", "balance", "--program", "till", "--project", till, "--json").json["codes_left"] == 0


def test_program_whose_codes_are_its_own_takes_none(journey: Journey, till: Path) -> None:
    (till / "journeys/programs/till.yaml").write_text(PROGRAM.replace("code: pool", "code: unique"), encoding="utf-8")
    found = journey("rewards", "load", till / "codes.csv", "--program", "till", "--project", till)
    assert found.status == 2
    assert "the program 'till' has no pool: its `code` is unique" in found.err
