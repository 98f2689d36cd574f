"""Rows that cannot be taken as they are: set aside or read as missing, counted, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from journey_engine import night
from journey_engine.report import last
from tests.failures.small_shop import JOURNEYS, Shop, clock, customer, event, words


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, customers=3, journeys=["welcome"])


def test_customers_that_cannot_be_told_apart_are_set_aside_and_counted(shop: Shop) -> None:
    shop.customers += [
        customer(0, email="second@example.com"), customer(0), customer(9, customer_id=""),
        customer(9, customer_id="  "), customer(4, customer_id=" c004 "),
        customer(5, timezone="Mars/Phobos"), customer(6, timezone="../../etc/passwd"),
        customer(7, age="forty"), customer(8, age="1e30", born="31.12.1999"), customer(9, age="NaN", born="2026-02-30"),
    ]  # fmt: skip
    shop.save()
    done = shop.run("02")
    assert done.customers == 9
    assert done.set_aside == {
        "data/customers.csv: duplicate customer_id, the first row counts": 2,
        "data/customers.csv: no customer_id": 2,
        "data/customers.csv: age is no number; the value is taken as missing": 3,
        "data/customers.csv: born is no date; the value is taken as missing": 2,
        "data/customers.csv: timezone is no zone of the time zone database; UTC is used": 2,
    }
    assert (
        "data/customers.csv: 2 rows set aside: duplicate customer_id, the first row counts "
        "(first: row 4 below the header)" in done.notes
    )
    assert (
        "data/customers.csv: 2 values set aside: born is no date; the value is taken as missing "
        "(first: row 12 below the header)" in done.notes
    )
    assert shop.rows("SELECT email FROM customers WHERE customer_id = 'c000'") == [("c000@example.com",)]
    assert shop.rows("SELECT customer_id FROM customers WHERE customer_id LIKE '%c004%'") == [("c004",)]


def test_events_that_cannot_be_taken_are_set_aside_each_with_its_reason(shop: Shop) -> None:
    bad = [
        {"event_id": ""}, {"customer_id": " "}, {"name": ""}, {"occurred_at": ""},
        {"occurred_at": "2026-03-01T10:00:00"}, {"occurred_at": "2026-03-01"},
        {"occurred_at": "yesterday"}, {"occurred_at": "2026-02-30T10:00:00Z"}, {"occurred_at": "infinity"},
        {"occurred_at": "0044-03-15 (BC) 10:00:00Z"}, {"occurred_at": "1772359200"},
        {"occurred_at": "2026-03-01T10:00:00+99:00"}, {"occurred_at": "2026-03-01T10:00:00-16:00"},
        {"occurred_at": "2026-03-01T10:00:00+05:75"},
        {"properties": "{"}, {"properties": "total=5"}, {"properties": "[1]"}, {"properties": "5"},
        {"properties": "null"},
    ]  # fmt: skip
    shop.events = [event(0, 0, "signed_up", "01 10:00", properties="")]
    shop.events += [event(number, 0, "order_placed", "01 11:00") | row for number, row in enumerate(bad, 1)]
    shop.save()
    done = shop.run("02")
    zone = "occurred_at has no zone; write it with one, or say `events: {timezone: ...}` in journeys/project.yaml"
    assert {reason.removeprefix("data/events.csv: "): count for reason, count in done.set_aside.items()} == {
        "no event_id": 1,
        "no customer_id": 1,
        "no name": 1,
        "no occurred_at": 1,
        zone: 3,
        "occurred_at is no instant": 7,
        "properties are no JSON": 2,
        "properties are no JSON object": 3,
    }
    assert (done.events_received, done.journeys["welcome"].entered) == (1, 1)
    assert shop.run("03").set_aside == done.set_aside


def test_events_of_a_customer_nobody_knows_wait_and_are_received_when_the_customer_appears(shop: Shop) -> None:
    shop.events = [event(1, 7, "signed_up", "01 10:00"), event(2, 7, "order_placed", "01 11:00")]
    shop.save()
    waiting = "data/events.csv: events of customers that the customers source does not have; they wait until it does"
    for day in ("02", "03"):
        done = shop.run(day)
        assert (done.set_aside, done.events_received) == ({waiting: 2}, 0)
        assert any("(first: row 1 below the header)" in note for note in done.notes)
    shop.customers.append(customer(7))
    shop.save()
    done = shop.run("04")
    assert (done.set_aside, done.events_received, done.journeys["welcome"].entered) == ({}, 2, 1)


def test_events_dated_after_the_next_run_are_told_of_and_taken_when_their_time_has_come(shop: Shop) -> None:
    shop.events = [
        event(1, 0, "signed_up", "02 01:59"),
        event(2, 1, "signed_up", "02 02:01"),  # between this run and the next: the export is made after the night
        event(3, 2, "signed_up", "03 02:01"),
        event(4, 2, "order_placed", "04 10:00", properties="{"),
        event(5, 2, "order_placed", "01 10:00") | {"occurred_at": "2062-03-01T10:00:00Z"},
    ]
    shop.save()
    told = "data/events.csv: {} dated after the next run, and nothing comes of it until then; the latest is of " \
           "2062-03-01T10:00:00Z (row 5 below the header)"  # fmt: skip
    for day, received, ahead in (("02", 1, "3 events are"), ("03", 1, "2 events are"), ("05", 1, "1 event is")):
        done = shop.run(day)
        assert done.events_received == received
        assert [note for note in done.notes if "dated after" in note] == [told.format(ahead)]
        assert done.set_aside == ({"data/events.csv: properties are no JSON": 1} if day == "05" else {})


def test_a_file_of_events_that_has_shrunk_to_less_than_half_is_told_of(shop: Shop) -> None:
    whole = list(shop.events)
    assert not any("shrunk" in note for note in shop.run("02").notes)
    shop.events = whole[: len(whole) // 3]
    shop.save()
    told = [note for note in shop.run("03").notes if "shrunk" in note]
    assert len(told) == 1
    assert told[0].startswith("data/events.csv has shrunk from ")
    assert "`expects: rows`" in told[0]
    shop.events = whole
    shop.save()
    assert not any("shrunk" in note for note in shop.run("04").notes)


def test_a_mailbox_that_cannot_be_is_skipped_and_the_pass_goes_on(shop: Shop) -> None:
    addresses = ["", "nobody", "a b@example.com", "x@y", "<script>@example.com", "a@example.com\nBcc: all@example.com",
                 "x@xn--.com"]  # fmt: skip
    shop.customers = [customer(number, email=address) for number, address in enumerate([*addresses, "ok@example.com"])]
    shop.events = [event(number, number, "signed_up", "01 10:00") for number in range(len(shop.customers))]
    shop.save()
    done = shop.run("02")
    assert done.messages == {"accepted": 1, "skipped": 7}
    assert done.held_back == {"no_address": 1, "invalid_address": 6}
    assert last(shop.loaded()).held_back == done.held_back
    assert shop.run("02").held_back == done.held_back
    with shop.mailroom() as mailroom:
        details = {row.detail for row in mailroom.listing(reason="invalid_address")}
    assert details == {f"what customer c00{number} has is no address" for number in range(1, 7)}
    assert len(shop.letters()) == 1
    assert shop.rows("SELECT DISTINCT state FROM enrollments") == [("open",)]


BERLIN = {
    "2026-03-29 02:30:00": "2026-03-29 01:30:00",
    "2026-03-29T01:59:59.5": "2026-03-29 00:59:59.5",
    "2025-10-26 02:30:00": "2025-10-26 00:30:00",
    "2026-03-28 12:00": "2026-03-28 11:00:00",
    "2026-03-28": "2026-03-27 23:00:00",
    "2026-03-28T12:00:00Z": "2026-03-28 12:00:00",
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_instants_without_zone_are_read_in_the_zone_of_the_source(shop: Shop, kind: str) -> None:
    """A time in the hour that spring leaves out moves forward; one that autumn has twice is the first (rule 6)."""
    read = {local: utc for local, utc in BERLIN.items() if kind == "csv" or not local.endswith("Z")}
    shop.events = [event(n, 0, "order_placed", "01 10:00") | {"occurred_at": text} for n, text in enumerate(read)]
    shop.save()
    path = f"data/events.{kind}"
    if kind == "parquet":
        columns = "* REPLACE (CAST(occurred_at AS TIMESTAMP) AS occurred_at)"
        shop.parquet(path, f"SELECT {columns} FROM read_csv('{shop.folder}/data/events.csv', all_varchar = true)")
    shop.project("events: data/events.csv", f"events: {{path: {path}, timezone: Europe/Berlin}}")
    done = shop.run("30")
    assert done.set_aside == {}
    found = shop.rows("SELECT CAST(occurred_at AS VARCHAR) FROM events WHERE name = 'order_placed' ORDER BY event_id")
    assert [text for (text,) in found] == list(read.values())


def test_numbers_and_dates_that_the_language_cannot_hold_are_missing_and_counted(shop: Shop) -> None:
    shop.parquet(
        "data/customers.parquet",
        """
        SELECT * FROM (VALUES
            ('c000', 'a@example.com', 1.5::DOUBLE, 5::HUGEINT, DATE '2000-02-29', TIMESTAMP '2026-01-01', {'a': 1}),
            ('c001', 'b@example.com', 'NaN'::DOUBLE, 10::HUGEINT ** 30, DATE 'infinity', TIMESTAMP 'infinity', NULL),
            ('c002', 'c@example.com', '-inf'::DOUBLE, -1 * 10::HUGEINT ** 18, DATE '5874897-12-31',
             TIMESTAMP '0044-03-15 (BC)', {'a': 2})
        ) AS t(customer_id, email, score, points, born, seen, nested)""",
    )
    shop.project("customers: data/customers.csv", "customers: data/customers.parquet")
    shop.write("journeys/picky.yaml", """
