"""What one run finds of one customer before a pass moves: attributes, memberships, what changed, what triggers see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from journey_engine.graph import OnChange
from journey_engine.records import Customer, Event, identity
from journey_engine.rules import Definition, Night, Rules
from journey_engine.times import zone_names
from journey_engine.walk.accounts import Other
from journey_engine.walk.effects import Look, Tables, Tonight
from journey_engine.walk.judge import Scene, judge
from journey_engine.walk.ledger import (
    CustomerState,
    LedgerEvent,
    Membership,
    Overlay,
    Watched,
    WorldState,
    in_order,
    newest,
    originals,
)
from journey_engine.walk.occurrences import Past
from journey_engine.walk.values import as_text, unchanged


@dataclass(frozen=True, slots=True)
class Found:
    """What a run finds of one customer before a pass moves."""

    tonight: Tonight
    past: Past
    overlays: dict[str, Overlay]
    new_events: tuple[Event, ...]


def look_around(
    rules: Rules,
    night: Night,
    world: WorldState,
    customer: Customer,
    state: CustomerState,
    events: Sequence[LedgerEvent],
    blocked: frozenset[str] = frozenset(),
    watch: Callable[[Look], None] | None = None,
    account: Other | None = None,
    contact: Other | None = None,
    tables: Tables | None = None,
) -> Found:
    """Overlays, zone and memberships of tonight, and what triggers look at."""
    overlays = standing(state.overlays, customer)
    attributes = as_other(rules, customer, state).attributes
    customer = _in_zone(customer, overlays, rules)
    known = newest(events, night.as_of)
    tonight = Tonight(
        rules, night, customer, attributes, known, state.passes, blocked, tables or {}, watch, account, contact
    )
    members = _memberships(rules.definitions, world, state.memberships, tonight.scene())
    new_events = _stage_events(members, customer.customer_id, night.as_of)
    first_contents = in_order((*originals(events, night.as_of), *new_events))
    watched = _watched(watching(rules, world), state.watched, attributes, night.as_of)
    past = Past(first_contents, attributes, customer.timezone, members, watched, state.passes, state.enrolled)
    return Found(tonight, past, overlays, new_events)


def standing(overlays: Mapping[str, Overlay], customer: Customer) -> dict[str, Overlay]:
    """The overlays whose imported value is still what it was (rule 15)."""
    return {
        name: overlay
        for name, overlay in overlays.items()
        if unchanged(customer.attributes.get(name), overlay.imported)
    }


def _in_zone(customer: Customer, overlays: Mapping[str, Overlay], rules: Rules) -> Customer:
    """The customer in the zone that a journey set; in the project's when there is none of that name (rule 6)."""
    if "timezone" not in overlays:
        return customer
    zone = overlays["timezone"].value
    return replace(customer, timezone=zone if zone in zone_names() else rules.timezone)


def _memberships(
    definitions: Sequence[Definition],
    world: WorldState,
    before: Mapping[tuple[str, str], Membership],
    scene: Scene,
) -> dict[tuple[str, str], Membership]:
    """Tonight's memberships; those of a new or changed definition begin silently (rule 10)."""
    members = dict(before)
    for definition in definitions:
        name = (definition.of, definition.name)
        old, holds = before.get(name, Membership()), judge(definition.predicate, scene)
        if holds and not old.member:
            silent = world.baselines.get(name) != definition.version
            members[name] = Membership(True, old.ordinal + 1, None if silent else scene.as_of)
        else:
            members[name] = Membership(holds, old.ordinal, old.began if holds else None)
    return members


def _watched(
    names: frozenset[str], before: Mapping[str, Watched], attributes: Mapping[str, Any], as_of: dt.datetime
) -> dict[str, Watched]:
    """The watched attributes as they are tonight; the first value ever seen of one is no change."""
    found = dict(before)
    for name in names:
        value, last = as_text(attributes.get(name)), before.get(name)
        if last is None:
            found[name] = Watched(value)
        elif value != last.value:
            found[name] = Watched(value, last.ordinal + 1, last.value, as_of)
    return found


def _stage_events(
    members: Mapping[tuple[str, str], Membership], customer_id: str, as_of: dt.datetime
) -> tuple[Event, ...]:
    """A `stage_entered` event for each stage that was reached in this run."""
    found = []
    for (of, name), membership in sorted(members.items()):
        if of == "stage" and membership.began == as_of:
            event_id = identity("stage_entered", customer_id, name, str(membership.ordinal))
            properties: dict[str, Any] = {"stage": name, "ordinal": membership.ordinal}
            found.append(Event(event_id, customer_id, "stage_entered", as_of, properties, as_of))
    return tuple(found)


def as_other(rules: Rules, customer: Customer, state: CustomerState) -> Other:
    """The customer as the nights of others see them, without what they did."""
    overlays = standing(state.overlays, customer)
    attributes = {**customer.attributes, **{name: overlay.value for name, overlay in overlays.items()}}
    attributes.setdefault("customer_id", customer.customer_id)
    return Other(customer.customer_id, _in_zone(customer, overlays, rules).timezone, attributes)


def watching(rules: Rules, world: WorldState) -> frozenset[str]:
    """The attributes that are watched; once watched always, so that a journey set aside for a night misses nothing."""
    triggers = (graph.trigger for graph in rules.journeys)
    return world.watched | {trigger.attribute for trigger in triggers if isinstance(trigger, OnChange)}
