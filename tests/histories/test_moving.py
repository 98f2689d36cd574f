"""Rules 12 to 16: goals, exits, waits, what is taken back, and what the next run sees."""

from __future__ import annotations

import pytest

from journey_engine.graph import Await, Emit, Exit
from journey_engine.records import DecisionKind
from journey_engine.rules import Night
from tests.histories.story import (
    HOURLY,
    NIGHTLY,
    Evening,
    Reading,
    at,
    clock,
    customer,
    ends,
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


# --- rule 12: goals and exits -------------------------------------------------------------------------------

GOAL_AND_EXIT = "goal: {event: order_placed}\nexit_when: {event: order_placed}\nsteps: [{wait: 9 days}, {send: x}]"


def test_goal_wins_over_exit_on_the_same_event(reading: Reading) -> None:
    rows = [SIGNED_UP, event("order_placed", "2026-03-03 10:00")]
    told = reading(evenings(rules(one(GOAL_AND_EXIT)), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert ends(told) == ["converted goal 2026-03-03 10:00"]
    assert [clock(done.goal_at) for done in told.passes if done.goal_at] == ["2026-03-03 10:00"]


def test_an_order_before_entry_neither_converts_nor_exits(reading: Reading) -> None:
    # At the very instant of entry is not after it either.
    rows = [event("order_placed", "2026-02-01 10:00"), event("order_placed", "2026-03-01 10:00"), SIGNED_UP]
    told = reading(evenings(rules(one(GOAL_AND_EXIT)), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert ends(told) == ["open"]
    # `ever: true` looks at all of it: the customer never gets further than the door.
    words = GOAL_AND_EXIT.replace(
        "exit_when: {event: order_placed}", "exit_when: {event: {name: order_placed, ever: true}}"
    )
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert ends(told) == ["exited exit_when 2026-03-01 10:00"]


@pytest.mark.parametrize(
    ("stay", "expected_end", "sent"),
    [("false", "converted goal 2026-03-02 12:00", []), ("true", "finished finished 2026-03-04 10:00", ["x"])],
)
def test_staying_goal_is_credited_and_the_pass_goes_on(
    reading: Reading, stay: str, expected_end: str, sent: list[str]
) -> None:
    words = f"goal: {{event: order_placed, stay: {stay}}}\nsteps: [{{wait: 3 days}}, {{send: x}}]"
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 12:00")]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert ends(told) == [expected_end]
    assert [text.split()[0] for text in messages(told)] == sent
    assert [(clock(done.goal_at), done.goal_run) for done in told.passes if done.goal_at] == [("2026-03-02 12:00", 3)]


@pytest.mark.parametrize(
    ("ordered", "credited"),
    [
        # Finished on 2 March 02:00. The window is 30 days from entry: until 31 March 10:00.
        ("2026-03-20 10:00", True),
        ("2026-03-31 10:00", True),
        ("2026-03-31 10:01", False),
    ],
)
def test_goal_is_credited_to_a_pass_that_is_over_until_its_window_ends(
    reading: Reading, ordered: str, credited: bool
) -> None:
    words = "goal: {event: order_placed, window: 30 days}\nsteps: [{send: x}]"
    rows = [SIGNED_UP, event("order_placed", ordered)]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-04-03")))["c1"]
    assert ends(told) == ["finished finished 2026-03-02 02:00"]  # it keeps its state
    assert [clock(done.goal_at) for done in told.passes if done.goal_at] == [ordered] * credited


@pytest.mark.parametrize(
    ("arrived", "credited"),
    [
        # The window of one day ends 2 March 10:00; an order of 09:00 may come up to 72 hours after that. The
        # run of 6 March 02:00 is the first after a run (5 March 02:00) before 5 March 10:00.
        ("2026-03-05 12:00", True),
        ("2026-03-06 12:00", False),
    ],
)
def test_a_late_file_credits_a_goal_within_accept_late(reading: Reading, arrived: str, credited: bool) -> None:
    words = "goal: {event: order_placed, window: 1 day}\nsteps: [{send: x}]"
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 09:00", arrived=arrived)]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-09")))["c1"]
    assert [clock(done.goal_at) for done in told.passes if done.goal_at] == ["2026-03-02 09:00"] * credited


def test_goal_is_credited_once(reading: Reading) -> None:
    words = "goal: {event: order_placed, stay: true}\nsteps: [{wait: 9 days}, {send: x}]"
    rows = [SIGNED_UP, *(event("order_placed", f"2026-03-0{day} 10:00") for day in (2, 3, 4))]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert [(clock(done.goal_at), done.goal_run) for done in told.passes if done.goal_at] == [("2026-03-02 10:00", 3)]


def test_goal_that_is_no_plain_event_is_reached_at_the_night_that_sees_it(reading: Reading) -> None:
    words = "goal: {event: {name: order_placed, count: {at_least: 2}}}\nsteps: [{wait: 9 days}, {send: x}]"
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 10:00"), event("order_placed", "2026-03-02 11:00")]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert ends(told) == ["converted goal 2026-03-03 02:00"]
    # And not after the window, which ends 3 March 01:00 here: the attribute came with the night of the 3rd.
    words = "goal: {customer: {plan: pro}, window: 39 hours}\nsteps: [{wait: 9 days}, {send: x}]"
    told = rules(one(words))
    when = nights("2026-03-01", "2026-03-06")
    for run, expected in ((2, ["converted goal 2026-03-02 02:00"]), (3, ["open"])):
        moved = [
            Evening(night, told, [customer(plan="pro" if night.run >= run else "free")], [SIGNED_UP]) for night in when
        ]
        assert ends(reading(moved)["c1"]) == expected


def test_a_pass_that_moved_ahead_is_closed_no_earlier_than_it_arrived(reading: Reading) -> None:
    # The run of 2 March 02:00 sends at 16:00 and waits. The order of 2 March 12:00 is older than that
    # arrival.
    words = "goal: {event: order_placed}\nsteps: [{wait: 30 hours}, {send: x}, {wait: 9 days}]"
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 12:00")]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert ends(told) == ["converted goal 2026-03-02 16:00"]
    assert [clock(done.goal_at) for done in told.passes if done.goal_at] == ["2026-03-02 12:00"]


# --- rule 13: waits, branches, reminders --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        # Asked on 2 March 02:00; the deadline is 2 days later, 4 March 02:00.
        ("2026-03-02 02:00", "timeout 2026-03-04 02:00"),  # at the arrival: not later than it
        ("2026-03-02 02:01", "event 2026-03-02 02:01"),
        ("2026-03-04 02:00", "event 2026-03-04 02:00"),  # at the deadline: in time
        ("2026-03-04 02:01", "timeout 2026-03-04 02:00"),
    ],
)
def test_wait_for_passes_at_the_answer_or_at_the_deadline(reading: Reading, answered: str, expected: str) -> None:
    words = """steps:
  - send: ask
  - wait_for: {event: answered, timeout: 2 days, on_timeout: [{send: sorry}]}
  - send: done
"""
    rows = [SIGNED_UP, event("answered", answered)]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-07")))["c1"]
    assert moves(told)[2].split(": ")[1] == expected
    assert messages(told)[1].split()[0] == ("sorry" if expected.startswith("timeout") else "done")


