"""What a pass decides: the rows for the mailroom with the values their templates name (rules 4, 5, 21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from journey_engine.graph import (
    Effect,
    Emit,
    Enroll,
    Lines,
    Lookup,
    Message,
    Reward,
    SetAttributes,
    Task,
    Webhook,
    address_of,
    wording_of,
)
from journey_engine.predicates import Predicate
from journey_engine.records import (
    Customer,
    Decision,
    DecisionKind,
    DecisionState,
    Enrollment,
    Event,
    identity,
)
from journey_engine.rules import Night, Rules, columns_named
from journey_engine.times import into_hours, iso
from journey_engine.walk import rewards
from journey_engine.walk.accounts import Other
from journey_engine.walk.judge import Scene, judge, matching, since
from journey_engine.walk.trace import Verdict, trace
from journey_engine.walk.values import as_text, own_number, plain
from journey_engine.walk.ways import CAME_BACK, Weighed, taken, weigh

HELD_OUT = "holdout"  # why an effect is withheld


Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Table to the text of a key to the row; a value that is missing is absent."""


@dataclass(frozen=True, slots=True)
class Look:
    """One condition that was asked in a run: of which journey, where (audience, goal, exit_when, node), the verdict."""

    journey: str
    where: str
    night: Night
    verdict: Verdict
    node: int | None = None


@dataclass(frozen=True, slots=True)
class Tonight:
    """One customer in one run: what is known, the effective attributes, and the passes before the run."""

    rules: Rules
    night: Night
    customer: Customer
    attributes: Mapping[str, Any]
    events: Sequence[Event]  # known, newest content, oldest first
    before: Sequence[Enrollment]
    blocked: frozenset[str] = frozenset()
    tables: Tables = field(default_factory=dict)
    watch: Callable[[Look], None] | None = None  # told of every condition asked, with its trace
    account: Other | None = None  # the one that the customer points to with `account_id`
    contact: Other | None = None  # the one that the customer points to with `contact_id`

    def asks(self, journey: str, where: str, predicate: Predicate, scene: Scene, node: int | None = None) -> bool:
        """Whether a condition holds."""
        if self.watch is None:
            return judge(predicate, scene)
        verdict = trace(predicate, scene)
        self.watch(Look(journey, where, self.night, verdict, node))
        return verdict.holds

    def scene(self, enrollment: Enrollment | None = None, upper: dt.datetime | None = None) -> Scene:
        """What a condition sees, outside or inside a pass."""
        trigger = enrollment.trigger if enrollment else {}
        return Scene(self.night.as_of, self.attributes, self.events, self.before, trigger, enrollment, upper)


def emit(tonight: Tonight, node: Emit, one: Enrollment, *, to_contact: bool = False, knows: bool = False) -> Decision:
    """The decision of an effect that a pass stands at; its `due_at` is where the pass goes on (rule 4).

    `to_contact`: its messages are for the customer's contact as of tonight, in the contact's own hours (rule 27).
    `knows`: the pass has seen that a reward was taken back, and may tell of it.
    """
    night, effect = tonight.night, node.effect
    due = max(night.as_of, one.reached_at)
    if isinstance(effect, Message) and effect.topic_class == "marketing":
        due = into_hours(due, reader_of(tonight, to_contact).timezone, *tonight.rules.send_hours)
    withheld = one.held_out and not (isinstance(effect, Message) and effect.topic_class == "transactional")
    once = isinstance(effect, SetAttributes)
    decision_id = identity(one.enrollment_id, "set", node.step, str(night.run)) if once else _effect_id(one, node)
    kind, payload = _decided(tonight, effect, one, decision_id, due, to_contact)
    if knows and isinstance(effect, Message | Webhook):
        payload["knows_reversal"] = True
    reason = _skipped(tonight, effect, one, to_contact)
    state = DecisionState.SKIPPED if reason else DecisionState.PENDING
    if withheld:
        state, reason = DecisionState.WITHHELD, HELD_OUT
    return Decision(
        decision_id,
        kind,
        night.run,
        one.journey,
        one.version,
        one.enrollment_id,
        one.customer_id,
        node.step,
        node.occurrence,
        state,
        reason,
        due,
        one.meant_at or one.reached_at,
        payload,
    )


def _skipped(tonight: Tonight, effect: Effect, one: Enrollment, to_contact: bool) -> str | None:
    """Why an effect is not to happen, whoever may be held out."""
    match effect:
        case Message():
            if tonight.night.as_of > effect.max_lateness.after(one.meant_at or one.reached_at):
                return "too_late"
            if to_contact and tonight.contact is None:
                return "no_contact"
            return "on_hold" if effect.topic_class == "marketing" and _on_hold(tonight) else None
        case Reward():
            return "no_program" if effect.program not in tonight.rules.programs else None
        case _:
            return None


