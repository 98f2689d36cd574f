"""Whether the letters of a test could be worded from the event that started them.

What a test's customer has beyond what the story needs is not asked for: a missing column is told by `validate`, a
preview and the night. A property that the test's own event lacks is told here, with the letter's line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from journey_engine.errors import nearest
from journey_engine.journeytest.differences import Difference
from journey_engine.journeytest.story import Story
from journey_engine.journeytest.words import Expect
from journey_engine.links import Links
from journey_engine.message import Aborted, MessageRef, RenderError
from journey_engine.records import Decision, DecisionState
from journey_engine.render import Renderer
from journey_engine.yamlfile import Path, Positions

TRIES = 50  # values that are made up for one letter
MADE_UP = "1"  # text, and a number where one is needed


def unworded(expect: Expect, story: Story, renderer: Renderer, positions: Positions, path: Path) -> list[Difference]:
    """A difference for each letter that names a property that the event of its pass does not have."""
    found: dict[tuple[str, str], Difference] = {}
    triggers = {one.enrollment_id: one.trigger for one in story.passes}
    letters = sorted(story.messages, key=lambda one: one.due_at)
    links = Links("https://example.com", {"test": b"test"}, "test")
    worded = Renderer(renderer.library.root, renderer.sender, links, renderer.locale)
    for number, letter in enumerate(letters):
        template = letter.payload["template"]
        if letter.state is not DecisionState.PENDING or not _lacks(letter, renderer):
            continue
        lack = _missing(letter, worded)
        if lack is not None and (template, lack[0]) not in found:
            has = sorted(triggers.get(letter.enrollment_id, {}))
            name = lack[0].split(".")[1]
            wanted = positions.of((*path, *_place(expect, template, number, len(letters))))
            told = f"the event that starts the pass has {', '.join(has) or 'no properties'}{nearest(name, has)}"
            found[template, lack[0]] = Difference(
                wanted, f"the words of the letter {template}", f"a value for {lack[0]} ({lack[1]})", told
            )
    return list(found.values())


def _lacks(letter: Decision, renderer: Renderer) -> bool:
    """Whether some way through the template needs a property that is not there; most letters end here."""
    template = letter.payload["template"]
    if template not in renderer.library.names:
        return False
    needed = [path for path in renderer.required(template) if path.startswith("trigger.")]
    return any(_value(letter.payload["values"], path) is None for path in needed)


def _value(values: Mapping[str, Any], path: str) -> Any:
    found: Any = values
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _missing(letter: Decision, renderer: Renderer) -> tuple[str, str] | None:
    """The property of the trigger that this very letter misses, and where it is named; all else is made up."""
    payload, values = letter.payload, _copied(letter.payload["values"])
    ref = MessageRef(
        letter.decision_id, letter.customer_id, payload["topic"], payload["timezone"], letter.enrollment_id
    )
    for _ in range(TRIES):
        try:
            renderer.render(payload["template"], payload["locale"], values, ref)
        except Aborted:
            return None
        except RenderError as error:
            if error.code != "missing_value" or error.path is None:
                return None  # what was made up does not fit; `validate` tells the template's own mistakes
            if error.path.startswith("trigger."):
                return error.path, error.message.partition(": ")[0]
            if not _make_up(values, error.path):
                return None
        else:
            return None
    return None


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _make_up(values: dict[str, Any], path: str) -> bool:
    *around, last = path.split(".")
    inner = values
    for name in around:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            return False
    known = last in inner
    inner[last] = MADE_UP
    return not known


def _place(expect: Expect, template: str, number: int, count: int) -> Iterator[str | int]:
    """Where the letter is expected; without that, the whole expectation."""
    expected = expect.messages or []
    alike = [index for index, one in enumerate(expected) if one.template == template]
    if alike:
        yield from ("messages", number if len(expected) == count else alike[0])