journey: picky
topic: service
trigger: {date: {of: customer.born, every: year, offsets: [2 days after, 2 months before]}}
audience:
  any:
    - customer: {score: {above: -1000}, points: {below: 1000000}}
    - customer: {seen: {within: 99 years}}
    - customer: {nested: {contains: "1"}}
steps: [{send: hello}]
""")  # fmt: skip
    done = shop.run("02")
    lost = {"points": "number", "score": "number", "born": "date", "seen": "timestamp"}
    assert done.set_aside == {
        f"data/customers.parquet: {name} is no {kind}; the value is taken as missing": 2 for name, kind in lost.items()
    }
    assert (done.broken, done.journeys["picky"].entered) == ({}, 1)


def test_properties_may_be_huge_and_hold_anything_that_json_holds(shop: Shop) -> None:
    big = "🎈\\n" * 200_000
    odd = [
        f'{{"note":"{big}","total":5}}', '{"total":1e400,"note":"n"}',
        '{"total":123456789012345678901234567890,"note":"n"}',
        '{"total":-0.0000001,"note":"n"}', '{"total":"5","note":"n"}', '{"total":[5],"note":"n"}',
        '{"total":5.0000004,"note":"n","":1,"a/b~c":{"d":[]}}',
    ]  # fmt: skip
    shop.customers = [customer(number) for number in range(len(odd))]
    shop.events = [event(number, number, "signed_up", "01 10:00", text) for number, text in enumerate(odd)]
    shop.save()
    shop.write("journeys/welcome.yaml", JOURNEYS["welcome"].replace(
        "trigger: {event: signed_up}", "trigger: {event: {name: signed_up, where: {total: 5}}}"))  # fmt: skip
    shop.template("hello", "{{ trigger.note | truncate(20) }}")
    done = shop.run("02")
    assert (done.set_aside, done.events_received, done.journeys["welcome"].entered) == ({}, 7, 2)
    assert done.messages == {"accepted": 2}


def test_properties_that_only_some_readers_of_json_can_read_are_set_aside(shop: Shop) -> None:
    """A hundred thousand lists inside each other, once committed, would have stopped every night to come."""
    deep = 100_000
    odd = {
        "no JSON": ['{"a":NaN}', '{"a":[1,-Infinity]}', '{"a":"\\ud800"}', '{"a":"\\q"}', '{"a":1}x', "{'a':1}"],
        "deep": [f'{{"a":{"[" * deep}{"]" * deep}}}', '{"a":' * deep + "1" + "}" * deep],
        "well": ['{"a":"x,nan,[inf"}', f'{{"a":[{",".join(["[]"] * 500)}]}}', '{"a":"x\\u0000y"}'],
    }
    texts = [text for some in odd.values() for text in some]
    shop.customers = [customer(number) for number in range(len(texts))]
    shop.events = [event(number, number, "signed_up", "01 10:00", text) for number, text in enumerate(texts)]
    shop.save()
    shop.template("hello", "{{ trigger.a }}")
    done = shop.run("02")
    assert done.set_aside == {
        "data/events.csv: properties are no JSON": 6,
        "data/events.csv: properties hold values more than 60 deep": 2,
    }
    assert (done.events_received, done.messages) == (3, {"accepted": 3})
    assert shop.run("03").set_aside == done.set_aside


def test_properties_with_a_name_twice_are_set_aside_because_readers_would_differ_on_its_value(shop: Shop) -> None:
    twice = ['{"a":1,"a":2}', '{"a":1,"b":0,"\\u0061":1}', '{"":1,"":1}']
    well = ['{"a":1,"A":2}', '{"a":{"b":1},"b":{"b":2}}', '{"a":"\\"a\\":1,\\"a\\":2"}']
    shop.customers = [customer(number) for number in range(6)]
    shop.events = [event(number, number, "signed_up", "01 10:00", text) for number, text in enumerate(twice + well)]
    shop.save()
    shop.template("hello", "{{ trigger.a }}")
    done = shop.run("02")
    assert done.set_aside == {"data/events.csv: properties have a name twice": 3}
    assert (done.events_received, done.messages) == (3, {"accepted": 3})


def test_a_decision_that_cannot_be_read_again_stops_itself_only(shop: Shop) -> None:
    shop.run("02")
    with duckdb.connect(str(shop.folder / "var/engine.duckdb")) as engine:
        engine.execute("UPDATE decisions SET payload = replace(payload, '\"values\":{', '\"values\":{{')")
        engine.execute("UPDATE runs SET run_id = 'again'")
    (shop.folder / "var/mailroom.sqlite").rename(shop.folder / "var/before.sqlite")
    assert night.recover(shop.loaded(), clock=clock) == [1]
    assert {(state, reason) for state, reason, _ in shop.messages().values()} == {("skipped", "unreadable_values")}
    assert shop.run("04").journeys["welcome"].entered == 1


def test_an_attribute_with_a_name_that_the_engine_needs_is_refused_and_the_remedy_works(shop: Shop) -> None:
    shop.customers = [row | {"zone_in_force": "x"} for row in shop.customers]
    shop.save()
    error = words(shop.refusal("02"))
    assert "the engine keeps the name 'zone_in_force' for itself" in error
    assert "`customers: {columns: {my_zone_in_force: zone_in_force}}`" in error
    shop.project("customers: data/customers.csv",
                 "customers: {path: data/customers.csv, columns: {my_zone_in_force: zone_in_force}}")  # fmt: skip
    assert shop.run("02").customers == 3


def test_a_column_may_serve_two_names_and_hides_the_one_it_is_mapped_over(shop: Shop) -> None:
    shop.project("customers: data/customers.csv",
                 "customers: {path: data/customers.csv, columns: {customer_id: email, email: email}}")  # fmt: skip
    assert shop.run("02").customers == 3
    assert shop.rows("SELECT customer_id, email FROM customers ORDER BY 1")[0] == ("c000@example.com",) * 2


SETS = """
journey: sets
topic: service
reentry: never
trigger: {event: signed_up}
steps: [{set: %s}, {send: hello}]
"""


def test_attributes_that_journeys_set_beside_columns_of_nearly_that_name_break_nothing(shop: Shop) -> None:
    shop.events = [event(0, 0, "signed_up", "01 10:00")]
    shop.save()
    words = "{Age: 5, zone_in_force: x, timezone: {from: customer.customer_id}, email: 5}"
    shop.write("journeys/sets.yaml", SETS % words)
    shop.run("02")
    done = shop.run("03")
    assert (done.broken, done.customers) == ({}, 3)
    assert shop.rows("SELECT email, timezone, zone_in_force FROM customers WHERE customer_id = 'c000'") == [
        ("5", "c000", "UTC")
    ]


def test_customer_id_cannot_be_set(shop: Shop) -> None:
    shop.write("journeys/sets.yaml", SETS % "{customer_id: x}")
    done = shop.run("02")
    assert "customer_id cannot be set: it says who the customer is" in done.broken["sets"]
