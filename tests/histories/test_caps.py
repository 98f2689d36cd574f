"""Rule 17: caps over all journeys, who goes first, and what becomes of a message that is held back."""

from __future__ import annotations

import pytest

from journey_engine.rules import Night, Rules
from journey_engine.walk import Life
from tests.histories.story import (
    HOURLY,
    NIGHTLY,
    Evening,
    Reading,
    at,
    clock,
    customer,
    ends,
    evenings,
    event,
    messages,
    moves,
    nights,
    rules,
)
from tests.properties.readings import Sweeping

ONE_A_DAY = "[{class: marketing, at_most: 1, within: 1 day}]"


def offer(name: str, words: str = "", send: str = "", topic: str = "offers") -> str:
    """A journey that sends the message of its name on each event of its name."""
    step = f"{{send: {{template: {name}{', ' + send if send else ''}}}}}"
    return (
        f"journey: {name}\ntopic: {topic}\n{words}\ntrigger: {{event: {name}}}\nreentry: each_occurrence\n"
        f"steps: [{step}]"
    )


def test_of_two_offers_on_one_day_the_second_is_skipped_and_its_pass_goes_on(reading: Reading) -> None:
    rows = [event("a", "2026-03-01 10:00"), event("b", "2026-03-01 11:00")]
    told = rules(offer("a"), offer("b"), caps=ONE_A_DAY)
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-03")))["c1"]
    assert sorted(messages(found)) == ["a 2026-03-02 09:00", "b 2026-03-02 09:00 cap:marketing-1-in-1-day"]
    assert ends(found) == ["finished finished 2026-03-02 09:00", "finished finished 2026-03-02 09:00"]


def test_the_next_day_has_room_again(reading: Reading) -> None:
    rows = [event("a", "2026-03-01 10:00"), event("a", "2026-03-02 10:00")]
    found = reading(evenings(rules(offer("a"), caps=ONE_A_DAY), rows, nights("2026-03-01", "2026-03-03")))["c1"]
    assert messages(found) == ["a 2026-03-02 09:00", "a 2026-03-03 09:00"]


def test_the_higher_priority_goes_first_and_then_the_earlier_entry(reading: Reading) -> None:
    rows = [event("a", "2026-03-01 10:00"), event("b", "2026-03-01 11:00"), event("c", "2026-03-01 12:00")]
    told = rules(offer("a"), offer("b", "priority: 5"), offer("c"), caps="[{at_most: 2, within: 1 day}]")
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-02")))["c1"]
    assert sorted(messages(found)) == [
        "a 2026-03-02 09:00",
        "b 2026-03-02 09:00",
        "c 2026-03-02 09:00 cap:marketing-2-in-1-day",
    ]


def test_a_pass_that_enters_tonight_with_a_higher_priority_goes_before_one_that_stood(reading: Reading) -> None:
    old = "journey: old\ntopic: offers\ntrigger: {event: old}\nreentry: never\nsteps: [{wait: 2 days}, {send: old}]"
    rows = [event("old", "2026-03-01 10:00"), event("new", "2026-03-02 20:00")]
    told = rules(old, offer("new", "priority: 1"), caps=ONE_A_DAY)
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-03")))["c1"]
    assert messages(found) == ["new 2026-03-03 09:00", "old 2026-03-03 10:00 cap:marketing-1-in-1-day"]


def test_the_first_in_rank_goes_on_to_its_second_message_before_another_pass_has_its_turn(reading: Reading) -> None:
    two = offer("two", "priority: 1").replace("steps: [", "steps: [{send: before}, ")
    rows = [event("two", "2026-03-01 10:00"), event("one", "2026-03-01 09:00")]
    told = rules(two, offer("one"), caps="[{at_most: 2, within: 1 day}]")
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-02")))["c1"]
    assert sorted(messages(found)) == [
        "before 2026-03-02 09:00",
        "one 2026-03-02 09:00 cap:marketing-2-in-1-day",
        "two 2026-03-02 09:00",
    ]


@pytest.mark.parametrize(("days", "expected"), [(6, "cap:offers-1-in-7-days"), (7, "")])
def test_seven_days_are_seven_days_of_the_calendar(reading: Reading, days: int, expected: str) -> None:
    # Due on 2 March, and again on 8 or on 9 March: the first of the seven days is 2 or 3 March.
    rows = [event("a", "2026-03-01 10:00"), event("a", f"2026-03-0{1 + days} 10:00")]
    told = rules(offer("a"), caps="[{topic: offers, at_most: 1, within: 7 days}]")
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-10")))["c1"]
    assert messages(found) == ["a 2026-03-02 09:00", f"a 2026-03-0{2 + days} 09:00 {expected}".strip()]


