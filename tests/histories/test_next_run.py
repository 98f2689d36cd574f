"""Rules 15 and 16: what the next run sees, and the row of every move."""

from __future__ import annotations

import pytest

from journey_engine.graph import Await, Emit, Exit
from journey_engine.records import DecisionKind
from journey_engine.rules import Night
from tests.histories.story import (
    NIGHTLY,
    Evening,
    Reading,
    at,
    customer,
    entries,
    evenings,
    event,
    journey,
    kinds,
    messages,
    moves,
    nights,
    rules,
)

SIGNED_UP = event("signed_up", "2026-03-01 10:00")


def one(words: str) -> str:
    """A journey on receipts that a sign-up starts, with the given words."""
    return f"journey: one\ntopic: receipts\ntrigger: {{event: signed_up}}\nreentry: never\n{words}"


def test_what_is_set_tonight_is_seen_the_next_night_until_the_import_changes(reading: Reading) -> None:
    # Set on 2 March. The same night a branch still sees the old plan; the next nights see the new one, until
    # the data say something else on 5 March; going back to the old value later does not bring it back.
    setter = one("steps: [{set: {plan: gold}}, {branch: [{when: {customer: {plan: gold}}, steps: [{send: early}]}]}]")
    watch = """
    journey: watch
    topic: receipts
    trigger: {schedule: "0 1 * * *"}
    audience: {customer: {plan: gold}}
    steps: [{send: gold}]
    """
    imported = {5: "silver"}
    told = rules(setter, watch)
    when = nights("2026-03-01", "2026-03-08")
    moved = [Evening(night, told, [customer(plan=imported.get(night.run, "free"))], [SIGNED_UP]) for night in when]
    found = reading(moved)["c1"]
    # The night of the 3rd sees gold (the firing of 4 March 01:00 lies ahead of it), the 4th too, the 5th no
    # more.
    assert messages(found) == ["gold 2026-03-04 01:00", "gold 2026-03-05 01:00"]
    stayed = [Evening(night, told, [customer(plan="free")], [SIGNED_UP]) for night in when]
    assert messages(reading(stayed)["c1"])[-1] == "gold 2026-03-09 01:00"


def test_of_two_sets_the_one_that_takes_effect_later_stands(reading: Reading) -> None:
    first = "journey: {name}\ntopic: receipts\ntrigger: {{event: signed_up}}\nreentry: never\n"
    early = first.format(name="zz-early") + "steps: [{wait: 20 hours}, {set: {plan: early}}]"  # 2 March 06:00
    late = first.format(name="aa-late") + "steps: [{wait: 22 hours}, {set: {plan: late}}]"  # 2 March 08:00
    watch = (
        first.format(name="watch")
        + "steps: [{wait: 40 hours}, {send: {template: late, only_if: {customer: {plan: late}}}}]"
    )
    told = reading(evenings(rules(early, late, watch), [SIGNED_UP], nights("2026-03-01", "2026-03-04")))["c1"]
    assert messages(told) == ["late 2026-03-03 02:00"]


def test_a_value_is_taken_from_the_answer_and_a_missing_one_is_left_out(reading: Reading) -> None:
    words = """steps:
  - wait_for: {id: ask, event: answered, timeout: 2 days}
  - set: {favourite: {from: step.ask.interest}, plan: {from: trigger.plan}, answered: true}
"""
    for rows, expected in (
        (
            [SIGNED_UP, event("answered", "2026-03-02 10:00", interest="jazz")],
            {"favourite": "jazz", "answered": True},
        ),
        ([event("signed_up", "2026-03-01 10:00", plan=2.5)], {"plan": 2.5, "answered": True}),
    ):
        told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-05")))["c1"]
        assert [row.payload["attributes"] for row in kinds(told, DecisionKind.SET)] == [expected]


def test_journey_conditions_see_the_passes_as_before_the_run(reading: Reading) -> None:
    # Both enter on the night of 2 March; `second` lets only those in who are in `one`. As before that run
    # they are not; the sign-up of 2 March finds them in it on the 3rd.
    second = """
    journey: second
    topic: receipts
    trigger: {event: signed_up}
    reentry: each_occurrence
    audience: {journey: one}
    steps: [{send: second}]
    """
    rows = [SIGNED_UP, event("signed_up", "2026-03-02 10:00")]
    told = reading(evenings(rules(one("steps: [{wait: 9 days}]"), second), rows, nights("2026-03-01", "2026-03-05")))[
        "c1"
    ]
    assert entries(told) == ["one 2026-03-01 10:00", "second 2026-03-02 10:00"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # `one` finishes on 2 March 02:00; the second sign-up is read on the night of 7 March.
        ("state: finished", True),
        ("state: finished, within: 5 days", False),  # later than 2 March 02:00 is asked for
        ("state: finished, within: 5 days 1 minute", True),
        ("state: converted", False),
        ("state: exited", False),
        ("state: in", False),
    ],
)
def test_journey_condition_asks_for_a_state_and_how_long_ago(reading: Reading, words: str, expected: bool) -> None:
    second = f"""
    journey: second
    topic: receipts
    trigger: {{event: asked}}
    reentry: each_occurrence
    audience: {{journey: {{name: one, {words}}}}}
    steps: [{{send: second}}]
    """
    rows = [SIGNED_UP, event("asked", "2026-03-06 10:00")]
    told = reading(evenings(rules(one("steps: [{send: x}]"), second), rows, nights("2026-03-01", "2026-03-08")))["c1"]
    assert [text.split()[0] for text in messages(told)] == ["x", "second"][: 1 + expected]


