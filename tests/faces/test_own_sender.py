"""`sender: own`: from a column of the customers to the letter that leaves, and what is told when it may not."""

from __future__ import annotations

import csv
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from journey_engine.load import load_project
from journey_engine.night import open_mailroom

from .conftest import NIGHT, Journey

NOON = "2026-03-02T12:00:00Z"
WORDS = {
    "subject.txt": "A word from {{ sender.name }}",
    "body.txt": "{{ sender.name }} {{ links.unsubscribe }} {{ sender.postal_address }}",
}
NOTE = """journey: note
topic: %s
trigger: {event: called_us}
reentry: each_occurrence
steps: [{send: note}]
"""
OWNERS = [("Ada Lovelace", "ada@shop.example.com"), ("Eve", "eve@evil.example"), ("", "")]


@pytest.fixture
def sold(shop: Path) -> Path:
    """c1 belongs to Ada, c2 to somebody of another house, c3 to nobody."""
    settings = shop / "journeys/project.yaml"
    text = settings.read_text(encoding="utf-8")
    own = "  own: {name: customer.owner_name, email: customer.owner_email, topics: [letters]}\n"
    settings.write_text(text.replace("public_url:", own + "public_url:"), encoding="utf-8")
    (shop / "journeys/note.yaml").write_text(NOTE % "letters", encoding="utf-8")
    (shop / "journeys/hello.yaml").unlink()
    (shop / "journeys/hello.test.yaml").unlink()
    (shop / "templates/note").mkdir()
    for name, words in WORDS.items():
        (shop / "templates/note" / name).write_text(words + "\n", encoding="utf-8")
    with (shop / "data/customers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:3]
    with (shop / "data/customers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "owner_name", "owner_email"])
        writer.writeheader()
        writer.writerows(
            row | {"owner_name": name, "owner_email": email} for row, (name, email) in zip(rows, OWNERS, strict=True)
        )
    with (shop / "data/events.csv").open("a", encoding="utf-8") as events:
        events.writelines(f"n{n},c{n},called_us,2026-03-01T12:00:00Z,{{}}\n" for n in (1, 2, 3))
    return shop


def senders(shop: Path) -> dict[str, str]:
    """Whom each letter in the outbox is to, and whom it is from."""
    letters = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in (shop / "var/outbox").iterdir()]
    assert all(str(one["From"]).partition(" <")[0] in str(one["Subject"]) for one in letters)
    return {str(one["To"]).rpartition("<")[2].strip(">"): str(one["From"]) for one in letters}


def test_a_letter_is_from_the_customer_s_own_salesperson_or_from_the_project(journey: Journey, sold: Path) -> None:
    said = journey("validate", "--project", sold)
    assert (said.status, said.err) == (0, ""), said.out
    assert journey("run", "--project", sold, "--as-of", NIGHT).status == 0
    told = journey("dispatch", "--project", sold, "--as-of", NOON)
    assert told.status == 0, told.err
    assert "1 of them in the project's name: whom the data name may not write for it" in told.out
    assert senders(sold) == {
        "ada@example.com": "Ada Lovelace <ada@shop.example.com>",
        "juergen@example.com": "My Shop <hello@shop.example.com>",
        "ngozi@example.org": "My Shop <hello@shop.example.com>",
    }


def test_a_dispatch_tells_how_many_may_not_write_in_json_too(journey: Journey, sold: Path) -> None:
    journey("run", "--project", sold, "--as-of", NIGHT)
    told = journey("dispatch", "--project", sold, "--as-of", NOON, "--json").json
    assert {"state": "accepted", "reason": "foreign_sender", "count": 1} in told["reasons"]
    with open_mailroom(load_project(sold)) as room:
        assert "evil" not in str(room.counts())  # nothing of it is kept beside the values


def test_a_run_that_hands_them_over_tells_it_in_its_report(journey: Journey, sold: Path) -> None:
    settings = sold / "journeys/project.yaml"
    text = settings.read_text(encoding="utf-8").replace(", topics: [letters]", "")
    settings.write_text(text.replace("topics:\n", "topics:\n  service: transactional\n", 1), encoding="utf-8")
    (sold / "journeys/note.yaml").write_text(NOTE % "service", encoding="utf-8")
    said = journey("run", "--project", sold, "--as-of", NIGHT)
    assert "1 letter left in the project's name: whom the customers' data name is of a domain" in said.out
    assert "evil" not in said.out + said.err


def test_letters_of_other_topics_are_from_the_project(journey: Journey, sold: Path) -> None:
    settings = sold / "journeys/project.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("topics:\n", "topics:\n  service: transactional\n", 1), encoding="utf-8")
    (sold / "journeys/note.yaml").write_text(NOTE % "service", encoding="utf-8")
    journey("run", "--project", sold, "--as-of", NIGHT)
    journey("dispatch", "--project", sold, "--as-of", NOON)
    assert set(senders(sold).values()) == {"My Shop <hello@shop.example.com>"}


@pytest.mark.parametrize(
    ("who", "lines"),
    [
        ("c1", ["from:    Ada Lovelace <ada@shop.example.com>", "subject: A word from Ada Lovelace"]),
        ("c2", ["from:    My Shop <hello@shop.example.com>", "customer.owner_email is of evil.example; `sender: own:"]),
        ("c3", ["from:    My Shop <hello@shop.example.com>"]),
    ],
)
def test_a_preview_shows_who_a_letter_is_from_and_why_not_somebody_else(
    journey: Journey, sold: Path, who: str, lines: list[str]
) -> None:
    said = journey("preview", "note", "--project", sold, "--as-of", NIGHT, "--customer", who)
    assert said.status == 0, said.err
    for line in lines:
        assert line in said.out
    assert ("owner_email" in said.out) is (who == "c2")
