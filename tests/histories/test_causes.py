"""Rules 8, 9, 14 and 15: journeys that start others; what a run causes, the next run sees, at the cause's instant."""

from __future__ import annotations

import pytest

from journey_engine.records import DecisionKind, identity
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
    kinds,
    messages,
    moves,
    nights,
    rules,
)

SIGNED_UP = event("signed_up", "2026-03-01 10:00")
AFTER = (
    "journey: after\ntopic: receipts\ntrigger: {{journey: {{name: first, state: {state}}}}}\nsteps: [{{send: next}}]"
)
TARGET = "journey: target\ntopic: receipts\ntrigger: {event: asked}\nreentry: each_occurrence\nsteps: [{send: hello}]"


def first(words: str) -> str:
    """A journey that a sign-up starts, with the given words."""
    return f"journey: first\ntopic: receipts\ntrigger: {{event: signed_up}}\nreentry: each_occurrence\n{words}"


# --- the trigger `journey` -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "entered"),
    [
        # The wait ends at 3 March 04:00, which the night of the 3rd decides ahead; the goal comes on 2 March 12:00.
        ("entered", ["2026-03-01 10:00"]),
        ("finished", ["2026-03-03 04:00"]),
        ("converted", ["2026-03-02 12:00"]),
        ("exited", []),
    ],
)
def test_a_pass_starts_another_journey_at_the_instant_it_came_into_the_state(
    reading: Reading, state: str, entered: list[str]
) -> None:
    words = "goal: {event: order_placed, window: 9 days, stay: true}\nsteps: [{wait: 42 hours}]"
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 12:00")]
    told = rules(first(words), AFTER.format(state=state))
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-06")))["c1"]
    assert [text for text in entries(found) if text.startswith("after")] == [f"after {one}" for one in entered]
    assert [one.trigger["state"] for one in found.passes if one.journey == "after"] == [state] * len(entered)


def test_it_begins_in_the_run_after_the_one_that_caused_it_keyed_by_the_pass(reading: Reading) -> None:
    # Finished in the night of 2 March (run 2) at that very instant; the next journey's pass begins in run 3.
    told = rules(first("steps: [{send: hello}]"), AFTER.format(state="finished"))
    found = reading(evenings(told, [SIGNED_UP], nights("2026-03-01", "2026-03-05")))["c1"]
    cause, effect = sorted(found.passes, key=lambda one: one.run)
    assert (effect.run, effect.key, effect.entered_at) == (3, cause.enrollment_id, at("2026-03-02 02:00"))
    assert effect.trigger == {"journey": "first", "state": "finished", "reason": "finished"}
    assert messages(found) == ["hello 2026-03-02 02:00", "next 2026-03-03 02:00"]


def test_an_exit_tells_its_reason(reading: Reading) -> None:
    after = AFTER.format(state="exited") + "\naudience: {trigger: {reason: enough}}"
    for reason, count in (("enough", 1), ("other", 0)):
        told = rules(first(f"steps: [{{exit: {reason}}}]"), after)
        found = reading(evenings(told, [SIGNED_UP], nights("2026-03-01", "2026-03-05")))["c1"]
        assert len(entries(found)) == 1 + count


def test_an_end_decided_ahead_waits_for_its_instant(reading: Reading) -> None:
    # Ends at 2 March 22:00, decided in the night of the 2nd. A run by hand at noon is before it, one at 23:00 after.
    told = rules(first("steps: [{wait: 36 hours}]"), AFTER.format(state="finished"))
    by_hand = [Night.of(run, at(f"2026-03-02 {hour}:00"), NIGHTLY) for run, hour in ((3, 12), (4, 23))]
    found = reading(evenings(told, [SIGNED_UP], [*nights("2026-03-01", "2026-03-02"), *by_hand]))["c1"]
    assert [(one.journey, one.run) for one in found.passes if one.journey == "after"] == [("after", 4)]
    assert entries(found)[-1] == "after 2026-03-02 22:00"


def test_every_pass_counts_unless_re_entry_says_otherwise(reading: Reading) -> None:
    rows = [SIGNED_UP, event("signed_up", "2026-03-02 10:00")]
    for more, count in (("", 2), ("\nreentry: never", 1), ("\nreentry: {after: 2 days}", 1)):
        told = rules(first("steps: [{send: hello}]"), AFTER.format(state="finished") + more)
        found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-06")))["c1"]
        assert len(entries(found)) == 2 + count


def test_a_new_journey_looks_back_one_interval_and_backfill_takes_the_newest_pass(reading: Reading) -> None:
    # Finished on 2 March 02:00 and 5 March 02:00; the other journey begins on the night of 6 March.
    rows = [SIGNED_UP, event("signed_up", "2026-03-04 10:00")]
    when, before = nights("2026-03-01", "2026-03-08"), rules(first("steps: [{send: hello}]"))
    for more, expected in (("", []), ("\nbackfill: current", ["after 2026-03-06 02:00"])):
        after = rules(first("steps: [{send: hello}]"), AFTER.format(state="finished") + more)
        found = reading([Evening(night, after if night.run >= 6 else before, [customer()], rows) for night in when])
        assert entries(found["c1"])[2:] == expected


# --- the step `enroll` -----------------------------------------------------------------------------------------


