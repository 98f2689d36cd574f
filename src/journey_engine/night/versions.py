"""The older versions of journeys that passes still stand in (rule 20)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from journey_engine.engines import Engine
from journey_engine.graph import Emit, Graph, Message, Task, Webhook
from journey_engine.render import Renderer
from journey_engine.rules import Rules, with_reward_ids


def with_pinned(engine: Engine, rules: Rules, renderer: Renderer | None) -> tuple[Rules, dict[str, str]]:
    """Add the older versions that passes of live journeys still stand in (rule 20), and the values they name.

    Also returns the journeys with a version that this program cannot read, and why: passes in it stand still.
    """
    current = {(graph.journey, graph.version) for graph in rules.journeys}
    live = {graph.journey for graph in rules.journeys}
    rows = engine.rows(
        "SELECT DISTINCT v.journey, v.version, v.graph FROM versions AS v "
        "SEMI JOIN enrollments AS e ON e.journey = v.journey AND e.version = v.version "
        "AND (e.state = 'open' OR e.goal_at IS NULL) "
        "ORDER BY 1, 2"
    )
    pinned: list[Graph] = []
    unread: dict[str, str] = {}
    for name, version, text in rows:
        if name in live and (name, version) not in current:
            try:
                pinned.append(Graph.model_validate_json(text))
            except ValueError:
                unread[name] = f"{name}: version {version[:8]} in the engine cannot be read; passes in it stand still"
    values = _with_values(rules, pinned, renderer)
    return replace(rules, pinned=tuple(pinned), values=values), unread


def as_ran(engine: Engine, rules: Rules, renderer: Renderer | None) -> Rules:
    """The same rules with the journeys of the last run, as they stood then: what a run would apply without any edit."""
    rows = engine.rows(
        "SELECT j.journey, v.graph FROM journeys AS j "
        "JOIN versions AS v ON v.journey = j.journey AND v.version = j.version "
        "WHERE j.last_as_of = (SELECT max(as_of) FROM runs) ORDER BY 1"
    )
    graphs: list[Graph] = []
    for _, text in rows:
        with suppress(ValueError):  # of a version that this program cannot read: its journey rests
            graphs.append(Graph.model_validate_json(text))
    return replace(rules, journeys=tuple(graphs), values=_with_values(rules, graphs, renderer))


def _with_values(rules: Rules, graphs: Sequence[Graph], renderer: Renderer | None) -> dict[str, frozenset[str]]:
    """The values that templates and titles name, with those of older graphs."""
    values = dict(rules.values)
    for graph in graphs:
        for node in graph.nodes:
            match node:
                case Emit(effect=Message(template=template)) if template not in values and renderer is not None:
                    values[template] = (
                        renderer.variables(template) if template in renderer.library.names else frozenset()
                    )
                case Emit(effect=Task(title=title)) if title not in values and renderer is not None:
                    values[title] = renderer.line_variables(title)
                case Emit(effect=Webhook() as effect):
                    values[effect.wording] = effect.paths
                case _:
                    pass
    return with_reward_ids(values, graphs)
