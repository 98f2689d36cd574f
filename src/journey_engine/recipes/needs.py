"""What a journey needs of its project: templates, and entries of project.yaml."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.checks.scope import customer_conditions
from journey_engine.conditions import SegmentCondition, SubscribedCondition
from journey_engine.graph import Emit, Graph, Message, OnDate, Task
from journey_engine.load.parts import Words, of_kind, parts
from journey_engine.recipes.settings import Entry, entry
from journey_engine.recipes.shelf import Recipe
from journey_engine.steps.wait import Wait


def templates(recipe: Recipe) -> list[str]:
    """The templates that it sends, sorted."""
    return sorted({message.template for message in _messages(recipe.graph)})


def needed(recipe: Recipe) -> list[Entry]:
    """The topics, segments and attributes that it names, those of its segments included, as its project has them."""
    file = recipe.loaded.file
    words = _with_segments(recipe)
    names = {
        "topics": {message.topic for message in _messages(recipe.graph)}
        | {word.topic for _, word in of_kind(SubscribedCondition, words)},
        "segments": {word.name for _, word in of_kind(SegmentCondition, words)},
        "attributes": set(_attributes(recipe, words)),
    }
    return [
        entry(file.lines, file.positions, setting, name)
        for setting, wanted in names.items()
        for name in getattr(file.settings, setting)  # in the order of the file
        if name in wanted
    ]


def _with_segments(recipe: Recipe) -> Words:
    """The journey's words and those of every segment that it names, directly or through another."""
    segments = recipe.loaded.file.settings.segments
    found, seen = list(recipe.journey.words), set[str]()
    front = list(found)
    while front:
        new = {word.name for _, word in of_kind(SegmentCondition, front)} - seen
        seen |= new
        front = [one for name in sorted(new) for one in parts(segments[name])]
        found += front
    return tuple(found)


def _attributes(recipe: Recipe, words: Words) -> Iterator[str]:
    for _, name in customer_conditions(words):
        yield name
    if isinstance(recipe.graph.trigger, OnDate):
        yield recipe.graph.trigger.attribute
    for _, wait in of_kind(Wait, words):
        if wait.until is not None and wait.until.date is not None:
            yield wait.until.date.removeprefix("customer.")
    renderer = recipe.loaded.renderer
    assert renderer is not None
    paths = [path for name in templates(recipe) for path in renderer.variables(name)]
    for node in recipe.graph.nodes:
        if isinstance(node, Emit) and isinstance(node.effect, Task):
            paths += renderer.line_variables(node.effect.title)
    yield from (path.removeprefix("customer.") for path in paths if path.startswith("customer."))


def _messages(graph: Graph) -> Iterator[Message]:
    for node in graph.nodes:
        if isinstance(node, Emit) and isinstance(node.effect, Message):
            yield node.effect
