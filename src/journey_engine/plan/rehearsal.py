"""The next run, twice and never kept: with the journeys of the last run, and with those of the files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from journey_engine import expressions as x
from journey_engine.engines import Engine, memory
from journey_engine.load import LoadedProject
from journey_engine.mailroom import Mailroom
from journey_engine.night import JourneyCounts, NightRun, as_ran, with_pinned
from journey_engine.queries import fill, statements
from journey_engine.rules import Rules
from journey_engine.times import Clock

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Letters:
    """The letters of one template in one journey: how many each of the two would decide, and for whom they part.

    `more` are customers who get one only, or more of them, by the files; `less` the other way round. `alike` counts the
    letters that are the same.
    """

    journey: str
    template: str
    before: int
    now: int
    more: int
    less: int
    alike: int
    more_for: tuple[str, ...] = ()
    less_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the next run would do by journey, before and now, and every letter where the two part."""

    before: Mapping[str, JourneyCounts] = field(default_factory=dict)
    now: Mapping[str, JourneyCounts] = field(default_factory=dict)
    letters: tuple[Letters, ...] = ()
    alike: int = 0  # letters for which it makes no difference
    broken: Mapping[str, str] = field(default_factory=dict)  # journeys that the engine cannot compute


def rehearse(loaded: LoadedProject, engine: Engine, mailroom: Mailroom, as_of: dt.datetime, clock: Clock) -> Rehearsed:
    """Run the next night twice on a copy, and compare the letters that would be decided and not held back."""
    assert loaded.rules is not None
    number = int(engine.rows("SELECT coalesce(max(run), 0) + 1 FROM runs")[0][0])
    beside = memory()
    try:
        beside.execute(statements("plan")["letters"])
        nights = {}
        for side, rules in (("before", as_ran(engine, loaded.rules, loaded.renderer)), ("now", loaded.rules)):
            one = _night(loaded, engine, mailroom, rules, as_of, number, clock)
            for rows in engine.batches(fill(statements("plan")["decided"], {"run": x.integer(number)})):
                beside.load("letters", ("side", "journey", "template", "customer_id", "letters"),
                            [(side, *row) for row in rows])  # fmt: skip
            one.commit()
            nights[side] = one
        letters = [Letters(*row) for row in beside.rows(statements("plan")["compared"])]
        parted = [_with_sample(beside, one) for one in letters if one.more or one.less]
    finally:
        beside.close()
    alike = sum(one.alike for one in letters)
    return Rehearsed(nights["before"].counts, nights["now"].counts, tuple(parted), alike, nights["now"].broken)


def _night(
    loaded: LoadedProject, engine: Engine, mailroom: Mailroom, rules: Rules, as_of: dt.datetime, number: int,
    clock: Clock,
) -> NightRun:  # fmt: skip
    """A night up to its commit, which a dry run takes back."""
    rules, unread = with_pinned(engine, rules, loaded.renderer)
    night = NightRun(
        loaded, engine, mailroom, as_of, clock, number, "plan", False, accept_loss=True, dry_run=True, rules=rules,
        broken=unread,
    )  # fmt: skip
    night.collect()
    night.facts()
    night.sweep()
    return night


def _with_sample(beside: Engine, one: Letters) -> Letters:
    found = {
        side: tuple(who for (who,) in beside.rows(statements("plan")[side], (one.journey, one.template, SAMPLE)))
        for side in ("more", "less")
    }
    return replace(one, more_for=found["more"], less_for=found["less"])
