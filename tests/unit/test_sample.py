"""The sample shop: the same bytes every time, sound input, and something to see on each night of the tour."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from journey_engine import yamlfile
from journey_engine.program import Program
from journey_engine.sample import CUSTOMER_COLUMNS, EVENT_COLUMNS, QUIET_DAYS, UNTIL, write_sample

ROOT = Path(__file__).parents[2]
NIGHTS = [datetime(2026, 2, 28, 2, tzinfo=UTC) + timedelta(days=n) for n in range(3)]
WHOLE_SHOP = {
    "customers.csv": "99038b76095da076",
    "events.csv": "21dbad78dc0f63ef",
}


@dataclass(frozen=True)
class Shop:
    folder: Path
    customers: list[dict[str, str]]
    events: list[dict[str, str]]

    def named(self, *names: str) -> dict[str, list[tuple[datetime, str, dict[str, Any]]]]:
        """Each customer's events of these names: instant, name, properties, in order of time."""
        found = defaultdict(list)
        for event in self.events:
            if event["name"] in names:
                at = datetime.fromisoformat(event["occurred_at"])
                found[event["customer_id"]].append((at, event["name"], json.loads(event["properties"])))
        return found


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    summary = write_sample(folder, until=UNTIL)
    made = Shop(folder, read(folder / "data/customers.csv"), read(folder / "data/events.csv"))
    assert summary.customers == len(made.customers)
    assert summary.events == len(made.events)
    return made


def in_night(at: datetime, night: datetime) -> bool:
    return night - timedelta(days=1) < at <= night


# The files


def test_whole_shop_has_the_same_bytes_on_every_python(shop: Shop) -> None:
    made = {p.name: hashlib.sha256(p.read_bytes()).hexdigest()[:16] for p in (shop.folder / "data").iterdir()}
    assert made == WHOLE_SHOP


def test_hash_seed_of_the_process_changes_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from journey_engine.sample import *;"
        "write_sample(Path(sys.argv[1]), customers=400)"
    )
    for seed in ("1", "2"):
        run = [sys.executable, "-c", code, str(tmp_path / seed)]
        subprocess.run(run, check=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)})
    for name in ("customers.csv", "events.csv"):
        assert (tmp_path / "1/data" / name).read_bytes() == (tmp_path / "2/data" / name).read_bytes()


def test_another_seed_makes_another_shop(tmp_path: Path) -> None:
    write_sample(tmp_path / "a", customers=50, seed=1)
    write_sample(tmp_path / "b", customers=50, seed=2)
    assert (tmp_path / "a/data/events.csv").read_bytes() != (tmp_path / "b/data/events.csv").read_bytes()


def test_until_without_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="time zone"):
        write_sample(tmp_path, until=UNTIL.replace(tzinfo=None))


@pytest.mark.parametrize("customers", [0, 1, 6, 350])
def test_small_shops_have_exactly_as_many_customers(tmp_path: Path, customers: int) -> None:
    assert write_sample(tmp_path, customers=customers).customers == customers
    assert len(read(tmp_path / "data/customers.csv")) == customers


def test_files_have_the_documented_columns(shop: Shop) -> None:
    assert tuple(shop.customers[0]) == CUSTOMER_COLUMNS
    assert tuple(shop.events[0]) == EVENT_COLUMNS
    assert all(None not in row and None not in row.values() for row in shop.customers + shop.events)


def test_ids_are_unique_and_every_event_has_its_customer(shop: Shop) -> None:
    customers = {c["customer_id"] for c in shop.customers}
    assert len(customers) == len(shop.customers) == 5000
    assert len({e["event_id"] for e in shop.events}) == len(shop.events)
    assert {e["customer_id"] for e in shop.events} <= customers


