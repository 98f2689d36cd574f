"""Rule 11: who is held out, which arm is drawn, and what is withheld.

Draws are md5 over parts with their lengths, the first 8 digits compared as text. Worked out with `md5sum`, for the
journey `thanks` and its one pass of a customer (`reentry: never`, so the key is empty):

    customer   6:thanks2:c1 (the journey's holdout)   12:all journeys2:c1   6:thanks5:split32:<enrollment> (the split)
    c1         8d005b96                               fb2a720c              1ecfdd0d
    c2         46c1bcc9                               51338d75              e40dc309
    c3         dd093a82                               0ae5263a              b6efcf3c
    c9         abedd1c7                               88701b3e              4a0efa5c
    c10        6:thanks3:c10: 018e6486                2f6e4956              f8bd0dfb
    c12        fa298083                               33746f1b              7dceae71

Half of all hashes lie below 80000000, a tenth below 19999999, a twentieth below 0ccccccc.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from journey_engine.predicates import share_below
from journey_engine.records import DecisionKind
from journey_engine.rules import Rules
from tests.histories.story import (
    Evening,
    Reading,
    Told,
    customer,
    ends,
    evenings,
    event,
    kinds,
    messages,
    moves,
    nights,
    rules,
)

HEAD = "journey: thanks\ntopic: receipts\ntrigger: {event: signed_up}\nreentry: never\n"
WARM, PLAIN = "{arm: warm, weight: 50, steps: [{send: warm}]}", "{arm: plain, weight: 50, steps: [{send: plain}]}"
SPLIT = f"{HEAD}steps: [{{split: [{WARM}, {PLAIN}]}}]"


def lived(
    reading: Reading, told: Rules, who: list[str], last: str = "2026-03-04", more: tuple[tuple[str, str], ...] = ()
) -> dict[str, Told]:
    """Everybody signs up on 1 March 10:00, and the nights go by."""
    rows = [event("signed_up", "2026-03-01 10:00", f"up {one}", who=one) for one in who]
    rows += [event(name, when, f"{name} {one}", who=one) for name, when in more for one in who]
    return dict(reading(evenings(told, rows, nights("2026-03-01", last), [customer(one) for one in who])))


def test_the_draws_of_this_page_are_md5() -> None:
    def digits(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    assert [digits(f"6:thanks{len(who)}:{who}")[:8] for who in ("c1", "c10")] == ["8d005b96", "018e6486"]
    assert digits("12:all journeys2:c3")[:8] == "0ae5263a"
    enrollment = digits("6:thanks2:c90:")
    assert digits(f"6:thanks5:split32:{enrollment}")[:8] == "4a0efa5c"
    assert [share_below(50), share_below(10), share_below(5), share_below(100)] == [
        "80000000",
        "19999999",
        "0ccccccc",
        None,
    ]


# --- arms -----------------------------------------------------------------------------------------------------


def test_each_pass_draws_one_arm_by_its_hash(reading: Reading) -> None:
    found = lived(reading, rules(SPLIT), ["c1", "c2", "c9"])
    assert {who: messages(told)[0].split()[0] for who, told in found.items()} == {
        "c1": "warm",
        "c2": "plain",
        "c9": "warm",
    }
    assert moves(found["c2"]) == [
        "run 2: entered 2026-03-01 10:00",
        "run 2: no 2026-03-01 10:00",
        "run 2: yes 2026-03-01 10:00",
        "run 2: sent 2026-03-02 02:00",
        "run 2: finished 2026-03-02 02:00",
    ]
    assert {who: sorted(told.passes[0].steps) for who, told in found.items()} == {
        "c1": ["arm/warm"], "c2": ["arm/plain"], "c9": ["arm/warm"],
    }  # fmt: skip


def test_weights_are_shares_and_an_arm_without_weight_is_never_drawn(reading: Reading) -> None:
    # 4ccccccc and 99999999 are the bounds of 30 and 60 percent.
    steps = ", ".join(
        f"{{arm: {arm}, weight: {weight}, steps: [{{send: {arm}}}]}}"
        for arm, weight in (("one", 30), ("none", 0), ("two", 30), ("three", 40))
    )
    found = lived(reading, rules(f"{HEAD}steps: [{{split: [{steps}]}}]"), ["c9", "c12", "c2"])
    assert [messages(found[who])[0].split()[0] for who in ("c9", "c12", "c2")] == ["one", "two", "three"]
    whole = "[{arm: never, weight: 0, steps: [{send: never}]}, {arm: all, weight: 100, steps: [{send: all}]}]"
    turned = "[{arm: all, weight: 100, steps: [{send: all}]}, {arm: never, weight: 0, steps: [{send: never}]}]"
    for arms in (whole, turned):
        found = lived(reading, rules(f"{HEAD}steps: [{{split: {arms}}}]"), ["c9", "c12", "c2"])
        assert {messages(told)[0].split()[0] for told in found.values()} == {"all"}


def test_two_splits_draw_apart_from_each_other(reading: Reading) -> None:
    # For c1 the second, `later`, draws c648ebbc, the first 1ecfdd0d (the name of the step is part of the draw).
    text = SPLIT[:-1] + (
        ", {split: {id: second, arms: [{arm: red, weight: 50, steps: [{send: red}]}, "
        "{arm: blue, weight: 50, steps: [{send: blue}]}]}}]"
    )
    found = lived(reading, rules(text), ["c1"])["c1"]
    assert [message.split()[0] for message in messages(found)] == ["warm", "blue"]


def test_what_a_pass_drew_can_be_asked_later_and_nothing_is_drawn_before_the_split(reading: Reading) -> None:
    text = HEAD + (
        "steps: [{task: {team: a, title: early, only_if: {arm: warm}}}, "
        "{split: [{arm: warm, weight: 50}, {arm: plain, weight: 50}]}, {wait: 1 day}, "
        "{branch: [{when: {arm: warm}, steps: [{send: for-warm}]}, {when: {arm: plain}, steps: [{send: for-plain}]}]}]"
    )
    found = lived(reading, rules(text), ["c1", "c2"], "2026-03-05")
    assert [messages(found[who])[0].split()[0] for who in ("c1", "c2")] == ["for-warm", "for-plain"]
    assert [kinds(told, DecisionKind.TASK) for told in found.values()] == [[], []]


def test_an_arm_ends_a_pass_only_once_it_was_drawn(reading: Reading) -> None:
    # The split lies behind a wait of two days; `exit_when` holds from the night after it on.
    text = HEAD + (
        "exit_when: {arm: warm}\n"
        "steps: [{wait: 1 day}, {split: [{arm: warm, weight: 50}, {arm: plain, weight: 50}]}, {wait: 3 days}]"
    )
    found = lived(reading, rules(text), ["c1", "c2"], "2026-03-07")
    assert ends(found["c1"]) == ["exited exit_when 2026-03-03 02:00"]
    assert ends(found["c2"]) == ["finished finished 2026-03-05 10:00"]


def test_an_arm_is_drawn_ahead_even_behind_an_effect_where_a_branch_would_rest(reading: Reading) -> None:
    # The night of the 2nd decides the letter of 16:00 and the one behind the split, six hours later.
    text = HEAD + (
        "steps: [{wait: 30 hours}, {send: first}, {wait: 6 hours}, "
        "{split: [{arm: warm, weight: 50, steps: [{send: warm}]}, {arm: plain, weight: 50}]}]"
    )
    found = lived(reading, rules(text), ["c1"])["c1"]
    assert messages(found) == ["first 2026-03-02 16:00", "warm 2026-03-02 22:00"]
    assert [one.run for one in found.decisions] == [2, 2]


def test_an_arm_behind_the_horizon_is_not_drawn_yet(reading: Reading) -> None:
    text = HEAD + "steps: [{wait: 2 days}, {split: [{arm: warm, weight: 50}, {arm: plain, weight: 50}]}, {wait: 1 day}]"
    found = lived(reading, rules(text), ["c1"], "2026-03-02")["c1"]
    assert found.passes[0].steps == {}


def test_nothing_of_an_arm_is_in_a_message_id(reading: Reading) -> None:
    # The same letter, sent in both arms of one journey and in another without a split, has the same id.
    both = SPLIT.replace("send: warm", "send: {template: warm, id: letter}")
    whole = HEAD + "steps: [{send: {template: warm, id: letter}}]"
    one, other = (lived(reading, rules(text), ["c1"])["c1"] for text in (both, whole))
    assert [row.decision_id for row in one.decisions] == [row.decision_id for row in other.decisions]


# --- holdout --------------------------------------------------------------------------------------------------

OFFER = """
journey: thanks
topic: offers
trigger: {event: signed_up}
reentry: never
holdout: 10%
goal: {event: order_placed, window: 30 days, stay: true}
steps:
  - send: offer
  - task: {team: service, title: Call}
  - set: {thanked: true}
  - send: {template: receipt, topic: receipts}
  - wait: 1 day
  - branch: [{when: {customer: {thanked: true}}, steps: [{send: again}]}, {otherwise: [{send: never-thanked}]}]
