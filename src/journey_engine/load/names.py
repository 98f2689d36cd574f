"""Segments and stages by name: those that conditions mention exist, and none needs itself.

What lowering relies on; every other check is in `checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from journey_engine.conditions import Context, SegmentCondition, StageCondition
from journey_engine.errors import Problem, nearest
from journey_engine.load.parts import Words, of_kind, parts
from journey_engine.triggers.enters import EntersTrigger
from journey_engine.yamlfile import Path, Positions

Of = tuple[str, str]  # ("segment" | "stage", name)


def unknown_names(value: object, context: Context, positions: Positions) -> Iterator[Problem]:
    """Every segment and stage that is named inside `value` and defined nowhere."""
    return unknown_in(parts(value), context, positions)


def unknown_in(words: Words, context: Context, positions: Positions) -> Iterator[Problem]:
    """The same for words that were taken apart before."""
    for path, word in words:
        match word:
            case SegmentCondition():
                yield from unknown_name("segment", word.name, context, path, positions)
            case StageCondition():
                yield from unknown_name("stage", word.name, context, path, positions)
            case EntersTrigger(segment=str(name)):
                yield from unknown_name("segment", name, context, (*path, "segment"), positions)
            case EntersTrigger(stage=str(name)):
                yield from unknown_name("stage", name, context, (*path, "stage"), positions)
            case _:
                pass


def unknown_name(of: str, name: str, context: Context, path: Path, positions: Positions) -> Iterator[Problem]:
    """The problem of a segment or stage that is defined nowhere."""
    known = list(context.segments if of == "segment" else context.stages)
    if name not in known:
        where = "project.yaml defines" if of == "segment" else "the cycle has"
        message = f"unknown {of} '{name}'{nearest(name, known)}; {where}: {', '.join(known) or 'none yet'}"
        yield Problem(positions.of(path), message, f"unknown-{of}")


def circles(context: Context, places: Mapping[Of, Path], positions: Positions) -> Iterator[Problem]:
    """Definitions that need themselves; each circle once, at the definition of `places` it begins with."""
    needs = {("segment", name): _needs(condition, context) for name, condition in context.segments.items()}
    for name, condition in context.stages.items():
        needs["stage", name] = _needs(condition, context) | _later(name, context)
    done: set[Of] = set()
    for start in needs:
        circle = _circle(start, needs, (), done)
        if circle and start in places:
            done.update(circle)
            shown = " needs ".join(f"{of} '{name}'" for of, name in (*circle, circle[0]))
            yield Problem(positions.of(places[start]), f"a definition needs itself: {shown}", "circular-definition")


def _needs(condition: object, context: Context) -> set[Of]:
    """What a condition mentions; `parts` starts below its own key, so the place does not matter here."""
    words = parts(condition)
    found: set[Of] = {("segment", word.name) for _, word in of_kind(SegmentCondition, words)}
    for _, stage in of_kind(StageCondition, words):
        found |= {("stage", stage.name)} | _later(stage.name, context)
    return found


def _later(stage: str, context: Context) -> set[Of]:
    """A stage is defined as not being in a later one."""
    names = list(context.stages)
    return {("stage", name) for name in names[names.index(stage) + 1 :]} if stage in names else set()


def _circle(at: Of, needs: Mapping[Of, set[Of]], above: tuple[Of, ...], done: set[Of]) -> tuple[Of, ...]:
    if above and at == above[0]:
        return above
    if at in above or at in done or at not in needs:
        return ()
    found = (_circle(other, needs, (*above, at), done) for other in sorted(needs[at]))
    return next((circle for circle in found if circle), ())
