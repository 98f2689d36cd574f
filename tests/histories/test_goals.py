"""Rules 12 and 14: goals, exits, and what is taken back."""

from __future__ import annotations

import pytest

from journey_engine.records import DecisionKind
from tests.histories.story import (
    HOURLY,
    Evening,
    Reading,
    clock,
    customer,
    ends,
    entries,
    evenings,
    event,
    kinds,
    messages,
    nights,
    rules,
)

SIGNED_UP = event("signed_up", "2026-03-01 10:00")


def one(words: str) -> str:
    """A journey on receipts that a sign-up starts, with the given words."""
    return f"journey: one\ntopic: receipts\ntrigger: {{event: signed_up}}\nreentry: never\n{words}"


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


@pytest.mark.parametrize("steps", ["{send: offer}", "{send: offer}, {exit: done}"])
def test_what_waits_is_sent_after_the_end_or_an_exit_step(reading: Reading, steps: str) -> None:
    # Decided at 21:00 and due at 09:00; the pass rests nowhere in between and is over at 09:00.
    offer = one(f"steps: [{steps}]").replace("receipts", "offers")
    watch = "journey: watch\ntopic: receipts\ntrigger: {event: message_sent}\nreentry: never\nsteps: [{send: seen}]"
    when = nights("2026-03-01 20:00", "2026-03-02 12:00", HOURLY)
    told = reading(evenings(rules(offer, watch), [event("signed_up", "2026-03-01 20:30")], when))["c1"]
    assert kinds(told, DecisionKind.CANCEL) == []
    assert "watch 2026-03-02 09:00" in entries(told)


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
