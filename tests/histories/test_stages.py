"""Rules 10, 15 and 26: segments and stages for everyone each night, and what becoming a member starts."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from journey_engine.conditions import Condition
from journey_engine.cycles import SHIPPED
from journey_engine.rules import Night
from tests.histories.story import (
    Evening,
    Reading,
    customer,
    entries,
    evenings,
    event,
    messages,
    moves,
    nights,
    rules,
)

CYCLE = """
aware: {customer: {customer_id: {exists: true}}}
buyer: {event: {name: order_placed, within: 10 days}}
regular: {event: {name: order_placed, count: {at_least: 2}}}
"""


def on(stage: str, more: str = "reentry: each_occurrence") -> str:
    """A journey that begins when a customer reaches a stage."""
    words = f"topic: receipts\ntrigger: {{enters: {{stage: {stage}}}}}\n{more}\nsteps: [{{send: hello}}]"
    return f"journey: to-{stage}\n{words}"


def test_a_customer_is_in_the_last_stage_whose_condition_holds(reading: Reading) -> None:
    # Orders on 1 and 3 March: buyer from the night of the 2nd, regular from that of the 4th, and never aware
    # again.
    rows = [event("order_placed", "2026-03-01 10:00"), event("order_placed", "2026-03-03 10:00")]
    told = rules(on("aware"), on("buyer"), on("regular"), cycle=CYCLE)
    found = reading(evenings(told, rows, nights("2026-02-28", "2026-03-20")))["c1"]
    assert entries(found) == ["to-buyer 2026-03-02 02:00", "to-regular 2026-03-04 02:00"]


def test_a_relative_window_turns_true_and_false_without_any_event(reading: Reading) -> None:
    # One order: buyer until 11 March 10:00, then only aware again, seen on the night of the 12th.
    told = rules(on("aware"), on("buyer"), cycle=CYCLE)
    rows = [event("order_placed", "2026-03-01 10:00")]
    found = reading(evenings(told, rows, nights("2026-02-28", "2026-03-20")))["c1"]
    assert entries(found) == ["to-buyer 2026-03-02 02:00", "to-aware 2026-03-12 02:00"]


def test_the_edge_of_a_window_is_as_of_less_its_length_excluded(reading: Reading) -> None:
    # At 11 March 02:00 an order of 1 March 02:00 is exactly 10 days ago: no more within them.
    told = rules(on("aware"), on("buyer"), cycle=CYCLE)
    for ordered, left in (
        ("2026-03-01 02:00", "to-aware 2026-03-11 02:00"),
        ("2026-03-01 02:01", "to-aware 2026-03-12 02:00"),
    ):
        found = reading(evenings(told, [event("order_placed", ordered)], nights("2026-02-28", "2026-03-20")))["c1"]
        assert entries(found)[-1] == left


def test_stage_entered_starts_a_journey_in_its_own_run_and_ends_a_wait_in_the_next(reading: Reading) -> None:
    # Buyer on the night of 2 March. The journey on the event enters then; the wait of another pass, and a
    # condition, see it from the night of the 3rd.
    by_event = """
    journey: by-event
    topic: receipts
    trigger: {event: {name: stage_entered, where: {stage: buyer}}}
    reentry: each_occurrence
    steps:
      - branch:
          - {when: {event: {name: stage_entered, ever: true}}, steps: [{send: known}]}
          - {otherwise: [{send: new}]}
    """
    waiting = """
    journey: waiting
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps: [{wait_for: {event: {name: stage_entered, where: {stage: buyer, ordinal: 1}}}}, {send: reached}]
    """
    rows = [event("signed_up", "2026-02-28 10:00"), event("order_placed", "2026-03-01 10:00")]
    told = rules(by_event, waiting, cycle=CYCLE)
    found = reading(evenings(told, rows, nights("2026-02-28", "2026-03-05")))["c1"]
    assert messages(found) == ["new 2026-03-02 02:00", "reached 2026-03-03 02:00"]
    assert "run 4: event 2026-03-02 02:00" in moves(found)


def test_the_first_night_makes_no_stage_entered(reading: Reading) -> None:
    by_event = on("buyer").replace("enters: {stage: buyer}", "event: stage_entered")
    found = reading(evenings(rules(by_event, cycle=CYCLE), [], nights("2026-02-28", "2026-03-05")))["c1"]
    assert entries(found) == []


def test_trigger_tells_the_stage(reading: Reading) -> None:
    told = rules(on("buyer", "audience: {trigger: {stage: buyer}}"), cycle=CYCLE)
    found = reading(evenings(told, [event("order_placed", "2026-03-01 10:00")], nights("2026-02-28", "2026-03-05")))[
        "c1"
    ]
    assert [one.trigger for one in found.passes] == [{"stage": "buyer"}]


def test_a_segment_in_a_condition_is_membership_now_and_sees_the_whole_history(reading: Reading) -> None:
    # Inside a pass too: the order of February is before the entry, and the segment counts it.
    text = """
    journey: one
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps:
      - branch:
          - {when: {event: order_placed}, steps: [{send: since-entry}]}
          - {when: {segment: ordered}, steps: [{send: ever}]}
    """
    rows = [event("signed_up", "2026-03-01 10:00"), event("order_placed", "2026-02-01 10:00")]
    told = rules(text, segments="ordered: {event: order_placed}")
    assert messages(reading(evenings(told, rows, nights("2026-03-01", "2026-03-03")))["c1"]) == [
        "ever 2026-03-02 02:00"
    ]


@pytest.mark.parametrize(
    ("cycle", "rows", "stage"),
    [
        ("marketing", [], "awareness"),
        ("marketing", [event("signed_up", "2026-01-01 10:00")], "consideration"),
        ("marketing", [event("order_placed", "2026-01-01 10:00")], "conversion"),
        ("marketing", [event("order_placed", f"2026-01-0{day} 10:00") for day in (1, 2)], "retention"),
        ("marketing", [event("feedback_given", "2026-01-01 10:00", score=9)], "advocacy"),
        ("marketing", [event("feedback_given", "2026-01-01 10:00", score=8)], "awareness"),
        ("service", [], "be-ready"),
        ("service", [event("service_requested", "2026-02-01 10:00")], "receiving"),
        ("service", [event("service_started", "2026-02-01 10:00")], "helping"),
        ("service", [event("service_requested", "2025-02-01 10:00")], "be-ready"),
    ],
)
def test_the_cycles_that_ship(reading: Reading, cycle: str, rows: list, stage: str) -> None:
    # The journey asks every stage by name on a schedule; exactly one answers.
    stages = {one["stage"]: one["when"] for one in SHIPPED[cycle]}
    adapter: TypeAdapter = TypeAdapter(Condition)
    assert all(adapter.validate_python(when) for when in stages.values())
    journeys = [
        f"journey: in-{name}\ntopic: receipts\ntrigger: {{schedule: '0 9 * * *'}}\n"
        f"audience: {{stage: {name}}}\nsteps: [{{send: hello}}]"
        for name in stages
    ]
    text = "\n".join(f"{name}: {when!r}".replace("True", "true") for name, when in stages.items())
    found = reading(evenings(rules(*journeys, cycle=text), rows, nights("2026-03-01", "2026-03-01")))["c1"]
    assert {one.split()[0] for one in entries(found)} == {f"in-{stage}"}


def test_a_stage_reached_while_absent_is_reached_when_seen_again(reading: Reading) -> None:
    told, when = rules(on("buyer"), cycle=CYCLE), nights("2026-02-28", "2026-03-06")
    rows = [event("order_placed", "2026-03-01 10:00")]
    found = reading([Evening(night, told, [] if night.run in (3, 4) else [customer()], rows) for night in when])
    assert entries(found["c1"]) == ["to-buyer 2026-03-04 02:00"]


def of_cycle(name: str) -> tuple[list[str], str]:
    """A journey for each stage of a cycle that ships, and the cycle as a project would write it."""
    stages = {one["stage"]: one["when"] for one in SHIPPED[name]}
    text = "\n".join(f"{stage}: {when!r}".replace("True", "true") for stage, when in stages.items())
    return [on(stage) for stage in stages], text


@pytest.mark.parametrize(
    ("cycle", "happened", "reached"),
    [
        (
            "marketing",
            "signed_up order_placed order_placed review_written",
            "consideration conversion retention advocacy",
        ),
        (
            "service",
            "service_requested service_understood service_started service_completed feedback_given",
            "receiving understanding helping keeping follow-up",
        ),
    ],
)
def test_each_stage_of_the_cycles_that_ship_starts_its_journey_once_it_is_reached(
    reading: Reading, cycle: str, happened: str, reached: str
) -> None:
    # One thing a day from 2 March on; each stage is seen the night after. The first stage is the baseline of 1 March.
    journeys, text = of_cycle(cycle)
    rows = [event(name, f"2026-03-0{day} 10:00", stars=4) for day, name in enumerate(happened.split(), 2)]
    found = reading(evenings(rules(*journeys, cycle=text), rows, nights("2026-03-01", "2026-03-09")))["c1"]
    assert entries(found) == [f"to-{stage} 2026-03-0{day} 02:00" for day, stage in enumerate(reached.split(), 3)]
    assert [one.key for one in found.passes] == ["1"] * len(reached.split())


def test_a_stage_of_service_is_left_after_90_days_and_reached_again_with_the_next_request(reading: Reading) -> None:
    # Requested on 2 March 10:00: receiving until 31 May 10:00, be-ready from the night of 1 June, receiving on the 5th.
    journeys, text = of_cycle("service")
    rows = [event("service_requested", f"2026-{day} 10:00") for day in ("03-02", "06-04")]
    when = [*nights("2026-03-01", "2026-03-04"), *nights("2026-05-30", "2026-06-06")]
    when = [Night(run, one.as_of, one.horizon, one.since) for run, one in enumerate(when, 1)]
    found = reading(evenings(rules(*journeys, cycle=text), rows, when))["c1"]
    assert entries(found) == [
        "to-receiving 2026-03-03 02:00",
        "to-be-ready 2026-06-01 02:00",
        "to-receiving 2026-06-05 02:00",
    ]
    assert sorted(one.key for one in found.passes if one.journey == "to-receiving") == ["1", "2"]


def test_a_stage_may_be_skipped_and_only_the_last_that_holds_is_reached(reading: Reading) -> None:
    # Two orders and a review in one day: straight from awareness to advocacy.
    journeys, text = of_cycle("marketing")
    rows = [event("order_placed", f"2026-03-02 1{hour}:00") for hour in (0, 1)]
    rows.append(event("review_written", "2026-03-02 12:00", stars=5))
    found = reading(evenings(rules(*journeys, cycle=text), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert entries(found) == ["to-advocacy 2026-03-03 02:00"]
