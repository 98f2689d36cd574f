"""What `journey audience` reads of the sources answers as the whole ledger would, whatever stands in them."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine import audience
from journey_engine.audience import ConditionFile, gathered
from journey_engine.checks import open_project
from journey_engine.collect import asked_by
from journey_engine.engines import open_engine
from journey_engine.load import LoadedProject
from journey_engine.predicates import Predicate
from journey_engine.records import Event
from journey_engine.sweep import event_names, unseen
from journey_engine.times import UTC

AS_OF = dt.datetime(2026, 6, 1, 2, tzinfo=UTC)
PROJECT = """
project: asked
sender: {{name: Shop, email: shop@example.com}}
topics: {{news: {{class: marketing}}}}
customers: {{path: "data/customers.{kind}"}}
events: {{path: "data/events.{kind}"{zone}}}
"""
CUSTOMERS = ("c0", "c1", "c2", "c3", "c1", "")  # one twice, where the first row counts, and one who is nobody
PLANS = ("pro", "free", "", " pro ", "12.5")
# Instants at the edges of what the conditions ask for, with and without zones, and what is none.
INSTANTS = (
    "2026-05-31T02:00:00Z", "2026-05-31T04:00:00+02:00", "2026-05-31T02:00:00.000001Z", "2026-05-25T02:00:00Z",
    "2026-05-30 10:00:00+05:30", "2026-06-01T02:00:00Z", "2026-06-01T02:00:00.000001Z", "2027-01-01T00:00:00Z",
    "2025-01-01T00:00:00-12:00", "2026-03-29 02:30:00", "2026-05-31", "infinity", "0000-01-01T00:00:00Z", "soon", "",
)  # fmt: skip
TEXTS = (
    "{}", "", "{}", '{"total": 30}', '{"total":20.0}', '{"total":"30"}', '{"\\u0074otal":50}', '{"total":true}',
    '{"total":1e400}', '{"total":5,"total":50}', '{"total":NaN}', '{"a":{"total":50}}', '{"note":"\\"total\\":9"}',
    '{"total":50,"plan":"pr\\u006f"}', '{"plan":"pro"}', '{"topic":"news","permanent":true}', '{"permanent":false}',
    '{"topic":"news","consent_id":"k1"}', '{"channel":"sms"}',
    "null", "[]", '{"total":', '{"deep":' + "[" * 61 + "]" * 61 + "}", '{"cl\\"ue":1,"ключ":"да"}', '{"a":null}',
)  # fmt: skip
NAMES = ("bought", "bought", "seen", " bought ", "Bought", "unsubscribed", "subscribed", "message_bounced", "")
CONDITIONS: tuple[Any, ...] = (
    {"event": "bought"},
    {"event": {"name": "bought", "within": "1 day"}},
    {"event": {"name": "bought", "where": {"total": {"above": 20}}, "within": "7 days"}},
    {"event": {"name": "bought", "where": {"plan": "pro"}}},
    {"event": {"name": "seen", "where": {'cl"ue': {"exists": True}, "ключ": "да"}}},
    {"event": {"name": "bought", "where": {"total": {"exists": False}}}},
    {"event": {"name": "bought", "count": {"at_least": 2}}},
    {"event": {"name": "bought", "count": {"at_most": 0}, "within": "1 year"}},
    {"event": {"name": "bought", "sum": {"property": "total", "at_least": 50}}},
    {"event": {"name": "seen", "last": {"before": "1 day"}}},
    {"event": {"name": "bought", "first": {"within": "7 days"}}},
    {"subscribed": "news"},
    {"subscribed": {"topic": "news", "channel": "sms"}},
    {"customer": {"plan": "pro"}},
    {"customer": {"plan": {"exists": False}}},
    {"customer": {"age": {"at_least": 18}, "set_by_journeys": {"exists": True}}},
    {"customer": {"timezone": {"exists": True}}},
)


@st.composite
def conditions(draw: st.DrawFn) -> Any:
    """One condition, or several under words of any kind."""
    simple = st.sampled_from(CONDITIONS)
    form = draw(st.sampled_from(["one", "all", "any", "nested"]))
    if form == "one":
        return draw(simple)
    some = draw(st.lists(simple, min_size=2, max_size=3))
    if form == "nested":
        return {"all": [{"not": some[0]}, {"all": some[1:]}, {"any": some}]}
    return {form: some}


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["e1", "e2", "e3", "e4", " e4", "e5", "e6", ""]),
        st.sampled_from(["c0", "c0", "c1", "c2", "c9", " c1 ", ""]),
        st.sampled_from(NAMES), st.sampled_from(INSTANTS), st.sampled_from(TEXTS),
    ),
    max_size=12,
)  # fmt: skip
PEOPLE = st.tuples(*(st.tuples(st.sampled_from(PLANS), st.sampled_from(["17", "18", "", "old"])) for _ in CUSTOMERS))
TOLD = st.lists(st.tuples(st.sampled_from(["e1", "e2", "m1"]), st.sampled_from(["bought", "unsubscribed"])), max_size=2)


@pytest.fixture(scope="module", params=["csv", "csv in a zone", "parquet"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedProject:
    """A project whose journeys have set attributes of some customers."""
    folder, (kind, _, zone) = tmp_path_factory.mktemp("asked"), str(request.param).partition(" ")
    (folder / "data").mkdir()
    (folder / "journeys").mkdir()
    text = PROJECT.format(kind=kind, zone=", timezone: Europe/Berlin" if zone else "")
    (folder / "journeys/project.yaml").write_text(text, encoding="utf-8")
    write(folder, [("pro", "18")] * len(CUSTOMERS), [])
    loaded = open_project(folder)
    engine = open_engine(loaded.project.engine, folder)
    attributes = [("c0", "plan", '"free"', '"pro"'), ("c1", "set_by_journeys", "1", None), ("c2", "age", "40", '"17"')]
    engine.load("overlays", ("customer_id", "attribute", "value", "imported"), attributes)
    engine.publish()
    engine.close()
    return loaded


@settings(max_examples=5)
@given(people=PEOPLE, rows=ROWS, told=TOLD, asked=st.lists(conditions(), min_size=3, max_size=3))
def test_a_lean_reading_answers_as_the_whole_ledger(
    shop: LoadedProject, people: Any, rows: Any, told: Any, asked: list[Any]
) -> None:
    write(shop.folder, people, rows)
    feedback = [Event(number, "c0", name, AS_OF - dt.timedelta(hours=1), {"total": 60}) for number, name in told]
    predicates = [condition(shop, one) for one in asked]
    with gathered(shop, AS_OF, predicates, feedback=feedback) as whole:
        answers = [whole.matching(predicate, 10) for predicate in predicates]
        notes = [unseen(whole.engine, {name: ["the condition"] for name in event_names(one)}) for one in predicates]
    for predicate, (count, some), told_of in zip(predicates, answers, notes, strict=True):
        found = audience.count(shop, predicate, AS_OF, feedback=feedback)
        assert (found.customers, found.sample, found.known) == (count, tuple(some), whole.collected.customers)
        assert found.notes == tuple(told_of)


def test_a_correction_without_the_name_that_is_asked_for_counts(shop: LoadedProject) -> None:
    bought = condition(shop, {"event": {"name": "bought", "within": "7 days"}})
    first = ("e1", "c0", "bought", "2026-05-31T02:00:00Z", "{}")
    for last, holds in (
        (("e1", "c0", "returned", "2026-05-31T02:00:00Z", "{}"), 0),  # another name
        (("e1", "c0", "bought", "2025-05-31T02:00:00Z", "{}"), 0),  # too long ago
        (("e1", "c9", "bought", "2026-05-31T02:00:00Z", "{}"), 1),  # of a customer who is not there: it waits
        (("e1", "c0", "returned", "soon", "{}"), 1),  # set aside
        (first, 1),
    ):
        write(shop.folder, [("pro", "18")] * len(CUSTOMERS), [first, last])
        assert audience.count(shop, bought, AS_OF).customers == holds, last


def test_only_what_is_asked_for_is_read(shop: LoadedProject) -> None:
    rows = [(f"e{number}", "c0", name, "2026-05-31T02:00:00Z", "{}") for number, name in enumerate(("bought", "seen"))]
    write(shop.folder, [("pro", "18")] * len(CUSTOMERS), rows)
    bought = condition(shop, {"all": [{"event": "bought"}, {"customer": {"plan": {"exists": True}}}]})
    with gathered(shop, AS_OF, [bought], asked=asked_by(bought, AS_OF)) as data:
        assert data.engine.rows("SELECT name FROM events") == [("bought",)]
        columns = {"customer_id", "plan", "zone_in_force"} if "parquet" in str(shop.project.events.path) else None
        assert columns is None or set(data.engine.columns("customers")) == columns


def condition(loaded: LoadedProject, told: Any) -> Predicate:
    """A condition as a file would have it."""
    return ConditionFile.model_validate(told).condition.resolve(loaded.file.context)


def write(folder: Path, people: Sequence[tuple[str, str]], rows: Sequence[tuple[str, ...]]) -> None:
    """Both sources: CSV files, or Parquet files where instants are instants."""
    customers = [(name, plan, age, "Europe/Berlin", "x") for name, (plan, age) in zip(CUSTOMERS, people, strict=True)]
    header = ("customer_id", "plan", "age", "timezone", "note")
    told = ("event_id", "customer_id", "name", "occurred_at", "properties")
    for name, columns, lines in (("customers", header, customers), ("events", told, rows)):
        with (folder / f"data/{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *lines])
        values = [[line[place] for line in lines] for place in range(len(columns))]
        instant = "REPLACE (try_cast(occurred_at AS TIMESTAMPTZ) AS occurred_at)" if name == "events" else ""
        with duckdb.connect() as db:
            db.execute("SET TimeZone = 'UTC'")
            some = ", ".join(f"unnest(CAST(? AS VARCHAR[])) AS {column}" for column in columns)
            db.execute(f"CREATE TABLE lines AS SELECT * {instant} FROM (SELECT {some})", values)
            db.execute(f"COPY lines TO '{folder}/data/{name}.parquet' (FORMAT PARQUET)")
