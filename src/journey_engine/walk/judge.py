"""Evaluates conditions for one customer in plain Python, with a trace of what each one saw on demand.

Shares no code with `facts`: the two readings are held together by a property test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

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
    Subscribed,
    Test,
    TriggerHas,
    leaves,
)
from journey_engine.records import Enrollment, Event, PassState, identity
from journey_engine.times import FAR_PAST
from journey_engine.walk.values import attribute_passes, compares, own_number, property_passes, same_value


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a condition may look at: one customer at one instant, and the pass it stands in, if any.

    `events` are the known ones in their newest content, oldest first; `passes` are those before this run
    (rule 15); `upper` bounds what counts since entry or a step (a goal's window; `as_of` otherwise).
    """

    as_of: dt.datetime
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Event] = ()
    passes: Sequence[Enrollment] = ()
    trigger: Mapping[str, Any] = field(default_factory=dict)
    enrollment: Enrollment | None = None
    upper: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one leaf saw, and whether it holds: a number, a value, an instant, or a few of them."""

    holds: bool
    observed: Any = None


def judge(predicate: Predicate, scene: Scene) -> bool:
    """Whether a condition holds."""
    match predicate:
        case AllOf():
            return all(judge(item, scene) for item in predicate.items)
        case AnyOf():
            return any(judge(item, scene) for item in predicate.items)
        case Not():
            return not judge(predicate.item, scene)
        case _:
            return look(predicate, scene).holds


def look(leaf: Attribute | TriggerHas | Happened | Drawn | InArm | InJourney | Subscribed, scene: Scene) -> Seen:
    """What one leaf sees, and whether it holds."""
    match leaf:
        case Attribute(where=where):
            value = scene.attributes.get(where.name)
            return Seen(all(attribute_passes(test, value, scene.as_of) for test in where.tests), value)
        case TriggerHas(where=where):
            value = scene.trigger.get(where.name)
            return Seen(all(property_passes(test, value) for test in where.tests), value)
        case Happened():
            return _happened(leaf, scene)
        case Drawn():
            return _drawn(leaf, scene)
        case InArm(arm=arm):
            at = scene.enrollment.steps.get(drawn(arm)) if scene.enrollment else None
            return Seen(at is not None, at[0] if at else None)
        case InJourney():
            return _in_journey(leaf, scene)
        case Subscribed():
            return _subscribed(leaf, scene)


def belongs(event: Event, events: EventSet, trigger: Mapping[str, Any], enrollment_id: str | None = None) -> bool:
    """Whether an event is one of a set."""
    properties = event.properties
    if event.name != events.name:
        return False
    if events.of_pass and properties.get("enrollment_id") != enrollment_id:
        return False
    if events.same is not None and not same_value(properties.get(events.same), trigger.get(events.same)):
        return False
    return all(property_passes(test, properties.get(where.name)) for where in events.where for test in where.tests)


def counted(leaf: Happened, scene: Scene) -> list[Event] | None:
    """The events that count, oldest first; None when the pass has not left the step that `since` names."""
    lower: dt.datetime | None = None
    upper = scene.as_of
    if leaf.scope != "history":
        lower = since(leaf.since if leaf.scope == "since" else "entry", scene.enrollment)
        upper = scene.upper or scene.as_of
        if lower is None:
            return None
    if leaf.within is not None:
        edge = leaf.within.before(scene.as_of)
        lower = edge if lower is None else max(lower, edge)
    return [event for event in matching(leaf.events, scene) if _between(event.occurred_at, lower, upper)]


def matching(events: EventSet, scene: Scene) -> Iterator[Event]:
    """The known events of a set, oldest first; those of one instant by their ids."""
    enrollment_id = scene.enrollment.enrollment_id if scene.enrollment else None
    for event in scene.events:
        if belongs(event, events, scene.trigger, enrollment_id):
            yield event


def since(step: str | None, enrollment: Enrollment | None) -> dt.datetime | None:
    """The instant a pass entered ('entry') or left a step; None when it has not."""
    if enrollment is None:
        return None
    if step == "entry":
        return enrollment.entered_at
    left = enrollment.steps.get(step or "")
    return left[0] if left else None


def bounded(predicate: Predicate) -> bool:
    """Whether a goal looks at nothing but what happened in its pass, so that late data may credit it."""
    return all(
        isinstance(leaf, TriggerHas) or (isinstance(leaf, Happened) and leaf.scope != "history" and leaf.within is None)
        for leaf in leaves(predicate)
    )


def instant_of(predicate: Predicate, scene: Scene) -> dt.datetime:
    """When a condition that holds came true: the earliest event if it only asks for one, else `upper`."""
    if isinstance(predicate, Happened) and predicate.plain:
        events = counted(predicate, scene)
        if events:
            return events[0].occurred_at
    return scene.upper or scene.as_of


def unsubscribes(event: Event, topic: str) -> bool:
    """Whether an event ends the subscription to a topic."""
    match event.name:
        case "unsubscribed":
            named, channel = event.properties.get("topic"), event.properties.get("channel")
            return named == topic or not (isinstance(named, str) or isinstance(channel, str))
        case "message_bounced":
            return event.properties.get("permanent") is True
        case "message_complained":
            return True
        case _:
            return False


def subscribes(event: Event, topic: str) -> bool:
    """Whether an event is the customer's own yes to a topic; one of other data lifts nothing (rule 19)."""
    told = event.properties
    return event.name == "subscribed" and told.get("topic") == topic and isinstance(told.get("consent_id"), str)


