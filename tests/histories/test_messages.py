"""Rules 4, 5, 18, 19 and 21: when an effect happens, what it carries, and its identity."""

from __future__ import annotations

from typing import Any

import pytest

from journey_engine.records import DecisionKind, Event, identity
from journey_engine.rules import Night
from tests.histories.story import (
    HOURLY,
    NIGHTLY,
    Reading,
    at,
    clock,
    customer,
    evenings,
    event,
    kinds,
    messages,
    nights,
    rules,
)

SIGNED_UP = event("signed_up", "2026-03-01 10:00")


def one(words: str, topic: str = "receipts") -> str:
    """A journey that a sign-up starts, with the given words."""
    return f"journey: one\ntopic: {topic}\ntrigger: {{event: signed_up}}\nreentry: never\n{words}"


def begun(run_at: str) -> list[Night]:
    """A first run in the night before the sign-up, and one at the given instant."""
    return [Night.of(1, at("2026-03-01 02:00"), NIGHTLY), Night.of(2, at(run_at), NIGHTLY)]


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        # The night of 2 March runs at 02:00 UTC. Marketing may arrive from 09:00 to 20:00 of the customer's
        # day.
        ("Europe/Berlin", "2026-03-02 08:00"),  # 03:00 there: 09:00 the same day
        ("Asia/Tokyo", "2026-03-02 02:00"),  # 11:00 there: at once
        ("Pacific/Honolulu", "2026-03-02 02:00"),  # 16:00 of the day before: at once
        ("America/New_York", "2026-03-02 14:00"),  # 21:00 of the day before: the next morning
        ("Asia/Kolkata", "2026-03-02 03:30"),  # 07:30 there
    ],
)
def test_marketing_waits_for_the_customers_day_and_a_receipt_does_not(reading: Reading, zone: str, due: str) -> None:
    when, who = nights("2026-03-01", "2026-03-02"), [customer(zone=zone)]
    told = reading(evenings(rules(one("steps: [{send: hello}]", "offers")), [SIGNED_UP], when, who))["c1"]
    assert messages(told) == [f"hello {due}"]
    assert [row.payload["send_hours"] for row in told.decisions] == [["09:00", "20:00"]]
    told = reading(evenings(rules(one("steps: [{send: hello}]", "receipts")), [SIGNED_UP], when, who))["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00"]
    assert [row.payload["send_hours"] for row in told.decisions] == [None]


@pytest.mark.parametrize(
    ("run_at", "due"),
    [
        ("2026-03-02 08:59", "2026-03-02 09:00"),
        ("2026-03-02 09:00", "2026-03-02 09:00"),  # from is included
        ("2026-03-02 19:59", "2026-03-02 19:59"),
        ("2026-03-02 20:00", "2026-03-03 09:00"),  # until is not
    ],
)
def test_allowed_hours_begin_with_from_and_end_before_until(reading: Reading, run_at: str, due: str) -> None:
    told = rules(one("steps: [{send: hello}]", "offers"))
    found = reading(evenings(told, [SIGNED_UP], begun(run_at)))["c1"]
    assert messages(found) == [f"hello {due}"]


def test_the_pass_goes_on_from_the_hour_in_which_the_message_is_allowed(reading: Reading) -> None:
    # Reached 1 March 10:00, decided at 2 March 02:00, due 09:00; one day later is 3 March 09:00.
    told = rules(one("steps: [{send: a}, {wait: 1 day}, {send: b}]", "offers"))
    found = reading(evenings(told, [SIGNED_UP], nights("2026-03-01", "2026-03-04")))["c1"]
    assert messages(found) == ["a 2026-03-02 09:00", "b 2026-03-03 09:00"]
    assert [clock(row.reached_at) for row in found.decisions] == ["2026-03-01 10:00", "2026-03-03 09:00"]


def test_lateness_counts_from_the_arrival_and_not_from_the_allowed_hour(reading: Reading) -> None:
    # Arrived 1 March 10:00 UTC. At 2 March 11:00 it is 25 hours late, at 10:00 24 hours.
    told = rules(one("steps: [{send: {template: hello, max_lateness: 1 day}}]", "offers"))
    for run_at, expected in (
        ("2026-03-02 10:00", ["hello 2026-03-02 10:00"]),
        ("2026-03-02 10:01", ["hello 2026-03-02 10:01 too_late"]),
        ("2026-03-02 21:00", ["hello 2026-03-03 09:00 too_late"]),
    ):
        found = reading(evenings(told, [SIGNED_UP], begun(run_at)))["c1"]
        assert messages(found) == expected