def test_the_day_is_that_of_the_customers_calendar(reading: Reading) -> None:
    # Allowed at any hour, so the run of 22:00 sends at once: in Berlin 23:00 of 1 March, an hour later the next day.
    rows = [event("a", "2026-03-01 21:30"), event("a", "2026-03-01 22:30"), event("a", "2026-03-01 23:30")]
    told = rules(offer("a"), caps=ONE_A_DAY, send_hours=(at("2026-01-01 00:00").time(), at("2026-01-01 23:59").time()))
    when = nights("2026-03-01 21:00", "2026-03-02 01:00", HOURLY)
    found = reading(evenings(told, rows, when, [customer(zone="Europe/Berlin")]))["c1"]
    assert messages(found) == [
        "a 2026-03-01 22:00",
        "a 2026-03-01 23:00",
        "a 2026-03-02 00:00 cap:marketing-1-in-1-day",
    ]


def test_transactional_messages_are_neither_limited_nor_counted(reading: Reading) -> None:
    rows = [event("r", "2026-03-01 10:00"), event("a", "2026-03-01 11:00"), event("s", "2026-03-01 12:00")]
    told = rules(offer("r", topic="receipts"), offer("a"), offer("s", topic="receipts"), caps=ONE_A_DAY)
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-02")))["c1"]
    assert sorted(messages(found)) == ["a 2026-03-02 09:00", "r 2026-03-02 02:00", "s 2026-03-02 02:00"]


def test_all_caps_hold_and_the_first_that_is_met_is_the_reason(reading: Reading) -> None:
    rows = [event("a", f"2026-03-0{day} {hour}:00") for day in (1, 2, 3) for hour in ("10", "11")]
    told = rules(
        offer("a"), caps="[{topic: offers, at_most: 2, within: 7 days, name: week}, {at_most: 1, within: 1 day}]"
    )
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-04")))["c1"]
    assert sorted(messages(found)) == [
        "a 2026-03-02 09:00",
        "a 2026-03-02 09:00 cap:marketing-1-in-1-day",
        "a 2026-03-03 09:00",
        "a 2026-03-03 09:00 cap:week",
        "a 2026-03-04 09:00 cap:week",
        "a 2026-03-04 09:00 cap:week",
    ]


def test_a_message_put_off_comes_when_there_is_room_and_keeps_its_first_instant(reading: Reading) -> None:
    # b is due at 09:00 of 2 March, then a day later, and so again. Its lateness counts from 11:00 of 1 March.
    rows = [event("a", "2026-03-01 10:00"), event("b", "2026-03-01 11:00"), event("a", "2026-03-02 10:00")]
    told = rules(offer("a", "priority: 1"), offer("b", send="on_cap: {delay: 1 day}"), caps=ONE_A_DAY)
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-05")))["c1"]
    assert messages(found) == ["a 2026-03-02 09:00", "a 2026-03-03 09:00", "b 2026-03-04 09:00"]
    assert clock(next(one for one in found.decisions if one.step == "send:b").reached_at) == "2026-03-01 11:00"
    assert [move for move in moves(found) if "cap" in move] == [
        "run 2: cap:marketing-1-in-1-day 2026-03-03 09:00",
        "run 3: cap:marketing-1-in-1-day 2026-03-04 09:00",
    ]


def test_a_message_put_off_for_too_long_is_too_late(reading: Reading) -> None:
    rows = [event("a", "2026-03-01 10:00"), event("b", "2026-03-01 11:00")]
    late = "on_cap: {delay: 1 day}, max_lateness: 2 days"
    told = rules(offer("a"), offer("b", send=late), caps="[{at_most: 1, within: 7 days}]")
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-08")))["c1"]
    # Meant for 11:00 of 1 March; in the night of 3 March it stands for 09:00 of the 4th; in that of the 4th it is late.
    assert messages(found) == ["a 2026-03-02 09:00", "b 2026-03-04 09:00 too_late"]
    assert [clock(one.meant_at) if one.meant_at else None for one in found.passes] == [None, None]


def test_a_message_between_an_earlier_and_a_later_one_meets_the_cap_of_either_side(reading: Reading) -> None:
    # On 2 March b is put off by five days, to the 7th. On the 4th c would be the second within the seven days that
    # end on the 7th, though the seven days that end on its own day hold only a.
    rows = [event("a", "2026-03-01 10:00"), event("b", "2026-03-01 11:00"), event("c", "2026-03-03 10:00")]
    weekly = "0 2 * * 0"
    slow = offer("b", send="on_cap: {delay: 5 days}, max_lateness: 30 days")
    told = rules(offer("a"), slow, offer("c"), caps="[{at_most: 1, within: 3 days}]")
    when = [Night.of(1, at("2026-03-01 02:00"), weekly), Night.of(2, at("2026-03-01 12:00"), weekly),
            Night.of(3, at("2026-03-03 12:00"), NIGHTLY), Night.of(4, at("2026-03-08 02:00"), weekly)]  # fmt: skip
    found = reading(evenings(told, rows, when))["c1"]
    assert sorted(messages(found)) == [
        "a 2026-03-01 12:00",
        "b 2026-03-06 12:00",
        "c 2026-03-03 12:00 cap:marketing-1-in-3-days",
    ]


