"""Make the sample shop: a made-up seller of records and books, with a year of what its customers did.

It writes two CSV files that anybody can open. The same arguments give the same bytes on every machine and
Python: no clock, one seeded generator, whole numbers only. It is input like any other; nothing in the engine
may know about it.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any, TypeVar

SEED = 1877
UNTIL = datetime(2026, 3, 3, 2, tzinfo=UTC)
"""The end of the sample's year: a day after the last of the three nights that the tour runs."""

QUIET_DAYS = 60
"""After so many days without an order the shipped win-back journey calls a customer quiet."""

CUSTOMER_COLUMNS = (
    "customer_id", "email", "first_name", "timezone", "locale", "kind", "account_id", "account_name",
    "country", "plan", "favourite_genre", "loyalty_points", "birth_date", "created_at", "account_closed",
)  # fmt: skip
EVENT_COLUMNS = ("event_id", "customer_id", "name", "occurred_at", "properties")

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400
LIVELY_DAYS = 4
"""In its last days the sample has more sign-ups and carts than usual: every night has something to show."""

ORDERS_A_YEAR = (0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 6, 8, 11)
UNSUBSCRIBED_TOPICS = ("offers", "offers", "baskets", "letters", "birthdays", None)

T = TypeVar("T")
Event = tuple[int, str, str, str]
"""When (seconds since 1970), customer, name, properties as JSON."""


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What was written: rows in each file, customers of each kind, events of each name."""

    customers: int
    events: int
    kinds: Mapping[str, int]
    names: Mapping[str, int]


class _Draw(Random):
    """The only source of chance; built on randrange, which gives the same numbers on every Python."""

    def pick(self, options: Sequence[T]) -> T:
        return options[self.randrange(len(options))]

    def weighted(self, options: Sequence[dict[str, Any]]) -> dict[str, Any]:
        left = self.randrange(sum(option["weight"] for option in options))
        for option in options:
            left -= option["weight"]
            if left < 0:
                return option
        raise AssertionError("weights are positive")

    def chance(self, in_a_thousand: int) -> bool:
        return self.randrange(1000) < in_a_thousand

    def between(self, low: int, high: int) -> int:
        return low + self.randrange(high - low + 1)

    def by_day(self, start: int, end: int) -> int:
        """An instant in [start, end), moved into the waking hours of its day when that stays in the range."""
        at = start + self.randrange(max(1, end - start))
        waking = at - at % DAY + 6 * HOUR + self.randrange(17 * HOUR)
        return waking if start <= waking < end else at


@dataclass(frozen=True, slots=True)
class _Shopper:
    """A row of customers.csv, with what the year's events are made from."""

    row: dict[str, str]
    joined: int
    currency: str
    genre: str


def write_sample(
    folder: Path, *, customers: int = 5000, seed: int = SEED, until: datetime = UNTIL
) -> SampleSummary:
    """Write data/customers.csv and data/events.csv into a project folder.

    `until` is an aware instant; the events cover the 365 days before it and none is later. Existing files are
    replaced. Raises ValueError for a naive `until` and OSError when the folder cannot be written.
    """
    if until.tzinfo is None:
        raise ValueError("until needs a time zone")
    draw = _Draw(seed)
    end = int(until.timestamp())
    shoppers = _make_shoppers(draw, customers, end)
    events = sorted(_make_year(draw, shoppers, end))
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    rows = ([shopper.row[column] for column in CUSTOMER_COLUMNS] for shopper in shoppers)
    _write_csv(data / "customers.csv", CUSTOMER_COLUMNS, rows)
    _write_csv(
        data / "events.csv",
        EVENT_COLUMNS,
        ((f"e{n:06}", who, name, _instant(at), text) for n, (at, who, name, text) in enumerate(events, 1)),
    )
    return SampleSummary(
        customers=len(shoppers),
        events=len(events),
        kinds=dict(Counter(s.row["kind"] for s in shoppers)),
        names=dict(Counter(name for _, _, name, _ in events)),
    )


# Who they are