def test_tasks_are_never_too_late_and_keep_no_hours(reading: Reading) -> None:
    told = rules(one('steps: [{task: {team: service, title: "Call", due: 2 days}}]', "offers"))
    when = [*nights("2026-02-28", "2026-03-01"), Night.of(3, at("2026-03-09 23:00"), NIGHTLY)]
    found = reading(evenings(told, [SIGNED_UP], when))["c1"]
    assert [(row.state, clock(row.due_at), row.payload["due_at"]) for row in kinds(found, DecisionKind.TASK)] == [
        ("pending", "2026-03-09 23:00", "2026-03-11T23:00:00Z")
    ]


def test_identity_of_a_message_is_pass_step_and_occurrence_within_the_step(reading: Reading) -> None:
    words = """steps:
  - remind: {template: leave, every: 1 day, times: 2}
  - send: {template: leave, id: last}
  - task: {team: service, title: Call}
"""
    found = reading(evenings(rules(one(words)), [SIGNED_UP], nights("2026-03-01", "2026-03-04")))["c1"]
    own = identity("one", "c1", "")
    assert [row.decision_id for row in found.decisions] == [
        identity(own, "remind:leave", "1"),
        identity(own, "remind:leave", "2"),
        identity(own, "last", "1"),
        identity(own, "task:service", "1"),
    ]


def test_an_inserted_step_changes_no_id_of_the_others(reading: Reading) -> None:
    when = nights("2026-03-01", "2026-03-04")
    found = [
        {row.step: row.decision_id for row in reading(evenings(rules(one(words)), [SIGNED_UP], when))["c1"].decisions}
        for words in ("steps: [{send: a}, {send: b}]", "steps: [{send: a}, {send: new}, {send: b}]")
    ]
    assert found[0].items() <= found[1].items()
    assert len(found[1]) == 3


def test_a_message_carries_the_values_that_its_template_names(reading: Reading) -> None:
    words = """steps:
  - wait_for: {id: ask, event: answered, timeout: 2 days}
  - send: {template: hello, with: {lines: {events: cart_item_added, newest: 2, same: cart}}}
  - send: {template: since, with: {lines: {events: cart_item_added, since: ask}}}
"""
    named = {
        "hello": [
            "customer.first_name",
            "customer.age",
            "customer.absent",
            "trigger.plan",
            "trigger.address.city",
            "step.ask.score",
            "step.ask.occurred_at",
            "sender.name",
        ]
    }
    rows = [
        event("signed_up", "2026-03-01 10:00", plan="pro", address={"city": "Lagos"}, cart=7),
        event("answered", "2026-03-01 12:00", score=4.5),
        event("cart_item_added", "2026-02-01 10:00", sku="a", cart=7),
        event("cart_item_added", "2026-02-02 10:00", sku="b", cart=7),
        event("cart_item_added", "2026-02-03 10:00", sku="c", cart="7"),
        event("cart_item_added", "2026-03-01 13:00", sku="d", cart=7, price=2),
    ]
    who = [customer(zone="Africa/Lagos", first_name="Ada", age="41", locale="en-NG")]
    told = rules(one(words), values=named)
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-03"), who))["c1"]
    first, second = (row.payload for row in found.decisions)
    assert first["values"] == {
        "customer": {"first_name": "Ada", "age": "41"},
        "trigger": {"plan": "pro", "address": {"city": "Lagos"}},
        "step": {"ask": {"score": 4.5, "occurred_at": "2026-03-01T12:00:00Z"}},
        "lines": [
            {"sku": "b", "cart": 7, "occurred_at": "2026-02-02T10:00:00Z"},
            {"sku": "d", "cart": 7, "price": 2, "occurred_at": "2026-03-01T13:00:00Z"},
        ],
    }
    assert second["values"]["lines"] == [first["values"]["lines"][1]]
    assert (first["to"], first["name"], first["locale"]) == ("c1@example.com", "Ada", "en-NG")
    assert (first["timezone"], first["max_lateness_s"]) == ("Africa/Lagos", 4 * 86400)
    assert (first["template"], first["topic"], first["topic_class"], first["channel"]) == (
        "hello",
        "receipts",
        "transactional",
        "file",
    )


def test_a_message_without_an_address_is_decided_and_left_to_the_mailroom(reading: Reading) -> None:
    found = reading(
        evenings(
            rules(one("steps: [{send: hello}]")),
            [SIGNED_UP],
            nights("2026-03-01", "2026-03-02"),
            [customer(email=None)],
        )
    )
    assert [row.payload["to"] for row in found["c1"].decisions] == [None]


