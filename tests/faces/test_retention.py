"""`retention`: a year of nights keeps of customers what its last weeks need, and what was counted."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import duckdb
import pytest

from journey_engine.engines import open_reader
from journey_engine.load import load_project
from journey_engine.night import open_mailroom
from journey_engine.night.stores import decisions_of
from tests.faces.conftest import Journey

FIRST = dt.date(2026, 3, 2)
EVERY = dt.timedelta(days=14)
NIGHTS = 8


def night(journey: Journey, shop: Path, number: int) -> None:
    """A customer signs up, the night decides, and the letter leaves."""
    day = FIRST + number * EVERY
    with (shop / "data/customers.csv").open("a") as rows:
        columns = (shop / "data/customers.csv").read_text().splitlines()[0].split(",")
        told = {"customer_id": f"new{number}", "email": f"new{number}@example.com", "first_name": f"Newcomer{number}"}
        rows.write(",".join(told.get(one, "") for one in columns) + "\n")
    with (shop / "data/events.csv").open("a") as rows:
        rows.write(f"new{number},new{number},signed_up,{day - dt.timedelta(days=1)}T12:00:00Z,{{}}\n")
    said = journey("run", "--project", shop, "--as-of", f"{day}T02:00:00Z")
    assert said.status == 0, said.err
    assert journey("dispatch", "--project", shop, "--as-of", f"{day}T15:00:00Z").status == 0


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, run_shop: Path) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "shop"
    shutil.copytree(run_shop, folder)
    project = folder / "journeys/project.yaml"
    project.write_text(project.read_text() + "\nretention: 30 days\n")
    return folder


def test_nights_with_retention_keep_no_more_of_customers_than_its_days(journey: Journey, kept: Path) -> None:
    counts = []
    for number in range(1, NIGHTS):
        night(journey, kept, number)
        with open_mailroom(load_project(kept)) as mailroom:
            counts.append(len(list(mailroom.feedback())))
    assert counts[-1] <= counts[3], f"events pile up in the mailroom: {counts}"
    with duckdb.connect(str(kept / "var/engine.read.duckdb"), read_only=True) as db:
        payloads = dict(db.execute("SELECT customer_id, payload FROM decisions WHERE kind = 'message'").fetchall())
        ledger = db.execute("SELECT count(*) FROM events WHERE name = 'message_sent'").fetchone()
    assert ledger and ledger[0] >= NIGHTS - 1, "the ledger has what was told, for conditions that look back"
    old, new = f"new{NIGHTS - 5}", f"new{NIGHTS - 1}"
    assert f"Newcomer{NIGHTS - 1}" in payloads[new] and f"{new}@example.com" in payloads[new]
    wiped = json.loads(payloads[old])
    assert (wiped["to"], wiped["name"], wiped["values"], wiped["template"]) == (None, None, {}, "hello")
    with open_mailroom(load_project(kept)) as mailroom:
        assert f"{old}@example.com" not in str(mailroom.export(old))
        assert f"{new}@example.com" in str(mailroom.export(new))
    letters = b"".join(path.read_bytes() for path in (kept / "var/outbox").glob("*.eml"))
    assert f"{old}@example.com".encode() not in letters and f"{new}@example.com".encode() in letters
    # What happened can still be told.
    assert "hello" in journey("explain", old, "--project", kept).out


def test_a_mailroom_that_is_lost_is_made_up_for_from_decisions_that_say_nothing_more(
    journey: Journey, kept: Path
) -> None:
    for path in (kept / "var").glob("mailroom.sqlite*"):
        path.unlink()
    said = journey("mailroom", "recover", "--project", kept)
    assert said.status == 0, said.err
    with open_mailroom(load_project(kept)) as mailroom:
        assert mailroom.export("new2")["messages"][0]["recipient"] is None
        assert sum(mailroom.counts().values()) >= NIGHTS - 1
    loaded = load_project(kept)
    engine = open_reader(loaded.project.engine, loaded.folder)
    assert all(one.payload["values"] == {} for one in decisions_of(engine, 1) if one.kind == "message")
    engine.close()


def test_letters_that_cannot_be_taken_away_are_told_and_taken_the_next_night(journey: Journey, shop: Path) -> None:
    project, outbox = shop / "journeys/project.yaml", shop / "var/outbox"
    project.write_text(project.read_text() + "\nretention: 30 days\n")
    assert journey("run", "--project", shop, "--as-of", "2026-03-02T02:00:00Z").status == 0
    assert journey("dispatch", "--project", shop, "--as-of", "2026-03-02T15:00:00Z").status == 0
    outbox.rename(shop / "var/kept")
    outbox.write_text("no folder")
    said = journey("run", "--project", shop, "--as-of", "2026-04-20T02:00:00Z", "--accept-loss")
    assert "cannot be removed: Not a directory" in said.out
    outbox.unlink()
    (shop / "var/kept").rename(outbox)
    before = len(list(outbox.glob("hello-*.eml")))
    journey("run", "--project", shop, "--as-of", "2026-04-21T02:00:00Z", "--accept-loss")
    assert before > len(list(outbox.glob("hello-*.eml")))
