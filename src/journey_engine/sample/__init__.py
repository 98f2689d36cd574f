"""Make the sample shop: a made-up seller of records and books, with a year of what its customers did.

It writes two CSV files that anybody can open. The same arguments give the same bytes on every machine and
Python: no clock, one seeded generator, whole numbers only. It is input like any other; nothing in the engine
may know about it.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from journey_engine.sample.draw import Draw, instant
from journey_engine.sample.people import CUSTOMER_COLUMNS, make_shoppers
from journey_engine.sample.word_of_mouth import hand_on_cards, make_word_of_mouth
from journey_engine.sample.year import QUIET_DAYS, make_year

__all__ = [
    "CUSTOMER_COLUMNS",
    "EVENT_COLUMNS",
    "QUIET_DAYS",
    "SEED",
    "UNTIL",
    "SampleSummary",
    "write_sample",
]

SEED = 1877
UNTIL = datetime(2026, 3, 3, 2, tzinfo=UTC)
"""The end of the sample's year: a day after the last of the three nights that the tour runs."""

EVENT_COLUMNS = ("event_id", "customer_id", "name", "occurred_at", "properties")


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What was written: rows in each file, customers of each kind, events of each name."""

    customers: int
    events: int
    kinds: Mapping[str, int]
    names: Mapping[str, int]


def write_sample(folder: Path, *, customers: int = 5000, seed: int = SEED, until: datetime = UNTIL) -> SampleSummary:
    """Write data/customers.csv and data/events.csv into a project folder.

    `until` is an aware instant; the events cover the 365 days before it and none is later. Existing files are
    replaced. Raises ValueError for a naive `until` and OSError when the folder cannot be written.
    """
    if until.tzinfo is None:
        raise ValueError("until needs a time zone")
    draw = Draw(seed)
    end = int(until.timestamp())
    shoppers = make_shoppers(draw, customers, end)
    year = make_year(draw, shoppers, end)
    events = hand_on_cards(draw, [*year, *make_word_of_mouth(draw, shoppers, year, end)])
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    rows = ([shopper.row[column] for column in CUSTOMER_COLUMNS] for shopper in shoppers)
    _write_csv(data / "customers.csv", CUSTOMER_COLUMNS, rows)
    _write_csv(
        data / "events.csv",
        EVENT_COLUMNS,
        ((f"e{n:06}", who, name, instant(at), text) for n, (at, who, name, text) in enumerate(events, 1)),
    )
    return SampleSummary(
        customers=len(shoppers),
        events=len(events),
        kinds=dict(Counter(s.row["kind"] for s in shoppers)),
        names=dict(Counter(name for _, _, name, _ in events)),
    )


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
