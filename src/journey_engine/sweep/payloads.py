"""What goes with a decision: the values that a template or a title names, lists of events, attributes that are set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.expressions import Sql
from journey_engine.facts import attribute_view, iso, plain_number
from journey_engine.graph import (
    Effect,
    Emit,
    Enroll,
    Message,
    Reward,
    SetAttributes,
    Task,
    Webhook,
    address_of,
    lookups_of,
    wording_of,
)
from journey_engine.message import plain
from journey_engine.reversals import knowing
from journey_engine.rules import columns_named
from journey_engine.sweep.evening import Evening
from journey_engine.sweep.ways import take_ways
from journey_engine.times import Duration

TABLES = {"customer": "c", "account": "a", "contact": "k"}  # whose attributes, and the table that has them
DELIVERED = ("email", "phone", "first_name", "locale")


def write_decisions(evening: Evening) -> None:
    """Write the decisions of this run: messages, tasks, webhooks, attributes set, cancellations and suppressions."""
    evening.run("payloads", "decide_cancels")
    told = {name: evening.facts.property("e", name).txt for name in ("topic", "channel")}
    evening.run("payloads", "decide_suppressions", **told)
    if not evening.any("emitted"):
        return
    evening.run("caps", "keep_counted")
    evening.run(
        "payloads", "lines_table", "wording_table", "sets_table", "rewards_table", "lookups_table", "columns_table",
        "looked_none",
    )  # fmt: skip
    wordings = _tables(evening)
    evening.run("payloads", "steps_behind")
    lists = ("listed_events", "line_items") if evening.any("graph_lines") else ("line_items_none",)
    evening.run("payloads", *lists, item=_item())
    evening.run("payloads", "step_values")
    if evening.any("reward_terms"):
        instants = {name: iso(x.col("w", f"{name}_at")) for name in ("available", "expires")}
        evening.run("payloads", "rewards_told", "reward_values", "decide_rewards", **instants)
    _look_up(evening)
    columns: dict[str, Sql] = {name: _text_column(evening, name) for name in DELIVERED}
    columns |= {f"contact_{name}": _text_column(evening, name, "k") for name in DELIVERED}
    columns |= {name: _text_column(evening, name) for name in ("account_id", "contact_id")}
    take_ways(evening, columns["contact_id"])
    paths = {wording: evening.rules.values.get(wording, frozenset()) for wording in sorted(wordings)}
    values = [(x.text(wording), _values(evening, names)) for wording, names in paths.items()]
    empty = _object([])
    evening.run(
        "payloads", "decide_effects", **columns, task_due=_task_due(), variant=_variant(evening),
        values=x.switch(x.col("w", "wording"), values, empty),
    )  # fmt: skip
    evening.run("payloads", "decide_enrolls", "store_enrolls")
    _sets(evening)


def _tables(evening: Evening) -> set[str]:
    """Fill the tables of wordings, lists and assignments; returns the wordings."""
    lines: list[tuple[Any, ...]] = []
    wordings: list[tuple[Any, ...]] = []
    sets: list[tuple[Any, ...]] = []
    rewards: list[tuple[Any, ...]] = []
    looking: list[tuple[Any, ...]] = []
    naming: list[tuple[Any, ...]] = []
    found: set[str] = set()
    for graph in evening.rules.graphs:
        to_contact, aware = graph.to == "contact", knowing(graph)
        for number, node in enumerate(graph.nodes):
            if not isinstance(node, Emit):
                continue
            key, effect = (graph.journey, graph.version, number), node.effect
            knows = number in aware
            looking += [(*key, row.name, row.table, row.key) for row in lookups_of(effect)]
            naming += [(*key, *column) for column in _columns(evening, effect)]
            match effect:
                case Message():
                    found.add(effect.template)
                    for line in effect.lines:
                        match = evening.facts.match(line.events)
                        lines.append((*key, line.name, match, line.since, line.newest, line.events.same))
                    wordings.append((*key, *_wording(evening, effect, knows), to_contact))
                case Task() | Webhook():
                    found.add(effect.title if isinstance(effect, Task) else effect.wording)
                    wordings.append((*key, *_wording(evening, effect, knows), False))
                case Enroll():
                    wordings.append((*key, *_wording(evening, effect), False))
                case Reward():
                    rewards.append((*key, node.step, *_terms(evening, effect)))
                case SetAttributes():
                    for item in effect.assignments:
                        literal = None if item.value is None else json.dumps(item.model_dump(mode="json")["value"])
                        sets.append((*key, item.attribute, literal, item.source))
    filled = {
        "graph_lines": lines, "wording": wordings, "graph_sets": sets, "reward_terms": rewards,
        "graph_lookups": looking, "graph_columns": naming,
    }  # fmt: skip
    for table, rows in filled.items():
        evening.engine.load(table, list(evening.engine.columns(table)), rows)
    return found


def _columns(evening: Evening, effect: Effect) -> Iterator[tuple[str, str | None]]:
    """The columns of its rows that an effect brings, by the row's name; None for all."""
    paths = evening.rules.values.get(wording_of(effect), frozenset())
    for row in lookups_of(effect):
        columns = columns_named(paths, row.name)
        yield from [(row.name, None)] if columns is None else [(row.name, column) for column in sorted(columns)]


