"""What a property test runs: one project's rules, a few nights, and many customers with a history each.

A world is one customer's history under one set of rules. Everything here is plain data, so that it can be cut
down and printed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml
from pydantic import TypeAdapter

from journey_engine.conditions import Condition, Context, StageCondition
from journey_engine.graph import Emit, Graph, Webhook
from journey_engine.journey import Journey
from journey_engine.language import parse_share
from journey_engine.predicates import Predicate, share_below
from journey_engine.program import Program
from journey_engine.project import CapWords
from journey_engine.records import Event
from journey_engine.rules import Definition, Night, Rules
from journey_engine.steps import Builder
from journey_engine.times import Duration, iso, parse_time

PROGRAM_FILES: dict[str, dict[str, Any]] = {
    name: {"program": name, "currency": "EUR", **words}
    for name, words in {
        "voucher": {"sides": {"customer": {"amount": 10.5, "cap": 1}}, "budget": 100, "expires": "1 month"},
        "referral": {
            "sides": {"advocate": 20, "friend": {"percent": 15, "up_to": 30}}, "budget": 1000.25,
            "hold": "1 month 1 hour", "code": "SPRING-10",
        },
        "gone": {"sides": {"customer": 5}, "budget": 5, "hold": "30 minutes", "expires": "1 day", "seed": "salt"},
    }.items()
}  # fmt: skip
PROGRAMS = {name: Program.model_validate(words) for name, words in PROGRAM_FILES.items()}
TOPICS = {"offers": "marketing", "receipts": "transactional", "news": "marketing"}
DOUBLE = frozenset({"news"})  # topics that a customer must confirm
WEBHOOKS = ("crm", "stock")
KEYS = {"stores": "store_id", "products": "sku"}  # the tables, each with the column of its keys
CONDITION: TypeAdapter[Any] = TypeAdapter(Condition)


@dataclass(frozen=True, slots=True)
class Person:
    """A customer: the attributes of each night (None: absent from the data), and the rows of events.

    `received_at` of a row is when it came into the data; rows stand in that order.
    """

    customer_id: str
    nights: tuple[Mapping[str, Any] | None, ...]
    rows: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """The rules as a project would write them, the nights and the people."""

    journeys: tuple[Mapping[str, Any], ...]
    nights: tuple[dt.datetime, ...]
    people: tuple[Person, ...]
    segments: Mapping[str, Any] = field(default_factory=dict)
    stages: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cadence: str = "0 2 * * *"
    timezone: str = "UTC"
    accept_late: str = "72 hours"
    max_lateness: str = "4 days"
    send_hours: tuple[str, str] = ("09:00", "20:00")
    caps: tuple[Mapping[str, Any], ...] = ()
    hold_when: Any = None
    holdout: str | None = None
    tables: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)  # the rows of each of KEYS
    kinds: Mapping[str, str] = field(default_factory=dict)  # attribute -> column type of the customers' table
    wordless: frozenset[tuple[str, str]] = frozenset()  # (template, way) for which there are no words
    aside: frozenset[tuple[int, str]] = frozenset()  # (night, journey) that does not run
    held: frozenset[tuple[int, str]] = frozenset()  # (night, journey) that is paused
    later: tuple[tuple[int, Mapping[str, Any]], ...] = ()  # from this night on a journey stands so
    redefined: tuple[tuple[int, str, Any], ...] = ()  # from this night on a segment stands so

    def night(self, index: int) -> Night:
        """The run of one night."""
        return Night.of(index + 1, self.nights[index], self.cadence)

    def rules(self, index: int) -> Rules:
        """What that night applies."""
        segments = dict(self.segments)
        segments |= {name: condition for since, name, condition in self.redefined if since <= index}
        context = Context(_conditions(segments), _conditions(self.stages), in_pass=True, double=DOUBLE)
        live = {journey["journey"]: journey for journey in self.journeys}
        pinned: dict[str, Graph] = {}
        # A changed segment makes another version of the journeys that name it.
        for earlier in range(index + 1):
            for since, journey in self.later:
                if since == earlier:
                    live[journey["journey"]] = journey
            standing = dict(self.segments) | {n: c for since, n, c in self.redefined if since <= earlier}
            before = Context(_conditions(standing), _conditions(self.stages), in_pass=True, double=DOUBLE)
            for journey in live.values():
                graph = self._graph(journey, before)
                pinned[graph.version] = graph
        graphs = [
            self._graph(live[name], context) for name in sorted(live) if (index, name) not in self.aside | self.held
        ]
        newest = {graph.version for graph in graphs}
        return Rules(
            journeys=tuple(graphs),
            pinned=tuple(graph for version, graph in sorted(pinned.items()) if version not in newest),
            definitions=_definitions(context),
            values={name: frozenset(paths) for name, paths in self.values.items()}
            | _brought([*graphs, *pinned.values()]),
            programs={name: program.limit() for name, program in PROGRAMS.items() if name != "gone"},
            timezone=self.timezone,
            aside=frozenset(name for when, name in self.aside if when == index),
            accept_late=Duration.parse(self.accept_late),
            send_hours=(parse_time(self.send_hours[0]), parse_time(self.send_hours[1])),
            caps=tuple(CapWords.model_validate(cap).lower() for cap in self.caps),
            hold_when=CONDITION.validate_python(self.hold_when).resolve(context.outside()) if self.hold_when else None,
            holdout=share_below(parse_share(self.holdout)) if self.holdout else None,
            wordless=self.wordless,
        )

    def _graph(self, journey: Mapping[str, Any], context: Context) -> Graph:
        builder = Builder(
            context, topics=TOPICS, programs=PROGRAMS, webhooks=WEBHOOKS, tables=KEYS,
            max_lateness=Duration.parse(self.max_lateness),
        )  # fmt: skip
        graph = Journey.model_validate(journey).lower(builder, f"{journey['journey']}.yaml")
        if builder.problems:
            raise ValueError(f"the journey does not lower: {builder.problems}")
        return graph

    def written(self) -> str:
        """The rules as YAML, then each person's history, for a failing test's message."""
        settings = {
            "cadence": self.cadence, "timezone": self.timezone, "accept_late": self.accept_late,
            "max_lateness": self.max_lateness, "send_hours": list(self.send_hours),
            "hold_when": self.hold_when, "holdout": self.holdout, "columns": dict(self.kinds),
            "caps": [dict(cap) for cap in self.caps], "segments": dict(self.segments), "stages": dict(self.stages),
            "values": {name: list(paths) for name, paths in self.values.items()},
            "without words": [f"{template} by {way}" for template, way in sorted(self.wordless)],
            "tables": {name: [repr(dict(row)) for row in rows] for name, rows in self.tables.items()},
        }  # fmt: skip
        parts = [_yaml({name: value for name, value in settings.items() if value})]
        parts += [_yaml(journey) for journey in self.journeys]
        parts += [f"# from night {since + 1} on\n{_yaml(journey)}" for since, journey in self.later]
        parts += [f"# from night {since + 1} on, segment {name}\n{_yaml(c)}" for since, name, c in self.redefined]
        parts += [f"# night {index + 1}: journey {name} is set aside\n" for index, name in sorted(self.aside)]
        parts += [f"# night {index + 1}: journey {name} is paused\n" for index, name in sorted(self.held)]
        parts.append("nights: " + ", ".join(iso(instant) for instant in self.nights) + "\n")
        parts += [_history(person) for person in self.people]
        return "---\n".join(parts)


def _brought(graphs: Sequence[Graph]) -> dict[str, frozenset[str]]:
    """The paths that webhooks name."""
    effects = [node.effect for graph in graphs for node in graph.nodes if isinstance(node, Emit)]
    return {effect.wording: effect.paths for effect in effects if isinstance(effect, Webhook)}


def _history(person: Person) -> str:
    lines = [f"customer {person.customer_id}"]
    before: Any = "nothing"
    for index, attributes in enumerate(person.nights):
        if attributes != before:
            told = "absent" if attributes is None else ", ".join(f"{k}={v!r}" for k, v in attributes.items())
            lines.append(f"  from night {index + 1}: {told}")
        before = attributes
    for row in person.rows:
        arrived = "" if row.received_at in (None, row.occurred_at) else f"  (arrives {iso(row.received_at)})"  # type: ignore[arg-type]
        lines.append(f"  {iso(row.occurred_at)} {row.event_id} {row.name} {dict(row.properties)}{arrived}")
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    return yaml.safe_dump(_bare(value), sort_keys=False, allow_unicode=True, width=110)


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, list | tuple) else value


def _conditions(written: Mapping[str, Any]) -> dict[str, Any]:
    return {name: CONDITION.validate_python(condition) for name, condition in written.items()}


def _definitions(context: Context) -> tuple[Definition, ...]:
    found = [Definition("segment", n, c.resolve(context.outside()), "") for n, c in context.segments.items()]
    found += [Definition("stage", n, StageCondition(name=n).resolve(context.outside()), "") for n in context.stages]
    return tuple(Definition(one.of, one.name, one.predicate, _version(one.predicate)) for one in found)


@lru_cache(maxsize=1000)
def _version(predicate: Predicate) -> str:
    return hashlib.sha256(predicate.model_dump_json().encode()).hexdigest()[:12]
