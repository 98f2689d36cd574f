"""The night for everyone at once: fixed SQL over tables, the other reading of the graph beside `walk`.

`Sweep` runs inside one transaction of the engine. The number of its statements grows with the longest chain that a
pass moves in one night and with the distinct conditions, never with journeys times nodes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.engines import Engine
from journey_engine.errors import JourneyError
from journey_engine.expressions import Sql
from journey_engine.facts import AMOUNTS, Facts, View, named_properties
from journey_engine.graph import (
    Await,
    Emit,
    Exit,
    Gate,
    Graph,
    Message,
    OnEvent,
    OnSilence,
    SetAttributes,
    Task,
)
from journey_engine.occurrences import list_occurrences
from journey_engine.payloads import write_decisions
from journey_engine.predicates import EventSet, Happened, Predicate, leaves
from journey_engine.queries import fill, statements
from journey_engine.rules import Night, Rules, time_triggered
from journey_engine.times import UTC, offsets

MAX_ROUNDS = 10_000
EPOCH = dt.datetime(1, 1, 1, tzinfo=UTC)


def named(rules: Rules) -> set[str]:
    """Every event property that the rules name."""
    predicates: list[Predicate] = [definition.predicate for definition in rules.definitions]
    sets: list[EventSet] = []
    for graph in rules.graphs:
        predicates += [graph.audience, *([graph.exit_when] if graph.exit_when is not None else [])]
        predicates += [graph.goal.predicate] if graph.goal is not None else []
        match graph.trigger:
            case OnEvent(events=events):
                sets.append(events)
            case OnSilence(events=events, without=without):
                sets += [events, *([without] if without is not None else [])]
            case _:
                pass
        for node in graph.nodes:
            match node:
                case Gate(predicate=predicate):
                    predicates.append(predicate)
                case Await(events=events) if events is not None:
                    sets.append(events)
                case Emit(effect=Message(lines=lines)):
                    sets += [line.events for line in lines]
                case _:
                    pass
    return named_properties(predicates, sets)


@dataclass(slots=True)
class Sweep:
    """One night over the tables of an engine. `columns` are the attributes of the customers table by kind."""

    engine: Engine
    rules: Rules
    night: Night
    columns: Mapping[str, str]
    properties: Mapping[str, int]
    blocked: Iterable[str] = ()
    facts: Facts = field(init=False)
    last: dict[str, dt.datetime] = field(init=False, default_factory=dict)
    truth_sql: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.facts = Facts(self.night.as_of, self.columns, self.properties)

    # --- the night --------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Lay out the night, the graph and every fact that the conditions need."""
        rows = self.engine.rows("SELECT journey, last_as_of FROM journeys")
        self.last = {journey: instant.replace(tzinfo=UTC) for journey, instant in rows}
        self._night_table()
        self._graph_tables()
        self._zone_table()
        self._facts_tables()

    def decide(self) -> None:
        """Move every pass, admit new ones and move those too, and write what was decided."""
        self._members()
        list_occurrences(self)
        self._run("entering", "fresh")
        self._match_tables()
        self._run("sweep", "subject_open")
        self._move_all()
        self._run("sweep", "apply_open", "apply_credit")
        self._admit()
        if self.any("admitted"):
            self._run("sweep", "subject_new", "transition_entered")
            self._move_all()
            self._run("sweep", "apply_new", "apply_credit")
        self._run("entering", "remember", "forget")
        write_decisions(self)
        self._versions()

    def first_run(self, graph: Graph) -> bool:
        """Whether the journey never ran."""
        return graph.journey not in self.last

    def bound(self, graph: Graph) -> dt.datetime:
        """An occurrence must be later than this to start a pass (rule 2)."""
        last = self.last.get(graph.journey)
        return self.night.since if last is None else self.rules.accept_late.before(last)

    def look(self, graph: Graph) -> dt.datetime:
        """How far back occurrences are listed: the bound, or what a later run could see again."""
        return min(self.bound(graph), self.rules.accept_late.before(self.night.as_of))

    # --- laying out -------------------------------------------------------------------------------------------

    def _night_table(self) -> None:
        late, hours = self.rules.accept_late, self.rules.send_hours
        self.engine.execute(
            "CREATE OR REPLACE TEMP TABLE night (run INTEGER, as_of TIMESTAMP, horizon TIMESTAMP, remember_from TIMESTAMP, "
            "late_months INTEGER, late_micros BIGINT, hour_from TIME, hour_until TIME)"
        )
        self.engine.load("night", (
            "run", "as_of", "horizon", "remember_from", "late_months", "late_micros", "hour_from", "hour_until",
        ), [(
            self.night.run, naive(self.night.as_of), naive(self.night.horizon), naive(late.before(self.night.as_of)),
            late.months, late.seconds * 10**6, hours[0], hours[1],
        )])  # fmt: skip
        self._run("tables", *statements("tables"))
        self.engine.load("blocked", ("enrollment_id",), [(name,) for name in self.blocked])

    def _graph_tables(self) -> None:
        """The lowered journeys as rows; predicates and matches become numbers."""
        rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ("graph", "goals", "exits", "leaving", "live")}
        for graph in self.rules.graphs:
            key = (graph.journey, graph.version)
            if graph.goal is not None:
                goal, window = graph.goal, graph.goal.window
                number = self.facts.predicate("goal", goal.predicate)
                rows["goals"].append((*key, number, window.months, window.seconds * 10**6, goal.stay))
            if graph.exit_when is not None:
                rows["exits"].append((*key, self.facts.predicate("exit", graph.exit_when)))
            named_steps = graph.named_steps()
            for number, node in enumerate(graph.nodes):
                rows["graph"].append((*key, number, node.kind, node.step, *self._node(node)))
                for target in {getattr(node, "next", None), getattr(node, "otherwise", None)} - {None}:
                    around = graph.nodes[target].steps  # type: ignore[index]
                    left = [step for step in node.steps if step in named_steps and step not in around]
                    rows["leaving"] += [(*key, number, target, step) for step in left]
        for graph in self.rules.journeys:
            last, reentry = self.last.get(graph.journey), graph.reentry
            backfills = self.first_run(graph) and graph.backfill == "current"
            rows["live"].append((
                graph.journey, graph.version, naive(last) if last else None,
                dt.datetime(9999, 1, 1) if backfills else naive(self.bound(graph)),
                time_triggered(graph), reentry.mode, *_length(reentry.after), self.facts.predicate("audience", graph.audience),
            ))  # fmt: skip
        for table, held in rows.items():
            self.engine.load(table, list(self.engine.columns(table)), held)

    def _node(self, node: Any) -> tuple[Any, ...]:
        """The columns of a node after its key, kind and step."""
        effect = limited = occurrence = match = same = since = predicate = state = reason = None
        delay: tuple[Any, ...] = (None, None)
        timeout: tuple[Any, ...] = (None, None)
        late: tuple[Any, ...] = (None, None)
        following = otherwise = None
        match node:
            case Emit():
                effect, occurrence, following = node.effect.effect, node.occurrence, node.next
                if isinstance(node.effect, Message):
                    limited, late = node.effect.topic_class == "marketing", _length(node.effect.max_lateness)
                    for line in node.effect.lines:
                        self.facts.match(line.events)
            case Await():
                delay, timeout, since = _length(node.delay), _length(node.timeout), node.since
                following, otherwise = node.next, node.otherwise
                if node.events is not None:
                    match, same = self.facts.match(node.events), node.events.same
            case Gate():
                predicate = self.facts.predicate("gate", node.predicate)
                following, otherwise = node.next, node.otherwise
            case Exit():
                state, reason = node.state, node.reason
        return (
            effect, bool(limited), occurrence or 1, *delay, match, same, since, *timeout, *late, following, otherwise,
            predicate, state, reason,
        )  # fmt: skip

    def _zone_table(self) -> None:
        """The stretches of offset that this night can touch; unknown zones were replaced at collect."""
        early = min([self.night.since, *(self.look(graph) for graph in self.rules.journeys)])
        edge = (naive(early - dt.timedelta(days=4)), naive(self.night.horizon + dt.timedelta(days=4)))
        self.engine.execute(
            "CREATE OR REPLACE TEMP TABLE near_zones AS SELECT zone, utc_from, utc_until, local_from, local_until, seconds "
            "FROM zone_offsets WHERE utc_until > ? AND utc_from < ?",
            edge,
        )

    # --- facts and truth --------------------------------------------------------------------------------------

    def _facts_tables(self) -> None:
        for definition in self.rules.definitions:
            self.facts.predicate("member", definition.predicate)
        history_tables(self.engine, self.facts)
        rows = []
        for (_, predicate), number in self.facts.predicates.items():
            for atom in {a.number: a for leaf in leaves(predicate) for a in self._atoms(leaf)}.values():
                lower = naive(atom.lower) if atom.lower else naive(EPOCH)
                rows.append((number, atom.number, atom.match, atom.scope, atom.since, lower, atom.of_pass, atom.same))
        self.engine.load("atoms", list(self.engine.columns("atoms")), rows)

    def _atoms(self, leaf: Any) -> list[Any]:
        inside = isinstance(leaf, Happened) and (leaf.scope != "history" or leaf.events.same or leaf.events.of_pass)
        return [self.facts._atom(leaf)] if inside else []

    def _match_tables(self) -> None:
        """The events that the concerned passes can meet tonight."""
        self._run("facts", "concerned", "trigger_events", "matches_table")
        for (events, amount), number in self.facts.matches.items():
            same = self._key(self.facts.property("e", events.same)) if events.same else exp.null()
            total = self.facts.property("e", amount).num if amount else exp.null()
            self._run("facts", "matches", number=x.integer(number), filter=self.facts.events(events), same_key=same,
                      pass_id=self.facts.property("e", "enrollment_id").txt, amount=total)  # fmt: skip
        for name in sorted({events.same for events, _ in self.facts.matches if events.same}):
            key = self._key(self.facts.property("e", name))
            self._run("facts", "same_keys", property=x.text(name), same_key=key)

    def _key(self, view: View) -> Sql:
        """A typed value as one comparable text."""
        flagged = x.switch(view.flag, [(x.TRUE, x.text("b1")), (x.FALSE, x.text("b0"))], exp.null())
        parts = [
            exp.Concat(expressions=[x.text(mark), x.cast(value, "VARCHAR")])
            for mark, value in (("n", view.num), ("t", view.txt))
        ]
        return x.case([(x.negate(x.is_null(view.num)), parts[0]), (x.negate(x.is_null(view.txt)), parts[1])], flagged)

    def truth(self) -> None:
        """Answer what stands in `asked`: one statement for every predicate of every journey."""
        if not self.any("asked"):
            self._run("facts", "truth_none")
            return
        if not self.truth_sql:
            self.truth_sql = self._truth_statement()
        self.engine.execute(self.truth_sql)

    def _truth_statement(self) -> str:
        facts, number = self.facts, x.col("q", "predicate")
        known = facts.predicates.items()
        parts: dict[str, Sql] = {
            "holds": x.switch(number, [(x.integer(n), facts.truth(p)) for (_, p), n in known], x.FALSE),
            "instant": x.switch(number, [
                (x.integer(n), facts.instant(p)) for (use, p), n in known
                if use in ("goal", "exit") and isinstance(p, Happened) and p.plain
            ], exp.null()),
            "seen": x.switch(number, [(x.integer(n), facts.seen(p)) for (_, p), n in known], exp.null()),
        }  # fmt: skip
        if not facts.atoms:
            return fill(statements("facts")["truth_plain"], parts)
        atoms = list(facts.atoms.values())
        parts["aggregates"] = exp.Tuple(expressions=[c for a in atoms for c in self._amounts(a.number)])
        left = [
            exp.alias_(x.filtered(exp.Max(this=x.col("s", "left_at")), self._is_atom(a.number)), f"left{a.number}")
            for a in atoms
        ]
        parts["departures"] = exp.Tuple(expressions=left)
        return fill(statements("facts")["truth"], parts)

    def _is_atom(self, number: int) -> Sql:
        return x.compare("=", x.col("a", "atom"), x.integer(number))

    def _amounts(self, number: int) -> list[Sql]:
        made: list[Sql] = [
            exp.Count(this=x.col("m", "event_id")),
            exp.Sum(this=x.col("m", "amount")),
            exp.Min(this=x.col("m", "occurred_at")),
            exp.Max(this=x.col("m", "occurred_at")),
        ]
        pairs = zip(AMOUNTS, made, strict=True)
        return [exp.alias_(x.filtered(agg, self._is_atom(number)), f"{name}{number}") for name, agg in pairs]

    # --- moving -----------------------------------------------------------------------------------------------

    def _members(self) -> None:
        stored = dict(((of, name), version) for of, name, version in self.engine.rows(
            'SELECT "of", name, version FROM definitions'))  # fmt: skip
        named = {d: exp.to_identifier(f"d{number}") for number, d in enumerate(self.rules.definitions)}
        if named:
            held = [exp.alias_(self.facts.truth(d.predicate), name) for d, name in named.items()]
            self._run("facts", "evaluated", memberships=exp.Tuple(expressions=held))
        for definition, name in named.items():
            baseline = stored.get((definition.of, definition.name)) != definition.version
            self._run("facts", "member_changes", kind=x.text(definition.of), name=x.text(definition.name),
                      baseline=exp.convert(baseline), holds=x.col("v", name.this))  # fmt: skip
        self._run("members", *statements("members"))
        self.engine.execute("DELETE FROM definitions")
        rows = [(d.of, d.name, d.version) for d in self.rules.definitions]
        self.engine.load("definitions", ("of", "name", "version"), rows)

    def _move_all(self) -> None:
        """Goal and exit_when of the subject, then steps until every pass rests (rule 12)."""
        self.engine.execute("DELETE FROM settled")
        self.engine.execute("DELETE FROM credited")
        self._run("sweep", "asked_endings")
        self.truth()
        self._run("sweep", "endings", "settle_endings", "transition_endings", "cancel_endings", "credit_endings",
                  "front_first")  # fmt: skip
        for _ in range(MAX_ROUNDS):
            if not self.any("front"):
                return
            self._run("sweep", "asked_gates")
            self.truth()
            self._run("sweep", "found", "hours", "stepped", "transition_steps", "emit_steps", "leave_steps",
                      "settle_steps", "front_next")  # fmt: skip
        raise JourneyError(f"passes did not come to rest in {MAX_ROUNDS} rounds", code="no-rest")

    def any(self, table: str) -> bool:
        """Whether a table has a row."""
        query = exp.select("1").from_(exp.to_table(table)).limit(1)
        return bool(self.engine.rows(x.written(query)))

    def _admit(self) -> None:
        self._run("entering", "asked_audience")
        self.truth()
        self._run("entering", "eligible", "passes_before", "admitted_first")
        while any(graph.reentry.mode == "after" for graph in self.rules.journeys):
            self._run("entering", "admitted_next")
            if not self.any("admitted_more"):
                return
            self._run("entering", "admit_more")

    def _versions(self) -> None:
        """Remember what ran tonight, and the graph of every version that a pass stands in."""
        known = {(journey, version) for journey, version in self.engine.rows("SELECT journey, version FROM versions")}
        fresh = [g for g in self.rules.journeys if (g.journey, g.version) not in known]
        rows = [(g.journey, g.version, g.model_dump_json()) for g in fresh]
        self.engine.load("versions", ("journey", "version", "graph"), rows)
        names = [(graph.journey, graph.version) for graph in self.rules.journeys]
        as_of = naive(self.night.as_of)
        for journey, version in names:
            self.engine.execute(
                "INSERT INTO journeys VALUES (?, ?, ?, ?) "
                "ON CONFLICT (journey) DO UPDATE SET version = excluded.version, last_as_of = excluded.last_as_of",
                (journey, version, as_of, as_of),
            )

    def _run(self, file: str, *names: str, **parts: Sql) -> None:
        for name in names:
            self.engine.execute(fill(statements(file)[name], parts))

    run = _run


