"""Events that somebody asks about and nobody ever saw: most are misspelt. Looks after the ledger, decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import BaseModel

from journey_engine.engines import Engine
from journey_engine.errors import nearest, visible
from journey_engine.graph import Graph
from journey_engine.predicates import EventSet, Predicate

OWN = ("message_", "task_", "reward_", "webhook_", "referral_", "stage_entered", "answer_given", "unsubscribed",
       "subscribed")  # fmt: skip
"""How the names of events begin that the engine makes itself."""


def unseen(engine: Engine, asked: Mapping[str, Collection[str]]) -> list[str]:
    """A sentence for each event of no row in the ledger; `asked` has by name of an event who asks about it."""
    found = [name for name in sorted(asked) if not engine.rows("SELECT 1 FROM events WHERE name = ? LIMIT 1", (name,))]
    if not found:
        return []
    known = [str(name) for (name,) in engine.rows("SELECT DISTINCT name FROM events ORDER BY name")]
    return [
        f"no event '{name}' was ever seen{nearest(name, [visible(one) for one in known])}; "
        f"{', '.join(sorted(asked[name]))} asks for it"
        for name in found
    ]


def event_names(of: Graph | Predicate) -> set[str]:
    """Every event that a journey or a condition waits for, counts or shows, but for those that the engine makes."""
    return {one.name for one in _sets(of) if not one.name.startswith(OWN)}


def _sets(value: object) -> Iterator[EventSet]:
    match value:
        case EventSet():
            yield value
        case BaseModel():
            for name in type(value).model_fields:
                yield from _sets(getattr(value, name))
        case tuple():
            for item in value:
                yield from _sets(item)
        case _:
            pass