def test_wait_for_takes_the_earliest_match_and_the_smaller_id_of_one_instant(reading: Reading) -> None:
    words = """steps:
  - send: ask
  - wait_for: {event: {name: answered, where: {score: {at_least: 5}}}}
  - send: done
"""
    rows = [
        SIGNED_UP,
        event("answered", "2026-03-02 09:00", "d", score=9),
        event("answered", "2026-03-02 08:00", "c", score=8),
        event("answered", "2026-03-02 08:00", "b", score=7),
        event("answered", "2026-03-02 07:00", "a", score=4),
    ]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-04")))["c1"]
    assert [(row.reason, row.event_id) for row in told.transitions if row.reason == "event"] == [("event", "b")]


def test_timeout_resolved_is_not_reopened_by_late_data(reading: Reading) -> None:
    # The answer of 3 March comes into the data on the 5th; the night of the 4th went on without it.
    words = "steps: [{send: ask}, {wait_for: {event: answered, timeout: 2 days, on_timeout: exit}}, {send: done}]"
    rows = [SIGNED_UP, event("answered", "2026-03-03 10:00", arrived="2026-03-04 12:00")]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-07")))["c1"]
    assert ends(told) == ["exited timeout 2026-03-04 02:00"]
    # In time for the night of the 4th, it counts.
    rows = [SIGNED_UP, event("answered", "2026-03-03 10:00")]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-07")))["c1"]
    assert ends(told) == ["finished finished 2026-03-04 02:00"]


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        # The answer of 2 March 12:00 is given after the mail (2 March 02:00) and before the wait is over (4
        # March).
        ("", "timeout 2026-03-07 02:00"),
        (
            ", since: send:ask",
            "event 2026-03-04 02:00",
        ),  # passes at its arrival, which is later than the answer
        (", since: entry", "event 2026-03-04 02:00"),
        (", since: wait:2 days", "timeout 2026-03-07 02:00"),  # left on 4 March 02:00
    ],
)
def test_an_answer_given_during_an_earlier_step_counts_with_since(reading: Reading, since: str, expected: str) -> None:
    words = f"steps: [{{send: ask}}, {{wait: 2 days}}, {{wait_for: {{event: answered, timeout: 3 days{since}}}}}]"
    rows = [SIGNED_UP, event("answered", "2026-03-02 12:00")]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-08")))["c1"]
    assert moves(told)[3].split(": ")[1] == expected


