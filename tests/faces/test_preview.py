"""`journey preview`: letters for a real customer, what is missing and where, and that looking leaves nothing."""

from __future__ import annotations

import csv
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from journey_engine.links import Links

from .conftest import NIGHT, Journey, Said

CART = """journey: cart
topic: letters
trigger: {abandoned: {event: cart_item_added, without: order_placed, for: 1 hour}}
reentry: after_exit
audience: {trigger: {price: {above: 5}}}
steps:
  - send: {template: your-cart, with: {line: {table: articles, key: trigger.sku}}}
  - reward: {program: ten, to: customer, id: gift}
  - wait_for: {id: call, event: called_us, timeout: 2 days, on_timeout: continue}
  - branch:
      - when: {customer: {plan: pro}}
        steps: [{send: a-gift}]
      - otherwise: [{send: we-talked}]
"""
PROGRAM = """program: ten
sides: {customer: {amount: 10, cap: 1}}
currency: EUR
budget: 1000
expires: 60 days
"""
WORDS = {
    "your-cart": "{{ customer.first_name }}: {{ line.title }} at {{ trigger.price | money('EUR') }}",
    "a-gift": "{{ step.gift.amount | money('EUR') }} with {{ step.gift.code }}",
    "we-talked": "About {{ step.call.subject }}",
}


def add(shop: Path, path: str, text: str) -> None:
    (shop / path).parent.mkdir(parents=True, exist_ok=True)
    (shop / path).write_text(text, encoding="utf-8")


