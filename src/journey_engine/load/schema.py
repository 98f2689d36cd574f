"""The JSON Schema of a journey file and of project.yaml, for editors that complete and underline."""

from __future__ import annotations

from typing import Any, Literal

from journey_engine.conditions import CONDITIONS
from journey_engine.journey import Journey
from journey_engine.language import Word
from journey_engine.program import Program
from journey_engine.project import Project
from journey_engine.times import Duration

KINDS: dict[str, tuple[type[Word], str]] = {
    "journey": (Journey, "A journey"),
    "project": (Project, "The settings of a project"),
    "program": (Program, "A reward program"),
}
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(of: Literal["journey", "project", "program"] = "journey") -> dict[str, Any]:
    """The schema of one kind of file. It knows words and types; names and reachability are for `validate`."""
    model, title = KINDS[of]
    whole = _tidy(model.model_json_schema(by_alias=True))
    goal = whole["$defs"].get("GoalWords", {}).get("properties", {})
    goal.update({word.key: _word(word) for word in CONDITIONS if word.key in goal})
    return {"$schema": DRAFT, "title": title, **whole}


def _word(word: type[Word]) -> dict[str, str]:
    """A condition's value where its word stands beside others."""
    return {"$ref": f"#/$defs/Condition{word.__name__}/properties/{word.key}"}


def _tidy(value: Any) -> Any:
    """Without what only the engine uses: generated titles, null as a value, lengths as numbers."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, item in value.items():
        if key == "properties":
            made[key] = {name: _tidy(inner) for name, inner in item.items()}
        elif (key == "title" and isinstance(item, str)) or (key == "default" and item is None):
            continue
        elif key == "default" and isinstance(item, dict) and item.keys() == {"months", "seconds"}:
            made[key] = str(Duration(**item))
        elif key in ("anyOf", "oneOf"):
            made[key] = [_tidy(way) for way in item if way != {"type": "null"}]
        else:
            made[key] = _tidy(item)
    ways: list[Any] = made.get("anyOf", [])
    if len(ways) == 1 and ways[0].keys().isdisjoint(made):
        return {**{key: item for key, item in made.items() if key != "anyOf"}, **ways[0]}
    return made
