"""The words that hand-worked histories are written with, and what a reading of them returns.

A history is a list of evenings. Every instant in them is UTC and written `2026-03-01 02:00`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import TypeAdapter

from journey_engine.conditions import Condition, Context, StageCondition
from journey_engine.graph import Emit, Graph, Webhook
from journey_engine.journey import Journey
from journey_engine.predicates import Predicate
from journey_engine.program import Program
from journey_engine.project import CapWords
from journey_engine.records import Customer, Decision, DecisionKind, Enrollment, Event, Transition
from journey_engine.rules import Definition, Night, Rules, following
from journey_engine.steps import Builder
from journey_engine.yamlfile import read
from tests.properties.scenario import KEYS

NIGHTLY = "0 2 * * *"
HOURLY = "0 * * * *"
PROGRAMS = {
    "voucher": Program.model_validate(
        {"program": "voucher", "currency": "EUR", "sides": {"customer": 10}, "budget": 100, "expires": "1 month"}
    ),
    "referral": Program.model_validate({
        "program": "referral", "currency": "EUR", "hold": "14 days", "budget": 500.5, "code": "FRIENDS",
        "sides": {"advocate": {"amount": 12.5, "cap": 3}, "friend": {"percent": 15, "up_to": 20}},
    }),
}  # fmt: skip
TOPICS = {"offers": "marketing", "receipts": "transactional", "news": "marketing"}
DOUBLE = frozenset({"news"})  # topics that a customer must confirm
WEBHOOKS = ("crm", "stock")


@dataclass(frozen=True, slots=True)
class Evening:
    """One run with all that it finds: its rules, the customers in the data, and every row that may be in it.

    `received_at` of a row is when it came into the data (None: when it happened); taken in from then on.
    """

    night: Night
    rules: Rules
    customers: Sequence[Customer]
    rows: Sequence[Event]
    refused: frozenset[str] = frozenset()  # templates that the channel does not take before this run
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # the rows of each of KEYS


@dataclass(frozen=True, slots=True)
class Told:
    """What the runs did to one customer: moves, decisions, and the passes as they stand at the end."""

    transitions: Sequence[Transition]
    decisions: Sequence[Decision]
    passes: Sequence[Enrollment]


class Reading(Protocol):
    """Runs the evenings in order and takes each pending message as accepted at its `due_at`.

    An evening that is not later than the one before changes nothing. Returns what happened by customer, the
    rows of each pass in the order in which they came about.
    """

    def __call__(self, evenings: Sequence[Evening]) -> Mapping[str, Told]: ...


def at(text: str) -> dt.datetime:
    """2026-03-01 02:00, in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def nights(first: str, last: str, cadence: str = NIGHTLY) -> list[Night]:
    """The runs at every instant of the cadence from the first to the last, both included; bare days too."""
    start, end = at(first) - dt.timedelta(microseconds=1), at(last)
    end += dt.timedelta(hours=24, microseconds=-1) if len(last) == 10 else dt.timedelta()
    found: list[Night] = []
    instant = following(cadence, start)
    while instant <= end:
        found.append(Night.of(len(found) + 1, instant, cadence))
        instant = following(cadence, instant)
    return found


def customer(customer_id: str = "c1", zone: str = "UTC", **attributes: Any) -> Customer:
    """A customer with an address, in UTC unless said otherwise."""
    return Customer(customer_id, zone, {"email": f"{customer_id}@example.com", **attributes})


def event(
    name: str,
    when: str,
    event_id: str | None = None,
    arrived: str | None = None,
    who: str = "c1",
    **properties: Any,
) -> Event:
    """Something that a customer did; the id is made of the name and the instant unless given."""
    received = at(arrived) if arrived else None
    return Event(event_id or f"{name} {when}", who, name, at(when), properties, received)


def journey(text: str, context: Context | None = None) -> Graph:
    """A journey as a marketer writes it, lowered."""
    file = read(text, "journey.yaml")
    assert not file.problems, file.problems
    known = (context.segments, context.stages) if context else ()
    inside = Context(*known, in_pass=True, double=DOUBLE)
    builder = Builder(inside, topics=TOPICS, programs=PROGRAMS, webhooks=WEBHOOKS, tables=KEYS)
    graph = Journey.model_validate(file.data).lower(builder, "journey.yaml")
    assert not builder.problems, builder.problems
    return graph


