"""Of whom a segment, a stage or `hold_when` may say something else than in the last run; others stay what they were.

A condition looks at attributes, events, passes and the time. So these are the customers who changed, of whom an event
came in, counts again or counts no longer, whose pass moved into or out of a state, and those for whom one of the
instants that conditions reckon back from tonight passed something since the last run.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
from collections.abc import Callable, Iterator

from journey_engine import expressions as x
from journey_engine.expressions import Sql
from journey_engine.predicates import Attribute, Happened, InJourney, Predicate, Subscribed, Test, leaves
from journey_engine.sweep.evening import Evening
from journey_engine.times import UTC, Duration

EVALUATED = "evaluated_by"
"""In `meta`: what reads conditions, and as what it takes attributes. What another one said is asked anew."""
MOST = 0.5  # of the customers: where more may be affected, to look for all of them is less work


def find_affected(evening: Evening) -> bool:
    """Fill `affected`; False when everybody is to be looked at."""
    engine = evening.engine
    rows = engine.rows("SELECT run, as_of FROM runs ORDER BY run DESC LIMIT 1")
    kept = engine.rows("SELECT value FROM meta WHERE name = ?", (EVALUATED,))
    known = {(of, name): version for of, name, version in engine.rows('SELECT "of", name, version FROM definitions')}
    conditions = [one.predicate for one in evening.definitions]
    new = [one for one in evening.definitions if known.get((one.of, one.name)) != one.version]
    if not rows or not kept or kept[0][0] != reading(evening) or new or not all(map(_of_everybody, conditions)):
        return False
    run, last = int(rows[0][0]), rows[0][1].replace(tzinfo=UTC)
    if last > evening.night.as_of:  # a simulation may go back
        return False
    since = _Since(evening, run, last)
    found = [leaf for predicate in conditions for leaf in leaves(predicate)]
    evening.run(
        "affected", "affected", last=x.stamp(last),
        aged=x.either([one for leaf in found for one in since.aged(leaf)]),
        dated=x.either([one for leaf in found for one in since.dated(leaf)]),
        passed=x.either([one for leaf in found for one in since.passed(leaf)]),
    )  # fmt: skip
    count, every = engine.rows("SELECT (SELECT count(*) FROM affected), (SELECT count(*) FROM customers)")[0]
    return bool(count < MOST * every)


def remember_reading(evening: Evening) -> None:
    """Keep what has read the conditions of everybody."""
    now = reading(evening)
    if evening.engine.rows("SELECT 1 FROM meta WHERE name = ? AND value = ?", (EVALUATED, now)):
        return
    evening.engine.execute("DELETE FROM meta WHERE name = ?", (EVALUATED,))
    evening.engine.execute("INSERT INTO meta VALUES (?, ?)", (EVALUATED, now))


def reading(evening: Evening) -> str:
    """What reads conditions, in short: this program, and the kinds of the attributes."""
    how = (importlib.metadata.version("journey-engine"), sorted(evening.columns.items()))
    return hashlib.blake2b(repr(how).encode(), digest_size=16).hexdigest()


def _of_everybody(predicate: Predicate) -> bool:
    """Whether a condition has only parts that are understood here; others mean something inside a pass only."""
    return all(
        leaf.scope == "history" and leaf.events.same is None and not leaf.events.of_pass
        if isinstance(leaf, Happened)
        else isinstance(leaf, Attribute | InJourney | Subscribed)
        for leaf in leaves(predicate)
    )


class _Since:
    """What came to pass between the last run and this one, for each part of a condition."""

    def __init__(self, evening: Evening, run: int, last: dt.datetime) -> None:
        self.facts, self.run, self.last, self.now = evening.facts, run, last, evening.night.as_of

    def aged(self, leaf: object) -> Iterator[Sql]:
        """Events that a length of time reaches no longer, or reaches now, over the ledger `e`."""
        if isinstance(leaf, Happened):
            lengths = (leaf.within, leaf.first_within, leaf.first_before, leaf.last_within, leaf.last_before)
            for length in dict.fromkeys(one for one in lengths if one is not None):
                yield x.both([self.facts.events(leaf.events), self._between(x.col("e", "occurred_at"), length.before)])

    def dated(self, leaf: object) -> Iterator[Sql]:
        """Customers `c` with an attribute of time that a length reaches no longer, or now."""
        if isinstance(leaf, Attribute):
            moment = self.facts.attribute(leaf.where.name).instant
            for test in leaf.where.tests:
                yield from self._tested(test, moment)

    def passed(self, leaf: object) -> Iterator[Sql]:
        """Passes `n` that the last run moved, and those that a length of time reaches no longer."""
        if isinstance(leaf, InJourney):
            mine = x.compare("=", x.col("n", "journey"), x.text(leaf.name))
            runs = [x.sure(x.compare("=", x.col("n", name), x.integer(self.run))) for name in
                    ("run", "closed_run", "goal_run")]  # fmt: skip
            if leaf.within is not None:
                moments = ("entered_at", "closed_at", "goal_at")
                runs += [x.sure(self._between(x.col("n", name), leaf.within.before)) for name in moments]
            yield x.both([mine, x.either(runs)])

    def _tested(self, test: Test, moment: Sql) -> Iterator[Sql]:
        if test.length is not None:
            yield x.sure(self._between(moment, test.length.before))
            yield x.sure(self._between(moment, Duration().before))

    def _between(self, moment: Sql, before: Callable[[dt.datetime], dt.datetime]) -> Sql:
        """Whether an instant lies where the bound went over it."""
        low, high = x.stamp(before(self.last)), x.stamp(before(self.now))
        return x.both([x.compare(">", moment.copy(), low), x.compare("<=", moment.copy(), high)])