def test_a_message_condition_is_of_this_pass_and_of_what_was_handed_over_before_the_run(
    reading: Reading,
) -> None:
    # The first message is handed over at 2 March 02:00; the branch behind it in the same run does not see it
    # yet.
    words = """
    journey: one
    topic: receipts
    trigger: {event: signed_up}
    reentry: each_occurrence
    steps:
      - send: {template: hello, only_if: {customer: {plan: pro}}}
      - branch: [{when: {message: {template: hello}}, steps: [{send: at-once}]}]
      - wait: 1 day
      - branch:
          - {when: {message: {template: hello}}, steps: [{send: own}]}
          - {when: {message: {template: hello, ever: true}}, steps: [{send: other}]}
    """
    rows = [SIGNED_UP, event("signed_up", "2026-03-03 10:00")]
    when, told = nights("2026-03-01", "2026-03-06"), rules(words)
    moved = [Evening(night, told, [customer(plan="pro" if night.run < 3 else "free")], rows) for night in when]
    assert messages(reading(moved)["c1"]) == [
        "hello 2026-03-02 02:00",
        "own 2026-03-03 02:00",
        "other 2026-03-04 10:00",
    ]


def test_every_move_is_a_row_with_its_nodes_instant_reason_and_run(reading: Reading) -> None:
    words = """steps:
  - send: x
  - wait: 1 day
  - branch: [{when: {event: order_placed}, steps: [{exit: bought}]}]
  - wait_for: {event: answered, timeout: 1 day}
  - task: {team: service, title: Call}
  - set: {called: true}
"""
    text = one(words)
    graph = journey(text)
    told = reading(evenings(rules(text), [SIGNED_UP], nights("2026-03-01", "2026-03-05")))["c1"]
    assert moves(told) == [
        "run 2: entered 2026-03-01 10:00",
        "run 2: sent 2026-03-02 02:00",
        "run 3: waited 2026-03-03 02:00",
        "run 3: no 2026-03-03 02:00",
        "run 4: timeout 2026-03-04 02:00",
        "run 4: task 2026-03-04 02:00",
        "run 4: set 2026-03-04 02:00",
        "run 4: finished 2026-03-04 02:00",
    ]
    assert [row.seq for row in told.transitions] == [0, 1, 0, 1, 0, 1, 2, 3]
    nodes = [row.from_node for row in told.transitions]
    assert nodes[0] is None and nodes[1:] == [row.to_node for row in told.transitions][:-1]
    assert isinstance(graph.nodes[nodes[1] or 0], Emit) and isinstance(graph.nodes[nodes[2] or 0], Await)
    assert isinstance(graph.nodes[nodes[-1] or 0], Exit) and told.transitions[-1].to_node is None


def test_a_journey_set_aside_tonight_stands_still_and_goes_on_later(reading: Reading) -> None:
    # Not among the rules of the nights of 3 and 4 March: the wait that ended on the 2nd is noticed on the
    # 5th, and the sign-up of the 3rd is no later than the last run (the 2nd) less 72 hours, so it is not lost
    # either.
    text = one("steps: [{wait: 1 day 20 hours}, {send: x}]").replace("never", "each_occurrence")
    rows, live, aside = [SIGNED_UP, event("signed_up", "2026-03-03 10:00")], rules(text), rules()
    when = nights("2026-03-01", "2026-03-06")
    told = reading([Evening(night, aside if night.run in (3, 4) else live, [customer()], rows) for night in when])["c1"]
    assert messages(told) == ["x 2026-03-05 02:00", "x 2026-03-05 06:00"]
    assert entries(told) == ["one 2026-03-01 10:00", "one 2026-03-03 10:00"]


def test_a_transient_non_match_deletes_nothing(reading: Reading) -> None:
    # The audience is asked at entry only: a plan that is gone for one night changes no pass.
    text = one("audience: {customer: {plan: pro}}\nsteps: [{wait: 3 days}, {send: x}]")
    told, when = rules(text), nights("2026-03-01", "2026-03-06")
    moved = [Evening(night, told, [customer(plan=None if night.run == 3 else "pro")], [SIGNED_UP]) for night in when]
    assert messages(reading(moved)["c1"]) == ["x 2026-03-04 10:00"]


def test_a_run_by_hand_in_between_changes_nothing(reading: Reading) -> None:
    # A run by hand in between adds nothing but what is due by then.
    text = one("steps: [{send: a}, {wait: 1 day}, {send: b}]")
    plain = nights("2026-03-01", "2026-03-04")
    extra = [*plain[:2], Night.of(3, at("2026-03-02 12:00"), NIGHTLY)]
    extra += [Night.of(run, at(f"2026-03-0{run - 1} 02:00"), NIGHTLY) for run in (4, 5)]
    found = [messages(reading(evenings(rules(text), [SIGNED_UP], when))["c1"]) for when in (plain, extra)]
    assert found[0] == found[1] == ["a 2026-03-02 02:00", "b 2026-03-03 02:00"]
