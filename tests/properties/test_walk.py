"""What holds of every life that `walk` tells, whatever happens in it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from journey_engine.records import DecisionKind, Event, PassState
from journey_engine.rules import Night, Rules
from journey_engine.times import UTC, utc_to_local
from journey_engine.walk import Life, WalkResult, WorldState, walk_night
from tests.histories.story import NIGHTLY, customer, rules

START = dt.datetime(2026, 3, 24, 2, tzinfo=UTC)  # Berlin's spring night lies within

JOURNEYS = (
    """
journey: welcome
topic: offers
trigger: {event: {name: signed_up, first: true}}
reentry: never
goal: {event: order_placed, window: 5 days, stay: true}
exit_when: {event: {name: order_placed, count: {at_least: 3}}}
steps:
  - send: hello
  - wait_for: {id: ask, event: answered, since: entry, timeout: 2 days, on_timeout: [{send: again}]}
  - set: {plan: {from: step.ask.plan}, only_if: {event: answered}}
  - branch:
      - {when: {customer: {plan: pro}}, steps: [{send: {template: pro, topic: receipts}}]}
      - otherwise: [{wait: 30 hours}, {task: {team: service, title: Call}}, {exit: called}]
  - remind: {template: leave, every: 20 hours, times: 3, until: {event: order_placed}}
""",
    """
journey: cart
topic: offers
trigger: {abandoned: {event: cart_item_added, without: order_placed, for: 5 hours}}
reentry: {after: 2 days}
goal: {event: {name: order_placed, same: cart}, window: 3 days}
exit_when: {event: order_placed}
steps: [{send: cart}, {wait: 2 days}, {send: last-call}]
""",
    """
journey: morning
topic: receipts
trigger: {schedule: {cron: "30 2,9 * * *", timezone: customer}}
audience: {any: [{segment: buyer}, {journey: {name: welcome, state: in}}]}
steps: [{send: digest, }, {wait: 5 hours}, {branch: [{when: {event: order_placed}, steps: [{send: thanks}]}]}]
""",
    """
journey: new-buyer
topic: receipts
trigger: {enters: {segment: buyer}}
reentry: each_occurrence
steps: [{send: buyer}, {wait_for: {event: order_placed, timeout: 1 day, on_timeout: exit}}, {send: more}]
""",
    """
