"""Failures of other systems that grew with the customers, or hurt whoever looked inside (docs/failures.md)."""

from __future__ import annotations

import re
from pathlib import Path

from journey_engine import night
from journey_engine.preview import preview, subject_of
from journey_engine.simulate import simulate
from tests.failures.small_shop import Shop, at, customer, event, events_of_march
from tests.histories.story import Evening, Reading, entries, evenings, nights, rules
from tests.histories.story import customer as somebody
from tests.histories.story import event as did

ROOT = Path(__file__).parents[2]

QUIET = """
journey: quiet
topic: receipts
trigger: {enters: {segment: quiet}}
reentry: each_occurrence
steps: [{send: hello}]
"""
SEGMENT = """
quiet:
  all: [{event: order_placed}, {not: {event: {name: order_placed, within: 5 days}}}]
"""


def statements(shop: Shop, night_of: str) -> int:
    """How many statements a night says to the engine."""
    with night.begin(shop.loaded(), at(night_of), clock=lambda: at(night_of)) as run:
        before = run.engine.statements  # type: ignore[attr-defined]
        for phase in (run.collect, run.facts, run.sweep, run.commit, run.publish, run.door):
            phase()
        return int(run.engine.statements - before)  # type: ignore[attr-defined]


def test_a_night_says_the_same_statements_to_ten_and_to_two_hundred_customers(tmp_path: Path) -> None:
    few, many = Shop(tmp_path / "few", customers=10), Shop(tmp_path / "many", customers=10)
    many.customers = [customer(number) for number in range(200)]
    many.events = events_of_march(200)
    many.save()
    assert statements(few, "02") == statements(many, "02") > 50


def test_who_is_in_a_relative_window_is_reckoned_anew_each_night_and_leaves_again(reading: Reading) -> None:
    # Quiet for five days on the 6th and the 16th; with the order of the 10th no longer quiet.
    rows = [did("order_placed", "2026-03-01 10:00"), did("order_placed", "2026-03-10 10:00")]
    told = rules(QUIET, segments=SEGMENT)
    found = reading(evenings(told, rows, nights("2026-03-02", "2026-03-20")))["c1"]
    assert entries(found) == ["quiet 2026-03-07 02:00", "quiet 2026-03-16 02:00"]
    # Somebody who orders every four days is never quiet, however long the history grows.
    rows = [did("order_placed", f"2026-03-{day:02} 10:00") for day in range(1, 20, 4)]
    lives = [Evening(night, told, [somebody()], rows) for night in nights("2026-03-02", "2026-03-20")]
    assert entries(reading(lives)["c1"]) == []


def test_the_page_states_how_fast_a_campaign_is_decided_and_how_fast_it_leaves() -> None:
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    for row in (r"\| evaluated, customers/s, first night \| [\d,]+", r"\| mails/s, all states durable \| [\d,]+"):
        assert re.search(row, page), row


def test_testing_a_journey_touches_no_statistics_and_sends_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["welcome"])
    shop.run("02")
    before = shop.stands()
    shop.write("journeys/welcome.test.yaml", TEST)
    done = shop.command("test")
    assert (done.returncode, "1 tests, 1 passed" in done.stdout) == (0, True), done.stdout
    assert shop.stands() == before


TEST = """
journey: welcome
tests:
  - name: a first letter at once
    customer: {customer_id: c1, first_name: Ada, email: ada@example.com, timezone: UTC}
    events: [{at: 2026-03-01T10:00:00Z, signed_up: {}}]
    nights: {from: 2026-03-01, until: 2026-03-02}
    expect: {messages: [hello]}
"""


def test_a_letter_is_seen_with_a_real_customer_before_anything_goes_out(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6)
    loaded = shop.loaded()
    seen = preview(loaded, subject_of("welcome", loaded), at("02"), "c003")
    assert [(one.step, one.rendered.subject) for one in seen.letters if one.rendered] == [
        ("send:hello", "Welcome, Name3"), ("send:jazz", "Jazz for Name3"), ("send:tips", "Tips for Name3"),
    ]  # fmt: skip
    assert "[" not in "".join(one.rendered.text for one in seen.letters if one.rendered)
    # The very letter that then goes out, but for its links.
    shop.run("02")
    shop.deliver("02 22:00")
    assert "Welcome, Name3" in shop.letters().values()
    # What the night would refuse, the preview refuses, and it says where the value is not.
    shop.template("hello", "Welcome, {{ customer.nickname }}")
    refused = preview(shop.loaded(), subject_of("welcome/send:hello", loaded), at("02"), "c003")
    assert [one.rendered for one in refused.letters] == [None]
    assert "data/customers.csv has no column 'nickname'" in (refused.letters[0].problem or "")


def test_what_would_happen_to_the_real_customers_is_seen_before_it_does(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=4, journeys=["welcome"])
    seen = simulate(shop.loaded(), 2, at("02"))
    letters = [{template: count for (_, template), count in one.letters.items()} for one in seen.nights]
    assert letters == [{"hello": 2}, {"jazz": 1}]
    assert not (tmp_path / "var").exists()
    for day, one in zip(("02", "03"), seen.nights, strict=True):
        assert shop.run(day).journeys["welcome"].entered == one.journeys["welcome"].entered


def test_an_import_brings_nobody_back_who_has_said_no(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["quiet"])
    who = 1
    shop.events += [
        event(900, who, "unsubscribed", "01 09:00"),
        event(901, who, "order_placed", "01 12:00", '{"total":1}'),
    ]
    for row in shop.customers:
        row["subscribed"] = "true"  # as the next import says
    shop.save()
    shop.run("04")
    shop.events = [row for row in shop.events if row["name"] != "unsubscribed"]  # and it has forgotten the no
    shop.save()
    for day in ("05", "06", "07"):
        shop.run(day)
        shop.deliver(f"{day} 20:00")
    with shop.mailroom() as mailroom:
        states = {(row.state.value, row.reason) for row in mailroom.listing(limit=1000) if row.customer_id == "c001"}
        assert mailroom.suppressed("c001") == [(None, "unsubscribed")]
    assert states == {("skipped", "unsubscribed")}


def test_deciding_the_same_again_gives_the_same_ids_and_no_second_message(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["welcome"])
    shop.run("02")
    messages = shop.messages()
    ids = {row[0] for row in shop.rows("SELECT decision_id FROM decisions WHERE kind = 'message'")}
    assert ids == set(messages)
    assert shop.run("02").repeated
    assert shop.messages() == messages