def test_a_pass_may_leave_when_a_cap_is_met(reading: Reading) -> None:
    step = "steps: [{send: {template: b, on_cap: exit}}, {task: {team: service, title: Call}}]"
    leaving = f"journey: b\ntopic: offers\ntrigger: {{event: b}}\nreentry: never\n{step}"
    rows = [event("a", "2026-03-01 10:00"), event("b", "2026-03-01 11:00")]
    found = reading(evenings(rules(offer("a"), leaving, caps=ONE_A_DAY), rows, nights("2026-03-01", "2026-03-03")))
    assert sorted(messages(found["c1"])) == ["a 2026-03-02 09:00", "b 2026-03-02 09:00 cap:marketing-1-in-1-day"]
    assert ends(found["c1"])[1] == "exited cap:marketing-1-in-1-day 2026-03-02 09:00"
    assert len(found["c1"].decisions) == 2


def test_the_journey_says_on_cap_for_its_messages_unless_one_says_it_itself(reading: Reading) -> None:
    rows = [event("a", "2026-03-01 10:00"), event("b", "2026-03-01 11:00"), event("c", "2026-03-01 12:00")]
    told = rules(offer("a"), offer("b", "on_cap: exit"), offer("c", "on_cap: exit", "on_cap: skip"), caps=ONE_A_DAY)
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-03")))["c1"]
    assert ends(found) == [
        "finished finished 2026-03-02 09:00",
        "exited cap:marketing-1-in-1-day 2026-03-02 09:00",
        "finished finished 2026-03-02 09:00",
    ]


def test_each_reminder_meets_the_caps(reading: Reading) -> None:
    words = "journey: r\ntopic: offers\ntrigger: {event: r}\nreentry: never\n"
    words += "steps: [{remind: {template: r, every: 1 day, times: 3}}]"
    told = rules(words, caps="[{at_most: 2, within: 7 days}]")
    found = reading(evenings(told, [event("r", "2026-03-01 10:00")], nights("2026-03-01", "2026-03-06")))["c1"]
    assert messages(found) == [
        "r 2026-03-02 09:00",
        "r 2026-03-03 09:00",
        "r 2026-03-04 09:00 cap:marketing-2-in-7-days",
    ]


@pytest.mark.parametrize("refused", [False, True])
def test_a_message_that_was_refused_is_counted_no_longer(reading: Reading, refused: bool) -> None:
    rows = [event("a", "2026-03-01 10:00"), event("b", "2026-03-02 10:00")]
    told = rules(offer("a"), offer("b"), caps="[{at_most: 1, within: 7 days}]")
    gone = frozenset({"a"} if refused else ())
    when = [Evening(night, told, [customer()], rows, gone) for night in nights("2026-03-01", "2026-03-03")]
    held = "" if refused else " cap:marketing-1-in-7-days"
    assert messages(reading(when)["c1"]) == ["a 2026-03-02 09:00", f"b 2026-03-03 09:00{held}"]


def test_a_message_taken_back_is_counted_until_the_next_run_knows_it(reading: Reading) -> None:
    # The night of 2 March decides a for 09:00. A run at 08:00 knows the order: a is taken back, and b, decided in the
    # same run, still meets the cap; c, in the next run, does not.
    bought = offer("a", "exit_when: {event: order_placed}")
    rows = [event("a", "2026-03-01 10:00"), event("order_placed", "2026-03-02 07:00"),
            event("b", "2026-03-02 07:30"), event("c", "2026-03-02 10:00")]  # fmt: skip
    told = rules(
        bought.replace("]", ", {wait: 3 days}]"), offer("b"), offer("c"), caps="[{at_most: 1, within: 7 days}]"
    )
    when = [*nights("2026-03-01", "2026-03-02"), Night.of(3, at("2026-03-02 08:00"), NIGHTLY),
            Night.of(4, at("2026-03-03 02:00"), NIGHTLY)]  # fmt: skip
    assert messages(reading(evenings(told, rows, when))["c1"]) == [
        "a 2026-03-02 09:00",
        "b 2026-03-02 09:00 cap:marketing-1-in-7-days",
        "c 2026-03-03 09:00",
    ]