def history_tables(engine: Engine, facts: Facts) -> None:
    """Compute `facts` and `journey_facts` for what the predicates so far asked for."""
    file = statements("facts")
    if facts.history:
        columns: list[Sql] = []
        for number, condition, amount in facts.history.values():
            value = facts.property("e", amount).num if amount else None
            made: list[Sql] = [exp.Count(this=exp.Star()), *([exp.Sum(this=value)] if value is not None else []),
                               exp.Min(this=x.col("e", "occurred_at")), exp.Max(this=x.col("e", "occurred_at"))]  # fmt: skip
            names = AMOUNTS if value is not None else (AMOUNTS[0], *AMOUNTS[2:])
            columns += [
                exp.alias_(x.filtered(aggregate, condition.copy()), f"{name}{number}")
                for name, aggregate in zip(names, made, strict=True)
            ]
            if value is None:
                columns.append(exp.alias_(x.cast(exp.null(), x.NUMBER), f"total{number}"))
        wanted = x.either([condition.copy() for _, condition, _ in facts.history.values()])
        engine.execute(fill(file["facts"], {"aggregates": exp.Tuple(expressions=columns), "filter": wanted}))
    else:
        engine.execute(file["facts_none"])
    if facts.journeys:
        flags: list[Sql] = [
            exp.alias_(exp.LogicalOr(this=test), f"j{number}") for number, test in facts.journeys.values()
        ]
        engine.execute(fill(file["journey_facts"], {"aggregates": exp.Tuple(expressions=flags)}))
    else:
        engine.execute(file["journey_facts_none"])


def load_zones(engine: Engine, zones: Iterable[str], tzdata: str) -> None:
    """Keep the offsets of zones in the store, from one pinned tzdata (rule 6)."""
    engine.execute("DELETE FROM zone_offsets WHERE tzdata <> ?", (tzdata,))
    known = {zone for (zone,) in engine.rows("SELECT DISTINCT zone FROM zone_offsets")}
    rows = [
        (
            row.zone,
            naive(row.utc_from),
            naive(row.utc_until),
            row.local_from,
            row.local_until,
            row.seconds,
            tzdata,
        )
        for zone in sorted(set(zones) - known)
        for row in offsets(zone)
    ]
    columns = ("zone", "utc_from", "utc_until", "local_from", "local_until", "seconds", "tzdata")
    engine.load("zone_offsets", columns, rows)


def naive(instant: dt.datetime) -> dt.datetime:
    """An instant as engines keep it: UTC without zone."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def _length(value: Any) -> tuple[int | None, int | None]:
    return (None, None) if value is None else (value.months, value.seconds * 10**6)


__all__ = ["SetAttributes", "Sweep", "Task", "history_tables", "load_zones", "naive", "named"]
