"""Rule 20: a journey changed while passes are in it. A pass finishes on the version it entered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from journey_engine.records import DecisionKind, Event
from tests.histories.story import (
    Evening,
    Reading,
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


FOLLOWS = """
journey: one
topic: receipts
trigger: {event: signed_up}
reentry: each_occurrence
on_change: follow
steps: [{send: hello}, {wait: {for: 3 days, id: pause}}, {send: old}]
"""
SIGNED_UP = [event("signed_up", "2026-03-01 10:00")]


def changed(text: str, new: str, since: int = 3, last: str = "2026-03-12", rows: Sequence[Event] = ()) -> list[Evening]:
    """Nights of a journey that reads otherwise from one of them on."""
    before, after = rules(text), rules(new, pinned=[journey(text)])
    when = nights("2026-03-01", last)
    return [Evening(one, before if one.run < since else after, [customer()], [*SIGNED_UP, *rows]) for one in when]


def test_a_pass_that_follows_goes_on_at_its_step_in_the_new_version(reading: Reading) -> None:
    # It stands in the wait of 3 days since 2 March 02:00, which the new version makes 5 days.
    new = FOLLOWS.replace("3 days", "5 days").replace("{send: old}", "{send: new}, {send: more}")
    told = reading(changed(FOLLOWS, new))["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00", "new 2026-03-07 02:00", "more 2026-03-07 02:00"]
    assert [one.version for one in told.passes] == [journey(new).version]
    assert "run 3: followed 2026-03-02 02:00" in moves(told)


def test_steps_put_in_front_are_not_caught_up_and_those_behind_are_taken(reading: Reading) -> None:
    new = FOLLOWS.replace("[{send: hello}", "[{send: first}, {send: hello}, {send: second}")
    told = reading(changed(FOLLOWS, new))["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00", "old 2026-03-05 02:00"]


def test_a_step_that_is_gone_ends_the_pass_and_takes_back_what_is_pending(reading: Reading) -> None:
    new = FOLLOWS.replace("{wait: {for: 3 days, id: pause}}, ", "")
    told = reading(changed(FOLLOWS, new))["c1"]
    assert ends(told) == ["exited step_removed 2026-03-03 02:00"]
    assert [one.reason for one in kinds(told, DecisionKind.CANCEL)] == ["step_removed"]
    assert messages(told) == ["hello 2026-03-02 02:00"]


def test_moved_says_which_step_took_over(reading: Reading) -> None:
    new = FOLLOWS.replace("id: pause", "id: breath") + "moved: {pause: breath}\n"
    told = reading(changed(FOLLOWS, new))["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00", "old 2026-03-05 02:00"]


def test_a_goal_reached_in_the_night_of_the_change_wins_over_the_step_that_is_gone(reading: Reading) -> None:
    goal = "goal: {event: order_placed}\n"
    new = FOLLOWS.replace("{wait: {for: 3 days, id: pause}}, ", "") + goal
    told = reading(changed(FOLLOWS + goal, new, rows=[event("order_placed", "2026-03-02 12:00")]))["c1"]
    assert ends(told) == ["converted goal 2026-03-02 12:00"]


def test_a_pass_that_follows_meets_the_exit_of_the_new_version(reading: Reading) -> None:
    new = FOLLOWS + "exit_when: {event: order_placed}\n"
    told = reading(changed(FOLLOWS, new, rows=[event("order_placed", "2026-03-03 12:00")]))["c1"]
    assert ends(told) == ["exited exit_when 2026-03-03 12:00"]


def test_a_customer_absent_in_the_night_of_the_change_follows_when_they_are_back(reading: Reading) -> None:
    new = FOLLOWS.replace("{send: old}", "{send: new}")
    found = [
        Evening(one.night, one.rules, [customer()] if one.night.run not in (3, 4) else [customer("c2")], one.rows)
        for one in changed(FOLLOWS, new)
    ]
    told = reading(found)["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00", "new 2026-03-05 02:00"]
    assert "run 5: followed 2026-03-02 02:00" in moves(told)


def paused(text: str, first: int, last: int, rows: Sequence[Event], until: str = "2026-03-12") -> list[Evening]:
    """Nights of a journey that is held from one run to another, both included."""
    live, held = rules(text), rules(pinned=[journey(text)])
    when = nights("2026-03-01", until)
    return [Evening(one, held if first <= one.run <= last else live, [customer()], rows) for one in when]


def test_a_paused_journey_holds_everyone_and_resume_goes_on_with_what_is_not_too_late(reading: Reading) -> None:
    # The wait is over on 5 March; the pause ends in the run of the 8th, two nights before four days are over.
    told = reading(paused(OLD, 3, 7, SIGNED_UP))["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00", "old 2026-03-08 02:00"]
    told = reading(paused(OLD, 3, 10, SIGNED_UP))["c1"]
    assert messages(told) == ["hello 2026-03-02 02:00", "old 2026-03-11 02:00 too_late"]


def test_of_what_occurred_in_a_pause_only_as_much_counts_as_could_come_late(reading: Reading) -> None:
    # Held in the runs of 3 to 9 March; that of the 10th takes what is later than the last one less 72 hours.
    days = ("03", "05", "06", "07")
    rows = [event("signed_up", f"2026-03-{day} {'10:00' if day != '06' else '02:00'}") for day in days]
    told = reading(paused(OLD, 3, 9, rows))["c1"]
    assert entries(told) == ["one 2026-03-07 10:00"]


def test_a_journey_with_a_mistake_looks_back_to_its_last_run(reading: Reading) -> None:
    rows = [event("signed_up", "2026-03-03 10:00"), event("signed_up", "2026-03-07 10:00")]
    found = [
        Evening(
            one.night,
            replace(one.rules, aside=frozenset({"one"} if not one.rules.journeys else ())),
            one.customers,
            rows,
        )
        for one in paused(OLD, 3, 9, rows)
    ]
    assert entries(reading(found)["c1"]) == ["one 2026-03-03 10:00", "one 2026-03-07 10:00"]


def test_a_goal_reached_in_a_pause_is_credited_when_it_is_over(reading: Reading) -> None:
    text = OLD + "goal: {event: order_placed, window: 5 days}\n"
    rows = [*SIGNED_UP, event("order_placed", "2026-03-04 10:00")]
    assert ends(reading(paused(text, 3, 20, rows, "2026-03-25"))["c1"]) == ["converted goal 2026-03-04 10:00"]


def test_customers_enter_from_starts_until_ends_and_passes_go_on(reading: Reading) -> None:
    text = OLD + "starts: 2026-03-03\nends: 2026-03-05\n"
    days = ("02 23:59", "03 00:00", "05 23:59", "06 00:00")
    rows = [event("signed_up", f"2026-03-{day}") for day in days]
    told = reading(evenings(rules(text), rows, nights("2026-03-01", "2026-03-12")))["c1"]
    assert entries(told) == ["one 2026-03-03 00:00", "one 2026-03-05 23:59"]
    assert messages(told)[-1] == "old 2026-03-09 02:00"


def test_a_journey_that_starts_later_begins_then_and_takes_in_whoever_matches(reading: Reading) -> None:
    text = """