journey: day
topic: offers
trigger: {date: {of: customer.day, every: month, offsets: [1 day before, on the day], at: "09:00"}}
steps: [{send: day}]
""",
)

RULES = rules(*JOURNEYS, segments="buyer: {event: {name: order_placed, within: 3 days}}")

happenings = st.builds(
    lambda number, name, minutes, late, properties: Event(
        f"e{number}",
        "c1",
        name,
        START + dt.timedelta(minutes=minutes),
        properties,
        START + dt.timedelta(minutes=minutes + late),
    ),
    st.integers(0, 30),
    st.sampled_from(["signed_up", "order_placed", "cart_item_added", "answered", "unsubscribed"]),
    st.integers(-2 * 1440, 9 * 1440).map(lambda minutes: minutes // 30 * 30),
    st.sampled_from([0, 0, 0, 300, 3000, 6000]),
    st.fixed_dictionaries(
        {}, optional={"cart": st.sampled_from([1, 2, "1"]), "plan": st.sampled_from(["pro", "free"])}
    ),
)
lives = st.lists(happenings, max_size=14)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu"])
hours = st.sets(st.integers(0, 10 * 24 - 1), max_size=6)


def nights(skipped: set[int], extra: set[int]) -> list[Night]:
    """Ten nights, without some of them, and with runs by hand at some hours."""
    regular = {START + dt.timedelta(days=day) for day in range(10) if day * 24 not in skipped}
    by_hand = {START + dt.timedelta(hours=hour, minutes=7) for hour in extra}
    return [Night.of(run, at, NIGHTLY) for run, at in enumerate(sorted(regular | by_hand), 1)]


def live(rows: list[Event], zone: str, when: list[Night], told: Rules = RULES) -> list[WalkResult]:
    life, who = Life(), customer(zone=zone, day="2026-01-28")
    return [life.live(told, night, who, rows) for night in when]


@given(lives, zones, hours, hours)
def test_no_id_is_ever_used_twice_however_the_nights_are_cut(
    rows: list[Event], zone: str, skipped: set[int], extra: set[int]
) -> None:
    results = live(rows, zone, nights({hour // 24 * 24 for hour in skipped}, extra))
    ids = [one.decision_id for result in results for one in result.decisions]
    assert len(ids) == len(set(ids))
    moves = [(one.enrollment_id, one.run, one.seq) for result in results for one in result.transitions]
    assert len(moves) == len(set(moves))


@given(lives, zones, hours)
def test_the_same_night_again_changes_nothing(rows: list[Event], zone: str, extra: set[int]) -> None:
    life, who = Life(), customer(zone=zone, day="2026-01-28")
    for night in nights(set(), extra):
        life.live(RULES, night, who, rows)
        before = (life.state, life.world, dict(life.ledger), list(life.pending))
        again = life.live(RULES, replace(night, run=night.run + 1), who, rows)
        assert (again.transitions, again.decisions, again.new_events) == ((), (), ())
        assert (life.state, life.world, life.ledger, life.pending) == before


@given(lives, zones)
def test_a_night_is_a_function_of_its_input(rows: list[Event], zone: str) -> None:
    life, who = Life(), customer(zone=zone, day="2026-01-28")
    for night in nights(set(), set()):
        life.live(RULES, night, who, rows)
    following = Night.of(99, START + dt.timedelta(days=10), NIGHTLY)
    known = list(life.ledger.values())
    first = walk_night(RULES, following, life.world, who, life.state, known)
    assert walk_night(RULES, following, life.world, who, life.state, list(reversed(known))) == first
    assert walk_night(RULES, following, WorldState(), None, life.state, known) == WalkResult(life.state)


@given(lives, zones, hours)
def test_moves_are_a_chain_in_time_and_nothing_happens_in_the_past(
    rows: list[Event], zone: str, extra: set[int]
) -> None:
    when = nights(set(), extra)
    results = live(rows, zone, when)
    as_of = {night.run: night.as_of for night in when}
    chains = defaultdict(list)
    for result in results:
        for move in result.transitions:
            chains[move.enrollment_id].append(move)
        for one in result.decisions:
            if one.kind in (DecisionKind.MESSAGE, DecisionKind.TASK, DecisionKind.SET):
                assert one.due_at >= max(as_of[one.run], one.reached_at)
    passes = {one.enrollment_id: one for one in results[-1].state.passes}
    assert passes.keys() == chains.keys()
    for enrollment_id, chain in chains.items():
        one = passes[enrollment_id]
        assert chain[0].reason == "entered" and chain[0].from_node is None and chain[0].at == one.entered_at
        for earlier, later in pairwise(chain):
            assert later.from_node == earlier.to_node
            assert later.at >= earlier.at
            assert later.to_node is None or later.from_node is None or later.to_node > later.from_node
        assert (chain[-1].to_node is None) == (one.state is not PassState.OPEN)
        assert (one.closed_at or one.reached_at) == chain[-1].at


@given(lives, zones)
def test_the_order_of_rows_that_came_together_does_not_matter(rows: list[Event], zone: str) -> None:
    once = list({row.event_id: replace(row, received_at=None) for row in rows}.values())
    when = nights(set(), set())
    assert live(once, zone, when) == live(once[::-1], zone, when)


@given(lives, zones)
def test_a_message_is_due_in_its_hours_and_no_later_than_a_day_after_the_run(rows: list[Event], zone: str) -> None:
    when = nights(set(), set())
    for night, result in zip(when, live(rows, zone, when), strict=True):
        for one in result.decisions:
            if one.kind is DecisionKind.MESSAGE and one.payload["topic_class"] == "marketing":
                assert dt.time(9) <= utc_to_local(one.due_at, zone).time() < dt.time(20)
            # Reached before the next night, and then moved at most into the next morning.
            assert one.due_at - night.as_of < dt.timedelta(days=2)
