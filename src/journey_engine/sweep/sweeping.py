"""The night for everyone at once: fixed SQL over tables, the other reading of the graph beside `walk`.

A sweep runs inside one transaction of the engine. The number of its statements grows with the longest chain that a
pass moves in one night and with the distinct conditions, never with journeys times nodes.
"""

from __future__ import annotations

import datetime as dt

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.collect import type_made_events
from journey_engine.engines import Engine
from journey_engine.errors import JourneyError
from journey_engine.graph import OnChange
from journey_engine.queries import statements
from journey_engine.rules import COUNTED_FOR, Rules
from journey_engine.sweep.affected import remember_reading
from journey_engine.sweep.evening import Evening
from journey_engine.sweep.layout import lay_out
from journey_engine.sweep.occurrences import list_occurrences
from journey_engine.sweep.payloads import write_decisions
from journey_engine.sweep.truth import answer, facts_tables, match_tables, only_of
from journey_engine.sweep.waits import find_ends
from journey_engine.times import naive

MAX_ROUNDS = 10_000


class Sweep(Evening):
    """One night in two parts: `prepare` lays out what is known, `decide` moves, admits and decides."""

    __slots__ = ()

    def prepare(self) -> None:
        """Lay out the night, the graph and every fact that the conditions need."""
        lay_out(self)
        facts_tables(self)

    def decide(self) -> None:
        """Move every pass, admit new ones and move those too, and write what was decided."""
        draws = ["member_draws"] if self.splits else []
        _members(self)
        _hold(self)
        if "contact_id" in self.columns and any(graph.to == "contact" for graph in self.rules.graphs):
            self.run("members", "find_contacts")
        _watch(self)
        list_occurrences(self)
        self.run("entering", "fresh")
        if self.follows:
            self.run("following", *statements("following"))
        self.run("sweep", "subject_open", *draws, last=x.stamp(self.last_as_of))
        match_tables(self)
        _move_all(self)
        self.run("sweep", "apply_open", "apply_credit")
        _admit(self)
        entered = self.any("admitted")
        if entered:
            self.run("sweep", "subject_new", "transition_entered", *draws)
            self.engine.execute("DELETE FROM settled")
            self.engine.execute("DELETE FROM credited")
            _move_all(self)
        if self.rules.caps and self.any("candidates"):
            _decide_in_turn(self)
            self.run("sweep", "apply_open")
        if entered:
            self.run("sweep", "apply_new", "apply_credit")
        self.run("entering", "renew", "remember", "forget", "forget_enrolls")
        write_decisions(self)
        self.run("caps", "forget_counted", days=x.integer(COUNTED_FOR))
        _versions(self)


def _members(evening: Evening) -> None:
    known = evening.engine.rows('SELECT "of", name, version FROM definitions')
    stored = {(of, name): version for of, name, version in known}
    named = {d: f"d{number}" for number, d in enumerate(evening.definitions)}
    if named:
        held = [x.named(evening.facts.truth(d.predicate), name) for d, name in named.items()]
        evening.run(
            "facts",
            "evaluated",
            memberships=exp.Tuple(expressions=held),
            who=only_of(None if evening.everybody else "affected", "c"),
        )
    for definition, name in named.items():
        baseline = stored.get((definition.of, definition.name)) != definition.version
        evening.run("facts", "member_changes", kind=x.text(definition.of), name=x.text(definition.name),
                  baseline=exp.convert(baseline), holds=x.col("v", name))  # fmt: skip
    evening.run("members", "forget_members", "store_members", "stage_entered")
    type_made_events(evening.engine, evening.night.as_of)  # triggers of this very run look at their properties
    evening.engine.execute("DELETE FROM definitions WHERE \"of\" <> 'attribute'")
    rows = [(d.of, d.name, d.version) for d in evening.definitions]
    evening.engine.load("definitions", ("of", "name", "version"), rows)
    remember_reading(evening)


def _hold(evening: Evening) -> None:
    """Find those to whom no marketing is sent while a condition of the project holds."""
    evening.run("sweep", "nobody_on_hold" if evening.rules.hold_when is None else "on_hold")


def _watch(evening: Evening) -> None:
    """Note what changed of the watched attributes; once watched always, so that a journey set aside misses nothing."""
    known = evening.engine.rows("SELECT name FROM definitions WHERE \"of\" = 'attribute'")
    watched = {name for (name,) in known}
    triggers = (graph.trigger for graph in evening.rules.journeys)
    fresh = {trigger.attribute for trigger in triggers if isinstance(trigger, OnChange)} - watched
    evening.engine.load("definitions", ("of", "name", "version"), [("attribute", name, "") for name in sorted(fresh)])
    names = sorted(watched | fresh)
    if names:
        evening.engine.load("watching", ("attribute",), [(name,) for name in names])
        values = [(x.text(name), evening.facts.attribute(name).txt) for name in names]
        value = x.switch(x.col("a", "attribute"), values, x.cast(exp.null(), "VARCHAR"))
        changed = "changed_customers" if not fresh else None
        evening.run("watching", *statements("watching"), value=value, who=only_of(changed, "c"))


