"""Rule 20: a journey changed while passes are in it. A pass finishes on the version it entered."""

from __future__ import annotations

from tests.histories.story import (
    Evening,
    Reading,
    customer,
    ends,
    entries,
    event,
    journey,
    messages,
    nights,
    rules,
)

OLD = """
journey: one
topic: receipts
trigger: {event: signed_up}
reentry: each_occurrence
steps: [{send: hello}, {wait: 3 days}, {send: old}]
"""
NEW = OLD.replace("{send: old}", "{send: new}, {wait: 1 day}, {send: more}")


def test_a_pass_finishes_on_the_version_it_entered_and_the_next_enters_the_new_one(reading: Reading) -> None:
    # Changed before the night of 3 March. The pass of 1 March waits until 5 March 02:00, that of the 3rd
    # until the 7th.
    rows = [event("signed_up", "2026-03-01 10:00"), event("signed_up", "2026-03-03 10:00")]
    before, after = rules(OLD), rules(NEW, pinned=[journey(OLD)])
    when = nights("2026-03-01", "2026-03-09")
    told = reading([Evening(night, before if night.run < 3 else after, [customer()], rows) for night in when])["c1"]
    assert messages(told) == [
        "hello 2026-03-02 02:00",
        "hello 2026-03-04 02:00",
        "old 2026-03-05 02:00",
        "new 2026-03-07 02:00",
        "more 2026-03-08 02:00",
    ]
    versions = {one.key: one.version for one in told.passes}
    assert versions == {row.event_id: journey(text).version for row, text in zip(rows, (OLD, NEW), strict=True)}


def test_a_change_starts_nothing_again(reading: Reading) -> None:
    # The sign-up was considered by the old version; the new one is no new journey.
    rows = [event("signed_up", "2026-03-01 10:00")]
    before, after = rules(OLD.replace("each_occurrence", "never")), rules(NEW, pinned=[journey(OLD)])
    when = nights("2026-03-01", "2026-03-04")
    told = reading([Evening(night, before if night.run < 3 else after, [customer()], rows) for night in when])["c1"]
    assert entries(told) == ["one 2026-03-01 10:00"]


def test_wording_and_place_are_no_version(reading: Reading) -> None:
    assert journey("# a remark\n" + OLD).version == journey(OLD).version
    assert journey(OLD + "about: What it is for.\n").version == journey(OLD).version
    assert journey(NEW).version != journey(OLD).version


def test_a_pinned_pass_keeps_its_goal_and_its_exit(reading: Reading) -> None:
    before = rules(OLD + "goal: {event: order_placed}\n")
    old = before.journeys[0]
    after = rules(NEW + "exit_when: {event: order_placed}\n", pinned=[old])
    rows = [
        event("signed_up", "2026-03-01 10:00"),
        event("signed_up", "2026-03-03 10:00"),
        event("order_placed", "2026-03-04 10:00"),
    ]
    when = nights("2026-03-01", "2026-03-09")
    told = reading([Evening(night, before if night.run < 3 else after, [customer()], rows) for night in when])["c1"]
    assert ends(told) == ["converted goal 2026-03-04 10:00", "exited exit_when 2026-03-04 10:00"]


def test_a_journey_taken_away_leaves_its_passes_where_they_are(reading: Reading) -> None:
    rows = [event("signed_up", "2026-03-01 10:00")]
    told, gone = rules(OLD), rules(pinned=[journey(OLD)])
    when = nights("2026-03-01", "2026-03-09")
    found = reading([Evening(night, told if night.run < 3 else gone, [customer()], rows) for night in when])["c1"]
    assert ends(found) == ["open"]
    assert messages(found) == ["hello 2026-03-02 02:00"]
