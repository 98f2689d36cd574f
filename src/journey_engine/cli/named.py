"""Words of a command line that name something: one that nothing has would find nothing, and tell nobody why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from journey_engine.errors import JourneyError, nearest

if TYPE_CHECKING:
    from journey_engine.load import LoadedProject
    from journey_engine.mailroom import Mailroom

SHOWN = 30  # names in a remedy; of more only the first


def known_name(kind: str, name: str | None, known: Iterable[str]) -> None:
    """Raises JourneyError for a name that is not among those known, with the nearest and what there is."""
    if name is None:
        return
    every = list(dict.fromkeys(known))
    if name not in every:
        more = f" and {len(every) - SHOWN:,} more" if len(every) > SHOWN else ""
        raise JourneyError(
            f"there is no {kind} '{name}'{nearest(name, every)}",
            remedy=f"known are: {', '.join(every[:SHOWN]) or 'none yet'}{more}",
            code="unknown-name",
        )


def known_message_names(loaded: LoadedProject, room: Mailroom, **given: str | None) -> None:
    """The same for the names by which messages are chosen: those of the project, and those that messages have."""
    for kind, name in given.items():
        if name is not None and name not in (ours := _of_messages(kind, loaded)):
            known_name(kind, name, [*ours, *room.message_names(kind)])


def known_task_names(loaded: LoadedProject, room: Mailroom, *, team: str | None, owner: str | None) -> None:
    """The same for teams, those of the project's tasks and those that have some, and for owners of tasks."""
    if team is not None and team not in (ours := _teams(loaded)):
        known_name("team", team, [*ours, *room.task_names("team")])
    if owner is not None:
        known_name("owner", owner, room.task_names("owner"))


def _of_messages(kind: str, loaded: LoadedProject) -> list[str]:
    match kind:
        case "topic":
            return sorted(loaded.project.topics)
        case "journey":
            return sorted(loaded.journeys)
        case "channel":
            return sorted({*loaded.project.channels.known, "webhook"})
        case _:
            return sorted(loaded.renderer.library.names) if loaded.renderer is not None else []


def _teams(loaded: LoadedProject) -> list[str]:
    from journey_engine.graph import Emit, Task

    graphs = [one.lowered for one in loaded.journeys.values() if one.lowered is not None]
    effects = [node.effect for graph in graphs for node in graph.nodes if isinstance(node, Emit)]
    asked = {effect.team for effect in effects if isinstance(effect, Task)}
    return sorted(asked | set(loaded.project.front_door.teams.values()))