def refuses_way(event: Event, way: str) -> bool:
    """Whether an event ends one way of being reached: the customer's no to it, a complaint, its dead address."""
    told = event.properties
    if event.name == "unsubscribed":
        return told.get("channel") == way and not (isinstance(told.get("topic"), str) and told["topic"])
    if isinstance(told.get("addressee"), str):
        return False  # it is of somebody else's address
    by_text = told.get("channel") == SMS
    dead = event.name == "message_bounced" and told.get("permanent") is True and by_text == (way == SMS)
    return dead or event.name == "message_complained"


def wants_way(event: Event, way: str) -> bool:
    """Whether an event is the customer's own yes to one way of being reached."""
    told = event.properties
    own = event.name == "subscribed" and isinstance(told.get("consent_id"), str)
    return own and told.get("channel") == way and not (isinstance(told.get("topic"), str) and told["topic"])


def _subscribed(leaf: Subscribed, scene: Scene) -> Seen:
    """The customer's last word counts; of a yes and a no at one instant the no."""
    if leaf.channel is not None:
        against = [event for event in scene.events if refuses_way(event, leaf.channel)]
        said = [event for event in scene.events if wants_way(event, leaf.channel)]
    else:
        against = [event for event in scene.events if unsubscribes(event, str(leaf.topic))]
        said = [event for event in scene.events if subscribes(event, str(leaf.topic))]
    final = [event for event in against if event.name != "unsubscribed"]
    last_no = max((event.occurred_at for event in against), default=None)
    last_yes = max((event.occurred_at for event in said), default=None)
    if final:
        return Seen(False, final[-1])
    if last_no is not None and (last_yes is None or last_yes <= last_no):
        return Seen(False, against[-1])
    return Seen(last_yes is not None or not leaf.double, said[-1] if said else None)


def _between(instant: dt.datetime, lower: dt.datetime | None, upper: dt.datetime) -> bool:
    return (lower is None or lower < instant) and instant <= upper


def _happened(leaf: Happened, scene: Scene) -> Seen:
    events = counted(leaf, scene)
    if events is None:
        return Seen(False)
    observed: dict[str, Any] = {"count": len(events)}
    holds = [_all(leaf.count, Decimal(len(events)))] if leaf.count else []
    if leaf.sum_of is not None:
        values = (own_number(event.properties.get(leaf.sum_of)) for event in events)
        total = sum((value for value in values if value is not None), Decimal(0))
        observed["sum"] = total
        holds.append(_all(leaf.sum, total))
    if events:
        observed["first"], observed["last"] = events[0].occurred_at, events[-1].occurred_at
    for edge, length, newer in (
        ("first", leaf.first_within, True),
        ("first", leaf.first_before, False),
        ("last", leaf.last_within, True),
        ("last", leaf.last_before, False),
    ):
        if length is not None:
            border = length.before(scene.as_of)
            instant = observed.get(edge)
            holds.append(instant is not None and (instant > border) == newer)
    return Seen(all(holds) if holds else bool(events), observed)


def _all(tests: Sequence[Test], value: Decimal) -> bool:
    return all(compares(test, value) for test in tests)


def _drawn(leaf: Drawn, scene: Scene) -> Seen:
    """The draw of a pass is a hash of what it is about: the same whenever it is looked at (rule 11)."""
    if scene.enrollment is None:
        return Seen(False)
    digits = identity(leaf.journey, leaf.step, scene.enrollment.draws_as)[:8]
    return Seen((leaf.low or "") <= digits and (leaf.below is None or digits < leaf.below), digits)


def _in_journey(leaf: InJourney, scene: Scene) -> Seen:
    edge = leaf.within.before(scene.as_of) if leaf.within else FAR_PAST
    reached = (_reached(one, leaf.state) for one in scene.passes if one.journey == leaf.name)
    found = [instant for instant in reached if instant is not None and instant > edge]
    return Seen(bool(found), max(found, default=None))


def _reached(one: Enrollment, state: str) -> dt.datetime | None:
    """When a pass came into a state that it is in; converted is whoever reached the goal, also one that stays."""
    match state:
        case "in":
            return one.entered_at if one.state is PassState.OPEN else None
        case "converted":
            return one.goal_at
        case _:
            return one.closed_at if one.state == state else None
