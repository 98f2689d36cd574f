"""What letters, tasks and webhooks look up in the project's tables (what a template may use)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from journey_engine.message import webhook_data
from journey_engine.records import Customer, DecisionKind
from tests.histories.story import Evening, Reading, customer, evenings, event, journey, kinds, nights, rules

SIGNED_UP = event("signed_up", "2026-03-01 22:00", store="s1", sku=12, pro=True)
WHEN = nights("2026-03-01", "2026-03-02")
STORES = [
    {"store_id": "s1", "city": "Berlin", "phone": "030", "opened": dt.date(2020, 5, 1)},
    {"store_id": "s2", "city": "Rome", "phone": None, "opened": None},
]
PRODUCTS = [
    {"sku": Decimal(12), "title": "Kind of Blue", "price": Decimal("9.5"), "new": True},
    {"sku": Decimal("12.5"), "title": "Half", "price": Decimal(1), "new": None},
]
TABLES = {"stores": STORES, "products": PRODUCTS}
NAMED = ("store.city", "store.phone", "store.gone", "customer.first_name")


def one(steps: str) -> str:
    return f"journey: one\ntopic: receipts\ntrigger: {{event: signed_up}}\nreentry: each_occurrence\nsteps:\n{steps}"


SEND = "  - send: {template: hello, with: {store: {table: stores, key: customer.store_id}}}"


def told_values(reading: Reading, told: Sequence[Evening]) -> list[Any]:
    return [made.payload["values"] for made in kinds(reading(told)["c1"], DecisionKind.MESSAGE)]


def looking(who: Customer, steps: str = SEND, named: Sequence[str] = NAMED) -> list[Evening]:
    return evenings(rules(one(steps), values={"hello": named}), [SIGNED_UP], WHEN, [who], TABLES)


def test_letter_brings_the_columns_that_it_names_of_the_row_of_its_key(reading: Reading) -> None:
    values = told_values(reading, looking(customer(store_id="s1", first_name="Ada")))
    assert values == [{"customer": {"first_name": "Ada"}, "store": {"city": "Berlin", "phone": "030"}}]


def test_row_that_is_named_whole_goes_along_whole(reading: Reading) -> None:
    values = told_values(reading, looking(customer(store_id="s1"), named=("store",)))
    assert values == [{"store": {"store_id": "s1", "city": "Berlin", "phone": "030", "opened": "2020-05-01"}}]


def test_value_that_the_row_does_not_have_is_missing(reading: Reading) -> None:
    assert told_values(reading, looking(customer(store_id="s2"))) == [{"store": {"city": "Rome"}}]


@pytest.mark.parametrize("store", ["s9", "S1", "", None])
def test_row_that_is_not_there_brings_nothing(reading: Reading, store: str | None) -> None:
    attributes = {} if store is None else {"store_id": store}
    assert told_values(reading, looking(customer(**attributes))) == [{}]


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("trigger.sku", "Kind of Blue"),  # a number of an event: 12
        ("customer.number", "Half"),  # a number of a customer: 12.5
        ("customer.words", "Half"),  # a text: 12.5
        ("trigger.store", None),
        ("trigger.pro", None),
        ("trigger.gone.deep", None),
    ],
)
def test_keys_are_compared_as_people_write_them(reading: Reading, key: str, title: str | None) -> None:
    steps = f"  - send: {{template: hello, with: {{product: {{table: products, key: {key}}}}}}}"
    who = customer(number=Decimal("12.50"), words="12.5")
    values = told_values(reading, looking(who, steps, ["product.title"]))
    assert values == [{"product": {"title": title}} if title else {}]


def test_number_boolean_and_date_stay_what_they_are(reading: Reading) -> None:
    steps = "  - send: {template: hello, with: {product: {table: products, key: trigger.sku}}}"
    values = told_values(reading, looking(customer(), steps, ["product.price", "product.new"]))
    assert values == [{"product": {"price": 9.5, "new": True}}]


def test_first_of_several_rows_with_one_key_counts(reading: Reading) -> None:
    twice = {"stores": [*STORES, {"store_id": "s1", "city": "Bonn", "phone": "0228", "opened": None}]}
    applied = rules(one(SEND), values={"hello": ("store.city",)})
    told = evenings(applied, [SIGNED_UP], WHEN, [customer(store_id="s1")], twice)
    assert told_values(reading, told) == [{"store": {"city": "Berlin"}}]


def test_two_sends_of_one_template_look_up_each_its_own(reading: Reading) -> None:
    steps = SEND + "\n  - send: {template: hello, id: again, with: {store: {table: stores, key: trigger.store}}}"
    values = told_values(reading, looking(customer(store_id="s2"), steps, ["store.city"]))
    assert sorted(found["store"]["city"] for found in values) == ["Berlin", "Rome"]


def test_rows_stand_beside_lists_and_other_rows(reading: Reading) -> None:
    steps = """\
  - send:
      template: hello
      with:
        lines: signed_up
        store: {table: stores, key: trigger.store}
        product: {table: products, key: trigger.sku}
