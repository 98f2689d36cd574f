"""The older versions of journeys that passes still stand in (rule 20)."""

from __future__ import annotations

from dataclasses import replace

from journey_engine.engines import Engine
from journey_engine.graph import Emit, Graph, Message, Task
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
    values = dict(rules.values)
    for graph in pinned:
        for node in graph.nodes:
            match node:
                case Emit(effect=Message(template=template)) if template not in values and renderer is not None:
                    values[template] = (
                        renderer.variables(template) if template in renderer.library.names else frozenset()
                    )
                case Emit(effect=Task(title=title)) if title not in values and renderer is not None:
                    values[title] = renderer.line_variables(title)
                case _:
                    pass
    values = with_reward_ids(values, pinned)
    return replace(rules, pinned=tuple(pinned), values=values), unread
