"""A real shop, night by night: 23,570 customers and their 69,659 orders of eighteen months (examples/cdnow).

The numbers of the specification, and beside them a reckoning of every night in plain Python over the orders alone.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from journey_engine import night
from journey_engine.checks import open_project
from journey_engine.times import UTC, iso

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "cdnow"
FIRST, LAST = dt.datetime(1997, 1, 1, tzinfo=UTC), dt.datetime(1998, 6, 30, tzinfo=UTC)
DAY, QUIET = dt.timedelta(days=1), dt.timedelta(days=90)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the CDNOW data are not at ../shared/data/cdnow")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The example project with the data beside it."""
    shutil.copytree(ROOT / "examples" / "cdnow", tmp_path, dirs_exist_ok=True)
    (tmp_path / "data").mkdir(exist_ok=True)
    for name in ("customers.parquet", "events.parquet"):
        (tmp_path / "data" / name).unlink(missing_ok=True)
        (tmp_path / "data" / name).symlink_to(DATA / name)
    return tmp_path


@pytest.fixture(scope="module")
def silences() -> dict[dt.datetime, list[str]]:
    """Who falls silent when, reckoned from the orders alone: ninety days after an order that none followed."""
    query = "SELECT customer_id, epoch_us(occurred_at) // 1000000 FROM read_parquet(?)"
    orders: dict[str, set[dt.datetime]] = {}
    for customer, seconds in duckdb.connect().execute(query, [str(DATA / "events.parquet")]).fetchall():
        orders.setdefault(customer, set()).add(dt.datetime.fromtimestamp(seconds, UTC))
    found: dict[dt.datetime, list[str]] = {}
    for customer, days in orders.items():
        for order, following in pairwise([*sorted(days), dt.datetime.max.replace(tzinfo=UTC)]):
            if following - order > QUIET and order + QUIET <= LAST:
                found.setdefault(order + QUIET, []).append(customer)
    return found


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("{event: {name: order_placed, last: {before: 91 days}}}", 20_253),
        ("{event: {name: order_placed, last: {before: 90 days}}}", 20_253 + 16),
        ("{event: {name: order_placed, last: {within: 90 days}}}", 3_301),
    ],
)
def test_the_command_counts_who_ordered_last_more_than_ninety_days_ago(shop: Path, condition: str, count: int) -> None:
    """Orders stand at midnight: who ordered more than ninety days ago ordered 91 days ago or longer."""
    (shop / "condition.yaml").write_text(condition)
    command = "import sys; from journey_engine.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", command, "audience", str(shop / "condition.yaml"), "--project", str(shop),
         "--as-of", iso(LAST), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["as_of"], told["customers"], len(told["sample"])) == ("1998-06-30T00:00:00Z", count, 10)


def test_the_reckoning_agrees_with_the_specification(silences: dict[dt.datetime, list[str]]) -> None:
    entries = [customer for customers in silences.values() for customer in customers]
    assert (len(entries), len(set(entries))) == (31_654, 23_344)


def nights(*, daily: Iterable[dt.datetime], apart: dt.timedelta) -> list[dt.datetime]:
    """Some days night by night, the rest at a distance that the next night covers (rule 1)."""
    found, instant = {FIRST, LAST, *daily}, FIRST
    while instant < LAST:
        found.add(instant)
        instant += apart
    return sorted(found)


def play(shop: Path, instants: list[dt.datetime], silences: dict[dt.datetime, list[str]]) -> None:
    """Run the nights; each enters those who fell silent since the night before, no more and no fewer."""
    loaded = open_project(shop)
    before = FIRST - DAY
    for instant in instants:
        done = night.run(loaded, instant, clock=lambda: dt.datetime.now(UTC))
        expected = sum(len(who) for when, who in silences.items() if before < when <= instant)
        assert (done.journeys["gone-quiet"].entered, done.set_aside, done.broken) == (expected, {}, {}), iso(instant)
        before = instant
    with duckdb.connect(str(shop / "var" / "engine.duckdb"), read_only=True) as engine:
        entered = engine.execute("SELECT entered_at, customer_id FROM enrollments").fetchall()
        keys = engine.execute("SELECT count(*), count(DISTINCT enrollment_id) FROM enrollments").fetchall()
    assert keys == [(31_654, 31_654)]
    assert len({customer for _, customer in entered}) == 23_344
    found = Counter((instant.replace(tzinfo=UTC), customer) for instant, customer in entered)
    assert found == Counter((when, customer) for when, who in silences.items() for customer in who)


def test_everyone_who_falls_silent_enters_once_each_time(shop: Path, silences: dict[dt.datetime, list[str]]) -> None:
    """Some days one by one, the other nights nine weeks apart: a night covers all since the one before."""
    april = dt.datetime(1997, 4, 1, tzinfo=UTC)
    play(shop, nights(daily=[april + n * DAY for n in range(-1, 3)], apart=63 * DAY), silences)


@pytest.mark.long
def test_every_single_day_of_eighteen_months_enters_whom_it_should(
    shop: Path, silences: dict[dt.datetime, list[str]]
) -> None:
    play(shop, nights(daily=[], apart=DAY), silences)