"""
    (values,) = told_values(reading, looking(customer(), steps, ["lines", "store.city", "product.title"]))
    assert values["store"] == {"city": "Berlin"}
    assert values["product"] == {"title": "Kind of Blue"}
    assert [line["sku"] for line in values["lines"]] == [12]


def test_row_is_the_one_of_the_night_that_decides(reading: Reading) -> None:
    steps = f"  - wait: 2 days\n{SEND}"
    moved = {"stores": [{"store_id": "s1", "city": "Potsdam"}]}
    applied = rules(one(steps), values={"hello": ("store.city",)})
    who = [customer(store_id="s1")]
    first = evenings(applied, [SIGNED_UP], nights("2026-03-01", "2026-03-02"), who, TABLES)
    later = nights("2026-03-01", "2026-03-04")[2:]
    then = [Evening(night, applied, who, [SIGNED_UP], tables=moved) for night in later]
    assert told_values(reading, [*first, *then]) == [{"store": {"city": "Potsdam"}}]


def test_key_may_come_from_the_event_that_ended_a_wait(reading: Reading) -> None:
    steps = """\
  - wait_for: {event: chosen, id: choice}
  - send: {template: hello, with: {store: {table: stores, key: step.choice.store}}}
"""
    rows = [SIGNED_UP, event("chosen", "2026-03-02 10:00", store="s2")]
    applied = rules(one(steps), values={"hello": ("store.city",)})
    told = evenings(applied, rows, nights("2026-03-01", "2026-03-03"), [customer()], TABLES)
    assert told_values(reading, told) == [{"store": {"city": "Rome"}}]


def test_task_brings_what_its_title_names(reading: Reading) -> None:
    title = "Call {{ store.phone }}"
    steps = f"  - task: {{team: service, title: '{title}', with: {{store: {{table: stores, key: trigger.store}}}}}}"
    told = evenings(rules(one(steps), values={title: ("store.phone",)}), [SIGNED_UP], WHEN, (), TABLES)
    (made,) = kinds(reading(told)["c1"], DecisionKind.TASK)
    assert made.payload["values"] == {"store": {"phone": "030"}}


def test_webhook_brings_the_whole_row_and_null_for_one_that_is_not_there(reading: Reading) -> None:
    steps = """\
  - webhook:
      to: crm
      with:
        product: {table: products, key: trigger.sku}
        store: {table: stores, key: customer.store_id}
        sku: trigger.sku
"""
    told = evenings(rules(one(steps)), [SIGNED_UP], WHEN, [customer()], TABLES)
    (made,) = kinds(reading(told)["c1"], DecisionKind.WEBHOOK)
    row = {"sku": 12, "title": "Kind of Blue", "price": 9.5, "new": True}
    assert webhook_data(made.payload) == {"product": row, "store": None, "sku": 12}


def test_letter_with_another_table_is_another_version_and_one_without_stays_what_it_was() -> None:
    plain = journey(one("  - send: hello"))
    assert plain.version == journey(one("  - send: {template: hello, with: {}}")).version
    assert (
        len({plain.version, journey(one(SEND)).version, journey(one(SEND.replace("stores", "products"))).version}) == 3
    )