journey: one
topic: receipts
trigger: {enters: {segment: vip}}
backfill: current
starts: 2026-03-04T12:00:00Z
steps: [{send: hello}]
"""
    vip = "vip: {customer: {plan: pro}}"
    found = evenings(rules(text, segments=vip), [], nights("2026-03-01", "2026-03-07"), [customer(plan="pro")])
    # The night of the 4th reaches beyond noon, so the journey begins with it.
    assert entries(reading(found)["c1"]) == ["one 2026-03-04 02:00"]


GREETS = """
journey: one
topic: receipts
trigger: {enters: {segment: vip}}
reentry: each_occurrence
steps: [{send: hello}]
"""


def joining(since: str, back: int, *, mistake: bool, last: str = "2026-03-12", until: str = "9") -> list[Evening]:
    """A customer on plan pro from one night until before another; the journey is away from 3 March until `back`."""
    vip = "vip: {customer: {plan: pro}}"
    live = rules(GREETS, segments=vip)
    away = rules(pinned=[journey(GREETS)], segments=vip, aside=frozenset({"one"} if mistake else ()))
    return [
        Evening(
            one,
            away if 3 <= one.run < back else live,
            [customer(plan="pro" if since <= f"{one.as_of:%d}" < until else "free")],
            [],
        )
        for one in nights("2026-03-01", last)
    ]


@pytest.mark.parametrize("mistake", [False, True])
def test_a_membership_that_begins_while_the_journey_is_away_starts_it_afterwards(
    reading: Reading, *, mistake: bool
) -> None:
    # Away in the nights of 3 and 4 March; it enters on the 5th, at the night that saw it become a member, once.
    assert entries(reading(joining("03", 5, mistake=mistake))["c1"]) == ["one 2026-03-03 02:00"]
    assert entries(reading(joining("02", 5, mistake=mistake))["c1"]) == ["one 2026-03-02 02:00"]


def test_a_pause_forgets_memberships_that_began_too_long_ago_and_a_mistake_does_not(reading: Reading) -> None:
    # Away until the run of the 9th: a pause looks back from the 8th at 02:00 by 72 hours, and no farther.
    assert entries(reading(joining("05", 9, mistake=False))["c1"]) == []
    assert entries(reading(joining("06", 9, mistake=False))["c1"]) == ["one 2026-03-06 02:00"]
    assert entries(reading(joining("04", 9, mistake=True))["c1"]) == ["one 2026-03-04 02:00"]


def test_a_membership_that_is_over_when_the_journey_comes_back_starts_nothing(reading: Reading) -> None:
    assert entries(reading(joining("03", 6, mistake=True, until="05"))["c1"]) == []
    assert entries(reading(joining("03", 6, mistake=True, until="07"))["c1"]) == ["one 2026-03-03 02:00"]


def test_a_baseline_taken_while_the_journey_is_away_starts_nothing_afterwards(reading: Reading) -> None:
    # In the night of 4 March the segment is another, which holds for the customer.
    old, new = "vip: {customer: {plan: gold}}", "vip: {customer: {plan: pro}}"
    found = [
        Evening(one, rules(GREETS, segments=old) if one.run < 3 else
                rules(segments=new) if one.run < 6 else rules(GREETS, segments=new), [customer(plan="pro")], [])
        for one in nights("2026-03-01", "2026-03-09")
    ]  # fmt: skip
    assert entries(reading(found)["c1"]) == []


def test_a_step_that_is_left_once_more_was_left_when_it_was_last(reading: Reading) -> None:
    """`moved` leads back to a step in front; what counts since that step counts from the second time on."""
    steps = "[{wait: {for: 1 day, id: early}}, {wait: {for: 3 days, id: late}}, "
    seen = "{branch: [{when: {event: {name: page_viewed, since: early}}, steps: [{send: seen}]}]}, {send: end}]"
    old = FOLLOWS.replace("[{send: hello}, {wait: {for: 3 days, id: pause}}, {send: old}]", steps + seen)
    new = old.replace("id: late", "id: later") + "moved: {late: early}\n"
    for viewed, sent in (("2026-03-02 12:00", ["end"]), ("2026-03-03 12:00", ["seen", "end"])):
        told = reading(changed(old, new, since=4, rows=[event("page_viewed", viewed)]))["c1"]
        assert [line.split()[0] for line in messages(told)] == sent
