"""Facts, matches and the truth of conditions, each computed once for everyone who is asked about."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.engines import Engine
from journey_engine.expressions import Sql
from journey_engine.facts import AMOUNTS, Facts, PassAtom, View
from journey_engine.graph import drawn
from journey_engine.predicates import Happened, InArm, TriggerHas, leaves
from journey_engine.queries import fill, statements
from journey_engine.sweep.affected import find_affected
from journey_engine.sweep.evening import Evening
from journey_engine.sweep.ways import consents, text_column, welcome
from journey_engine.times import UTC, naive

EPOCH = dt.datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class People:
    """Whose history is counted, into which tables, and whether the run has made events by then."""

    facts: str
    journeys: str
    who: str | None = None
    late: bool = False


EVERYBODY = People("facts", "journey_facts")
AFFECTED = People("facts", "journey_facts", "affected")
CONCERNED = People("concerned_facts", "concerned_journeys", "looked_at", late=True)


def facts_tables(evening: Evening) -> None:
    """Compute the facts of everyone, and which counts within a pass each predicate needs."""
    for definition in evening.definitions:
        evening.facts.predicate("member", definition.predicate)
    for consent in consents(evening.rules):
        welcome(evening.facts, consent)  # so that what it asks for is counted
    evening.everybody = not find_affected(evening)
    history_tables(evening.engine, evening.facts, EVERYBODY if evening.everybody else AFFECTED)
    rows = []
    for (_, predicate), number in evening.facts.predicates.items():
        for atom in {a.number: a for leaf in leaves(predicate) for a in _atoms(evening, leaf)}.values():
            lower = naive(atom.lower) if atom.lower else naive(EPOCH)
            rows.append((number, atom.number, atom.match, atom.scope, atom.since, lower, atom.of_pass, atom.same))
    evening.engine.load("atoms", list(evening.engine.columns("atoms")), rows)


def _atoms(evening: Evening, leaf: Any) -> list[Any]:
    if isinstance(leaf, InArm):
        return [evening.facts.departure(drawn(leaf.arm))]
    inside = isinstance(leaf, Happened) and (leaf.scope != "history" or leaf.events.same or leaf.events.of_pass)
    return [evening.facts._atom(leaf)] if inside else []


def match_tables(evening: Evening) -> None:
    """The events that the concerned passes can meet tonight."""
    evening.run("facts", "concerned", *(["concerned_members"] if evening.to_members else []))
    evening.run("facts", "looked_at")
    if consents(evening.rules) and "contact_id" in evening.columns:
        evening.run("facts", "looked_at_contacts", contact_id=text_column(evening, "contact_id"))
    if evening.everybody:
        evening.run("facts", "concerned_facts", "concerned_journeys")
    else:
        history_tables(evening.engine, evening.facts, CONCERNED)
    evening.run("facts", "trigger_events", "trigger_words", "concerned_customers", "triggered", "matches_table",
                columns=_of_triggers(evening))  # fmt: skip
    _fill_matches(evening)
    for name in sorted({events.same for events, _ in evening.facts.matches if events.same}):
        key = _key(evening, evening.facts.property("e", name))
        evening.run("facts", "same_keys", property=x.text(name), same_key=key)
        word = x.pointed_text(x.col("w", "trigger_data"), name)
        evening.run("facts", "same_words", property=x.text(name), word=word)


def _of_triggers(evening: Evening) -> Sql:
    """What is looked at of the events that started passes: their properties, and those that are typed."""
    asked = (leaf for _, predicate in evening.facts.predicates for leaf in leaves(predicate))
    names = {leaf.where.name for leaf in asked if isinstance(leaf, TriggerHas)}
    names |= {events.same for events, _ in evening.facts.matches if events.same}
    views = [evening.facts.property("e", name) for name in sorted(names)]
    typed = [column for view in views for column in (view.num, view.txt, view.flag)]
    return exp.Tuple(expressions=[x.col("e", "event_id"), x.col("e", "properties"), *typed])


def _fill_matches(evening: Evening) -> None:
    """Find the events of each set; for several sets the ledger is read once, where few customers are concerned."""
    found: list[dict[str, Sql]] = []
    for (events, amount), number in evening.facts.matches.items():
        same = _key(evening, evening.facts.property("e", events.same)) if events.same else exp.null()
        total = evening.facts.property("e", amount).num if amount else exp.null()
        pass_id = evening.facts.property("e", "enrollment_id").txt
        found.append({"number": x.integer(number), "filter": evening.facts.events(events), "same_key": same,
                      "pass_id": pass_id, "amount": total})  # fmt: skip
    sql = statements("facts")
    ledger: Sql = exp.Var(this=sql["met_events"])
    if len(found) > 1 and evening.engine.rows(sql["few_concerned"]):
        read = {c.name for parts in found for part in parts.values() for c in part.find_all(exp.Column)}
        columns = [x.col("e", name) for name in sorted(read | {"event_id", "customer_id", "occurred_at"})]
        evening.run("facts", "concerned_events", columns=exp.Tuple(expressions=columns), events=ledger)
        ledger = exp.to_table("concerned_events")
    for parts in found:
        evening.run("facts", "matches", **parts, events=ledger)


def _key(evening: Evening, view: View) -> Sql:
    """A typed value as one comparable text."""
    flagged = x.switch(view.flag, [(x.TRUE, x.text("b1")), (x.FALSE, x.text("b0"))], exp.null())
    parts = [
        exp.Concat(expressions=[x.text(mark), x.cast(value, "VARCHAR")])
        for mark, value in (("n", view.num), ("t", view.txt))
    ]
    return x.case([(x.negate(x.is_null(view.num)), parts[0]), (x.negate(x.is_null(view.txt)), parts[1])], flagged)


def answer(evening: Evening, *uses: str) -> None:
    """Answer what stands in `asked` for these uses of conditions: one statement, whatever the number of journeys.

    Each use has its own statement, because a statement is planned anew each time and knows only what it may be asked.
    """
    if not evening.any("asked"):
        evening.run("facts", "truth_none")
        return
    if uses not in evening.truths:
        evening.truths[uses] = _truth_statement(evening, uses)
    evening.engine.execute(evening.truths[uses])


def _truth_statement(evening: Evening, uses: tuple[str, ...]) -> str:
    facts, number = evening.facts, x.col("q", "predicate")
    known = [(use, p, n) for (use, p), n in facts.predicates.items() if use in uses]
    parts: dict[str, Sql] = {
        "holds": x.switch(number, [(x.integer(n), facts.truth(p)) for _, p, n in known], x.FALSE),
        "instant": x.switch(number, [
            (x.integer(n), facts.instant(p)) for use, p, n in known
            if use in ("goal", "exit") and isinstance(p, Happened) and p.plain
        ], exp.null()),
        "seen": x.switch(number, [(x.integer(n), facts.seen(p)) for _, p, n in known], exp.null()),
    }  # fmt: skip
    atoms = sorted({atom for _, p, _ in known for leaf in leaves(p) for atom in _atoms(evening, leaf)}, key=_number)
    if not atoms:
        return fill(statements("facts")["truth_plain"], parts)
    parts["aggregates"] = exp.Tuple(expressions=[c for a in atoms for c in _amounts(evening, a.number)])
    left = [
        x.named(x.filtered(exp.Max(this=x.col("s", "left_at")), _is_atom(evening, a.number)), f"left{a.number}")
        for a in atoms
        if a.scope == "since"
    ]
    parts["departures"] = exp.Tuple(expressions=left or [x.named(exp.null(), "nothing_left")])
    return fill(statements("facts")["truth"], parts)


def _number(atom: PassAtom) -> int:
    return atom.number


def _is_atom(evening: Evening, number: int) -> Sql:
    return x.compare("=", x.col("a", "atom"), x.integer(number))


def _amounts(evening: Evening, number: int) -> list[Sql]:
    made: list[Sql] = [
        exp.Count(this=x.col("m", "event_id")),
        exp.Sum(this=x.col("m", "amount")),
        exp.Min(this=x.col("m", "occurred_at")),
        exp.Max(this=x.col("m", "occurred_at")),
    ]
    pairs = zip(AMOUNTS, made, strict=True)
    return [x.named(x.filtered(agg, _is_atom(evening, number)), f"{name}{number}") for name, agg in pairs]


def history_tables(engine: Engine, facts: Facts, people: People = EVERYBODY) -> None:
    """Compute facts of events and of passes for what the predicates so far asked for."""
    file = statements("facts")
    places = {"table": exp.to_table(people.facts), "who": only_of(people.who, "e"), "earlier": x.TRUE}
    if people.late:  # what the run itself made is for the next (rule 15)
        ours = [
            x.compare("=", x.col("e", "name"), x.text("stage_entered")),
            x.compare("=", x.col("e", "received_at"), x.stamp(facts.as_of)), x.is_null(x.col("e", "row_hash")),
        ]  # fmt: skip
        places["earlier"] = x.negate(x.both(ours))
    if facts.history:
        read: list[Sql] = []
        counted: list[Sql] = []
        for number, condition, amount in facts.history.values():
            instant, value = x.col("e", f"at{number}"), x.col("e", f"value{number}")
            made: dict[str, Sql] = {
                "n": exp.Count(this=instant), "total": exp.Sum(this=value),
                "first_at": exp.Min(this=instant.copy()), "last_at": exp.Max(this=instant.copy()),
            }  # fmt: skip
            wanted = {name: how for name, how in made.items() if f"{name}{number}" in facts.used}
            counted += [x.named(how, f"{name}{number}") for name, how in wanted.items()]
            if wanted.keys() - {"total"}:
                read.append(x.named(x.case([(condition.copy(), x.col("e", "occurred_at"))], exp.null()), f"at{number}"))
            if "total" in wanted and amount:
                one = facts.property("e", amount).num
                read.append(x.named(x.case([(condition.copy(), one)], exp.null()), f"value{number}"))
        every = x.either([condition.copy() for _, condition, _ in facts.history.values()])
        parts = {"read": exp.Tuple(expressions=read), "aggregates": exp.Tuple(expressions=counted), "filter": every}
        engine.execute(fill(file["facts"], places | parts))
    else:
        engine.execute(fill(file["facts_none"], places))
    places = {"table": exp.to_table(people.journeys), "who": only_of(people.who, "n")}
    if facts.journeys:
        flags: list[Sql] = [x.named(exp.LogicalOr(this=test), f"j{number}") for number, test in facts.journeys.values()]
        engine.execute(fill(file["journey_facts"], places | {"aggregates": exp.Tuple(expressions=flags)}))
    else:
        engine.execute(fill(file["journey_facts_none"], places))


def only_of(people: str | None, alias: str) -> Sql:
    """A join that leaves of a table only the rows of some people; None for everybody."""
    return exp.Var(this="" if people is None else f"SEMI JOIN {people} AS k ON k.customer_id = {alias}.customer_id")