def test_since_a_step_never_left_matches_nothing(reading: Reading) -> None:
    words = """steps:
  - send: {template: x, only_if: {customer: {plan: pro}}}
  - branch:
      - {when: {event: {name: answered, since: send:x, count: {exactly: 0}}}, steps: [{send: none}]}
      - {otherwise: [{send: never-left}]}
"""
    told = rules(one(words))
    when = nights("2026-03-01", "2026-03-03")
    # Without the plan the step is passed by. It is left all the same: by its gate, at the arrival.
    found = reading(evenings(told, [SIGNED_UP], when, [customer(plan="free")]))["c1"]
    assert messages(found) == ["none 2026-03-02 02:00"]
    # Inside a way that was not taken it is never left: the condition is false, whatever it counts.
    words = """steps:
  - branch: [{when: {customer: {plan: pro}}, steps: [{send: x}]}]
  - branch:
      - {when: {event: {name: answered, since: send:x, count: {exactly: 0}}}, steps: [{send: none}]}
      - {otherwise: [{send: never-left}]}
"""
    found = reading(evenings(rules(one(words)), [SIGNED_UP], when, [customer(plan="free")]))["c1"]
    assert messages(found) == ["never-left 2026-03-02 02:00"]


def test_branch_does_not_wait(reading: Reading) -> None:
    # The order comes an hour after the night that reads the branch.
    words = """steps:
  - send: x
  - branch: [{when: {event: order_placed}, steps: [{send: bought}]}, {otherwise: [{send: not}]}]
"""
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 03:00")]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert messages(told) == ["x 2026-03-02 02:00", "not 2026-03-02 02:00"]


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        # Reminders on 2, 4 and 6 March at 02:00; after the last one the pass goes on at once.
        (
            None,
            [
                "leave 2026-03-02 02:00",
                "leave 2026-03-04 02:00",
                "leave 2026-03-06 02:00",
                "bye 2026-03-06 02:00",
            ],
        ),
        ("2026-03-01 12:00", ["bye 2026-03-02 02:00"]),  # before the first one
        ("2026-03-02 12:00", ["leave 2026-03-02 02:00", "bye 2026-03-04 02:00"]),
        # Known only to the night of the 5th: the second was sent on the 4th.
        ("2026-03-04 03:00", ["leave 2026-03-02 02:00", "leave 2026-03-04 02:00", "bye 2026-03-06 02:00"]),
    ],
)
def test_until_is_checked_before_each_reminder(reading: Reading, answered: str | None, expected: list[str]) -> None:
    words = "steps: [{remind: {template: leave, every: 2 days, times: 3, until: {event: answered}}}, {send: bye}]"
    rows = [SIGNED_UP, *([event("answered", answered)] if answered else [])]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-09")))["c1"]
    assert messages(told) == expected