"""


def test_every_effect_of_a_held_out_pass_is_withheld_and_it_moves_as_if_done(reading: Reading) -> None:
    found = lived(reading, rules(OFFER), ["c1", "c10"], "2026-03-06", (("order_placed", "2026-03-02 12:00"),))
    assert [one.held_out for one in found["c1"].passes] == [False]
    assert [one.held_out for one in found["c10"].passes] == [True]
    assert [(one.step, str(one.state), one.reason) for one in found["c10"].decisions] == [
        ("send:offer", "withheld", "holdout"),
        ("task:service", "withheld", "holdout"),
        ("set:thanked", "withheld", "holdout"),
        ("send:receipt", "pending", None),  # transactional
        ("send:never-thanked", "withheld", "holdout"),
    ]
    assert {str(one.state) for one in found["c1"].decisions} == {"pending"}
    # The goal is credited all the same.
    assert [one.goal_at is not None for told in found.values() for one in told.passes] == [True, True]


def test_a_withheld_letter_moves_into_the_allowed_hours_as_if_it_were_sent(reading: Reading) -> None:
    # The night is at 02:00, letters wait for 09:00: the next step goes on from there, letter or no letter.
    text = OFFER[: OFFER.index("  - task")] + OFFER[OFFER.index("  - wait") :]
    found = lived(reading, rules(text), ["c1", "c10"], "2026-03-05")
    assert [line for line in moves(found["c10"]) if "waited" in line] == ["run 3: waited 2026-03-03 09:00"]
    assert [line for line in moves(found["c1"]) if "waited" in line] == ["run 3: waited 2026-03-03 09:00"]
    assert messages(found["c10"])[0] == "offer 2026-03-02 09:00 holdout"


def test_the_projects_holdout_counts_for_every_journey(reading: Reading) -> None:
    found = lived(
        reading, rules(SPLIT.replace("topic: receipts", "topic: offers"), holdout=share_below(5)), ["c1", "c3"]
    )
    assert [str(told.decisions[0].state) for told in (found["c1"], found["c3"])] == ["pending", "withheld"]
    # Who is held out draws an arm as everybody does.
    assert sorted(found["c3"].passes[0].steps) == ["arm/plain"]


@pytest.mark.parametrize(("below", "held_out"), [("018e6486", False), ("018e6487", True)])
def test_held_out_is_who_lies_below_the_share_and_not_on_it(reading: Reading, below: str, held_out: bool) -> None:
    told = rules(OFFER)
    graph = told.journeys[0].model_copy(update={"holdout": below}).with_version()
    found = lived(reading, replace(told, journeys=(graph,)), ["c10"])["c10"]
    assert found.passes[0].held_out == held_out


def test_who_is_held_out_is_drawn_at_entry_and_never_again(reading: Reading) -> None:
    # The share is changed while passes stand: who came in under the old one stays as they are, in a pinned version.
    before = OFFER.replace("  - wait: 1 day", "  - wait: 3 days")
    old, new = rules(before).journeys[0], rules(before.replace("holdout: 10%\n", ""), pinned=()).journeys[0]
    who = [customer("c10")]
    rows = [event("signed_up", "2026-03-01 10:00", who="c10")]
    lives = [
        Evening(night, Rules((old,)) if night.run < 4 else Rules((new,), (old,)), who, rows)
        for night in nights("2026-03-01", "2026-03-07")
    ]
    found = reading(lives)["c10"]
    assert str(found.decisions[-1].state) == "withheld"
    assert found.decisions[-1].run > 4


def test_a_held_out_pass_neither_uses_nor_meets_a_cap(reading: Reading) -> None:
    # One offer in seven days. Withheld ones are none, and a cap that is full of them holds nothing back.
    text = OFFER[: OFFER.index("  - task")] + "  - send: second\n"
    found = lived(reading, rules(text, caps="[{topic: offers, at_most: 1, within: 7 days}]"), ["c1", "c10"])
    assert [(str(one.state), one.reason) for one in found["c10"].decisions] == [("withheld", "holdout")] * 2
    assert [(str(one.state), one.reason) for one in found["c1"].decisions] == [
        ("pending", None),
        ("skipped", "cap:offers-1-in-7-days"),
    ]
