"""The year runs at a small size, a night after the other; what a day brings is the same every time and of that day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from xml.etree import ElementTree

import duckdb

from bench import year
from bench.data import NOW, write_day


def test_nights_follow_each_other_and_their_files_are_measured() -> None:
    told: list[str] = []
    result = year.measure(80, 6, told.append)
    nights = result["nights"]
    assert len(nights) == 6
    assert nights[0]["entered"] > 0
    assert all(night["events"] > 0 for night in nights)
    assert sum(night["mails"] for night in nights) > 0
    assert all(night[name] > 0 for night in nights for name in ("engine", "copy", "mailroom", "peak_mib"))
    assert set(result["drift"]) == set(nights[0])
    text = year.figures(result)
    assert "6 nights" in text
    assert "load average" in text
    for drawn in year.plots(result).values():
        ElementTree.fromstring(drawn)


def test_drift_is_the_last_month_through_the_second() -> None:
    nights = [{"seconds": 1.0 if number < 300 else 2.0} for number in range(365)]
    assert year.drift(nights) == {"seconds": {"early": 1.0, "late": 2.0, "ratio": 2.0}}


def test_a_day_is_the_same_every_time_and_brings_what_happened_on_it(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.parquet"
        write_day(path, 50, 7, 40)
        with duckdb.connect(":memory:") as db:
            db.execute("SET TimeZone = 'UTC'")
            query = f"SELECT event_id, customer_id, name, occurred_at::TIMESTAMP, properties FROM '{path}' ORDER BY 1"
            found.append(db.execute(query).fetchall())
    assert found[0] == found[1]
    assert len(found[0]) == 40
    until = (NOW + dt.timedelta(days=7)).replace(tzinfo=None)
    assert all(until - dt.timedelta(days=1) <= row[3] <= until for row in found[0])