def _move_all(evening: Evening) -> None:
    """Goal and exit_when of the subject, then steps until every pass rests (rule 12)."""
    evening.run("sweep", "asked_endings")
    answer(evening, "goal", "exit")
    evening.run("sweep", "endings", "settle_endings", "transition_endings", "cancel_endings", "credit_endings",
              "front_first")  # fmt: skip
    _move_front(evening)


def _decide_in_turn(evening: Evening) -> None:
    """Of each customer's passes that stand at a capped message, one a round is decided and goes on (rule 17)."""
    evening.run("caps", "sendings")
    while evening.any("candidates"):
        evening.run("caps", "chosen", "not_chosen", "judged", "taken", "front_chosen")
        _move_front(evening)
    evening.run("caps", "verdicts")


def oldest_counted(engine: Engine, rules: Rules, as_of: dt.datetime) -> int:
    """The oldest run whose messages a cap still counts; what became of them since is what a night must be told."""
    days = max((cap.days for cap in rules.caps), default=0)
    rows = engine.rows(statements("caps")["oldest_counted"], [naive(as_of).date() - dt.timedelta(days + 2)])
    return int(rows[0][0])


def _move_front(evening: Evening) -> None:
    """Step by step, until every pass rests or stands at a cap."""
    empty: set[str] = set()
    for _ in range(MAX_ROUNDS):
        standing = evening.engine.rows(statements("sweep")["standing"])
        if not standing:
            return
        _look_around(evening, {kind for kind, *_ in standing}, empty, awaiting=any(row[1] for row in standing),
                     limited=any(row[2] for row in standing), timed=any(row[3] for row in standing))  # fmt: skip
        evening.run("sweep", "stepped", "transition_steps")
        if any(kind == "emit" for kind, *_ in standing):
            evening.run("sweep", "emit_steps", *(["stand_at_caps"] if evening.rules.caps else []))
        if any(leaves for *_, leaves in standing):
            evening.run("sweep", *(["left_again", "forget_steps"] if evening.follows else []), "leave_steps")
        evening.run("sweep", "settle_steps", "front_next")
    raise JourneyError(f"passes did not come to rest in {MAX_ROUNDS} rounds", code="no-rest")


def _look_around(
    evening: Evening, kinds: set[str], empty: set[str], *, awaiting: bool, limited: bool, timed: bool
) -> None:
    """What the passes in front need to know before they step; what none of them needs is left empty."""
    if "gate" in kinds:
        evening.run("sweep", "asked_gates")
        answer(evening, "gate")
        empty.discard("truth")
    elif "truth" not in empty:
        evening.run("facts", "truth_none")
        empty.add("truth")
    for table, needed in (("found", awaiting), ("hours", limited)):
        if needed:
            evening.run("sweep", table)
            empty.discard(table)
        elif table not in empty:
            evening.run("sweep", f"{table}_none")
            empty.add(table)
    if timed:
        find_ends(evening)
        empty.discard("ends")
    elif "ends" not in empty:
        evening.run("waits", "ends_none")
        empty.add("ends")


def _admit(evening: Evening) -> None:
    evening.run("entering", "asked_audience")
    answer(evening, "audience")
    evening.run("entering", "eligible")
    if any(graph.to == "members" for graph in evening.rules.journeys):
        _for_members(evening)
    evening.run("entering", "passes_before", "admitted_first")
    while any(graph.reentry.mode == "after" for graph in evening.rules.journeys):
        evening.run("entering", "admitted_next")
        if not evening.any("admitted_more"):
            return
        evening.run("entering", "admit_more")


def _for_members(evening: Evening) -> None:
    """One occurrence of an account is one for each of its members; accounts without any are counted (rule 27)."""
    evening.run("entering", *(["for_members"] if evening.to_members else []))
    rows = evening.engine.rows(statements("entering")["without_members"])
    evening.memberless = {journey: int(count) for journey, count in rows}
    evening.run("entering", "not_for_accounts")


def _versions(evening: Evening) -> None:
    """Remember what ran tonight, and the graph of every version that a pass stands in.

    What is no part of a version, such as `ends` or a line, is kept as it was in the version's last run.
    """
    stored = evening.engine.rows("SELECT journey, version, graph FROM versions")
    known = {(journey, version): text for journey, version, text in stored}
    written = {(g.journey, g.version): g.model_dump_json() for g in evening.rules.journeys}
    rows = [(*key, text) for key, text in written.items() if known.get(key) != text]
    for journey, version, _ in rows:
        if (journey, version) in known:
            evening.engine.execute("DELETE FROM versions WHERE journey = ? AND version = ?", [journey, version])
    if evening.last:
        evening.run("sweep", "journeys_held")
    if not evening.rules.journeys:
        return
    evening.engine.load("versions", ("journey", "version", "graph"), rows)
    evening.run("sweep", "journeys_ran")
