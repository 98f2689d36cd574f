"""Where a value that a letter misses would come from: the column, the event's property, the step, the setting."""

from __future__ import annotations

from journey_engine.audience import Gathered
from journey_engine.collect.source import named
from journey_engine.errors import nearest
from journey_engine.graph import Await, Emit, Graph, OnEvent, OnSilence, Reward
from journey_engine.predicates import EventSet
from journey_engine.preview.passing import Passing
from journey_engine.preview.standing import Standing
from journey_engine.project import Project


def why(path: str, graph: Graph, passing: Passing, standing: Standing, data: Gathered, project: Project) -> str:
    """One sentence on why there is no value at a dotted path for this customer."""
    root, _, rest = path.partition(".")
    name = rest.partition(".")[0]
    match root:
        case "customer":
            return _attribute(name, standing.found.tonight.customer.customer_id, data, project)
        case "account" | "contact":
            other = getattr(standing.found.tonight, root)
            if other is None:
                who = standing.found.tonight.customer.customer_id
                return f"customer {who} has no {root}: customer.{root}_id is missing, or names nobody in the data"
            return _attribute(name, other.customer_id, data, project)
        case "trigger":
            return _trigger(name, graph, passing)
        case "step":
            return _step(name, graph, passing)
        case "links":
            return "links need `public_url` in journeys/project.yaml"
        case "sender":
            return f"journeys/project.yaml has no `sender: {{{name}: ...}}`"
        case _:
            return f"`{root}` is looked up by the step (`with:`), and for this customer nothing was found"


def _attribute(name: str, customer_id: str, data: Gathered, project: Project) -> str:
    source, columns = project.customers, data.collected.columns
    if name in columns:
        return f"customer {customer_id} has nothing in the column '{source.columns.get(name, name)}' of {named(source)}"
    hint = nearest(name, sorted(columns))
    return f"{named(source)} has no column '{name}'{hint}; it has: {', '.join(sorted(columns))}"


def _trigger(name: str, graph: Graph, passing: Passing) -> str:
    started, about = passing.occurrence, _about(graph)
    if started is None:
        what = f"an event {about.name} that starts it" if about else "what starts it"
        return f"{what} is not in the data of customer {passing.one.customer_id}"
    has = ", ".join(sorted(started.data)) or "nothing"
    what = f"the event {passing.event.name} ({passing.event.event_id})" if passing.event else "what starts the pass"
    return f"{what} has no property '{name}'{nearest(name, sorted(started.data))}; it has: {has}"


def _about(graph: Graph) -> EventSet | None:
    return graph.trigger.events if isinstance(graph.trigger, OnEvent | OnSilence) else None


def _step(step: str, graph: Graph, passing: Passing) -> str:
    who = passing.one.customer_id
    for node in graph.nodes:
        match node:
            case Await(events=events) if events is not None and node.step == step:
                return f"no event {events.name} that would end step '{step}' is in the data of customer {who}"
            case Emit(effect=Reward() as reward) if node.step == step:
                return f"the reward of step '{step}' (program {reward.program}) has no such value"
            case _:
                continue
    return f"step '{step}' gives no value before this letter"