def test_enroll_lets_the_customer_in_once_in_the_next_run_at_the_instant_of_the_step(reading: Reading) -> None:
    told = rules(first("steps: [{enroll: target}, {wait: 5 days}]"), TARGET)
    found = reading(evenings(told, [SIGNED_UP], nights("2026-03-01", "2026-03-06")))["c1"]
    assert entries(found) == ["first 2026-03-01 10:00", "target 2026-03-02 02:00"]
    asked = kinds(found, DecisionKind.ENROLL)
    cause, effect = sorted(found.passes, key=lambda one: one.run)
    assert [(one.decision_id, one.payload) for one in asked] == [
        (identity(cause.enrollment_id, "enroll:target", "1"), {"journey": "target"})
    ]
    assert (effect.run, effect.key) == (3, asked[0].decision_id)
    assert effect.trigger == {"journey": "first", "step": "enroll:target"}
    assert messages(found) == ["hello 2026-03-03 02:00"]
    assert "run 2: enroll 2026-03-02 02:00" in moves(found)


def test_what_is_enrolled_ahead_begins_at_its_instant(reading: Reading) -> None:
    # The wait ends on 2 March 20:00, decided in the night of the 2nd: the target begins then, in the night of the 3rd.
    told = rules(first("steps: [{wait: 34 hours}, {enroll: target}]"), TARGET)
    by_hand = Night.of(3, at("2026-03-02 12:00"), NIGHTLY)
    later = [Night.of(night.run + 1, night.as_of, NIGHTLY) for night in nights("2026-03-01", "2026-03-05")[2:]]
    found = reading(evenings(told, [SIGNED_UP], [*nights("2026-03-01", "2026-03-02"), by_hand, *later]))["c1"]
    assert entries(found)[1:] == ["target 2026-03-02 20:00"]
    assert [one.run for one in found.passes if one.journey == "target"] == [4]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("reentry: each_occurrence", ["2026-03-01 12:00", "2026-03-02 02:00"]),
        ("reentry: never", ["2026-03-01 12:00"]),
        ("reentry: {after: 12 hours}", ["2026-03-01 12:00", "2026-03-02 02:00"]),
        ("reentry: {after: 15 hours}", ["2026-03-01 12:00"]),
        ("reentry: after_exit", ["2026-03-01 12:00"]),  # still inside: it waits three days
        ("reentry: each_occurrence\naudience: {not: {trigger: {journey: first}}}", ["2026-03-01 12:00"]),
        ("reentry: each_occurrence\naudience: {customer: {plan: pro}}", []),
    ],
)
def test_the_audience_and_the_re_entry_of_the_other_journey_decide(
    reading: Reading, words: str, expected: list[str]
) -> None:
    target = f"journey: target\ntopic: receipts\ntrigger: {{event: asked}}\n{words}\nsteps: [{{wait: 3 days}}]"
    rows = [SIGNED_UP, event("asked", "2026-03-01 12:00")]
    told = rules(first("steps: [{enroll: target}]"), target)
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert entries(found)[1:] == [f"target {one}" for one in expected]


def test_a_journey_on_a_schedule_takes_the_enrolled_beside_its_firings(reading: Reading) -> None:
    # No run on the 3rd and 4th: of the firings missed only the newest counts, and the enrolled one counts too.
    target = TARGET.replace("{event: asked}", '{schedule: "0 1 * * *"}')
    told = rules(first("steps: [{enroll: target}]"), target)
    when = [night for night in nights("2026-03-01", "2026-03-05") if night.run not in (3, 4)]
    found = reading(evenings(told, [SIGNED_UP], when))["c1"]
    assert [text for text in entries(found) if text.startswith("target")] == [
        "target 2026-03-01 01:00",
        "target 2026-03-02 01:00",
        "target 2026-03-02 02:00",
        "target 2026-03-03 01:00",
        "target 2026-03-05 01:00",
        "target 2026-03-06 01:00",
    ]


def test_an_absent_customer_is_let_in_when_seen_again_within_72_hours(reading: Reading) -> None:
    # Enrolled on 2 March 02:00. Seen again on the 4th; or on the 6th, when the last run, the 5th, less 72 hours is
    # that very instant: too late.
    told = rules(first("steps: [{enroll: target}]"), TARGET)
    for back, expected in ((4, ["target 2026-03-02 02:00"]), (6, [])):
        when = nights("2026-03-01", "2026-03-08")
        found = reading(
            [Evening(night, told, [] if 2 < night.run < back else [customer()], [SIGNED_UP]) for night in when]
        )["c1"]
        assert entries(found)[1:] == expected


def test_a_journey_that_is_not_there_lets_nobody_in_and_the_pass_goes_on(reading: Reading) -> None:
    told = rules(first("steps: [{enroll: target}, {send: hello}]"))
    found = reading(evenings(told, [SIGNED_UP], nights("2026-03-01", "2026-03-05")))["c1"]
    assert entries(found) == ["first 2026-03-01 10:00"]
    assert messages(found) == ["hello 2026-03-02 02:00"]


def test_leaving_by_the_goal_takes_no_enrollment_back(reading: Reading) -> None:
    # Only pending messages are taken back (rule 14).
    words = "goal: {event: order_placed, window: 9 days}\nsteps: [{enroll: target}, {wait: 9 days}]"
    rows = [SIGNED_UP, event("order_placed", "2026-03-02 10:00")]
    found = reading(evenings(rules(first(words), TARGET), rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert "target 2026-03-02 02:00" in entries(found)
