"""Conditions are asked only of those for whom something may have changed; here it did, each time in another way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.histories.conftest import by_sweep  # the other reading is of one customer, and knows their events only
from tests.histories.story import (
    Evening,
    Reading,
    customer,
    entries,
    evenings,
    event,
    messages,
    nights,
    rules,
)

WEEK = nights("2026-03-01", "2026-03-08")
JOIN = """
journey: join
topic: receipts
trigger: {enters: {segment: some}}
reentry: each_occurrence
steps: [{send: hello}]
"""
LEAVE = JOIN.replace("journey: join", "journey: leave").replace("some", "others")
HIM, OTHER = "c1", "c2"


def lived(reading: Reading, condition: str, rows: Sequence[Any] = (), journeys: Sequence[str] = (JOIN, LEAVE)) -> Any:
    """A week in which nobody else does anything."""
    told = rules(*journeys, segments=f"some: {condition}\nothers: {{not: {condition}}}")
    people = [customer(HIM, plan="free", since="2026-03-01"), customer(OTHER)]
    return reading(evenings(told, list(rows), WEEK, people))


def test_an_event_that_turns_out_to_be_somebody_elses_counts_for_them_alone() -> None:
    rows = [
        event("ordered", "2026-03-02 10:00", "one"),
        event("ordered", "2026-03-02 10:00", "one", arrived="2026-03-04 12:00", who=OTHER),
    ]
    found = lived(by_sweep, "{event: ordered}", rows)
    assert entries(found[HIM]) == ["join 2026-03-03 02:00", "leave 2026-03-05 02:00"]
    assert entries(found[OTHER]) == ["join 2026-03-05 02:00"]


def test_an_event_that_is_given_back_counts_again() -> None:
    rows = [
        event("ordered", "2026-03-01 10:00", "one"),
        event("ordered", "2026-03-01 10:00", "one", arrived="2026-03-03 12:00", who=OTHER),
        event("ordered", "2026-03-01 10:00", "one", arrived="2026-03-05 12:00"),
    ]
    found = lived(by_sweep, "{event: ordered}", rows)
    assert entries(found[HIM]) == ["join 2026-03-02 02:00", "leave 2026-03-04 02:00", "join 2026-03-06 02:00"]
    assert entries(found[OTHER]) == ["join 2026-03-04 02:00", "leave 2026-03-06 02:00"]


def test_a_day_comes_within_reach_and_goes_out_of_it(reading: Reading) -> None:
    # The attribute is 1 March 00:00: before three days from the 4th on, within five of them until the 5th.
    assert entries(lived(reading, "{customer: {since: {before: 3 days}}}")[HIM]) == ["join 2026-03-04 02:00"]
    assert entries(lived(reading, "{customer: {since: {within: 5 days}}}")[HIM]) == ["leave 2026-03-06 02:00"]


def test_the_last_event_becomes_old(reading: Reading) -> None:
    rows = [event("ordered", "2026-03-01 10:00"), event("ordered", "2026-03-02 10:00")]
    assert entries(lived(reading, "{event: {name: ordered, last: {before: 3 days}}}", rows)[HIM]) == [
        "join 2026-03-06 02:00"
    ]
    assert entries(lived(reading, "{event: {name: ordered, first: {within: 3 days}}}", rows)[HIM]) == [
        "join 2026-03-02 02:00", "leave 2026-03-05 02:00",
    ]  # fmt: skip


def test_a_pass_comes_into_a_state_and_is_forgotten(reading: Reading) -> None:
    # The welcome ends in the night of 2 March, which the night after sees first, for two days from then on.
    welcome = "journey: welcome\ntopic: receipts\ntrigger: {event: signed_up}\nreentry: never\nsteps: [{send: hello}]"
    found = lived(
        reading, "{journey: {name: welcome, state: finished, within: 2 days}}",
        [event("signed_up", "2026-03-01 10:00")], [JOIN, LEAVE, welcome],
    )  # fmt: skip
    assert [one for one in entries(found[HIM]) if not one.startswith("welcome")] == [
        "join 2026-03-03 02:00", "leave 2026-03-04 02:00",
    ]  # fmt: skip


def test_a_condition_that_is_changed_is_asked_of_everybody(reading: Reading) -> None:
    rows = [event("ordered", "2026-03-01 10:00")]
    people = [customer(HIM, plan="free"), customer(OTHER)]
    words = "some: {{event: {{name: ordered, within: {0} days}}}}\nothers: {{not: {{event: ordered}}}}"
    told = [rules(JOIN, LEAVE, segments=words.format(days)) for days in (9, 2)]
    found = reading([Evening(night, told[place > 3], people, rows) for place, night in enumerate(WEEK)])[HIM]
    # Out of it with the change, which is a baseline and starts nothing (rule 10).
    assert entries(found) == ["join 2026-03-02 02:00"]
    assert len(messages(found)) == 1
