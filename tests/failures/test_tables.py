"""A project's tables in whole nights: what a letter looks up, and tables that cannot be trusted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from journey_engine.checks import open_project
from journey_engine.errors import JourneyError
from journey_engine.mailroom import Mailroom
from journey_engine.night import RunReport, run
from journey_engine.scaffold import make_project
from tests.mailroom.house import letters

NIGHT = dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC)  # by day: letters may leave at once
STORES = "store_id;city;phone\nc1;Springfield;555\nc2; ;556\nc1;Shelbyville;557\n;Nowhere;558\nc3;Rome;559\n"
JOURNEY = """
journey: tell
topic: service
trigger: {event: {name: signed_up, first: true}}
steps:
  - send: {template: pick-up, with: {store: {table: stores, key: customer.store_id}}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    make_project(tmp_path)
    for name in ("hello.yaml", "hello.test.yaml"):
        (tmp_path / "journeys" / name).unlink()
    project = tmp_path / "journeys/project.yaml"
    more = "tables:\n  stores: {source: data/stores.csv, key: store_id}\n  unused: {source: data/none.csv, key: id}\n"
    text = project.read_text().replace("topics:", "topics:\n  service: transactional")
    project.write_text(f"{text}\n{more}")
    (tmp_path / "journeys/tell.yaml").write_text(JOURNEY)
    (tmp_path / "data/customers.csv").write_text(
        "customer_id,email,store_id\n" + "".join(f"c{n},c{n}@example.com,c{n}\n" for n in range(1, 5))
    )
    (tmp_path / "data/events.csv").write_text(
        "event_id,customer_id,name,occurred_at\n"
        + "".join(f"e{n},c{n},signed_up,2026-03-02T10:00:00Z\n" for n in range(1, 5))
    )
    (tmp_path / "data/stores.csv").write_text(STORES)
    folder = tmp_path / "templates/pick-up"
    folder.mkdir()
    (folder / "subject.txt").write_text("Your store in {{ store.city }}")
    (folder / "body.txt").write_text("Call {{ store.phone }}")
    return tmp_path


def night(shop: Path, *, accept_loss: bool = False) -> RunReport:
    loaded = open_project(shop)
    assert [str(problem) for problem in loaded.problems if problem.severity == "error"] == []
    return run(loaded, NIGHT, clock=lambda: dt.datetime.now(dt.UTC), accept_loss=accept_loss)


def test_letter_says_what_its_row_says_and_one_without_a_row_is_refused_alone(shop: Path) -> None:
    report = night(shop)
    subjects = {letter["Subject"] for letter in letters(shop / "var")}
    assert subjects == {"Your store in Springfield", "Your store in Rome"}
    assert report.set_aside == {"data/stores.csv: duplicate store_id": 1, "data/stores.csv: no store_id": 1}
    assert any("1 row set aside: duplicate store_id (first: row 3 below the header)" in note for note in report.notes)
    with Mailroom.open(f"sqlite:///{shop}/var/mailroom.sqlite", environment="development") as mailroom:
        refused = {row.customer_id: (row.reason, row.detail) for row in mailroom.listing() if row.state == "refused"}
    assert refused.keys() == {"c2", "c4"}  # an empty city, and no row
    assert all(reason == "missing_value" and "store.city" in str(detail) for reason, detail in refused.values())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "table 'stores': there is no file"),
        ("", "table 'stores': "),
        ("store_id,city,phone\n", "table 'stores': data/stores.csv: 0 rows, at least 1 are expected"),
        ("store_id,city,phone\nc1,Rome,1,more\n", "table 'stores': "),
    ],
)
def test_table_that_cannot_be_read_stops_the_run_with_its_name(shop: Path, content: str | None, said: str) -> None:
    if content is None:
        (shop / "data/stores.csv").unlink()
    else:
        (shop / "data/stores.csv").write_text(content)
    with pytest.raises(JourneyError) as stopped:
        night(shop)
    assert stopped.value.message.startswith(said), stopped.value.message
    assert stopped.value.remedy
    (shop / "data/stores.csv").write_text(STORES)
    assert night(shop).run == 1  # nothing was committed


def test_column_of_the_key_that_is_gone_stops_the_run(shop: Path) -> None:
    loaded = open_project(shop)
    (shop / "data/stores.csv").write_text("shop_id,city\nc1,Rome\n")  # between the check and the night
    with pytest.raises(JourneyError, match=r"^table 'stores': data/stores\.csv has no column 'store_id'"):
        run(loaded, NIGHT, clock=lambda: dt.datetime.now(dt.UTC))


def test_empty_table_is_taken_at_the_operators_word(shop: Path) -> None:
    (shop / "data/stores.csv").write_text("store_id,city,phone\n")
    assert night(shop, accept_loss=True).messages == {"refused": 4}


def test_table_that_nobody_looks_up_is_not_read(shop: Path) -> None:
    assert night(shop).customers == 4  # `unused` has no file


def test_table_that_only_a_draft_looks_up_is_not_read(shop: Path) -> None:
    (shop / "data/stores.csv").write_text(STORES)
    journey = shop / "journeys/tell.yaml"
    journey.write_text(journey.read_text() + "status: draft\n")
    loaded = open_project(shop)
    (shop / "data/stores.csv").unlink()
    assert run(loaded, NIGHT, clock=lambda: dt.datetime.now(dt.UTC)).run == 1
