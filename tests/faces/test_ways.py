"""A message that may go by letter or as a short message: from its check to the mailroom that hands it over."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from journey_engine.load import load_project
from journey_engine.mailroom import Said as Spoken
from journey_engine.mailroom import State, Word
from journey_engine.night import open_mailroom
from journey_engine.times import parse_instant

from .conftest import NIGHT, Journey

PARCEL = """journey: parcel
topic: letters
trigger: {event: parcel_came}
reentry: each_occurrence
steps:
  - send: {template: parcel, channel: preferred}
"""
TEST = """journey: parcel
tests:
  - name: who prefers text messages gets one
    customer: {customer_id: c1, email: a@example.com, phone: "+491701234567", contact_by: sms}
    events: [{at: 2026-03-01T12:00:00Z, parcel_came: {}}]
    nights: {from: 2026-03-01, until: 2026-03-03}
    expect: {messages: [{template: parcel, channel: %s}]}
"""
PEOPLE = [
    {"phone": "+491701111111", "contact_by": "sms"},
    {"phone": "+491702222222", "contact_by": "email"},
    {"phone": "", "contact_by": "sms"},
]
WORDS = {
    "subject.txt": "Your parcel",
    "body.txt": "It is here. {{ links.unsubscribe }} {{ sender.postal_address }}",
    "sms.txt": "Your parcel is here. {{ links.unsubscribe }} {{ sender.postal_address }}",
}


@pytest.fixture
def parcels(shop: Path) -> Path:
    """c1 prefers text messages and has a number, c2 prefers letters, c3 has no number; each has a parcel."""
    settings = shop / "journeys/project.yaml"
    more = "channels: {sms: {from: Shop, country: DE}, preferred: customer.contact_by}\n"
    settings.write_text(settings.read_text(encoding="utf-8") + more, encoding="utf-8")
    (shop / "journeys/parcel.yaml").write_text(PARCEL, encoding="utf-8")
    (shop / "journeys/hello.yaml").unlink()
    (shop / "journeys/hello.test.yaml").unlink()
    (shop / "templates/parcel").mkdir()
    for name, text in WORDS.items():
        (shop / "templates/parcel" / name).write_text(text + "\n", encoding="utf-8")
    with (shop / "data/customers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:3]
    with (shop / "data/customers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "phone", "contact_by"])
        writer.writeheader()
        writer.writerows(row | more for row, more in zip(rows, PEOPLE, strict=True))
    with (shop / "data/events.csv").open("a", encoding="utf-8") as events:
        events.writelines(f"p{n},c{n},parcel_came,2026-03-01T12:00:00Z,{{}}\n" for n in (1, 2, 3))
    return shop


def ran(journey: Journey, shop: Path) -> dict[str, Any]:
    said = journey("run", "--project", shop, "--as-of", NIGHT, "--json")
    assert said.status == 0, said.err
    with open_mailroom(load_project(shop)) as room:
        return {row.customer_id: row for state in State for row in room.listing(state)}


def test_each_customer_is_written_to_as_they_prefer_and_can_be_reached(journey: Journey, parcels: Path) -> None:
    said = journey("validate", "--project", parcels, "--verbose")
    assert said.status == 0, said.out + said.err
    assert "the first channel that reaches of: the one that customer.contact_by names, file, sms" in said.out
    found = ran(journey, parcels)
    assert {who: row.channel for who, row in found.items()} == {"c1": "sms", "c2": "file", "c3": "file"}
    told = journey("explain", "c1", "--project", parcels)
    assert "letter parcel by sms" in told.out


@pytest.mark.parametrize(
    ("who", "by"),
    [
        ("c1", "by:      sms; not file: customer.contact_by does not say email"),
        ("c2", "by:      file\n"),
        ("c3", "by:      file; not sms: no phone"),
    ],
)
def test_a_preview_tells_which_way_is_taken_and_why_not_another(
    journey: Journey, parcels: Path, who: str, by: str
) -> None:
    said = journey("preview", "parcel", "--project", parcels, "--as-of", NIGHT, "--customer", who)
    assert by in said.out, said.out
    assert ("subject: Your parcel" in said.out) is (who != "c1")


def test_a_preview_knows_what_the_mailroom_was_told(journey: Journey, parcels: Path) -> None:
    with open_mailroom(load_project(parcels)) as room:
        room.say([Spoken("c1", Word.UNSUBSCRIBED, channel="sms")], parse_instant("2026-03-01T20:00:00Z"))
    said = journey("preview", "parcel", "--project", parcels, "--as-of", NIGHT, "--customer", "c1")
    assert "not sms: they want nothing by it, or it bounced" in said.out
    assert ran(journey, parcels)["c1"].channel == "file"


def test_a_simulation_and_a_journey_test_tell_the_channel(journey: Journey, parcels: Path) -> None:
    said = journey(
        "simulate", "--project", parcels, "--from", "2026-03-01", "--nights", "2", "--customer", "c1", "--json"
    )
    assert [one["channel"] for one in said.json["customer"]["letters"]] == ["sms"], said.err
    for channel, status in (("sms", 0), ("file", 1)):
        (parcels / "journeys/parcel.test.yaml").write_text(TEST % channel, encoding="utf-8")
        said = journey("test", "--project", parcels)
        assert said.status == status, said.out + said.err
    assert "channel sms" in said.out


def test_a_message_keeps_its_channel_when_the_way_is_closed_before_it_leaves(journey: Journey, parcels: Path) -> None:
    ran(journey, parcels)
    with open_mailroom(load_project(parcels)) as room:
        room.say([Spoken("c2", Word.UNSUBSCRIBED, channel="email")], parse_instant("2026-03-02T03:00:00Z"))
    journey("dispatch", "--project", parcels, "--as-of", "2026-03-02T12:00:00Z")
    with open_mailroom(load_project(parcels)) as room:
        (row,) = [one for one in room.listing(State.SKIPPED) if one.customer_id == "c2"]
    assert (row.channel, row.reason) == ("file", "unsubscribed")


def test_a_template_without_a_short_message_goes_by_letter_to_everybody(journey: Journey, parcels: Path) -> None:
    (parcels / "templates/parcel/sms.txt").unlink()
    assert journey("validate", "--project", parcels).status == 0
    assert {row.channel for row in ran(journey, parcels).values()} == {"file"}