def test_events_are_in_order_of_time_and_fill_one_year(shop: Shop) -> None:
    stamps = [e["occurred_at"] for e in shop.events]
    assert stamps == sorted(stamps)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp) for stamp in stamps)
    times = [datetime.fromisoformat(stamp) for stamp in stamps]
    assert UNTIL - timedelta(days=365) <= times[0]
    assert times[-1] <= UNTIL
    assert len({at.date() for at in times}) >= 364


# The customers


def test_zones_are_real_and_some_customers_have_none(shop: Shop) -> None:
    zones = {c["timezone"] for c in shop.customers}
    for zone in zones - {""}:
        ZoneInfo(zone)
    assert len(zones) > 15
    assert 100 < sum(c["timezone"] == "" for c in shop.customers) < 400


def test_addresses_are_unique_and_lead_nowhere(shop: Shop) -> None:
    addresses = [c["email"] for c in shop.customers if c["email"]]
    assert len(set(addresses)) == len(addresses)
    assert all(re.fullmatch(r"[a-z0-9.-]+@example\.(com|org)", address) for address in addresses)
    assert 20 < len(shop.customers) - len(addresses) < 200


def test_names_come_in_several_scripts_and_some_are_missing(shop: Shop) -> None:
    names = {c["first_name"] for c in shop.customers}
    for letters in ("[a-z]", "[α-ω]", "[а-я]", "[\u0600-\u06ff]", "[\u0900-\u097f]", "[\u3040-\u9fff]"):
        assert any(re.search(letters, name) for name in names), letters
    assert 50 < sum(c["kind"] == "person" and not c["first_name"] for c in shop.customers) < 300


def test_members_point_to_their_household_or_organization(shop: Shop) -> None:
    kinds = {c["customer_id"]: c["kind"] for c in shop.customers}
    accounts = {c["account_id"] for c in shop.customers if c["account_id"]}
    assert {kinds[account] for account in accounts} == {"household", "organization"}
    assert accounts == {c["customer_id"] for c in shop.customers if c["kind"] != "person"}
    assert {c["kind"] for c in shop.customers if c["account_id"]} == {"person"}


def test_locales_and_countries_are_varied(shop: Shop) -> None:
    assert {c["locale"].split("-")[0] for c in shop.customers} == {"en", "de", "fr"}
    countries = {c["country"] for c in shop.customers}
    assert len(countries) >= 15
    assert "NO" in countries, "a country that YAML 1.1 would read as false"


def test_birth_dates_are_dates_and_some_are_the_29th_of_february(shop: Shop) -> None:
    dates = [date.fromisoformat(c["birth_date"]) for c in shop.customers if c["birth_date"]]
    assert max(dates) < date(2008, 1, 1)
    assert sum((d.month, d.day) == (2, 29) for d in dates) >= 10


def test_nobody_acts_before_signing_up(shop: Shop) -> None:
    joined = {c["customer_id"]: c["created_at"] for c in shop.customers}
    assert all(joined[e["customer_id"]] <= e["occurred_at"] for e in shop.events)


# What happened


def test_order_pays_for_the_lines_of_its_cart(shop: Shop) -> None:
    carts: dict[str, float] = defaultdict(float)
    for events in shop.named("cart_item_added").values():
        for _, _, line in events:
            assert line["url"].startswith("https://nightjar.example.com/")
            carts[line["cart_id"]] += line["price"] * line["quantity"]
    orders = [o for events in shop.named("order_placed").values() for _, _, o in events]
    assert len({o["order_id"] for o in orders}) == len(orders) > 5000
    assert all(o["total"] == pytest.approx(carts[o["cart_id"]]) for o in orders)


def test_every_kind_of_event_is_there(shop: Shop) -> None:
    assert {e["name"] for e in shop.events} == {
        "signed_up", "page_viewed", "cart_item_added", "order_placed", "preference_given",
        "support_ticket_opened", "support_ticket_closed", "unsubscribed",
        "catalogue_requested", "feedback_given",
    }  # fmt: skip
    topics = {p.get("topic") for events in shop.named("unsubscribed").values() for _, _, p in events}
    assert topics == {"offers", "baskets", "letters", "birthdays", None}


