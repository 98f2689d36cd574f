"""What a journey needs beside itself: journeys it names, programs, templates, and entries of project.yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from journey_engine.checks.scope import customer_conditions
from journey_engine.conditions import JourneyCondition, RewardCondition, SegmentCondition, SubscribedCondition
from journey_engine.graph import Emit, Graph, Message, OnChange, OnDate, OnPass, Task, Webhook, lookups_of
from journey_engine.load.parts import Words, of_kind, parts
from journey_engine.load.programs import LoadedProgram
from journey_engine.recipes.settings import Entry, entry
from journey_engine.recipes.shelf import Recipe, beside
from journey_engine.steps.enroll import EnrollStep
from journey_engine.steps.reward import RewardStep
from journey_engine.steps.set import SetStep
from journey_engine.steps.wait import Wait


def journeys(recipe: Recipe, mine: Collection[str] = ()) -> list[Recipe]:
    """The other journeys that it starts, is started by or asks about, and those that these name, by name.

    Those of `mine` are there already, under one's own words: what the shipped ones of that name need is no matter.
    """
    found = {recipe.name: recipe}
    front = [recipe]
    while front:
        names = {name for one in front for name in _names(one)} - {*found, *mine}
        front = [beside(recipe, name) for name in sorted(names)]
        found |= {one.name: one for one in front}
    return sorted((one for one in found.values() if one is not recipe), key=lambda one: one.name)


def _names(recipe: Recipe) -> Iterator[str]:
    words = _with_segments(recipe)
    yield from (word.journey for _, word in of_kind(EnrollStep, words))
    yield from (word.name for _, word in of_kind(JourneyCondition, words))
    if isinstance(recipe.graph.trigger, OnPass):
        yield recipe.graph.trigger.journey


def programs(recipe: Recipe) -> list[LoadedProgram]:
    """The reward programs that it gives of, asks about or whose links it hands out, by name."""
    words = _with_segments(recipe)
    names = {word.program for _, word in of_kind(RewardStep, words)}
    names |= {word.program for _, word in of_kind(RewardCondition, words)}
    names |= set(_referring(recipe))
    return sorted((one for one in recipe.loaded.file.programs if one.name in names), key=lambda one: one.name)


def templates(recipe: Recipe) -> list[str]:
    """The templates that it sends, sorted."""
    return sorted({message.template for message in _messages(recipe.graph)})


def needed(recipes: Sequence[Recipe]) -> list[Entry]:
    """The topics, segments and attributes that recipes of one project name, those of their segments included."""
    file = recipes[0].loaded.file
    names: dict[str, set[str]] = {"topics": set(), "segments": set(), "attributes": set()}
    for recipe in recipes:
        words = _with_segments(recipe)
        names["topics"] |= {message.topic for message in _messages(recipe.graph)}
        names["topics"] |= {word.topic for _, word in of_kind(SubscribedCondition, words) if word.topic is not None}
        names["segments"] |= {word.name for _, word in of_kind(SegmentCondition, words)}
        names["attributes"] |= set(_attributes(recipe, words))
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
    if isinstance(recipe.graph.trigger, OnDate | OnChange):
        yield recipe.graph.trigger.attribute
    yield from (message.variant for message in _messages(recipe.graph) if message.variant is not None)
    for _, step in of_kind(SetStep, words):
        yield from step.values
    for _, wait in of_kind(Wait, words):
        if wait.until is not None and wait.until.date is not None:
            yield wait.until.date.removeprefix("customer.")
    renderer = recipe.loaded.renderer
    assert renderer is not None
    paths = [path for name in templates(recipe) for path in renderer.variables(name)]
    for node in recipe.graph.nodes:
        if isinstance(node, Emit) and isinstance(node.effect, Task):
            paths += renderer.line_variables(node.effect.title)
        if isinstance(node, Emit) and isinstance(node.effect, Webhook):
            paths += node.effect.paths
        if isinstance(node, Emit):
            paths += [row.key for row in lookups_of(node.effect)]
    yield from (path.removeprefix("customer.") for path in paths if path.startswith("customer."))


def _referring(recipe: Recipe) -> Iterator[str]:
    """The programs whose codes or links its letters have."""
    renderer = recipe.loaded.renderer
    assert renderer is not None
    used = {use.path.split(".")[1] for name in templates(recipe) for use in renderer.referring(name)}
    yield from (one.name for one in recipe.loaded.file.programs if one.name.replace("-", "_") in used)


def _messages(graph: Graph) -> Iterator[Message]:
    for node in graph.nodes:
        if isinstance(node, Emit) and isinstance(node.effect, Message):
            yield node.effect