def rules(
    *journeys: str,
    segments: str | None = None,
    cycle: str | None = None,
    values: Mapping[str, Iterable[str]] | None = None,
    pinned: Sequence[Graph] = (),
    caps: str = "",
    **settings: Any,
) -> Rules:
    """What a night applies: journeys, and in YAML segments and stages ({name: condition}) and caps (a list)."""
    context = Context(_conditions(segments), _conditions(cycle), double=DOUBLE)
    definitions = [_definition("segment", name, one.resolve(context)) for name, one in context.segments.items()]
    definitions += [_definition("stage", name, StageCondition(name=name).resolve(context)) for name in context.stages]
    graphs = sorted((journey(text, context) for text in journeys), key=lambda graph: graph.journey)
    named = {name: frozenset(paths) for name, paths in (values or {}).items()}
    effects = [node.effect for graph in [*graphs, *pinned] for node in graph.nodes if isinstance(node, Emit)]
    named |= {effect.wording: effect.paths for effect in effects if isinstance(effect, Webhook)}
    limits = tuple(CapWords.model_validate(cap).lower() for cap in read(caps, "caps").data) if caps else ()
    programs = settings.pop("programs", {name: program.limit() for name, program in PROGRAMS.items()})
    return Rules(tuple(graphs), tuple(pinned), tuple(definitions), named, caps=limits, programs=programs, **settings)


def evenings(
    told: Rules,
    rows: Sequence[Event],
    when: Sequence[Night],
    who: Sequence[Customer] = (),
    tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[Evening]:
    """Runs whose rules, customers and tables stay as they are; one customer `c1` in UTC unless others are given."""
    return [Evening(night, told, who or [customer()], rows, tables=tables or {}) for night in when]


def messages(told: Told, *, steps: bool = False) -> list[str]:
    """`hello 2026-03-01 09:00`, with the reason behind it when it was skipped."""
    found = []
    for one in sorted(told.decisions, key=lambda one: (one.run, one.due_at)):
        if one.kind is DecisionKind.MESSAGE:
            name = one.step if steps else one.payload["template"]
            found.append(" ".join([name, clock(one.due_at), *([one.reason] if one.reason else [])]))
    return found


def entries(told: Told) -> list[str]:
    """When each pass was entered: `welcome 2026-03-01 10:00`, in order."""
    found = sorted(told.passes, key=lambda one: (one.entered_at, one.journey, one.key))
    return [f"{one.journey} {clock(one.entered_at)}" for one in found]


def ends(told: Told) -> list[str]:
    """Where each pass stands: `open`, or `converted goal 2026-03-09 02:00`."""
    found = sorted(told.passes, key=lambda one: (one.entered_at, one.journey, one.key))
    return ["open" if one.closed_at is None else f"{one.state} {one.reason} {clock(one.closed_at)}" for one in found]


def moves(told: Told) -> list[str]:
    """Each move: `run 2: waited 2026-03-04 08:00`."""
    return [f"run {one.run}: {one.reason} {clock(one.at)}" for one in told.transitions]


def kinds(told: Told, kind: DecisionKind) -> list[Decision]:
    """The decisions of one kind."""
    return [one for one in told.decisions if one.kind is kind]


def clock(instant: dt.datetime) -> str:
    """2026-03-01 02:00, with seconds only when there are some."""
    return instant.strftime("%Y-%m-%d %H:%M" if not instant.second else "%Y-%m-%d %H:%M:%S")


def _conditions(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    file = read(text, "project.yaml")
    assert not file.problems, file.problems
    adapter: TypeAdapter[Any] = TypeAdapter(Condition)
    return {name: adapter.validate_python(value) for name, value in file.data.items()}


def _definition(of: str, name: str, predicate: Predicate) -> Definition:
    version = hashlib.sha256(predicate.model_dump_json().encode()).hexdigest()[:12]
    return Definition(of, name, predicate, version)