def happened(shop: Path, *rows: tuple[str, ...]) -> None:
    with (shop / "data/events.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


@pytest.fixture
def cart(shop: Path) -> Path:
    """A journey that names all that a letter can name; c2 has left something in the cart."""
    add(shop, "journeys/cart.yaml", CART)
    add(shop, "journeys/programs/ten.yaml", PROGRAM)
    add(shop, "data/articles.csv", "sku,title\nb1,Walking the Salt Coast\n")
    with (shop / "journeys/project.yaml").open("a", encoding="utf-8") as file:
        file.write("tables: {articles: {source: data/articles.csv, key: sku}}\n")
    for name, subject in WORDS.items():
        add(shop, f"templates/{name}/subject.txt", subject)
        add(
            shop,
            f"templates/{name}/body.txt",
            f"{subject}\n{{{{ links.unsubscribe }}}}\n{{{{ sender.postal_address }}}}",
        )
    happened(
        shop, ("k1", "c1", "cart_item_added", "2026-02-27T10:00:00Z", '{"sku":"b1","price":3}'),
        ("k2", "c2", "cart_item_added", "2026-02-28T10:00:00Z", '{"sku":"b1","price":26.5}'),
    )  # fmt: skip
    return shop


def seen(journey: Journey, shop: Path, what: str, *more: str | Path) -> Said:
    return journey("preview", what, "--project", shop, "--as-of", NIGHT, *more)


def subjects(said: Said) -> dict[str, Any]:
    return {one["template"]: one["subject"] for one in said.json["letters"]}


def test_a_letter_is_shown_as_its_customer_would_get_it_and_nothing_is_left(journey: Journey, shop: Path) -> None:
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    said = seen(journey, shop, "hello", "--customer", "c3")
    assert (said.status, said.err) == (0, "")
    for line in (
        "journey hello for customer c3 as of 2026-03-02T02:00:00Z", "started by signed_up e5 of 2026-03-01T07:20:00Z",
        "send:hello, template hello (journeys/hello.yaml:14)", "from:    My Shop <hello@shop.example.com>",
        "to:      Ngozi <ngozi@example.org>", "subject: Good to have you here", "| Hello Ngozi!",
    ):  # fmt: skip
        assert line in said.out
    assert {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()} == before


def test_without_a_customer_it_is_one_whom_trigger_and_audience_take(journey: Journey, cart: Path) -> None:
    said = seen(journey, cart, "cart", "--json")
    assert said.json["customer"] == "c2"
    assert said.json["notes"] == [
        "started by cart_item_added k2 of 2026-02-28T10:00:00Z",
        "no event 'called_us' was ever seen; journey cart asks for it",
    ]


def test_all_that_a_letter_can_name_has_its_value(journey: Journey, cart: Path) -> None:
    happened(cart, ("k3", "c2", "called_us", "2026-03-01T10:00:00Z", '{"subject":"the parcel"}'))
    said = seen(journey, cart, "cart", "--customer", "c2", "--json")
    words = subjects(said)
    assert words["your-cart"] == "Jürgen: Walking the Salt Coast at €26.50"
    assert words["a-gift"].startswith("€10.00 with ")
    assert words["we-talked"] == "About the parcel"
    assert said.status == 0


def test_what_is_missing_is_told_with_its_column_or_event(journey: Journey, cart: Path) -> None:
    said = seen(journey, cart, "cart/send:we-talked", "--customer", "c2")
    assert said.status == 1
    assert "no value for step.call.subject" in said.out
    assert "no event called_us that would end step 'call' is in the data of customer c2" in said.out
    add(cart, "templates/your-cart/subject.txt", "{{ trigger.prise }} for {{ customer.first_name }}")
    said = seen(journey, cart, "your-cart", "--customer", "c2")
    assert "the event cart_item_added (k2) has no property 'prise' (did you mean 'price'?); it has: " in said.out
    add(cart, "templates/your-cart/subject.txt", "{{ customer.first_nam }}")
    said = seen(journey, cart, "your-cart", "--customer", "c2")
    assert "data/customers.csv has no column 'first_nam' (did you mean 'first_name'?)" in said.out
    add(cart, "templates/your-cart/subject.txt", "{{ customer.first_name }}")
    happened(cart, ("k4", "c5", "cart_item_added", "2026-02-28T10:00:00Z", '{"sku":"b1","price":26.5}'))
    said = seen(journey, cart, "your-cart", "--customer", "c5")
    assert "customer c5 has nothing in the column 'first_name' of data/customers.csv" in said.out


def test_whom_the_journey_would_not_take_is_shown_with_the_reason(journey: Journey, cart: Path) -> None:
    said = seen(journey, cart, "your-cart", "--customer", "c1", "--json")
    assert subjects(said) == {"your-cart": "Ada: Walking the Salt Coast at €3.00"}
    assert said.json["notes"][1].startswith("the audience says no to this customer: no ")
    said = seen(journey, cart, "your-cart", "--customer", "c4", "--json")
    assert said.status == 1
    assert said.json["notes"][0] == "nothing in the data starts this journey for this customer: `trigger.*` is missing"


def test_files_are_whole_letters_and_their_links_are_taken_by_no_project(journey: Journey, shop: Path) -> None:
    said = seen(journey, shop, "hello", "--customer", "c2", "--out", shop / "letters", "--json")
    assert [Path(path).name for path in said.json["files"]] == [
        "01-send-hello.eml", "01-send-hello.txt", "01-send-hello.html",
    ]  # fmt: skip
    mail = message_from_bytes((shop / "letters/01-send-hello.eml").read_bytes(), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("Jürgen <juergen@example.com>", "Good to have you here")
    link = str(mail["List-Unsubscribe"]).strip("<>")
    assert link.startswith("https://shop.example.com/unsubscribe/preview.")
    assert Links("https://shop.example.com", {"k1": b"secret"}, "k1").verify(link.rsplit("/", 1)[1]) is None
    assert "Hello Jürgen!" in (shop / "letters/01-send-hello.html").read_text(encoding="utf-8")
    (shop / "full").write_text("a file", encoding="utf-8")
    said = seen(journey, shop, "hello", "--out", shop / "full")
    assert said.status == 2
    assert "cannot be written" in said.err


def test_a_draft_and_a_customer_without_an_address_can_be_seen(journey: Journey, shop: Path) -> None:
    text = (shop / "journeys/hello.yaml").read_text(encoding="utf-8")
    add(shop, "journeys/hello.yaml", text.replace("topic: letters", "topic: letters\nstatus: draft"))
    rows = (shop / "data/customers.csv").read_text(encoding="utf-8")
    add(shop, "data/customers.csv", rows.replace("ngozi@example.org", ""))
    said = seen(journey, shop, "hello", "--customer", "c3")
    assert said.status == 0
    assert "would not leave: c3 has no email address" in said.out


@pytest.mark.parametrize(
    ("what", "more", "said_so"),
    [
        ("helo", (), "there is no journey and no template 'helo' (did you mean 'hello'?)"),
        ("hello/send:bye", (), "the journey 'hello' has no step 'send:bye' that sends a letter"),
        ("hello", ("--customer", "c99"), "there is no customer 'c99' in data/customers.csv"),
    ],
)
def test_what_is_not_there_is_told(
    journey: Journey, shop: Path, what: str, more: tuple[str, ...], said_so: str
) -> None:
    said = seen(journey, shop, what, *more)
    assert said.status == 2
    assert said_so in said.err
    assert "remedy:" in said.err


def test_a_journey_with_a_mistake_shows_the_mistake(journey: Journey, shop: Path) -> None:
    add(
        shop, "journeys/bad.yaml", "journey: bad\ntrigger: {event: signed_up}\nreentry: never\nsteps: [{sned: hello}]\n"
    )
    said = seen(journey, shop, "bad")
    assert said.status == 1
    assert "journeys/bad.yaml:4" in said.err


def test_members_get_the_letter_of_their_account(journey: Journey, shop: Path) -> None:
    add(shop, "journeys/renewal.yaml", """journey: renewal
topic: letters
to: members
trigger: {event: membership_ends}
reentry: each_occurrence
audience: {customer: {kind: household}}
steps: [{send: renewal}]
""")  # fmt: skip
    add(shop, "templates/renewal/subject.txt", "{{ customer.first_name }}, until {{ trigger.day | date }}")
    add(
        shop,
        "templates/renewal/body.txt",
        "{{ account.first_name }} {{ links.unsubscribe }} {{ sender.postal_address }}",
    )
    with (shop / "data/customers.csv").open("a", encoding="utf-8") as file:
        file.write("h1,,Familie Grün,,,household,,,,,,,,,\nm1,m1@example.org,Mia,,,person,h1,,,,,,,,\n")
    happened(shop, ("k9", "h1", "membership_ends", "2026-03-01T10:00:00Z", '{"day":"2026-03-31"}'))
    said = seen(journey, shop, "renewal", "--json")
    assert (said.json["customer"], subjects(said)) == ("m1", {"renewal": "Mia, until Mar 31, 2026"})
    assert said.json["letters"][0]["text"].startswith("Familie Grün")