@pytest.mark.parametrize("to_contact", [False, True])
def test_a_short_message_goes_to_the_phone_and_a_letter_to_the_mailbox(reading: Reading, to_contact: bool) -> None:
    words = "steps: [{send: {template: text, channel: sms}}, {send: letter}]"
    whom = "to: contact\n" if to_contact else ""
    reader = customer("c2" if to_contact else "c1", phone="+49 170 1234567")
    who = [reader, customer(contact_id="c2")] if to_contact else [reader]
    when = nights("2026-03-01", "2026-03-02")
    told = reading(evenings(rules(one(f"{whom}{words}")), [SIGNED_UP], when, who))["c1"]
    found = [(row.payload["channel"], row.payload["to"]) for row in kinds(told, DecisionKind.MESSAGE)]
    assert found == [("sms", "+49 170 1234567"), ("file", f"{reader.customer_id}@example.com")]


def test_a_short_message_without_a_number_is_decided_and_left_to_the_mailroom(reading: Reading) -> None:
    words = one("steps: [{send: {template: text, channel: sms}}]")
    told = reading(evenings(rules(words), [SIGNED_UP], nights("2026-03-01", "2026-03-02"), [customer()]))["c1"]
    assert [row.payload["to"] for row in kinds(told, DecisionKind.MESSAGE)] == [None]


def test_an_unsubscribe_in_the_data_is_passed_on_once(reading: Reading) -> None:
    rows = [
        event("unsubscribed", "2026-03-01 10:00", "u1", topic="offers"),
        event("unsubscribed", "2026-03-02 10:00", "u2"),
        event("unsubscribed", "2026-03-02 10:00", "u2"),
        event("subscribed", "2026-03-02 11:00", topic="offers"),  # lifts nothing
    ]
    found = reading(evenings(rules(), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert [(row.run, row.decision_id, row.payload["topic"]) for row in found.decisions] == [
        (2, identity("suppress", "u1"), "offers"),
        (3, identity("suppress", "u2"), None),
    ]


def test_an_unsubscribe_from_a_channel_names_it(reading: Reading) -> None:
    rows = [event("unsubscribed", "2026-03-01 10:00", "u1", channel="sms")]
    found = reading(evenings(rules(), rows, nights("2026-03-01", "2026-03-03")))["c1"]
    assert [dict(row.payload) for row in found.decisions] == [
        {"topic": None, "channel": "sms", "reason": "unsubscribed"}
    ]


def yes(when: str, topic: str | None = "offers", **more: Any) -> Event:
    """The customer's own word, as the front door writes it."""
    return event("subscribed", when, **({"topic": topic} if topic else {}), **({"consent_id": "said"} | more))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], True),
        ([event("unsubscribed", "2026-02-01 10:00", topic="offers")], False),
        ([event("unsubscribed", "2026-02-01 10:00", topic="receipts")], True),
        ([event("unsubscribed", "2026-02-01 10:00")], False),
        ([event("unsubscribed", "2026-03-02 03:00", topic="offers")], True),  # after the night that asks
        ([event("message_complained", "2026-02-01 10:00")], False),
        ([event("message_bounced", "2026-02-01 10:00", permanent=True)], False),
        ([event("message_bounced", "2026-02-01 10:00", permanent=False)], True),
        ([event("unsubscribed", "2026-02-01 10:00", channel="sms")], True),  # offers still come by mail
        ([event("unsubscribed", "2026-02-01 10:00", topic="offers"), yes("2026-02-01 10:01")], True),
        ([event("unsubscribed", "2026-02-01 10:00"), yes("2026-02-01 10:01")], True),
        ([event("unsubscribed", "2026-02-01 10:00"), yes("2026-02-01 10:01", "receipts")], False),
        ([event("unsubscribed", "2026-02-01 10:00"), yes("2026-02-01 10:01", None)], False),  # of no topic
        ([event("unsubscribed", "2026-02-01 10:00"), yes("2026-02-01 10:00")], False),  # at one instant the no counts
        ([yes("2026-02-01 09:00"), event("unsubscribed", "2026-02-01 10:00", topic="offers")], False),
        ([event("unsubscribed", "2026-02-01 10:00"), yes("2026-02-01 10:01", consent_id=None)], False),  # rule 19
        ([event("unsubscribed", "2026-02-01 10:00"), yes("2026-02-01 10:01", consent_id=7)], False),
        ([event("message_complained", "2026-02-01 10:00"), yes("2026-02-02 10:00")], False),
        ([event("message_bounced", "2026-02-01 10:00", permanent=True), yes("2026-02-02 10:00")], False),
    ],
)
def test_subscribed_is_asked_of_all_that_is_known(reading: Reading, rows: list, expected: bool) -> None:
    told = rules(one("audience: {subscribed: offers}\nsteps: [{send: hello}]"))
    found = reading(evenings(told, [SIGNED_UP, *rows], nights("2026-03-01", "2026-03-03")))["c1"]
    assert bool(messages(found)) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], False),
        ([yes("2026-02-01 10:00", "news")], True),
        ([yes("2026-02-01 10:00", "offers")], False),
        ([event("subscribed", "2026-02-01 10:00", topic="news")], False),  # data confirm nothing
        ([yes("2026-02-01 10:00", "news"), event("unsubscribed", "2026-02-02 10:00")], False),
        ([event("unsubscribed", "2026-02-01 10:00"), yes("2026-02-02 10:00", "news")], True),
        ([yes("2026-02-01 10:00", "news"), event("unsubscribed", "2026-02-02 10:00", topic="offers")], True),
    ],
)
def test_a_topic_with_double_opt_in_needs_the_customers_own_yes(reading: Reading, rows: list, expected: bool) -> None:
    told = rules(one("audience: {subscribed: news}\nsteps: [{send: hello}]"))
    found = reading(evenings(told, [SIGNED_UP, *rows], nights("2026-03-01", "2026-03-03")))["c1"]
    assert bool(messages(found)) == expected


