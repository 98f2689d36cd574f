"""Who the customers of the sample shop are: persons in many countries, a few households and organizations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from journey_engine.sample.draw import DAY, LIVELY_DAYS, YEAR, Draw, instant, shop

CUSTOMER_COLUMNS = (
    "customer_id", "email", "first_name", "timezone", "locale", "kind", "account_id", "account_name",
    "country", "plan", "favourite_genre", "loyalty_points", "birth_date", "created_at", "account_closed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shopper:
    """A row of customers.csv, with what the year's events are made from."""

    row: dict[str, str]
    joined: int
    currency: str
    genre: str


def make_shoppers(draw: Draw, how_many: int, end: int) -> list[Shopper]:
    """A few organizations and households, each followed by its members; the others are on their own."""
    shoppers: list[Shopper] = []
    accounts = [("organization", name) for name in shop()["organizations"][: how_many // 300]]
    accounts += [("household", "")] * (how_many // 400)
    for kind, name in accounts:
        country = draw.weighted(shop()["countries"])
        account = _account(draw, f"c{len(shoppers) + 1:05}", kind, name, country, end)
        shoppers.append(account)
        for _ in range(draw.between(2, 4)):
            shoppers.append(_person(draw, len(shoppers) + 1, country, end, account.row["customer_id"]))
    while len(shoppers) < how_many:
        country = draw.weighted(shop()["countries"])
        shoppers.append(_person(draw, len(shoppers) + 1, country, end))
    return shoppers


def _account(draw: Draw, customer_id: str, kind: str, name: str, country: dict[str, Any], end: int) -> Shopper:
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
        "created_at": instant(joined),
        "account_closed": "false",
    }
    return Shopper(row, joined, country["currency"], draw.pick(shop()["products"])["genre"])


def _person(draw: Draw, number: int, country: dict[str, Any], end: int, account: str = "") -> Shopper:
    customer_id = f"c{number:05}"
    first, _, ascii_name = draw.pick(country["names"]).partition("|")
    address = (ascii_name or first).lower()
    joined = _joininginstant(draw, end)
    old = joined < end - YEAR
    genre = draw.pick(shop()["products"])["genre"]
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
        "created_at": instant(joined),
        "account_closed": "true" if old and draw.chance(8) else "false",
    }
    return Shopper(row, joined, country["currency"], genre)


def _joininginstant(draw: Draw, end: int) -> int:
    """Six in ten joined before the year; some in its last lively days."""
    kind = draw.randrange(1000)
    if kind < 600:
        return end - YEAR - draw.randrange(4 * YEAR)
    if kind < 980:
        return draw.by_day(end - YEAR, end)
    return draw.by_day(end - LIVELY_DAYS * DAY, end)


def _birth_date(draw: Draw) -> str:
    """Two in ten never told; a few were born on a 29th of February."""
    if draw.chance(200):
        return ""
    if draw.chance(7):
        return date(1952 + 4 * draw.randrange(13), 2, 29).isoformat()
    return (date(1946, 1, 1) + timedelta(days=draw.randrange(61 * 365))).isoformat()
