"""The data set of the head-to-head: N customers with ten events each, the same for the same number and seed.

Drawn by hashing what is drawn about, inside DuckDB, so that ten million customers take seconds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
"""Nothing in the data is later; the first night is at this instant."""
EVENTS_EACH = 10

COUNTRIES = (
    "Austria", "Belgium", "Croatia", "Czechia", "Denmark", "Estonia", "Finland", "France", "Germany", "Greece",
    "Hungary", "Ireland", "Italy", "Latvia", "Malta", "Norway", "Poland", "Portugal", "Spain", "Sweden",
)  # fmt: skip
FIRST = (
    "Ada", "Ben", "Chiara", "David", "Elif", "Femke", "Goran", "Hana", "Ivan", "Julia", "Kai", "Lena", "Marek",
    "Nora", "Oskar", "Pia", "Quentin", "Rosa", "Sven", "Tara", "Ulf", "Vera", "Wim", "Yara", "Zoran", "Zoë",
)  # fmt: skip
LAST = (
    "Ahmed", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Horvat", "Ivanova", "Jansen", "Kowalski",
    "Larsen", "Moreau", "Novak", "O'Brien", "Petrov", "Rossi", "Schmidt", "Tanaka", "Virtanen", "Weber", "Young",
)  # fmt: skip
GOODS = (
    "Alder lamp", "Birch chair", "Cedar shelf", "Desk clock", "Enamel jug", "Felt slippers", "Glass carafe",
    "Hemp rug", "Iron pan", "Jute basket", "Knitted throw", "Linen sheets", "Maple board", "Night light",
    "Oak stool", "Paper lantern", "Quilted mat", "Reading lamp", "Stone mortar", "Tea set", "Umbrella stand",
    "Velvet cushion", "Wool blanket", "Zinc planter",
)  # fmt: skip

# `u` is a number in [0, 1), drawn from the seed, the row and what it is for.
_DRAW = "CREATE OR REPLACE TEMP MACRO u(what, row) AS (hash({seed}, what, row) % 1000000007) / 1000000007.0"
_PICK = """
CREATE OR REPLACE TEMP MACRO pick(names, what, row) AS names[1 + CAST(floor(u(what, row) * len(names)) AS INTEGER)]
"""

_CUSTOMERS = """
COPY (
    SELECT concat('c', i) AS customer_id, concat('customer', i, '@example.com') AS email,
        pick({first}, 'first', i) AS first_name, pick({last}, 'last', i) AS last_name,
        CASE WHEN u('plan', i) < 0.6 THEN 'free' WHEN u('plan', i) < 0.9 THEN 'pro' ELSE 'team' END AS plan,
        CASE WHEN u('region', i) < 0.5 THEN 'EU' WHEN u('region', i) < 0.8 THEN 'NA' ELSE 'APAC' END AS region,
        pick({countries}, 'country', i) AS country,
        round(exp(4 + sqrt(-2 * ln(1 - u('ltv1', i))) * cos(2 * pi() * u('ltv2', i))), 2) AS ltv,
        to_timestamp({now} - u('since', i) * 730 * 86400) AS created_at,
        {recommendations}
    FROM range({customers}) AS t(i)
) TO '{path}' (FORMAT PARQUET)
"""
_RECOMMENDED = """pick({goods}, 'good{n}', i) AS rec{n}_name, round(5 + u('price{n}', i) * 190, 2) AS rec{n}_price,
        concat('https://shop.example.com/p/', CAST(floor(u('url{n}', i) * 100000) AS INTEGER)) AS rec{n}_url"""

_EVENTS = """
COPY (
    SELECT concat('e', i) AS event_id, concat('c', i // {each}) AS customer_id,
        CASE WHEN u('name', i) < 0.6 THEN 'login' WHEN u('name', i) < 0.8 THEN 'purchase'
            WHEN u('name', i) < 0.9 THEN 'page_view' ELSE 'support' END AS name,
        to_timestamp(floor({now} - u('at', i) * 365 * 86400)) AS occurred_at,
        CASE WHEN u('name', i) >= 0.6 AND u('name', i) < 0.8
            THEN concat('{{"amount":', round(u('amount', i) * 100, 2), '}}') ELSE '{{}}' END AS properties
    FROM range({customers} * {each}) AS t(i)
) TO '{path}' (FORMAT PARQUET)
"""


_DAY = """
COPY (
    SELECT concat('d{day}-', i) AS event_id,
        concat('c', CAST(floor(u('who{day}', i) * {customers}) AS INTEGER)) AS customer_id,
        CASE WHEN u('name{day}', i) < 0.6 THEN 'login' WHEN u('name{day}', i) < 0.8 THEN 'purchase'
            WHEN u('name{day}', i) < 0.9 THEN 'page_view' ELSE 'support' END AS name,
        to_timestamp(floor({until} - u('at{day}', i) * 86400)) AS occurred_at,
        CASE WHEN u('name{day}', i) >= 0.6 AND u('name{day}', i) < 0.8
            THEN concat('{{"amount":', round(u('amount{day}', i) * 100, 2), '}}') ELSE '{{}}' END AS properties
    FROM range({events}) AS t(i)
) TO '{path}' (FORMAT PARQUET)
"""


@dataclass(frozen=True, slots=True)
class Data:
    """Where the two files are."""

    customers: Path
    events: Path


def write_data(folder: Path, customers: int, seed: int = 1, each: int = EVENTS_EACH) -> Data:
    """Write customers.parquet and events.parquet into a folder; `each` is how many events a customer has."""
    folder.mkdir(parents=True, exist_ok=True)
    data = Data(folder / "customers.parquet", folder / "events.parquet")
    lists = {"first": list(FIRST), "last": list(LAST), "countries": list(COUNTRIES), "goods": list(GOODS)}
    texts = {name: str([text.replace("'", "’") for text in texts]) for name, texts in lists.items()}
    common = {"now": NOW.timestamp(), "customers": customers, "each": each}
    recommendations = ",\n        ".join(_RECOMMENDED.format(n=n, **texts) for n in (1, 2, 3))
    with duckdb.connect(":memory:") as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(_DRAW.format(seed=seed))
        db.execute(_PICK)
        db.execute(_CUSTOMERS.format(path=data.customers, recommendations=recommendations, **texts, **common))
        db.execute(_EVENTS.format(path=data.events, **common))
    return data


def write_day(path: Path, customers: int, day: int, events: int, seed: int = 1) -> None:
    """Write what so many events of one day are, `day` days after `NOW`: as often of each kind as in the year before."""
    until = (NOW + dt.timedelta(days=day)).timestamp()
    with duckdb.connect(":memory:") as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(_DRAW.format(seed=seed))
        db.execute(_DAY.format(day=day, customers=customers, events=events, until=until, path=path))


RULE = """
SELECT count(*) FROM read_parquet('{customers}') AS c
JOIN (
    SELECT customer_id
    FROM read_parquet('{events}')
    WHERE occurred_at <= TIMESTAMPTZ '{as_of}' AND (
        (name = 'login' AND occurred_at > TIMESTAMPTZ '{as_of}' - INTERVAL 90 DAY)
        OR (name = 'purchase' AND occurred_at > TIMESTAMPTZ '{as_of}' - INTERVAL 365 DAY
            AND CAST(properties ->> '$.amount' AS DOUBLE) > 20))
    GROUP BY customer_id
    HAVING bool_or(name = 'login') AND bool_or(name = 'purchase')
) AS e ON e.customer_id = c.customer_id
WHERE c.plan = 'free' AND c.region = 'EU' AND c.created_at <= TIMESTAMPTZ '{as_of}' - INTERVAL 7 DAY
"""
"""The audience of the journey as one query by hand."""


def rule(data: Data) -> str:
    """The hand-written query over a data set."""
    return RULE.format(customers=data.customers, events=data.events, as_of=NOW.isoformat(" "))
