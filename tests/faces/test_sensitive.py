"""A sensitive attribute stands in no letter, however a template asks for it, and in no sample of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import NIGHT, Journey

SECRET = "canary-of-a-disease"
ASKED = "{{ customer.health }}"
AROUND = (
    "{{ customer }}",
    "{% for name, value in customer.items() %}{{ name }}={{ value }}{% endfor %}",
    "{% for value in customer.values() %}{{ value }}{% endfor %}",
    "{% set name = 'hea' ~ 'lth' %}{{ customer[name] | default('') }}",
    "{% macro told(who) %}{{ who.health | default('') }}{% endmacro %}{{ told(customer) }}",
    "{% for who in [customer] %}{{ who.health | default('') }}{% endfor %}",
)


@pytest.fixture
def clinic(shop: Path) -> Path:
    """Everybody has the same disease, and nobody is to read of it."""
    project, rows = shop / "journeys/project.yaml", shop / "data/customers.csv"
    project.write_text(
        project.read_text().replace("attributes:\n", "attributes:\n  health: {type: text, sensitive: true}\n")
    )
    head, *others = rows.read_text().splitlines()
    rows.write_text("\n".join([f"{head},health", *(f"{one},{SECRET}" for one in others)]) + "\n")
    return shop


def ask(shop: Path, words: str) -> None:
    body = shop / "templates/hello/body.txt"
    body.write_text(body.read_text().replace("Questions?", f"{words}\nQuestions?"))


def left(shop: Path) -> bytes:
    """The mailroom's files, and all letters."""
    files = [*(shop / "var").glob("mailroom.sqlite*"), *(shop / "var/outbox").glob("*.eml")]
    return b"".join(path.read_bytes() for path in files)


def test_no_way_around_brings_it_into_a_letter(journey: Journey, clinic: Path) -> None:
    ask(clinic, "\n".join(AROUND))
    assert journey("run", "--project", clinic, "--as-of", NIGHT).status == 0
    journey("dispatch", "--project", clinic, "--as-of", "2026-03-02T15:00:00Z")
    assert SECRET.encode() not in left(clinic)
    assert len(list((clinic / "var/outbox").glob("*.eml"))) >= 3, "letters did leave"


def test_a_letter_that_asks_for_it_is_refused_by_every_command(journey: Journey, clinic: Path) -> None:
    ask(clinic, ASKED)
    refused = "'customer.health' is sensitive (project.yaml) and may not stand in a message"
    said = journey("validate", "--project", clinic)
    assert (said.status, refused in said.out + said.err) == (1, True)
    said = journey("preview", "hello", "--project", clinic, "--as-of", NIGHT)
    assert (said.status, refused in said.out + said.err) == (1, True)
    assert SECRET not in said.out + said.err
    said = journey("simulate", "--project", clinic, "--as-of", NIGHT, "--customer", "c3")
    assert "hello has mistakes and takes no part" in said.out
    assert SECRET not in said.out + said.err
    said = journey("run", "--project", clinic, "--as-of", NIGHT)
    assert refused in said.out
    assert SECRET.encode() not in left(clinic)


def test_a_letter_without_it_is_shown_without_it(journey: Journey, clinic: Path) -> None:
    for words in (("preview", "hello"), ("simulate", "--customer", "c3")):
        said = journey(*words, "--project", clinic, "--as-of", NIGHT)
        assert said.status == 0, said.err
        assert "Hello Ngozi!" in said.out or "Good to have you here" in said.out
        assert SECRET not in said.out


def test_the_customer_themself_is_told(journey: Journey, clinic: Path) -> None:
    assert journey("run", "--project", clinic, "--as-of", NIGHT).status == 0
    told = journey("customer", "export", "c3", "--project", clinic).json
    assert told["engine"]["customers"][0]["health"] == SECRET
    assert SECRET not in str(told["mailroom"])
