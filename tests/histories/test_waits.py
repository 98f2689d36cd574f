"""Rule 13: waits, branches and reminders."""

from __future__ import annotations

import pytest

from tests.histories.story import (
    Reading,
    customer,
    ends,
    evenings,
    event,
    messages,
    moves,
    nights,
    rules,
)

SIGNED_UP = event("signed_up", "2026-03-01 10:00")


def one(words: str) -> str:
    """A journey on receipts that a sign-up starts, with the given words."""
    return f"journey: one\ntopic: receipts\ntrigger: {{event: signed_up}}\nreentry: never\n{words}"


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