def test_a_cap_that_is_new_counts_what_was_sent_before(reading: Reading) -> None:
    rows = [event("a", "2026-03-01 10:00"), event("a", "2026-03-02 10:00")]

    def on(index: int) -> Rules:
        return rules(offer("a"), caps="" if index < 2 else "[{at_most: 1, within: 7 days}]")

    found = nights("2026-03-01", "2026-03-03")
    when = [Evening(night, on(index), [customer()], rows) for index, night in enumerate(found)]
    assert messages(reading(when)["c1"]) == ["a 2026-03-02 09:00", "a 2026-03-03 09:00 cap:marketing-1-in-7-days"]


def test_a_pass_whose_letter_still_waits_does_not_stand_for_another(reading: Reading) -> None:
    # In the run of 04:00 the pass of a stands at its second message while the first waits for 09:00: b goes first
    # then, whatever the priorities.
    two = offer("a", "priority: 9").replace("steps: [", "steps: [{send: z}, {wait: 1 hour}, ")
    rows = [event("a", "2026-03-02 01:30"), event("b", "2026-03-02 03:30")]
    told = rules(two, offer("b"), caps="[{at_most: 2, within: 1 day}]")
    found = reading(evenings(told, rows, nights("2026-03-02 01:00", "2026-03-02 12:00", HOURLY)))["c1"]
    assert messages(found) == [
        "z 2026-03-02 09:00",
        "b 2026-03-02 09:00",
        "a 2026-03-02 10:00 cap:marketing-2-in-1-day",
    ]


def test_customers_have_their_own_caps(reading: Reading) -> None:
    rows = [event("a", "2026-03-01 10:00", who=one, event_id=f"{one}{n}") for one in ("c1", "c2") for n in (1, 2)]
    told, who = rules(offer("a"), caps=ONE_A_DAY), [customer("c1"), customer("c2")]
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-02"), who))
    for one in ("c1", "c2"):
        reasons = sorted(line.partition("09:00")[2] for line in messages(found[one]))
        assert reasons == ["", " cap:marketing-1-in-1-day"]


# --- how long messages are kept to be counted -----------------------------------------------------------------


def test_a_cap_of_a_year_that_is_written_later_counts_what_went_before(reading: Reading) -> None:
    rows = [event("a", "2026-03-01 10:00"), event("a", "2027-03-01 10:00"), event("a", "2027-03-03 10:00")]
    when = [*nights("2026-03-02", "2026-03-02"), *nights("2027-03-02", "2027-03-05")]
    when = [Night.of(run, night.as_of, NIGHTLY) for run, night in enumerate(when, 1)]
    before, after = rules(offer("a")), rules(offer("a"), caps="[{at_most: 2, within: 366 days}]")
    found = reading([
        Evening(night, before if night.as_of < at("2027-03-02 00:00") else after, [customer()], rows) for night in when
    ])["c1"]  # fmt: skip
    # That of 2 March 2026 is counted on 2 March 2027, 366 days on end, and no longer on the fourth.
    assert messages(found) == ["a 2026-03-02 09:00", "a 2027-03-02 09:00", "a 2027-03-04 09:00"]
    more = [*rows, event("a", "2027-03-01 11:00", "b")]
    found = reading([
        Evening(night, before if night.as_of < at("2027-03-02 00:00") else after, [customer()], more) for night in when
    ])["c1"]  # fmt: skip
    assert "a 2027-03-02 09:00 cap:marketing-2-in-366-days" in messages(found)


def test_what_no_cap_can_count_any_more_is_forgotten() -> None:
    told = rules(offer("a"), caps=ONE_A_DAY)
    rows = [event("a", "2026-03-01 10:00"), event("a", "2027-03-03 10:00")]
    first, last, gone = (Night.of(run, at(f"{day} 02:00"), NIGHTLY) for run, day in enumerate(
        ("2026-03-02", "2027-03-04", "2027-03-05"), 1))  # fmt: skip
    life, sweeping = Life(), Sweeping({"timezone": "text"}, "UTC", respond=lambda sent: [])
    try:
        kept = []
        for night in (first, last, gone):
            life.live(told, night, customer(), rows)
            sweeping.run(told, night, [("c1", {"timezone": "UTC"})], rows)
            counted = sweeping.engine.rows("SELECT local_day FROM counted ORDER BY local_day")
            assert [one.day for one in life.state.sendings] == [day for (day,) in counted]
            kept.append([str(day) for (day,) in counted])
    finally:
        sweeping.engine.close()
    # 2 March 2026 lies 367 days before 4 March 2027, and 368 before the fifth.
    assert kept == [["2026-03-02"], ["2026-03-02", "2027-03-04"], ["2027-03-04"]]