def _look_up(evening: Evening) -> None:
    """The rows of tables that effects bring: their keys are values of customers, triggers and steps, as text."""
    sources = [source for (source,) in evening.engine.rows("SELECT DISTINCT source FROM graph_lookups ORDER BY 1")]
    if not sources:
        return
    own = [(x.text(one), _text_column(evening, one.split(".")[1])) for one in sources if one.startswith("customer.")]
    others = [
        (x.text(one), x.cast(x.call("TO_JSON", _source(evening, one)), "VARCHAR"))
        for one in sources if not one.startswith("customer.")
    ]  # fmt: skip
    none = x.cast(exp.null(), "VARCHAR")
    text = x.pointed_text(x.col("k", "value"))
    kind = exp.Anonymous(this="json_type", expressions=[x.col("k", "value")])
    number = plain_number(x.try_cast(text.copy(), x.NUMBER))
    readings = [(x.text(name), text.copy()) for name in ("VARCHAR", "BOOLEAN")]
    readings += [(x.text(name), number.copy()) for name in ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE")]
    evening.run(
        "payloads", "looked_up", attribute=x.switch(x.col("l", "source"), own, none),
        value=x.switch(x.col("l", "source"), others, none.copy()), key=x.switch(kind, readings, none.copy()),
    )  # fmt: skip


def _wording(evening: Evening, effect: Message | Task | Webhook | Enroll, knows: bool = False) -> tuple[Any, ...]:
    """The columns of `wording` behind the node: its name, what is the same for everyone, a task's length, the rest."""
    told = {"knows_reversal": True} if knows else {}
    match effect:
        case Message(template=template):
            fixed = json.dumps(_fixed(evening, effect) | told)
            return template, fixed, None, None, _asked(effect), effect.variant, address_of(effect.channel)
        case Task(team=team, title=title, due=due, outcomes=outcomes):
            limited = {"outcomes": outcomes} if outcomes else {}
            fixed = json.dumps({"team": team, "title": title, **limited})
            return title, fixed, due and due.months, due and due.seconds * 10**6, None, None, None
        case Webhook():
            fixed = json.dumps({"endpoint": effect.to, "data": dict(effect.data), **told})
            return effect.wording, fixed, None, None, None, None, None
        case Enroll(journey=journey):
            return journey, json.dumps({"journey": journey}), None, None, None, None, None


def _variant(evening: Evening) -> Sql:
    """The text of the attribute that chooses a message's variant."""
    effects = (node.effect for graph in evening.rules.graphs for node in graph.nodes if isinstance(node, Emit))
    names = {effect.variant for effect in effects if isinstance(effect, Message) and effect.variant is not None}
    branches = [(x.text(name), _text_column(evening, name)) for name in sorted(names)]
    return x.switch(x.col("w", "variant"), branches, x.cast(exp.null(), "VARCHAR"))


def _fixed(evening: Evening, effect: Message) -> dict[str, Any]:
    """The part of a message's payload that is the same for everyone."""
    hours = [hour.strftime("%H:%M") for hour in evening.rules.send_hours]
    return {
        "template": effect.template,
        "topic": effect.topic,
        "topic_class": effect.topic_class,
        **({} if effect.ways else {"channel": effect.channel}),
        "max_lateness_s": effect.max_lateness.at_least_seconds,
        "send_hours": hours if effect.topic_class == "marketing" else None,
    }


def _asked(effect: Message) -> str | None:
    """What a message asks, as the inside of a JSON object."""
    if effect.ask is None:
        return None
    answers = [{"answer": value, "label": label} for value, label in effect.ask.answers]
    return f'"ask":{json.dumps({"question": effect.ask.name, "answers": answers})}'


def _terms(evening: Evening, effect: Reward) -> tuple[Any, ...]:
    """What is the same of every reward of a step; how much the program may give is that of tonight."""
    kept = effect.model_dump(mode="json", include={"program", "side", "amount", "percent", "currency"})
    limit = evening.rules.programs.get(effect.program)
    cap = limit.caps.get(effect.side) if limit else None
    limits = f',"budget":{json.dumps(limit.budget, default=plain)},"cap":{json.dumps(cap)}' if limit else None
    hold, expires = effect.hold or Duration(), effect.expires
    return (
        json.dumps({**kept, "code": effect.code} if effect.code else kept)[:-1],
        None if effect.code else effect.seed,
        hold.months, hold.seconds * 10**6, expires and expires.months, expires and expires.seconds * 10**6, limits,
    )  # fmt: skip


def _object(pairs: Iterable[tuple[str, Sql]]) -> Sql:
    parts: list[Sql] = []
    for name, value in pairs:
        parts += [x.text(name), value]
    return exp.Anonymous(this="json_object", expressions=parts)


def _values(evening: Evening, paths: frozenset[str]) -> Sql:
    """The values of one wording as a JSON object, nested along their paths."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        root, *names = path.split(".")
        match root, names:
            case (("customer" | "account" | "contact"), [name]):
                _put(tree, (root, name), _customer(evening, name, TABLES[root]))
            case "trigger", [_, *_]:
                _put(tree, (root, *names), _trigger(names))
            case "step", [step, _, *_]:
                _put(tree, (root, *names), _step_value(step, names[1:]))
    return _nested(tree)


def _put(tree: dict[str, Any], path: Sequence[str], value: Sql) -> None:
    """Put a value at its path; what lies below one that is taken whole is there already."""
    *around, last = path
    inner: Any = tree
    for name in around:
        inner = inner.setdefault(name, {}) if isinstance(inner, dict) else inner
    if isinstance(inner, dict):
        inner[last] = value


def _nested(tree: Mapping[str, Any]) -> Sql:
    return _object([(name, _nested(v) if isinstance(v, dict) else v) for name, v in sorted(tree.items())])


def _customer(evening: Evening, name: str, table: str = "c") -> Sql:
    """An attribute as JSON: numbers and booleans as they are, dates and instants as ISO text."""
    kind = evening.columns.get(name)
    if kind is None:
        return exp.null()
    column = x.col(table, name)
    if kind == "mixed":
        return x.cast(x.col(table, f"json {name}"), "JSON")
    if kind == "timestamp":
        return iso(column)
    return x.cast(column, "VARCHAR") if kind == "date" else column


def _trigger(names: Sequence[str]) -> Sql:
    """A property of the trigger's event, or what the trigger itself provides."""
    from_data = x.pointer(x.cast(x.col("e", "trigger_data"), "JSON"), *names)
    from_event = x.pointer(x.col("t", "properties"), *names)
    return x.case([(x.is_null(x.col("e", "trigger_event")), from_data)], from_event)


def _pick(value: Sql, table: str, conditions: list[Sql]) -> Sql:
    """A scalar subquery for the one row of a pass."""
    query = exp.select(exp.func("ANY_VALUE", value)).from_(exp.alias_(exp.to_table(table), "v", table=True))
    return exp.Subquery(this=query.where(x.both(conditions)))


def _step_value(step: str, names: Sequence[str]) -> Sql:
    """What the event that ended a wait says, or its instant."""
    own = x.pointer(x.col("v", "properties"), *names)
    if list(names) == ["occurred_at"]:
        own = x.call("TO_JSON", iso(x.col("v", "occurred_at")))
    here = [x.compare("=", x.col("v", name), x.col("e", name)) for name in ("enrollment_id", "node")]
    return _pick(own, "step_values", [*here, x.compare("=", x.col("v", "step"), x.text(step))])


def _item() -> Sql:
    """An event's properties with its instant."""
    stamped = _object([("occurred_at", iso(x.col("r", "occurred_at")))])
    return exp.Anonymous(this="json_merge_patch", expressions=[x.col("v", "properties"), stamped])


def _text_column(evening: Evening, name: str, table: str = "c") -> Sql:
    kind = evening.columns.get(name)
    return attribute_view(x.col(table, name), kind).txt if kind else x.cast(exp.null(), "VARCHAR")


def _task_due() -> Sql:
    """When a task should be done: its due length after the effect."""
    due: Sql = x.col("e", "due_at")
    for unit, name in (("to_months", "task_months"), ("to_microseconds", "task_micros")):
        due = exp.Add(this=due, expression=exp.Anonymous(this=unit, expressions=[x.col("w", name)]))
    return iso(x.wrap(due))


def _sets(evening: Evening) -> None:
    """Attributes set tonight: as decisions for the record, and as overlays that the next run sees."""
    sources = {
        item.source
        for graph in evening.rules.graphs
        for node in graph.nodes
        if isinstance(node, Emit) and isinstance(node.effect, SetAttributes)
        for item in node.effect.assignments
        if item.source is not None
    }
    branches = [
        (x.text(source), x.cast(x.call("TO_JSON", _source(evening, source)), "VARCHAR")) for source in sorted(sources)
    ]
    value = x.switch(x.col("a", "source"), branches, x.col("a", "literal"))
    names = [name for name in evening.engine.columns("imported") if name != "customer_id"]
    # Where customers were not read anew no journey has set anything yet: they are as they were imported.
    source = "imported" if names else "customers"
    imported = [
        (x.text(name), x.cast(x.call("TO_JSON", x.col("i", name)), "VARCHAR"))
        for name in names or evening.columns
        if name != "customer_id"
    ]
    evening.run("payloads", "assignments", value=value)
    evening.run("payloads", "decide_sets", "newest_overlays", "forget_overlays")
    evening.run("payloads", "store_overlays", source=exp.to_table(source),
                imported=x.switch(x.col("w", "attribute"), imported, exp.null()))  # fmt: skip


def _source(evening: Evening, path: str) -> Sql:
    root, *names = path.split(".")
    if root == "step":
        return _step_value(names[0], names[1:])
    return _customer(evening, names[0]) if root == "customer" else _trigger(names)
