"""`task` with `on_done` and `on_late`: work that comes back, or does not, to the pass that asked for it."""

from __future__ import annotations

import pytest

from journey_engine.records import DecisionKind, DecisionState, Event, identity
from journey_engine.steps.task import TASK_DONE
from tests.histories.story import (
    HOURLY,
    Reading,
    Told,
    at,
    clock,
    customer,
    ends,
    evenings,
    event,
    journey,
    kinds,
    messages,
    moves,
    nights,
    rules,
)

CALL = """
journey: care
topic: receipts
trigger: {event: signed_up}
reentry: each_occurrence
steps:
  - task:
      id: call
      team: service
      title: Call
      due: 2 days
      outcomes: [reached, no_answer]
      on_done: [{send: thanks}]
      on_late: [{task: {id: late, team: head, title: Nobody called, due: 1 day}}]
  - send: bye
"""


def done(when: str, key: str = "up", step: str = "call", outcome: str = "reached") -> Event:
    """What the inbox records when somebody says that it is done."""
    pass_id = identity("care", "c1", key)
    task_id = identity(pass_id, step, "1")
    properties = {"task_id": task_id, "enrollment_id": pass_id, "step": step, "outcome": outcome}
    return Event(f"{task_id}:done", "c1", TASK_DONE, at(when), properties)


def lived(reading: Reading, *rows: Event, last: str = "2026-03-05", text: str = CALL) -> Told:
    up = event("signed_up", "2026-03-01 10:00", "up")
    return reading(evenings(rules(text), [up, *rows], nights("2026-03-01", last), [customer()]))["c1"]


def given(told: Told) -> list[str]:
    return [f"{one.payload['team']} {clock(one.due_at)}" for one in kinds(told, DecisionKind.TASK)]


def test_a_task_that_is_done_goes_its_way_at_that_instant(reading: Reading) -> None:
    # Given on 2 March 02:00, done at 16:00, seen in the night of the 3rd.
    told = lived(reading, done("2026-03-02 16:00"))
    assert given(told) == ["service 2026-03-02 02:00"]
    assert kinds(told, DecisionKind.TASK)[0].payload["outcomes"] == ["reached", "no_answer"]
    assert messages(told) == ["thanks 2026-03-03 02:00", "bye 2026-03-03 02:00"]
    assert "run 3: event 2026-03-02 16:00" in moves(told)
    assert told.passes[0].steps["call"] == (at("2026-03-02 16:00"), done("2026-03-02 16:00").event_id)


@pytest.mark.parametrize("rows", [[], [done("2026-03-04 02:01")]])
def test_a_task_that_is_not_done_when_it_is_due_goes_the_way_of_late(reading: Reading, rows: list[Event]) -> None:
    told = lived(reading, *rows)
    assert given(told) == ["service 2026-03-02 02:00", "head 2026-03-04 02:00"]
    assert messages(told) == ["bye 2026-03-04 02:00"]
    assert ends(told) == ["finished finished 2026-03-04 02:00"]


def test_a_task_is_given_as_an_event_that_a_journey_may_wait_for(reading: Reading) -> None:
    text = CALL.replace("- send: bye", "- wait_for: {event: task_given, since: entry, timeout: 1 day}\n  - send: bye")
    assert "run 4: event 2026-03-04 02:00" in moves(lived(reading, text=text))


def test_done_at_the_very_instant_it_is_due_is_in_time(reading: Reading) -> None:
    assert messages(lived(reading, done("2026-03-04 02:00"))) == ["thanks 2026-03-04 02:00", "bye 2026-03-04 02:00"]


@pytest.mark.parametrize(
    "row",
    [
        done("2026-03-02 16:00", step="another"),
        done("2026-03-02 16:00", key="another"),  # of another pass
        event(TASK_DONE, "2026-03-02 16:00", step="call", outcome="reached"),  # of no pass at all
    ],
)
def test_another_task_that_is_done_is_not_this_one(reading: Reading, row: Event) -> None:
    assert messages(lived(reading, row)) == ["bye 2026-03-04 02:00"]


def test_each_pass_waits_for_its_own_task(reading: Reading) -> None:
    second = event("signed_up", "2026-03-02 10:00", "again")
    told = lived(reading, second, done("2026-03-03 16:00", key="again"))
    thanked = [one.enrollment_id for one in told.decisions if one.step == "send:thanks"]
    assert thanked == [identity("care", "c1", "again")]


def test_what_follows_may_look_at_the_outcome(reading: Reading) -> None:
    ways = """[{branch: [
        {when: {event: {name: task_done, where: {step: call, outcome: no_answer}}}, steps: [{send: sorry}]},
        {otherwise: [{send: thanks}]}]}]"""
    text = CALL.replace("[{send: thanks}]", ways).replace(
        "- send: bye", "- set: {called: {from: step.call.outcome}}\n  - send: bye"
    )
    told = lived(reading, done("2026-03-02 16:00", outcome="no_answer"), text=text)
    assert messages(told)[0] == "sorry 2026-03-03 02:00"
    assert [one.payload for one in told.decisions if one.kind is DecisionKind.SET] == [
        {"attributes": {"called": "no_answer"}}
    ]


def test_nobody_is_called_of_those_held_out_and_their_pass_waits_as_the_others_do(reading: Reading) -> None:
    text = CALL.replace("reentry:", "holdout: 99.9999%\nreentry:")
    told = lived(reading, text=text)
    assert {one.state for one in kinds(told, DecisionKind.TASK)} == {DecisionState.WITHHELD}
    assert ends(told) == ["finished finished 2026-03-04 02:00"]


def test_without_a_way_nobody_waits(reading: Reading) -> None:
    text = CALL.replace("      on_done: [{send: thanks}]\n", "")
    text = text.replace("      on_late: [{task: {id: late, team: head, title: Nobody called, due: 1 day}}]\n", "")
    told = lived(reading, done("2026-03-02 16:00"), text=text)
    assert messages(told) == ["bye 2026-03-02 02:00"]
    assert given(told) == ["service 2026-03-02 02:00"]


def test_hourly_runs_see_it_within_the_hour_and_time_out_on_the_minute(reading: Reading) -> None:
    up = event("signed_up", "2026-03-01 10:00", "up")
    text = CALL.replace("due: 2 days", "due: 90 minutes")
    for rows, bye in (([done("2026-03-01 11:10")], "12:00"), ([], "12:00")):
        when = nights("2026-03-01 10:00", "2026-03-01 12:00", HOURLY)
        told = reading(evenings(rules(text), [up, *rows], when, [customer()]))["c1"]
        assert messages(told)[-1] == f"bye 2026-03-01 {bye}"
        assert ("run 3: event 2026-03-01 11:10" if rows else "run 3: timeout 2026-03-01 11:30") in moves(told)


def test_a_journey_that_limits_no_outcome_keeps_its_version() -> None:
    plain = CALL.replace("      outcomes: [reached, no_answer]\n", "")
    assert journey(plain).version != journey(CALL).version
    assert "outcomes" not in journey(plain).nodes[0].effect.model_dump(exclude_defaults=True)
