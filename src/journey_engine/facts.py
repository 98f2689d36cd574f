"""Conditions to SQL: every aggregate and match that the journeys need, each computed once a night.

A predicate becomes a boolean expression over `c` (the customer tonight), `f` (facts of the customer's whole history),
`t` (the trigger's event) and `p` (facts within one pass). Nothing here executes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.expressions import Sql
from journey_engine.graph import drawn
from journey_engine.message import SMS
from journey_engine.predicates import (
    AllOf,
    AnyOf,
    Attribute,
    Drawn,
    EventSet,
    Happened,
    InArm,
    InJourney,
    Not,
    Predicate,
    Scalar,
    Subscribed,
    Test,
    TriggerHas,
    Where,
    leaves,
)

_COMPARE = {"is": "=", "is_not": "<>", "at_least": ">=", "at_most": "<=", "above": ">", "below": "<"}
AMOUNTS = ("n", "total", "first_at", "last_at")
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
INSTANT = f"^{DAY}([T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]{{1,6}})?)?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)?)?$"


@dataclass(frozen=True, slots=True)
class View:
    """One value read four ways; a literal picks its own (rule: attributes by the literal's type)."""

    num: Sql
    txt: Sql
    flag: Sql
    instant: Sql
    present: Sql

    def of(self, value: Any) -> Sql:
        """The reading that a literal compares with."""
        if isinstance(value, bool):
            return self.flag
        return self.txt if isinstance(value, str) else self.num


@dataclass(frozen=True, slots=True)
class PassAtom:
    """Aggregates over a match within a pass's own bounds."""

    number: int
    match: int | None
    scope: str
    since: str | None
    lower: dt.datetime | None
    of_pass: bool
    same: str | None


@dataclass(slots=True)
class Facts:
    """Collects what the predicates of one night need and turns each predicate into an expression.

    `columns` maps the attributes of the customers table to text, number, boolean, date or timestamp; `properties` maps
    each named event property to its number.
    """

    as_of: dt.datetime
    columns: Mapping[str, str]
    properties: Mapping[str, int]
    history: dict[str, tuple[int, Sql, str | None]] = field(default_factory=dict)  # key -> number, filter, sum_of
    used: set[str] = field(default_factory=set)  # the columns of `facts` that somebody looks at
    journeys: dict[str, tuple[int, Sql]] = field(default_factory=dict)
    matches: dict[tuple[EventSet, str | None], int] = field(default_factory=dict)
    atoms: dict[tuple[Any, ...], PassAtom] = field(default_factory=dict)
    predicates: dict[tuple[str, Predicate], int] = field(default_factory=dict)

    def predicate(self, use: str, predicate: Predicate) -> int:
        """The number of a predicate in the truth statement; equal ones share it."""
        key = (use, predicate)
        if key not in self.predicates:
            self.predicates[key] = len(self.predicates)
            self.truth(predicate)  # registers its atoms, so that facts and matches are complete
            if use != "member":
                self.seen(predicate)
                self.instant(predicate)
        return self.predicates[key]

    def match(self, events: EventSet, amount: str | None = None) -> int:
        """The number of a set of events in `matches`."""
        return self.matches.setdefault((events, amount), len(self.matches))

    # --- predicates -------------------------------------------------------------------------------------------

    def truth(self, predicate: Predicate) -> Sql:
        """The predicate as an expression that is true or false, never null."""
        match predicate:
            case AllOf():
                return x.both([self.truth(item) for item in predicate.items])
            case AnyOf():
                return x.either([self.truth(item) for item in predicate.items])
            case Not():
                return x.negate(self.truth(predicate.item))
            case Attribute():
                return x.both([self._test(t, self.attribute(predicate.where.name)) for t in predicate.where.tests])
            case TriggerHas():
                view = self.trigger(predicate.where.name)
                return x.both([self._test(test, view) for test in predicate.where.tests])
            case Happened():
                return self._happened(predicate)
            case Drawn():
                return self._drawn(predicate)
            case InArm(arm=arm):
                return x.negate(x.is_null(x.col("p", f"left{self.departure(drawn(arm)).number}")))
            case InJourney():
                return x.sure(x.col("j", f"j{self._in_journey(predicate)}"))
            case Subscribed():
                return self._subscribed(predicate)
            case _:
                assert_never(predicate)

    def instant(self, predicate: Predicate) -> Sql:
        """When a plain event condition came true; NULL for every other condition."""
        if isinstance(predicate, Happened) and predicate.plain:
            return self._amount(predicate, "first_at")
        return exp.null()

    def seen(self, predicate: Predicate) -> Sql:
        """What the predicate looked at, in words, for `explain`."""
        parts: list[Sql] = []
        for leaf in leaves(predicate):
            match leaf:
                case Attribute(where=where):
                    parts += [x.text(f"{where.name} = "), self._shown(self.attribute(where.name).txt)]
                case TriggerHas(where=where):
                    view = self.trigger(where.name)
                    value = exp.Coalesce(this=x.cast(view.num, "VARCHAR"), expressions=[view.txt])
                    parts += [x.text(f"trigger.{where.name} = "), self._shown(value)]
                case Happened(events=events):
                    parts += [x.text(f"{events.name} counted "), x.cast(self._count(leaf), "VARCHAR")]
                case Drawn():
                    parts += [x.text(f"{leaf.step}: "), _digits(leaf)]
                case InArm():
                    parts += [x.text(f"arm {leaf.arm} = "), x.cast(self.truth(leaf), "VARCHAR")]
                case InJourney():
                    parts += [
                        x.text(f"journey {leaf.name} {leaf.state} = "),
                        x.cast(self.truth(leaf), "VARCHAR"),
                    ]
                case Subscribed():
                    parts += [
                        x.text(f"subscribed {leaf.topic or leaf.channel} = "),
                        x.cast(self.truth(leaf), "VARCHAR"),
                    ]
            parts.append(x.text("; "))
        return exp.Concat(expressions=parts[:-1]) if len(parts) > 1 else exp.null()

    def _shown(self, value: Sql) -> Sql:
        return exp.Coalesce(this=x.cast(value, "VARCHAR"), expressions=[x.text("missing")])

    def _drawn(self, leaf: Drawn) -> Sql:
        """Whether the digits of the pass lie within those of the arm."""
        low = [x.negate(x.compare("<", _digits(leaf), x.text(leaf.low)))] if leaf.low is not None else []
        below = [x.compare("<", _digits(leaf), x.text(leaf.below))] if leaf.below is not None else []
        return x.sure(x.both([*low, *below]))

    def departure(self, step: str) -> PassAtom:
        """What tells whether a pass left a step or drew an arm; it counts no events."""
        key = (None, "since", step, None)
        if key not in self.atoms:
            self.atoms[key] = PassAtom(len(self.atoms), None, "since", step, None, of_pass=False, same=None)
        return self.atoms[key]

    def _subscribed(self, leaf: Subscribed) -> Sql:
        """Nothing final, and the customer's last word, where there is one, is a yes."""
        final, no, yes = (self._history((events, None)) for events in subscription(leaf, self))
        count = exp.Coalesce(this=self._fact("n", final), expressions=[x.integer(0)])
        last_no, last_yes = self._fact("last_at", no), self._fact("last_at", yes)
        later = x.sure(x.compare(">", last_yes, last_no))
        never = x.both([x.is_null(last_no), *([x.negate(x.is_null(last_yes))] if leaf.double else [])])
        return x.both([x.compare("=", count, x.integer(0)), x.either([never, later])])

    def _in_journey(self, leaf: InJourney) -> int:
        state = x.col("n", "state")
        moment = {"in": "entered_at", "converted": "goal_at"}.get(leaf.state, "closed_at")
        holds = x.compare("=", state, x.text("open" if leaf.state == "in" else leaf.state))
        if leaf.state == "converted":  # whoever reached the goal, also a pass that stays
            holds = x.negate(x.is_null(x.col("n", "goal_at")))
        parts = [x.compare("=", x.col("n", "journey"), x.text(leaf.name)), holds]
        if leaf.within is not None:
            parts.append(x.compare(">", x.col("n", moment), x.stamp(leaf.within.before(self.as_of))))
        key = leaf.model_dump_json()
        return self.journeys.setdefault(key, (len(self.journeys), x.both(parts)))[0]

    # --- events -----------------------------------------------------------------------------------------------

    def _happened(self, leaf: Happened) -> Sql:
        tests = [
            x.compare(_COMPARE[t.op], x.cast(self._count(leaf), x.NUMBER), x.literal(t.operands[0])) for t in leaf.count
        ]
        for test in leaf.sum:
            nothing = x.cast(x.integer(0), x.NUMBER)
            total = exp.Coalesce(this=self._amount(leaf, "total"), expressions=[nothing])
            tests.append(x.compare(_COMPARE[test.op], total, x.literal(test.operands[0])))
        for name, within, before in (
            ("first_at", leaf.first_within, leaf.first_before),
            ("last_at", leaf.last_within, leaf.last_before),
        ):
            for sign, length in ((">", within), ("<=", before)):
                if length is not None:
                    limit = x.stamp(length.before(self.as_of))
                    tests.append(x.sure(x.compare(sign, self._amount(leaf, name), limit)))
        if leaf.plain:
            tests.append(x.compare(">", self._count(leaf), x.integer(0)))
        if leaf.scope == "since":
            tests.append(x.negate(x.is_null(self._left(leaf))))
        return x.both(tests)

    def _left(self, leaf: Happened) -> Sql:
        """The instant the pass left the step of `since`, of the atom's own row."""
        return x.col("p", f"left{self._atom(leaf).number}")

    def _count(self, leaf: Happened) -> Sql:
        return exp.Coalesce(this=self._amount(leaf, "n"), expressions=[x.integer(0)])

    def _amount(self, leaf: Happened, name: str) -> Sql:
        """Count, sum, first or last instant (see AMOUNTS) of a leaf: from the customer's facts, or from the pass's."""
        if leaf.scope == "history" and leaf.events.same is None and not leaf.events.of_pass:
            return self._fact(name, self._history((self.events(leaf.events, leaf.within), leaf.sum_of)))
        return x.col("p", f"{name}{self._atom(leaf).number}")

    def _fact(self, name: str, number: int) -> Sql:
        self.used.add(f"{name}{number}")
        return x.col("f", f"{name}{number}")

    def fact(self, name: str, condition: Sql) -> Sql:
        """One amount (see AMOUNTS) of the events of a customer's whole history that meet a condition."""
        return self._fact(name, self._history((condition, None)))

    def _history(self, what: tuple[Sql, str | None]) -> int:
        condition, sum_of = what
        key = f"{x.written(condition)} {sum_of}"
        return self.history.setdefault(key, (len(self.history), condition, sum_of))[0]

    def _atom(self, leaf: Happened) -> PassAtom:
        lower = leaf.within.before(self.as_of) if leaf.within is not None else None
        match = self.match(leaf.events, leaf.sum_of)
        key = (match, leaf.scope, leaf.since, lower)
        if key not in self.atoms:
            events = leaf.events
            self.atoms[key] = PassAtom(
                len(self.atoms), match, leaf.scope, leaf.since, lower, events.of_pass, events.same
            )
        return self.atoms[key]

    def events(self, events: EventSet, within: Any = None, table: str = "e") -> Sql:
        """The filter of a set of events, and of `within`, over the ledger."""
        parts = [x.compare("=", x.col(table, "name"), x.text(events.name))]
        if within is not None:
            parts.append(x.compare(">", x.col(table, "occurred_at"), x.stamp(within.before(self.as_of))))
        parts += [x.sure(test) for where in events.where for test in self._wheres(where, table)]
        return x.both(parts)

    def _wheres(self, where: Where, table: str) -> Sequence[Sql]:
        view = self.property(table, where.name)
        return [self._test(test, view) for test in where.tests]

    # --- values -----------------------------------------------------------------------------------------------

    def property(self, table: str, name: str) -> View:
        """An event property: strictly typed columns, filled at collect."""
        number = self.properties[name]
        num, txt, flag = (x.col(table, f"p{number}_{kind}") for kind in ("num", "txt", "flag"))
        value = x.pointer(x.col(table, "properties"), name)
        kind = exp.Anonymous(this="json_type", expressions=[value])
        return View(num, txt, flag, exp.null(), x.sure(x.compare("<>", kind, x.text("NULL"))))

    def trigger(self, name: str) -> View:
        """A property of the trigger's event, or what the trigger said of itself, which is text."""
        view, word = self.property("t", name), x.pointed_text(x.col("q", "trigger_data"), name)
        of_time = x.is_null(x.col("q", "trigger_event"))
        present = x.case([(of_time, x.negate(x.is_null(word)))], view.present)
        return View(view.num, x.case([(of_time.copy(), word.copy())], view.txt), view.flag, view.instant, present)

    def attribute(self, name: str) -> View:
        """A customer attribute, read by the literal's type whatever the source's type is."""
        if name not in self.columns:
            none = exp.null()
            return View(
                x.cast(none, x.NUMBER),
                x.cast(none, "VARCHAR"),
                x.cast(none, "BOOLEAN"),
                x.cast(none, "TIMESTAMP"),
                x.FALSE,
            )
        return attribute_view(x.col("c", name), self.columns[name])

    def passes(self, tests: Sequence[Test], view: View) -> Sql:
        """Whether a value passes every test."""
        return x.both([self._test(test, view) for test in tests])

    def _test(self, test: Test, view: View) -> Sql:
        value: Scalar = test.operands[0] if test.operands else ""
        match test.op:
            case "is" | "is_not" | "at_least" | "at_most" | "above" | "below":
                return x.sure(x.compare(_COMPARE[test.op], view.of(value), x.literal(value)))
            case "in" | "not_in":
                inside = exp.In(this=view.of(value), expressions=[x.literal(item) for item in test.operands])
                return x.sure(inside if test.op == "in" else x.negate(inside))
            case "between":
                low, high = (x.literal(item) for item in test.operands)
                return x.sure(exp.Between(this=view.of(value), low=low, high=high))
            case "contains":
                return x.sure(x.compare(">", exp.StrPosition(this=view.txt, substr=x.literal(value)), x.integer(0)))
            case "starts_with":
                return x.sure(exp.StartsWith(this=view.txt, expression=x.literal(value)))
            case "exists":
                return view.present if value is True else x.negate(view.present)
            case "within" | "before":
                assert test.length is not None
                limit = x.stamp(test.length.before(self.as_of))
                if test.op == "before":
                    return x.sure(x.compare("<=", view.instant, limit))
                after = x.compare(">", view.instant, limit)
                return x.sure(x.both([after, x.compare("<=", view.instant, x.stamp(self.as_of))]))
            case _:
                assert_never(test.op)


def _digits(leaf: Drawn) -> Sql:
    """The first 8 hex digits of the hash of (journey, step, what the pass draws as), as `identity` does (rule 11)."""
    salt = "".join(f"{len(part)}:{part}" for part in (leaf.journey, leaf.step))
    enrollment = x.col("q", "draws_as")
    length = x.cast(x.call("LENGTH", enrollment), "VARCHAR")
    whole = exp.Concat(expressions=[x.text(salt), length, x.text(":"), enrollment.copy()])
    return exp.Substring(this=exp.MD5(this=whole), start=x.integer(1), length=x.integer(8))


SUBSCRIBING = ("unsubscribed", "message_complained", "message_bounced", "subscribed")
"""The names of the events that `subscription` looks at."""


def subscription(leaf: Subscribed, facts: Facts) -> tuple[Sql, Sql, Sql]:
    """The events that end a subscription for good, those that say no to the topic or to all, and the customer's yes."""
    if leaf.channel is not None:
        return _by_way(leaf.channel, facts)
    topic, channel = facts.property("e", "topic").txt, facts.property("e", "channel").txt
    named, mine = x.col("e", "name"), x.sure(x.compare("=", topic, x.text(str(leaf.topic))))
    bounced = [x.compare("=", named, x.text("message_bounced")), x.sure(facts.property("e", "permanent").flag)]
    final = x.either([x.compare("=", named, x.text("message_complained")), x.both(bounced)])
    everything = x.both([x.is_null(topic), x.is_null(channel)])
    no = x.both([x.compare("=", named, x.text("unsubscribed")), x.either([everything, mine])])
    own = x.negate(x.is_null(facts.property("e", "consent_id").txt))
    yes = x.both([x.compare("=", named, x.text("subscribed")), mine.copy(), own])
    return final, no, yes


def _by_way(way: str, facts: Facts) -> tuple[Sql, Sql, Sql]:
    """The same for a way of being reached: of no topic, and a dead address of this way. Whatever is no text is mail."""
    topic, channel, elsewhere = (facts.property("e", name).txt for name in ("topic", "channel", "addressee"))
    named, mine = x.col("e", "name"), x.sure(x.compare("=", channel, x.text(way)))
    short = x.sure(x.compare("=", channel.copy(), x.text(SMS)))
    dead = [x.compare("=", named, x.text("message_bounced")), x.sure(facts.property("e", "permanent").flag)]
    dead.append(short if way == SMS else x.negate(short))
    ends = x.either([x.compare("=", named.copy(), x.text("message_complained")), x.both(dead)])
    final = x.both([ends, x.is_null(elsewhere)])
    of_all = x.either([x.is_null(topic), x.sure(x.compare("=", topic.copy(), x.text("")))])
    no = x.both([x.compare("=", named.copy(), x.text("unsubscribed")), mine, of_all])
    own = x.negate(x.is_null(facts.property("e", "consent_id").txt))
    yes = x.both([x.compare("=", named.copy(), x.text("subscribed")), mine.copy(), of_all.copy(), own])
    return final, no, yes


def attribute_view(column: Sql, kind: str) -> View:
    """The four readings of a column of type text, number, boolean, date or timestamp."""
    none_number, none_flag, none_stamp = (x.cast(exp.null(), kind) for kind in (x.NUMBER, "BOOLEAN", "TIMESTAMP"))
    present = x.negate(x.is_null(column))
    if kind == "number":
        return View(x.number_or_null(column), plain_number(column), none_flag, none_stamp, present)
    if kind == "boolean":
        return View(none_number, x.cast(column, "VARCHAR"), column, none_stamp, present)
    if kind == "date":
        return View(none_number, x.cast(column, "VARCHAR"), none_flag, x.cast(column, "TIMESTAMP"), present)
    if kind == "timestamp":
        return View(none_number, iso(column), none_flag, column, present)
    looks = exp.RegexpLike(this=column, expression=x.text(r"^[+-]?[0-9]+(\.[0-9]+)?$"))
    num = x.case([(looks, x.number_or_null(column))], none_number)
    flag = x.switch(column, [(x.text("true"), x.TRUE), (x.text("false"), x.FALSE)], none_flag)
    dated = exp.RegexpLike(this=column, expression=x.text(INSTANT))
    moment = exp.AtTimeZone(this=x.try_cast(column, "TIMESTAMPTZ"), zone=x.text("UTC"))
    return View(num, column, flag, x.case([(dated, moment)], none_stamp), present)


def plain_number(column: Sql) -> Sql:
    """A number as people write it: 5, 12.5."""
    digits = x.cast(x.number_or_null(column), "VARCHAR")
    return x.call("REGEXP_REPLACE", digits, x.text(r"\.?0+$"), x.text(""))


def iso(column: Sql) -> Sql:
    """An instant as text, 2026-01-31T02:00:00Z, with a fraction only when there is one."""
    whole = exp.Anonymous(this="strftime", expressions=[column, x.text("%Y-%m-%dT%H:%M:%S")])
    micro = exp.Anonymous(this="strftime", expressions=[column, x.text(".%f")])
    fraction = x.switch(micro, [(x.text(".000000"), x.text(""))], micro.copy())
    return exp.Concat(expressions=[whole, fraction, x.text("Z")])


def named_properties(predicates: Sequence[Predicate], sets: Sequence[EventSet]) -> set[str]:
    """Every event property that conditions name, or every night needs, so that collect can give it typed columns."""
    return {"topic", "channel", "permanent", "template", "enrollment_id"} | asked_properties(predicates, sets)


def asked_properties(predicates: Sequence[Predicate], sets: Sequence[EventSet] = ()) -> set[str]:
    """Every event property that these conditions and sets of events look at."""
    names: set[str] = set()
    sets = list(sets)
    for predicate in predicates:
        for leaf in leaves(predicate):
            match leaf:
                case Happened():
                    sets.append(leaf.events)
                    names |= {leaf.sum_of} if leaf.sum_of else set()
                case TriggerHas(where=where):
                    names.add(where.name)
                case Subscribed():
                    names |= {"topic", "channel", "permanent", "consent_id"}
                    names |= {"addressee"} if leaf.channel is not None else set()
                case _:
                    pass
    for events in sets:
        names |= {where.name for where in events.where} | ({events.same} if events.same else set())
    return names