def _on_hold(tonight: Tonight) -> bool:
    """Whether the project says that this customer is not to be sold anything now."""
    condition = tonight.rules.hold_when
    return condition is not None and judge(condition, tonight.scene())


def _decided(
    tonight: Tonight, effect: Effect, one: Enrollment, decision_id: str, due: dt.datetime, to_contact: bool
) -> tuple[DecisionKind, dict[str, Any]]:
    """What kind of decision an effect is, and what goes with it."""
    match effect:
        case Message():
            return DecisionKind.MESSAGE, _message(tonight, effect, one, to_contact)
        case Task():
            until, values = effect.due.after(due) if effect.due else None, values_of(tonight, one, effect)
            told = {"team": effect.team, "title": effect.title, "due_at": iso(until) if until else None}
            limited = {"outcomes": list(effect.outcomes)} if effect.outcomes else {}
            return DecisionKind.TASK, {**told, **limited, "values": values}
        case Webhook():
            values = values_of(tonight, one, effect)
            return DecisionKind.WEBHOOK, {"endpoint": effect.to, "data": dict(effect.data), "values": values}
        case Reward():
            limit = tonight.rules.programs.get(effect.program)
            budget, caps = (limit.budget, limit.caps) if limit else (None, {})
            terms = rewards.told(effect, decision_id, due)
            return DecisionKind.REWARD, {**terms, "budget": plain(budget), "cap": caps.get(effect.side)}
        case SetAttributes():
            return DecisionKind.SET, {"attributes": _assigned(tonight, effect, one)}
        case Enroll():
            return DecisionKind.ENROLL, {"journey": effect.journey}
        case _:
            assert_never(effect)


def cancel(night: Night, one: Enrollment, reason: str, closed_at: dt.datetime) -> Decision:
    """Takes back the pending messages of a pass that left by its goal or `exit_when` (rule 14)."""
    return Decision(
        identity(one.enrollment_id, "cancel", str(night.run)),
        DecisionKind.CANCEL,
        night.run,
        one.journey,
        one.version,
        one.enrollment_id,
        one.customer_id,
        "",
        1,
        DecisionState.PENDING,
        reason,
        closed_at,
        closed_at,
    )


def suppress(night: Night, event: Event) -> Decision:
    """What an `unsubscribed` event in the data asks of the mailroom (rule 19)."""
    told = {name: event.properties.get(name) for name in ("topic", "channel")}
    payload = {name: value if isinstance(value, str) else None for name, value in told.items()}
    payload["reason"] = "unsubscribed"
    return Decision(
        identity("suppress", event.event_id),
        DecisionKind.SUPPRESS,
        night.run,
        "",
        "",
        "",
        event.customer_id,
        "",
        1,
        DecisionState.PENDING,
        "unsubscribed",
        night.as_of,
        event.occurred_at,
        payload,
    )


def values_of(
    tonight: Tonight, one: Enrollment, effect: Message | Task | Webhook, lines: Iterable[Lines] = ()
) -> dict[str, Any]:
    """The values that an effect names, nested along their paths, and its rows of tables; absent ones are left out."""
    found: dict[str, Any] = {}
    paths = tonight.rules.values.get(wording_of(effect), frozenset())
    for path in sorted(paths):
        value = lookup(tonight, one, path)
        if value is not None:
            *around, last = path.split(".")
            inner = found
            for name in around:
                inner = inner.setdefault(name, {})
            inner[last] = plain(value)
    rows = {row.name: _row(tonight, one, row, columns_named(paths, row.name)) for row in effect.lookups}
    return (
        found
        | {name: row for name, row in rows.items() if row}
        | {line.name: _lines(tonight, one, line) for line in lines}
    )


def _row(tonight: Tonight, one: Enrollment, row: Lookup, columns: frozenset[str] | None) -> dict[str, Any]:
    """The columns of the row whose key is the value at a path; of a row that is not there, none."""
    key = as_text(lookup(tonight, one, row.key))
    found = tonight.tables.get(row.table, {}).get(key, {}) if key is not None else {}
    return {name: plain(value) for name, value in found.items() if columns is None or name in columns}