STOP = {"channel": "sms"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], True),
        ([event("unsubscribed", "2026-02-01 10:00", **STOP)], False),
        ([event("unsubscribed", "2026-02-01 10:00", **STOP, topic="")], False),
        ([event("unsubscribed", "2026-02-01 10:00", **STOP, topic="offers")], True),  # of that topic only
        ([event("unsubscribed", "2026-02-01 10:00", channel="email")], True),
        ([event("unsubscribed", "2026-02-01 10:00", channel=1)], True),
        ([event("unsubscribed", "2026-02-01 10:00")], True),  # of all topics, which `subscribed: TOPIC` asks
        ([event("unsubscribed", "2026-02-01 10:00", **STOP), yes("2026-02-02 10:00", None, **STOP)], True),
        ([event("unsubscribed", "2026-02-01 10:00", **STOP), yes("2026-02-01 10:00", None, **STOP)], False),
        ([event("unsubscribed", "2026-02-01 10:00", **STOP), yes("2026-02-02 10:00", "offers", **STOP)], False),
        ([event("unsubscribed", "2026-02-01 10:00", **STOP), yes("2026-02-02 10:00", None)], False),
        ([event("unsubscribed", "2026-02-01 10:00", **STOP), event("subscribed", "2026-02-02 10:00", **STOP)], False),
        ([event("message_bounced", "2026-02-01 10:00", permanent=True, **STOP)], False),
        ([event("message_bounced", "2026-02-01 10:00", permanent=True)], True),  # a letter's address
        ([event("message_bounced", "2026-02-01 10:00", permanent=True, **STOP, addressee="c9")], True),
        ([event("message_complained", "2026-02-01 10:00")], False),
    ],
)
def test_subscribed_to_a_channel_is_about_that_way_of_being_reached(
    reading: Reading, rows: list, expected: bool
) -> None:
    told = rules(one("audience: {subscribed: {channel: sms}}\nsteps: [{send: hello}]"))
    found = reading(evenings(told, [SIGNED_UP, *rows], nights("2026-03-01", "2026-03-03")))["c1"]
    assert bool(messages(found)) == expected


@pytest.mark.parametrize(("topic", "expected"), [("offers", True), ("receipts", False)])
def test_subscribed_to_a_topic_by_a_channel_asks_both(reading: Reading, topic: str, expected: bool) -> None:
    told = rules(one(f"audience: {{subscribed: {{topic: {topic}, channel: sms}}}}\nsteps: [{{send: hello}}]"))
    rows = [SIGNED_UP, event("unsubscribed", "2026-02-01 10:00", topic="receipts")]
    assert bool(messages(reading(evenings(told, rows, nights("2026-03-01", "2026-03-03")))["c1"])) == expected


def test_what_was_sent_comes_back_as_an_event_of_its_instant(reading: Reading) -> None:
    # The offer is handed over at 09:00; the hourly run of 09:00 knows it, and the wait for it passes at
    # 09:00.
    words = """steps:
  - send: {template: offer, topic: offers}
  - wait_for: {event: {name: message_sent, where: {template: offer}}, since: entry, timeout: 2 days}
  - send: behind
"""
    rows = [event("signed_up", "2026-03-01 20:30")]
    found = reading(evenings(rules(one(words)), rows, nights("2026-03-01 20:00", "2026-03-02 12:00", HOURLY)))["c1"]
    assert messages(found) == ["offer 2026-03-02 09:00", "behind 2026-03-02 09:00"]
    assert [row.event_id for row in found.transitions if row.reason == "event"] == [
        f"{identity(identity('one', 'c1', ''), 'send:offer', '1')}:sent"
    ]