def test_an_answer_given_while_a_reminder_is_running_is_seen_behind_it(reading: Reading) -> None:
    words = """steps:
  - send: ask
  - remind: {template: again, every: 2 days, times: 2, until: {event: answered}}
  - wait_for: {event: answered, since: send:ask, timeout: 9 days}
  - send: thanks
"""
    rows = [SIGNED_UP, event("answered", "2026-03-02 12:00")]
    told = reading(evenings(rules(one(words)), rows, nights("2026-03-01", "2026-03-07")))["c1"]
    assert messages(told) == ["ask 2026-03-02 02:00", "again 2026-03-02 02:00", "thanks 2026-03-04 02:00"]


def test_two_carts_are_told_apart_by_the_triggers_property(reading: Reading) -> None:
    words = "journey: cart\ntopic: receipts\ntrigger: {event: cart_started}\nreentry: each_occurrence\n"
    words += "goal: {event: {name: order_placed, same: cart_id}}\nsteps: [{wait: 9 days}, {send: x}]"
    rows = [
        event("cart_started", "2026-03-01 10:00", cart_id="k1"),
        event("cart_started", "2026-03-01 11:00", cart_id="k2"),
        event("cart_started", "2026-03-01 12:00"),  # no cart_id: no order is the same
        event("cart_started", "2026-03-01 13:00", cart_id=1),
        event("order_placed", "2026-03-02 10:00", cart_id="k2"),
        event("order_placed", "2026-03-02 11:00", cart_id="1"),  # a text is no number
        event("order_placed", "2026-03-02 12:00"),
    ]
    told = reading(evenings(rules(words), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert ends(told) == ["open", "converted goal 2026-03-02 10:00", "open", "open"]


# --- rule 14: what is taken back ----------------------------------------------------------------------------


def test_leaving_by_goal_or_exit_when_takes_pending_messages_back_and_the_end_does_not(
    reading: Reading,
) -> None:
    # Hourly. The offer decided at 21:00 is due at 09:00. The order of 22:30 is seen at 23:00.
    rows = [event("signed_up", "2026-03-01 20:30"), event("order_placed", "2026-03-01 22:30")]
    when = nights("2026-03-01 20:00", "2026-03-02 12:00", HOURLY)
    for words, reasons in (
        ("goal: {event: order_placed}\n", ["converted"]),
        ("exit_when: {event: order_placed}\n", ["exit_when"]),
        ("", []),
    ):
        text = one(words + "steps: [{send: offer}, {exit: done}]").replace("receipts", "offers")
        told = reading(evenings(rules(text), rows, when))["c1"]
        assert [row.reason for row in kinds(told, DecisionKind.CANCEL)] == reasons
        assert messages(told) == ["offer 2026-03-02 09:00"]  # decided all the same


def test_a_cancelled_message_never_counts_as_sent(reading: Reading) -> None:
    rows = [event("signed_up", "2026-03-01 20:30"), event("order_placed", "2026-03-01 22:30")]
    offer = one("exit_when: {event: order_placed}\nsteps: [{send: offer}, {wait: 9 days}]").replace(
        "receipts", "offers"
    )
    watch = """
    journey: watch
    topic: receipts
    trigger: {event: message_sent}
    reentry: each_occurrence
    steps: [{send: seen}]
    """
    when = nights("2026-03-01 20:00", "2026-03-02 12:00", HOURLY)
    told = reading(evenings(rules(offer, watch), rows, when))["c1"]
    assert [text for text in entries(told) if text.startswith("watch")] == []
    told = reading(evenings(rules(offer, watch), rows[:1], when))["c1"]
    assert "watch 2026-03-02 09:00" in entries(told)


# --- rule 15: what a run causes, the next run sees ----------------------------------------------------------


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


# --- rule 16: every move is a row ---------------------------------------------------------------------------


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
