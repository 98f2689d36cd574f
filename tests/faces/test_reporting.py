"""The report in its three forms: the same counts, no customer's data, nothing broken by odd texts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from journey_engine.night import Group, JourneyCounts, RunReport, groups
from journey_engine.report import (
    COLUMNS,
    as_json,
    as_markdown,
    as_text,
    journey_records,
    markdown_table,
    table,
    with_sum,
)
from tests.histories.story import event, nights, rules
from tests.properties.readings import Sweeping

REPORT = RunReport(
    run_id="2026-03-02T020000Z-12345678",
    as_of=datetime(2026, 3, 2, 2, tzinfo=UTC),
    journeys={"win-back": JourneyCounts(1200, 3, 2, 1, 1), "birthday": JourneyCounts(5, 5, 0, 4, 4)},
    messages={"pending": 1204, "skipped": 1},
    held_back={"no_address": 1},
    set_aside={"events.csv: no occurred_at": 7},
    notes=["3 customers have no zone"],
    broken={"torn": "journeys/torn.yaml:3:1: a | b [unknown-kind]"},
    customers=5000,
    events_received=120,
    seconds={"sweep": 1.23456},
)


def test_text_is_a_table_with_sums_and_everything_that_needs_attention() -> None:
    assert as_text(REPORT).splitlines() == [
        "Run 2026-03-02T020000Z-12345678 as of 2026-03-02T02:00:00Z: 5,000 customers, 120 new events",
        "journey   entered  moved  converted  exited",
        "birthday        5      5          0       4",
        "win-back    1,200      3          2       1",
        "all         1,205      8          2       5",
        "messages: pending 1,204, skipped 1",
        "held back: no_address 1",
        "rows and values set aside: 7 (the notes say which)",
        "set aside: journey torn: journeys/torn.yaml:3:1: a | b [unknown-kind]",
        "note: 3 customers have no zone",
    ]


def test_json_has_the_promised_keys_and_plain_values() -> None:
    found = json.loads(json.dumps(as_json(REPORT)))
    assert found["run_id"] == REPORT.run_id
    assert found["as_of"] == "2026-03-02T02:00:00Z"
    assert found["journeys"]["win-back"] == {
        "entered": 1200, "moved": 3, "converted": 2, "exited": 1, "finished": 1,
    }  # fmt: skip
    assert found["messages"] == {"pending": 1204, "skipped": 1}
    assert found["seconds"] == {"sweep": 1.235}


def test_markdown_keeps_its_cells_whatever_a_reason_says() -> None:
    page = as_markdown(REPORT)
    assert "| birthday | 5 | 5 | 0 | 4 |" in page
    assert "| torn | journeys/torn.yaml:3:1: a \\| b \\[unknown-kind] |" in page
    assert "| events.csv: no occurred\\_at | 7 |" in page
    assert page.endswith("- 3 customers have no zone\n")


def test_groups_are_compared_as_they_were_drawn() -> None:
    told = replace(
        REPORT,
        groups=[Group("thanks", "arm plain", 1200, 120), Group("thanks", "held out", 130, 9)],
    )
    assert as_text(told).splitlines()[5:9] == [
        "compared, over all runs:",
        "group              passes  converted  share",
        "thanks, arm plain   1,200        120  10.0%",
        "thanks, held out      130          9  6.9%",
    ]
    assert "| thanks, held out | 130 | 9 | 6.9% |" in as_markdown(told)
    assert as_json(told)["groups"][1] == {"journey": "thanks", "group": "held out", "passes": 130, "converted": 9}


def test_groups_are_counted_from_the_store() -> None:
    # c1 draws warm and c2 plain; c10 is held out, and draws for nobody. c1 and c10 order.
    text = """
    journey: thanks
    topic: offers
    trigger: {event: signed_up}
    reentry: never
    holdout: 10%
    goal: {event: order_placed, window: 30 days, stay: true}
    steps: [{split: [{arm: warm, weight: 50}, {arm: plain, weight: 50}]}, {wait: 9 days}]
    """
    rows = [event("signed_up", "2026-03-01 10:00", f"up {who}", who=who) for who in ("c1", "c2", "c10")]
    rows += [event("order_placed", "2026-03-02 10:00", f"bought {who}", who=who) for who in ("c1", "c10")]
    sweeping = Sweeping({"timezone": "text"}, "UTC", respond=lambda sent: [])
    for night in nights("2026-03-01", "2026-03-04"):
        sweeping.run(rules(text), night, [(who, {"timezone": "UTC"}) for who in ("c1", "c2", "c10")], rows)
    assert groups(sweeping.engine) == [
        Group("thanks", "arm plain", 1, 0),
        Group("thanks", "arm warm", 1, 1),
        Group("thanks", "held out", 1, 1),
        Group("thanks", "not held out", 2, 1),
    ]
    sweeping.engine.close()


def test_a_repeated_run_says_so() -> None:
    again = RunReport(REPORT.run_id, REPORT.as_of, repeated=True)
    assert as_text(again).endswith("was already done, nothing changed")
    assert as_markdown(again).count("\n") == 1


def test_one_journey_needs_no_sum_and_none_needs_no_table() -> None:
    one = RunReport("r", REPORT.as_of, journeys={"hello": JourneyCounts(1, 1)})
    assert journey_records(one) == [{"journey": "hello", "entered": 1, "moved": 1, "converted": 0, "exited": 0}]
    assert with_sum([]) == []
    assert "journey" not in as_text(RunReport("r", REPORT.as_of))


def test_tables_keep_their_columns() -> None:
    assert table(("a", "b"), []) == "a  b"
    assert table(("name", "n"), [["x", "1,000"], ["yy", "2"]]) == "name      n\nx     1,000\nyy        2"
    assert markdown_table(COLUMNS[:2], [["x", "1"]]) == "| journey | entered |\n| --- | ---: |\n| x | 1 |"