def lookup(tonight: Tonight, one: Enrollment, path: str) -> Any:
    """The value at customer.x, trigger.x or step.<id>.x, or None."""
    root, *names = path.split(".")
    value: Any = None
    match root:
        case "customer":
            value = {"customer_id": one.customer_id, **tonight.attributes}
        case "account" | "contact":
            other = tonight.account if root == "account" else tonight.contact
            value = other.attributes if other is not None else None
        case "trigger":
            value = one.trigger
        case "step" if names:
            value = _of_step(tonight, one, names.pop(0))
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _of_step(tonight: Tonight, one: Enrollment, step: str) -> Mapping[str, Any] | None:
    """The reward that a step gave, or the event that ended it."""
    at, event_id = one.steps.get(step, (None, None))
    effect = _reward(tonight, one, step)
    if effect is not None and at is not None and event_id is not None:
        return {**rewards.told(effect, event_id, at), "occurred_at": iso(at)}
    for event in tonight.events:
        if event.event_id == event_id:
            return _told(event)
    return None


def _reward(tonight: Tonight, one: Enrollment, step: str) -> Reward | None:
    for graph in tonight.rules.graphs:
        if (graph.journey, graph.version) == (one.journey, one.version):
            for node in graph.nodes:
                if isinstance(node, Emit) and node.step == step and isinstance(node.effect, Reward):
                    return node.effect
    return None


def _lines(tonight: Tonight, one: Enrollment, lines: Lines) -> list[Any]:
    """The newest events of a set since an instant of the pass, oldest first; none if the step stands."""
    lower = since(lines.since, one) if lines.since else None
    if lines.since and lower is None:
        return []
    events = matching(lines.events, tonight.scene(one))
    told = [plain(_told(event)) for event in events if lower is None or event.occurred_at > lower]
    return told[-lines.newest :]


def _told(event: Event) -> Mapping[str, Any]:
    return {**event.properties, "occurred_at": iso(event.occurred_at)}


def reader_of(tonight: Tonight, to_contact: bool) -> Other:
    """Who gets a message; without a contact, the customer's zone stands for theirs."""
    own = Other(tonight.customer.customer_id, tonight.customer.timezone)
    if to_contact:
        return tonight.contact or own
    return replace(own, attributes=tonight.attributes, events=tonight.events)


def ways_of(tonight: Tonight, effect: Message, to_contact: bool) -> list[Weighed]:
    """Every way of a message for who reads it; what came back from a contact is kept with whose pass it was."""
    if not effect.ways:
        return []
    reader = reader_of(tonight, to_contact)
    back = [
        event for event in tonight.events
        if event.name in CAME_BACK and event.properties.get("addressee") == reader.customer_id
    ]  # fmt: skip
    return weigh(effect, replace(reader, events=(*reader.events, *back)), tonight.rules.wordless)


def _message(tonight: Tonight, effect: Message, one: Enrollment, to_contact: bool) -> dict[str, Any]:
    reader = reader_of(tonight, to_contact)
    addressee = {"addressee": tonight.contact.customer_id if tonight.contact else None} if to_contact else {}
    hours = [time.strftime("%H:%M") for time in tonight.rules.send_hours]
    channel = taken(effect, ways_of(tonight, effect, to_contact))
    return {
        "template": effect.template,
        "topic": effect.topic,
        "topic_class": effect.topic_class,
        "channel": channel,
        "to": as_text(reader.attributes.get(address_of(channel))),
        "name": as_text(reader.attributes.get("first_name")),
        "locale": as_text(reader.attributes.get("locale")),
        "timezone": reader.timezone,
        **addressee,
        "values": values_of(tonight, one, effect, effect.lines) | _asked(effect) | _variant(effect, tonight),
        "max_lateness_s": effect.max_lateness.at_least_seconds,
        "send_hours": hours if effect.topic_class == "marketing" else None,
    }


def _asked(effect: Message) -> dict[str, Any]:
    """The question of a message and its answers, for their links."""
    if effect.ask is None:
        return {}
    answers = [{"answer": value, "label": label} for value, label in effect.ask.answers]
    return {"ask": {"question": effect.ask.name, "answers": answers}}


def _variant(effect: Message, tonight: Tonight) -> dict[str, Any]:
    """The variant of the template that the customer's attribute asks for, whether there is one or not."""
    value = as_text(tonight.attributes.get(effect.variant)) if effect.variant is not None else None
    return {} if value is None else {"variant": value}


def _assigned(tonight: Tonight, effect: SetAttributes, one: Enrollment) -> dict[str, Any]:
    """The values of a `set`; one whose source is missing is left out."""
    found: dict[str, Any] = {}
    for assignment in effect.assignments:
        value: Any = assignment.value
        if assignment.source is not None:
            value = lookup(tonight, one, assignment.source)
        value = plain(value)
        if isinstance(value, str | bool) or own_number(value) is not None:
            found[assignment.attribute] = value
    return found


def _effect_id(one: Enrollment, node: Emit) -> str:
    return identity(one.enrollment_id, node.step, str(node.occurrence))