def _make_shoppers(draw: _Draw, how_many: int, end: int) -> list[_Shopper]:
    """A few organizations and households, each followed by its members; the others are on their own."""
    shoppers: list[_Shopper] = []
    accounts = [("organization", name) for name in _shop()["organizations"][: how_many // 300]]
    accounts += [("household", "")] * (how_many // 400)
    for kind, name in accounts:
        country = draw.weighted(_shop()["countries"])
        account = _account(draw, f"c{len(shoppers) + 1:05}", kind, name, country, end)
        shoppers.append(account)
        for _ in range(draw.between(2, 4)):
            shoppers.append(_person(draw, len(shoppers) + 1, country, end, account.row["customer_id"]))
    while len(shoppers) < how_many:
        country = draw.weighted(_shop()["countries"])
        shoppers.append(_person(draw, len(shoppers) + 1, country, end))
    return shoppers


def _account(
    draw: _Draw, customer_id: str, kind: str, name: str, country: dict[str, Any], end: int
) -> _Shopper:
    joined = end - YEAR - draw.randrange(3 * 365) * DAY
    first = draw.pick(country["names"]).split("|")[0]
    row = dict.fromkeys(CUSTOMER_COLUMNS, "") | {
        "customer_id": customer_id,
        "email": f"{customer_id}@example.org",
        "timezone": country["zones"][0],
        "locale": country["locale"],
        "kind": kind,
        "account_name": name or f"{first} and family",
        "country": country["country"],
        "plan": "trade" if kind == "organization" else "reader",
        "loyalty_points": str(10 * draw.randrange(40)),
        "created_at": _instant(joined),
        "account_closed": "false",
    }
    return _Shopper(row, joined, country["currency"], draw.pick(_shop()["products"])["genre"])


def _person(draw: _Draw, number: int, country: dict[str, Any], end: int, account: str = "") -> _Shopper:
    customer_id = f"c{number:05}"
    first, _, ascii_name = draw.pick(country["names"]).partition("|")
    address = (ascii_name or first).lower()
    joined = _joining_instant(draw, end)
    old = joined < end - YEAR
    genre = draw.pick(_shop()["products"])["genre"]
    row = {
        "customer_id": customer_id,
        "email": "" if draw.chance(15) else f"{address}.{number}@example.{draw.pick(('com', 'org'))}",
        "first_name": "" if draw.chance(30) else first,
        "timezone": "" if draw.chance(40) else draw.pick(country["zones"]),
        "locale": country["locale"],
        "kind": "person",
        "account_id": account,
        "account_name": "",
        "country": country["country"],
        "plan": "collector" if draw.chance(150) else "reader",
        "favourite_genre": genre if old and draw.chance(700) else "",
        "loyalty_points": str(10 * draw.randrange(60) if old else 0),
        "birth_date": _birth_date(draw),
        "created_at": _instant(joined),
        "account_closed": "true" if old and draw.chance(8) else "false",
    }
    return _Shopper(row, joined, country["currency"], genre)


def _joining_instant(draw: _Draw, end: int) -> int:
    """Six in ten joined before the year; some in its last lively days."""
    kind = draw.randrange(1000)
    if kind < 600:
        return end - YEAR - draw.randrange(4 * YEAR)
    if kind < 980:
        return draw.by_day(end - YEAR, end)
    return draw.by_day(end - LIVELY_DAYS * DAY, end)


def _birth_date(draw: _Draw) -> str:
    """Two in ten never told; a few were born on a 29th of February."""
    if draw.chance(200):
        return ""
    if draw.chance(7):
        return date(1952 + 4 * draw.randrange(13), 2, 29).isoformat()
    return (date(1946, 1, 1) + timedelta(days=draw.randrange(61 * 365))).isoformat()


# What they did


def _make_year(draw: _Draw, shoppers: Sequence[_Shopper], end: int) -> list[Event]:
    events: list[Event] = []
    for shopper in shoppers:
        start = max(shopper.joined, end - YEAR)
        trade = shopper.row["kind"] == "organization"
        if shopper.joined >= end - YEAR:
            _sign_up(draw, shopper, end, events)
        if shopper.row["kind"] != "household":
            carts = _carts(draw, shopper, start, end, events)
            if trade or draw.chance(40):
                carts.fill(draw.by_day(max(start, end - LIVELY_DAYS * DAY), end), often_left=True)
            carts.come_back()
        _look_around(draw, shopper, start, end, events)
        _ask_for_help(draw, shopper, start, end, events)
        if draw.chance(30):
            topic = draw.pick(UNSUBSCRIBED_TOPICS)
            _add(events, draw.by_day(start, end), shopper, "unsubscribed", {"topic": topic} if topic else {})
    return [event for event in events if event[0] <= end]


class _Carts:
    """One customer's carts: what was put in, and whether and when it was paid for."""

    def __init__(self, draw: _Draw, shopper: _Shopper, end: int, events: list[Event]) -> None:
        self.draw, self.shopper, self.end, self.events = draw, shopper, end, events
        self.made = 0
        self.last_order: int | None = None

    def fill(self, at: int, *, often_left: bool = False) -> None:
        """Put one to three products in a new cart, then buy at once, buy later, or leave it."""
        self.made += 1
        cart_id = f"{self.shopper.row['customer_id']}-{self.made}"
        cents = 0
        for _ in range(self.draw.pick((1, 1, 1, 2, 2, 3))):
            product = self.draw.pick(_shop()["products"])
            quantity = 2 if self.draw.chance(60) else 1
            cents += quantity * product["cents"]
            _add(self.events, at, self.shopper, "cart_item_added", self._line(cart_id, product, quantity))
            at += self.draw.between(1, 9) * MINUTE
        fate = self.draw.randrange(100)
        at_once, later = (30, 60) if often_left else (78, 88)
        if fate < at_once:
            self._pay(cart_id, cents, at + self.draw.between(1, 30) * MINUTE)
        elif fate < later:
            self._pay(cart_id, cents, at + self.draw.between(2 * 60, 40 * 60) * MINUTE)

    def come_back(self) -> None:
        """A third of those who turned quiet in the last lively days buy again soon after."""
        if self.last_order is None:
            return
        quiet_since = self.last_order + QUIET_DAYS * DAY
        if self.end - LIVELY_DAYS * DAY < quiet_since <= self.end and self.draw.chance(333):
            self.made += 1
            product = self.draw.pick(_shop()["products"])
            at = quiet_since + self.draw.between(3, 45) * HOUR
            cart_id = f"{self.shopper.row['customer_id']}-{self.made}"
            _add(self.events, at, self.shopper, "cart_item_added", self._line(cart_id, product, 1))
            self._pay(cart_id, product["cents"], at + 12 * MINUTE)

    def _line(self, cart_id: str, product: dict[str, Any], quantity: int) -> dict[str, Any]:
        return {
            "cart_id": cart_id,
            "name": product["name"],
            "price": product["cents"] / 100,
            "currency": self.shopper.currency,
            "url": f"{_shop()['home']}/{product['slug']}",
            "quantity": quantity,
        }

    def _pay(self, cart_id: str, cents: int, at: int) -> None:
        order = {
            "cart_id": cart_id,
            "order_id": f"o-{cart_id}",
            "total": cents / 100,
            "currency": self.shopper.currency,
        }
        _add(self.events, at, self.shopper, "order_placed", order)
        if at <= self.end:
            self.last_order = max(self.last_order or 0, at)


def _carts(draw: _Draw, shopper: _Shopper, start: int, end: int, events: list[Event]) -> _Carts:
    carts = _Carts(draw, shopper, end, events)
    a_year = draw.pick(ORDERS_A_YEAR)
    share = (end - start) / YEAR
    for _ in range(sum(draw.random() < share for _ in range(a_year))):
        carts.fill(draw.by_day(start, end))
    return carts


def _sign_up(draw: _Draw, shopper: _Shopper, end: int, events: list[Event]) -> None:
    """Half of the newcomers say what they like: some at once, most when a letter has asked them."""
    signed_up = {"plan": shopper.row["plan"], "source": draw.pick(_shop()["sources"])}
    _add(events, shopper.joined, shopper, "signed_up", signed_up)
    if draw.chance(500):
        wait = draw.between(5, 50) if draw.chance(200) else draw.between(12 * 60, 60 * 60)
        _add(events, shopper.joined + wait * MINUTE, shopper, "preference_given", {"interest": shopper.genre})


def _look_around(draw: _Draw, shopper: _Shopper, start: int, end: int, events: list[Event]) -> None:
    for _ in range(draw.randrange(4)):
        page = draw.pick(_shop()["pages"])
        viewed = {"url": _shop()["home"] + page["path"], "title": page["title"]}
        _add(events, draw.by_day(start, end), shopper, "page_viewed", viewed)


def _ask_for_help(draw: _Draw, shopper: _Shopper, start: int, end: int, events: list[Event]) -> None:
    if not draw.chance(50):
        return
    at = draw.by_day(start, end)
    ticket = {"ticket_id": f"t-{shopper.row['customer_id']}", "subject": draw.pick(_shop()["tickets"])}
    _add(events, at, shopper, "support_ticket_opened", ticket)
    if draw.chance(850):
        closed = at + draw.between(4, 80) * HOUR
        _add(events, closed, shopper, "support_ticket_closed", {"ticket_id": ticket["ticket_id"]})


def _add(events: list[Event], at: int, shopper: _Shopper, name: str, properties: dict[str, Any]) -> None:
    text = json.dumps(properties, ensure_ascii=False, separators=(",", ":"))
    events.append((at, shopper.row["customer_id"], name, text))


# Reading and writing


@cache
def _shop() -> dict[str, Any]:
    text = resources.files("journey_engine").joinpath("sample.json").read_text(encoding="utf-8")
    shop: dict[str, Any] = json.loads(text)
    return shop


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
