"""One history at several cadences: the same occurrences and instants, and each message once, however often a run comes.

Told by `walk`; that `sweep` says the same at every cadence is what test_walk_equals_sweep.py shows.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from journey_engine.records import Decision, DecisionKind, Event, Transition
from journey_engine.rules import Night, Rules
from journey_engine.walk import Life
from tests.histories.story import NIGHTLY, at, customer, nights, rules

CADENCES = {"nightly": NIGHTLY, "hourly": "0 * * * *", "every five minutes": "*/5 * * * *"}
START, END = "2026-03-27 02:00", "2026-03-31 02:00"  # Berlin's clocks go forward on the 29th
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
NAMES = ("signed_up", "order_placed", "cart_item_added")
TRIGGERS = {
    "event": "{event: {name: signed_up}}",
    "where": "{event: {name: order_placed, where: {total: {above: 50}}}}",
    "first": "{event: {name: signed_up, first: true}}",
    "inactive": "{inactive: {event: order_placed, for: 7 hours}}",
    "abandoned": "{abandoned: {event: cart_item_added, without: order_placed, for: 90 minutes}}",
    "date": "{date: {of: customer.born, every: year, offsets: [1 day before, 0 days, 1 day after], at: '02:30'}}",
    "schedule": "{schedule: {cron: '0 9,21 * * *', timezone: customer}}",
    "hourly": "{schedule: {cron: '30 * * * *', timezone: UTC}}",
}
BY_EVENT = ("event", "where", "inactive", "abandoned")


def story(dice: random.Random, first: str = START) -> list[Event]:
    """What a customer did after the first run: at odd instants, at those of runs, and beside them."""
    begin = at(first)
    found = []
    for number in range(dice.randint(4, 12)):
        minutes = dice.choice(
            (dice.randrange(1, 4 * 24 * 60), 60 * dice.randrange(1, 96), 24 * 60 * dice.randrange(1, 5))
        )
        moment = begin + dt.timedelta(minutes=minutes, microseconds=dice.choice((0, 0, 0, 1, 999_999)))
        name = dice.choice(NAMES)
        found.append(Event(f"e{number}", "c1", name, moment, {"total": dice.choice((10, 50, 51, 200))}))
    return found


def lived(
    told: Rules, rows: Sequence[Event], when: Iterable[Night], dice: random.Random
) -> tuple[Life, list[Transition], list[Decision]]:
    """The runs of one customer, each row known as soon as it happened."""
    who = customer(
        zone=dice.choice(ZONES), born=dt.date(1990, 3, dice.randint(28, 30)), plan=dice.choice(("free", "pro"))
    )
    life, moves, decisions = Life(), [], []
    for night in when:
        result = life.live(told, night, who, rows)
        moves += result.transitions
        decisions += result.decisions
    return life, moves, decisions


@pytest.mark.parametrize("seed", range(4))
def test_every_cadence_considers_the_same_occurrences(seed: int) -> None:
    told = rules(*(
        f"journey: {name}\ntopic: receipts\ntrigger: {trigger}\nreentry: each_occurrence\nsteps: [{{wait: 1 hour}}]"
        for name, trigger in TRIGGERS.items()
    ))  # fmt: skip
    rows = story(random.Random(seed))
    found = {}
    for cadence, line in CADENCES.items():
        life, _, _ = lived(told, rows, nights(START, END, line), random.Random(seed))
        inside = [one for one in life.state.passes if at(START) < one.entered_at <= at(END)]
        found[cadence] = {(one.journey, one.enrollment_id, one.entered_at) for one in inside}
    assert found["nightly"] == found["hourly"] == found["every five minutes"]
    assert {journey for journey, *_ in found["nightly"]} >= {"schedule", "hourly", "date"}


STILL = (
    "{wait: 90 minutes}",
    "{wait: 1 day}",
    "{wait: {until: '09:00', timezone: customer}}",
    "{wait: {until: '02:30', weekdays: [sun, mon], timezone: customer}}",
    "{wait_for: {event: order_placed, timeout: 5 hours, on_timeout: continue}}",
    "{wait_for: {event: {name: cart_item_added, where: {total: {above: 50}}}, timeout: 1 day, on_timeout: exit}}",
    "{branch: [{when: {customer: {plan: pro}}, steps: [{wait: 2 hours}]}, {otherwise: [{wait: 25 hours}]}]}",
    "{branch: [{when: {trigger: {total: {above: 50}}}, steps: [{wait: 10 minutes}]}]}",
)
"""Steps that wait and part ways, and do nothing else."""


@pytest.mark.parametrize("seed", range(6))
def test_passes_that_neither_send_convert_nor_exit_move_at_the_same_instants(seed: int) -> None:
    dice = random.Random(seed)
    told = rules(*(
        f"journey: {name}\ntopic: receipts\ntrigger: {TRIGGERS[name]}\nreentry: each_occurrence\nsteps: "
        f"[{', '.join(with_id(dice.choice(STILL), number) for number in range(dice.randint(1, 4)))}]"
        for name in BY_EVENT
    ))  # fmt: skip
    rows = story(dice)
    found = {}
    for cadence, line in CADENCES.items():
        _, moves, _ = lived(told, rows, nights(START, END, line), random.Random(seed))
        found[cadence] = Counter(
            (one.enrollment_id, one.from_node, one.to_node, one.reason, one.at) for one in moves if one.at <= at(END)
        )
    assert found["nightly"] == found["hourly"] == found["every five minutes"]
    assert any(reason in ("waited", "event", "timeout") for _, _, _, reason, _ in found["nightly"])


def with_id(step: str, number: int) -> str:
    """The same step under an id of its own."""
    kind, _, rest = step[1:-1].partition(": ")
    if kind == "branch":
        return step
    if not rest.startswith("{"):
        rest = f"{{for: {rest}}}"
    return f"{{{kind}: {{id: s{number}, {rest[1:]}}}"


SENDING = (
    "{send: {id: s%d, template: hello}}",
    "{wait: {id: s%d, for: 6 hours}}",
    "{wait: {id: s%d, until: '09:00', timezone: customer}}",
    "{wait_for: {id: s%d, event: order_placed, timeout: 5 hours, on_timeout: continue}}",
    "{remind: {id: s%d, template: hello, every: 8 hours, times: 2}}",
    "{task: {id: s%d, team: service, title: Call}}",
    "{ask: {question: s%d, template: hello, options: [a, b], timeout: 9 hours, paths: [{answer: a}, {answer: b}]}}",
)


def disturbed(regular: Sequence[dt.datetime], dice: random.Random, *, missing: bool) -> list[dt.datetime]:
    """The same runs, with some between them, some told twice, and now and then one or two of them missing."""
    found: list[dt.datetime] = []
    missed = 0
    for number, instant in enumerate(regular):
        if missing and 0 < number < len(regular) - 1 and missed < 2 and dice.random() < 0.3:
            missed += 1  # three days late at the most: no message is too late
            continue
        missed = 0
        found += [instant] * dice.choice((1, 1, 2, 3))
        between = sorted(dice.randrange(1, 24 * 60) for _ in range(dice.choice((0, 0, 1, 3))))
        found += [instant + dt.timedelta(minutes=minutes) for minutes in between if number < len(regular) - 1]
        if dice.random() < 0.2:
            found.append(instant)  # an older one once more
    return found


@pytest.mark.parametrize("missing", [False, True], ids=["extra and repeated", "missed too"])
@pytest.mark.parametrize("seed", range(10))
def test_extra_missed_and_repeated_runs_never_repeat_or_drop_a_message(seed: int, missing: bool) -> None:
    dice = random.Random(seed)
    names = BY_EVENT if missing else tuple(TRIGGERS)  # of several missed dates only the newest counts (rule 5)
    told = rules(*(
        f"journey: {name}\ntopic: offers\ntrigger: {TRIGGERS[name]}\nreentry: each_occurrence\nsteps: "
        f"[{', '.join(dice.choice(SENDING) % number for number in range(dice.randint(1, 5)))}, {{send: last}}]"
        for name in names
    ))  # fmt: skip
    rows = story(dice)
    # Runs go on until everything that began has come to its end.
    regular = [night.as_of for night in nights(START, "2026-04-14 02:00")]
    when = disturbed(regular, dice, missing=missing)
    _, _, plain = lived(
        told, rows, [Night.of(n, one, NIGHTLY) for n, one in enumerate(regular, 1)], random.Random(seed)
    )
    _, _, odd = lived(told, rows, [Night.of(n, one, NIGHTLY) for n, one in enumerate(when, 1)], random.Random(seed))
    expected = {one.decision_id for one in plain if counted(one, regular[-4])}
    ids = Counter(one.decision_id for one in odd if one.kind is not DecisionKind.CANCEL)
    assert max(ids.values()) == 1
    assert expected
    assert expected <= set(ids)
    assert {one.decision_id for one in odd if counted(one, regular[-4])} <= {one.decision_id for one in plain}
    assert not [one for one in odd if one.reason]


def counted(one: Decision, until: dt.datetime) -> bool:
    """What had time to happen before the last runs, whenever they came."""
    return one.kind in (DecisionKind.MESSAGE, DecisionKind.TASK) and one.due_at <= until and not one.reason
