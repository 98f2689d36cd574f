"""What holds where a journey says nothing, as text: every default that was taken."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.graph import Emit, Message
from journey_engine.load import LoadedJourney
from journey_engine.load.parts import of_kind
from journey_engine.steps.wait import Wait
from journey_engine.yamlfile import Path


def defaults(journey: LoadedJourney) -> list[str]:
    """Lines such as `steps[1].wait_for.on_timeout: continue`; empty for a journey that could not be read."""
    if journey.journey is None or journey.lowered is None:
        return []
    reentry = journey.lowered.reentry
    taken = [] if journey.journey.reentry is not None else [f"reentry: {reentry.mode}"]
    for path, word in journey.words:
        for name, info in type(word).model_fields.items():
            value = getattr(word, name)
            if name not in word.model_fields_set and value not in (None, False, "", [], {}):
                where = journey.positions.present(path)
                taken.append(f"{_dotted((*where, info.alias or name))}: {_text(value)}")
    return taken + list(_whose_clock(journey)) + list(_of_project(journey))


def _whose_clock(journey: LoadedJourney) -> Iterator[str]:
    """A wait until a moment goes by the customer's clock, and until a date by nine in the morning."""
    for path, word in of_kind(Wait, journey.words):
        where = _dotted(journey.positions.present(path))
        if word.until is not None and word.timezone is None:
            yield f"{where}.timezone: customer"
        if word.until is not None and word.until.date is not None and word.until.at is None:
            yield f"{where}.until.at: 09:00"


def _of_project(journey: LoadedJourney) -> Iterator[str]:
    nodes = journey.lowered.nodes if journey.lowered is not None else ()
    messages = [node for node in nodes if isinstance(node, Emit) and isinstance(node.effect, Message)]
    for step, effect in {node.step: node.effect for node in messages}.items():
        if isinstance(effect, Message):
            sent = f"topic {effect.topic} ({effect.topic_class}), {_channels(effect)}"
            yield f"{step}: {sent}, skipped when more than {effect.max_lateness} late"


def _channels(effect: Message) -> str:
    """By which channel it goes, or by which of several."""
    if not effect.ways:
        return f"channel {effect.channel}"
    tried = [way.channel for way in effect.ways if way.wanted is None]
    first = [f"the one that customer.{effect.prefers} names"] if effect.prefers is not None else []
    return f"the first channel that reaches of: {', '.join([*first, *tried])}"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _dotted(path: Path) -> str:
    text = ""
    for segment in path:
        text += f"[{segment}]" if isinstance(segment, int) else f".{segment}"
    return text.lstrip(".")
