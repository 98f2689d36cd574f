"""Rules 2, 9, 10 and 15: `changes`, what an attribute was and became from one run to the next."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories.story import Evening, Reading, customer, entries, event, messages, nights, rules

ABSENT = object()


def watching(trigger: str, more: str = "") -> str:
    """A journey that a change starts."""
    head = f"journey: upgraded\ntopic: receipts\ntrigger: {{changes: {trigger}}}\n"
    return head + (f"{more}\n" if more else "") + "steps: [{send: thanks}]"


def told(reading: Reading, text: str, plans: list[Any], **settings: Any) -> Any:
    """One customer whose plan is another each night from 1 March on."""
    when, project = nights("2026-03-01", f"2026-03-{len(plans):02}"), rules(text, **settings)
    people = [[] if plan is ABSENT else [customer(plan=plan)] for plan in plans]
    return reading([Evening(night, project, some, []) for night, some in zip(when, people, strict=True)])["c1"]


def test_the_value_first_seen_starts_nothing_and_the_next_one_does(reading: Reading) -> None:
    found = told(reading, watching("{attribute: plan, to: pro}"), ["pro", "pro", "free", "pro", "pro"])
    assert entries(found) == ["upgraded 2026-03-04 02:00"]
    # The second change: from pro to free was the first.
    assert [one.key for one in found.passes] == ["2"]
    assert [one.trigger for one in found.passes] == [{"attribute": "plan", "from": "free", "to": "pro"}]


@pytest.mark.parametrize(
    ("trigger", "days"),
    [
        ("plan", [2, 3, 4, 5, 6]),
        ("{attribute: plan, from: free}", [2]),
        ("{attribute: plan, from: gold, to: free}", [6]),
        ("{attribute: plan, to: {in: [gold, silver]}}", [5]),
        ("{attribute: plan, to: {exists: false}}", [3]),
        ("{attribute: plan, from: {exists: false}}", [4]),
        ("{attribute: plan, from: {is_not: free}}", [3, 5, 6]),
    ],
)
def test_from_and_to_ask_what_it_was_and_became(reading: Reading, trigger: str, days: list[int]) -> None:
    plans = ["free", "pro", None, "pro", "gold", "free", "free"]
    found = told(reading, watching(trigger, "reentry: each_occurrence"), plans)
    assert entries(found) == [f"upgraded 2026-03-0{day} 02:00" for day in days]


def test_a_number_is_the_same_however_it_is_written_and_a_text_by_its_letters(reading: Reading) -> None:
    # 5 and 5.0 are one value; 'Pro' is not 'pro'.
    plans: list[Any] = [5, 5.0, 6, 6]
    found = told(reading, watching("{attribute: plan, to: {above: 5}}"), plans)
    assert entries(found) == ["upgraded 2026-03-03 02:00"]
    assert told(reading, watching("plan"), ["pro", "Pro"]).passes[0].trigger["from"] == "pro"


def test_an_absent_customer_keeps_the_last_value(reading: Reading) -> None:
    plans = ["free", ABSENT, "free", ABSENT, "pro"]
    found = told(reading, watching("plan", "reentry: each_occurrence"), plans)
    assert entries(found) == ["upgraded 2026-03-05 02:00"]


def test_a_customer_first_seen_later_has_changed_nothing(reading: Reading) -> None:
    found = told(reading, watching("{attribute: plan, to: pro}"), [ABSENT, ABSENT, "pro", "pro"])
    assert entries(found) == []


def test_what_a_journey_sets_counts_from_the_next_run_on(reading: Reading) -> None:
    # Set on the night of 2 March, seen on the 3rd; the import changes on the 5th and takes it away.
    setter = """
    journey: setter
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps: [{set: {plan: pro}}]
    """
    project = rules(setter, watching("plan", "reentry: each_occurrence"))
    rows, when = [event("signed_up", "2026-03-01 10:00")], nights("2026-03-01", "2026-03-06")
    imported = {5: "silver", 6: "silver"}
    found = reading(
        [Evening(night, project, [customer(plan=imported.get(night.run, "free"))], rows) for night in when]
    )["c1"]
    assert entries(found)[1:] == ["upgraded 2026-03-03 02:00", "upgraded 2026-03-05 02:00"]
    changes = [(one.trigger["from"], one.trigger["to"]) for one in found.passes if one.journey == "upgraded"]
    assert sorted(changes) == [("free", "pro"), ("pro", "silver")]


def test_backfill_takes_whoever_has_the_value_tonight(reading: Reading) -> None:
    text = watching("{attribute: plan, to: pro}", "backfill: current")
    assert entries(told(reading, text, ["pro", "pro"])) == ["upgraded 2026-03-01 02:00"]
    assert entries(told(reading, text, ["free", "free"])) == []
    # Gone and come back afterwards: another occurrence, and the pass of the backfill is over.
    assert entries(told(reading, text, ["pro", "free", "pro"])) == [
        "upgraded 2026-03-01 02:00",
        "upgraded 2026-03-03 02:00",
    ]


def test_re_entry_is_after_exit_unless_written(reading: Reading) -> None:
    waits = watching("plan").replace("[{send: thanks}]", "[{wait: 30 hours}, {send: thanks}]")
    found = told(reading, waits, ["a", "b", "c", "d", "d"])
    # Inside until 3 March 08:00: the change of the 3rd finds it open, that of the 4th does not.
    assert entries(found) == ["upgraded 2026-03-02 02:00", "upgraded 2026-03-04 02:00"]


def test_a_journey_set_aside_for_a_night_misses_no_change(reading: Reading) -> None:
    # On the night of the change, 3 March, the journey has a mistake; it enters the night after it is mended, at
    # the night that saw the change. Four nights aside are more than the 72 hours.
    live, aside = rules(watching("{attribute: plan, to: pro}")), rules(aside=frozenset({"upgraded"}))
    for back, expected in ((4, ["upgraded 2026-03-03 02:00"]), (8, ["upgraded 2026-03-03 02:00"])):
        when = nights("2026-03-01", "2026-03-09")
        found = reading(
            [
                Evening(
                    night,
                    live if night.run < 3 or night.run >= back else aside,
                    [customer(plan="pro" if night.run >= 3 else "free")],
                    [],
                )
                for night in when
            ]
        )["c1"]
        assert entries(found) == expected


def test_a_new_journey_looks_back_one_interval_at_changes_already_watched(reading: Reading) -> None:
    # Another journey watches the plan since 1 March; the new one begins on the 4th and sees that night's change
    # only.
    first, second = watching("{attribute: plan, to: none}").replace("upgraded", "other"), watching("plan")
    when = nights("2026-03-01", "2026-03-06")
    for plans, expected in (
        (["a", "a", "b", "b", "b", "b"], []),
        (["a", "a", "b", "c", "c", "c"], ["upgraded 2026-03-04 02:00"]),
    ):
        found = reading(
            [
                Evening(night, rules(first, second) if night.run >= 4 else rules(first), [customer(plan=plan)], [])
                for night, plan in zip(when, plans, strict=True)
            ]
        )["c1"]
        assert entries(found) == expected


def test_a_condition_and_a_letter_know_what_changed(reading: Reading) -> None:
    text = watching("plan", "audience: {trigger: {from: free, to: {starts_with: p}}}")
    found = told(reading, text, ["free", "pro"], values={"thanks": ["trigger.from", "trigger.to"]})
    assert messages(found) == ["thanks 2026-03-02 02:00"]
    assert found.decisions[0].payload["values"] == {"trigger": {"from": "free", "to": "pro"}}
    assert entries(told(reading, text, ["free", "gold"])) == []