def test_answers_are_those_that_the_welcome_letter_offers(shop: Shop) -> None:
    letter = (ROOT / "templates/welcome/body.html").read_text(encoding="utf-8")
    offered = set(re.findall(r'choice\(taste ~ "(\w+)"', letter))
    given = {p["interest"] for events in shop.named("preference_given").values() for _, _, p in events}
    assert given == offered


def test_scores_are_given_to_orders_and_newcomers_bring_the_cards_of_the_glad(shop: Shop) -> None:
    orders = {o["order_id"] for events in shop.named("order_placed").values() for _, _, o in events}
    scores = shop.named("feedback_given")
    assert {s["order_id"] for events in scores.values() for _, _, s in events} <= orders
    path = ROOT / "journeys/programs/bring-a-friend.yaml"
    program = Program.model_validate(yamlfile.read(path.read_text(encoding="utf-8"), path.name).data)
    assert program.referral is not None
    owners = {program.code_of(who): min(at for at, _, s in given if s["score"] >= 9)
              for who, given in scores.items() if any(s["score"] >= 9 for _, _, s in given)}  # fmt: skip
    brought = [(at, told["friend_code"]) for ups in shop.named("signed_up").values() for at, _, told in ups
               if program.referral.code in told]  # fmt: skip
    assert len(brought) > 50
    assert all(owners[code] <= at for at, code in brought)


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: f"{night:%d-%b}")
def test_each_night_has_lists_asked_for_and_glad_customers(shop: Shop, night: datetime) -> None:
    asked, scored = shop.named("catalogue_requested").values(), shop.named("feedback_given").values()
    assert sum(in_night(at, night) for events in asked for at, _, _ in events) >= 4
    assert sum(in_night(at, night) and s["score"] >= 9 for events in scored for at, _, s in events) >= 1


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: f"{night:%d-%b}")
def test_each_night_has_newcomers(shop: Shop, night: datetime) -> None:
    signed_up = shop.named("signed_up").values()
    assert sum(in_night(at, night) for events in signed_up for at, _, _ in events) >= 15


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: f"{night:%d-%b}")
def test_each_night_has_carts_left_and_carts_bought_soon_and_late(shop: Shop, night: datetime) -> None:
    hour = timedelta(hours=1)
    bought_soon = left = bought_late = 0
    for events in shop.named("cart_item_added", "order_placed").values():
        for (at, name, _), following in zip(events, [*events[1:], None], strict=True):
            if name != "cart_item_added" or not in_night(at + hour, night):
                continue
            if following and following[0] <= at + hour:
                bought_soon += following[1] == "order_placed"
            elif following and following[1] == "order_placed" and following[0] < at + timedelta(hours=48):
                bought_late += 1
            else:
                left += 1
    assert min(left, bought_soon, bought_late) >= 8


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: f"{night:%d-%b}")
def test_each_night_has_birthdays_and_newly_quiet_customers(shop: Shop, night: datetime) -> None:
    day = f"{night:%m-%d}"
    assert sum(c["birth_date"][5:] == day for c in shop.customers) >= 5
    last_orders = [
        max(at for at, _, _ in events if at <= night)
        for events in shop.named("order_placed").values()
        if events[0][0] <= night
    ]
    assert sum(in_night(at + timedelta(days=QUIET_DAYS), night) for at in last_orders) >= 8


def test_some_quiet_customers_come_back_within_days(shop: Shop) -> None:
    quiet = timedelta(days=QUIET_DAYS)
    back = 0
    for events in shop.named("order_placed").values():
        for (before, _, _), (after, _, _) in pairwise(events):
            turned_quiet = before + quiet
            back += NIGHTS[0] - timedelta(days=1) < turned_quiet < after <= UNTIL
    assert back >= 5
