"""docs/language.md: every word of the language on one page, made from the models.

The models carry sentences, examples, defaults and limits; this page only sets them in order. `make docs`
writes it, and a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from journey_engine.checks.codes import CODES
from journey_engine.conditions import CONDITIONS
from journey_engine.journey import Journey
from journey_engine.journeytest.words import JourneyTests
from journey_engine.language import Word
from journey_engine.load.shape import examples, members
from journey_engine.program import Program
from journey_engine.project import Project
from journey_engine.steps import STEPS, Step
from journey_engine.times import Duration
from journey_engine.triggers import TRIGGERS

INTRODUCTION = """# The language, word by word

Everything that a journey, its test and `project.yaml` may say. This page is made from the engine itself (`make
docs`), so it is complete. To learn by doing, begin with [marketer.md](marketer.md); to copy whole journeys, with
[recipes.md](recipes.md). Your editor can complete all of it: see `journey schema` in [cli.md](cli.md).

## How it is written

* A trigger, a condition and a step are one word with its value: `wait: 3 days`, `send: hello`. More is said in braces
  or on lines of their own: `send: {template: hello, topic: tips}`.
* Where a word has a *main word*, that one may be left away: `send: hello` is short for `send: {template: hello}`.
* A **duration** is a number and a unit: `30 minutes`, `3 days`, `2 weeks`, `6 months`, `1 year`, `1 day 12 hours`.
  Months and years follow the calendar, everything else is an exact length.
* A **value** is a text, a number, `true` or `false`. Only `true` and `false` are yes and no: `NO`, `on`, `9:30` and
  `01234` are texts. A text that begins with `{{` needs quotes.
* A mistake is told with its line and what to write instead: `journey validate`."""

FAMILIES: Mapping[str, tuple[Sequence[type[Word]], str]] = {
    "trigger": (TRIGGERS, "What starts a pass of a journey; a journey has one."),
    "condition": (
        CONDITIONS,
        "They stand under `audience`, `goal`, `exit_when`, `when`, `only_if` and `until`, and under `segments` in "
        "`project.yaml`. Inside a pass, events and messages count from the entry on unless the condition says more.",
    ),
    "step": (STEPS, "What happens, one after the other."),
}
FILES: tuple[tuple[str, type[Word], str], ...] = (
    ("A journey", Journey, "One file for each, in `journeys/` or a folder below it."),
    ("The settings", Project, "The file `journeys/project.yaml`."),
    ("A reward program", Program, "One file for each, in `journeys/programs/`. A `reward` step names it."),
    ("A test of a journey", JourneyTests, "A file beside the journey, `win-back.test.yaml`. `journey test` plays it."),
)
SCALARS = {str: "text", int: "whole number", bool: "`true` or `false`", Duration: "duration"}


def page() -> str:
    """The whole page."""
    (about, journey, where), *others = FILES
    parts = [INTRODUCTION, *_file(about, journey, where)]
    for family, (words, sentence) in FAMILIES.items():
        parts += [f"## {family.title()}s", sentence]
        if family == "step":
            parts += ["Every step also takes:", _table(Step)]
        for word in words:
            parts += _section(f"### {family.title()} `{word.key}`", word)
    parts += _inner(journey)
    for about, model, where in others:
        parts += [*_file(about, model, where), *_inner(model)]
    parts += ["## What `journey validate` can say", _codes()]
    return "\n\n".join(part for part in parts if part) + "\n"


def every_word() -> list[type[Word]]:
    """Every word of every kind of file, in the order in which they are met."""
    return list(dict.fromkeys(word for _, model, _ in FILES for word in _reached(model)))


def _file(about: str, model: type[Word], where: str) -> list[str]:
    return [f"## {about}", where, *_section("", model)]


def _inner(model: type[Word]) -> list[str]:
    """The words that stand only inside others, each of them once on the page."""
    named = {word for family, _ in FAMILIES.values() for word in family} | {file for _, file, _ in FILES}
    earlier = [file for _, file, _ in FILES][: [file for _, file, _ in FILES].index(model)]
    before = {word for file in earlier for word in _reached(file)}
    inner = [word for word in _reached(model) if word not in named | before]
    return [part for word in inner for part in _section(f"### {title(word)}", word)]


def _section(heading: str, word: type[Word]) -> list[str]:
    shown = [f"```yaml\n{example}\n```" for example in examples(word)]
    return [heading, sentence(word), *shown, _main(word), _table(word)]


def title(word: type[Word]) -> str:
    """A word's name as a heading: `EventLines` is 'Event lines'."""
    name = re.sub(r"(?<!^)([A-Z])", r" \1", word.__name__.removesuffix("Words") or word.__name__)
    return name.capitalize()


def sentence(word: type[Word]) -> str:
    """What a docstring says around its examples, without the numbers of rules."""
    text = re.sub(r"```yaml\n.*?```", "", word.__dict__.get("__doc__") or "", flags=re.DOTALL)
    return " ".join(re.sub(r"\s*\(rules? [\d to,]+\)", "", text).split())


def _main(word: type[Word]) -> str:
    if word.main is None or _alone(word):
        return ""
    return f"Main word: `{word.model_fields[word.main].alias or word.main}`."


def _table(word: type[Word]) -> str:
    rows = [f"| {' | '.join(_row(name, info, word))} |" for name, info in word.model_fields.items() if _own(name, word)]
    return "\n".join(["| word | its value | without it | what it is |", "|---|---|---|---|", *rows])


def _own(name: str, word: type[Word]) -> bool:
    """Whether a field is the word's, not one that every step has."""
    return word is Step or name not in Step.model_fields or not issubclass(word, Step)


def _alone(word: type[Word]) -> bool:
    """Whether the value of the main word is all there is to say."""
    return word.whole or (word.main is not None and sum(_own(name, word) for name in word.model_fields) == 1)


def _row(name: str, info: FieldInfo, word: type[Word]) -> tuple[str, str, str, str]:
    written = "*its value*" if _alone(word) and name == word.main else f"`{info.alias or name}`"
    value = _value(Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation)
    return written, value, _default(info), info.description or ""


def _value(annotation: Any) -> str:
    """What may stand there, in words with links."""
    family = _family(annotation)
    if family:
        return f"a [{family}](#{family}s)"
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *marks = get_args(annotation)
        return _value(inner) + _limits(marks)
    if origin in (Union, UnionType):
        kinds = set(_ways(annotation))
        if {bool, str} < kinds:
            return "value"
        ways = [_value(way) for way in get_args(annotation) if way is not type(None)]
        return " or ".join(dict.fromkeys(ways))
    if origin is Literal:
        return ", ".join(f"`{_plain(choice)}`" for choice in get_args(annotation))
    return _collection(annotation) or _plain_kind(annotation)


def _collection(annotation: Any) -> str:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is list:
        return f"a list: {_value(inside[0]).removeprefix('a ')}"
    if origin is tuple:
        return "a list of two"
    if origin in (dict, Mapping):
        return (
            f"names, each with: {_value(inside[1]).removeprefix('a ')}" if inside[1] is not Any else "names and values"
        )
    return ""


def _plain_kind(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Word):
        return f"[{title(kind).lower()}](#{title(kind).lower().replace(' ', '-')})"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{one.value}`" for one in kind)
    return SCALARS.get(kind, "text")


def _ways(annotation: Any) -> Iterator[Any]:
    return (kind for kind, _ in members(annotation) if kind is not type(None))


def _family(annotation: Any) -> str:
    """trigger, condition or step where the annotation is that union."""
    tags = {tag for kind, tag in members(annotation) if kind is not type(None)}
    return next((name for name, (words, _) in FAMILIES.items() if tags == {word.key for word in words}), "")


def _limits(marks: Sequence[Any]) -> str:
    found: dict[str, Any] = {}
    for mark in marks:
        inside = mark.metadata if isinstance(mark, FieldInfo) else [mark]
        found |= {key: getattr(one, key) for one in inside for key in ("ge", "le") if hasattr(one, key)}
    words = [f"{'at least' if key == 'ge' else 'at most'} {limit}" for key, limit in found.items()]
    return f", {' and '.join(words)}" if words else ""


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "*must be said*"
    shown = _plain(info.get_default(call_default_factory=True))
    return f"`{shown}`" if shown else ""


def _plain(value: Any) -> str:
    """A default as it would be written; nothing where nothing is said."""
    if value in (None, PydanticUndefined, [], {}):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, Word):
        written = {info.alias or name: _plain(getattr(value, name)) for name, info in type(value).model_fields.items()}
        said = {key: text for key, text in written.items() if text not in ("", "0", "false")}
        main = value.main and (type(value).model_fields[value.main].alias or value.main)
        if main and set(said) <= {main}:
            return said.get(main, "")
        return "{" + ", ".join(f"{key}: {text}" for key, text in said.items()) + "}"
    return str(value)


def _reached(model: type[Word]) -> list[type[Word]]:
    """A word and every word that may stand in it, outermost first."""
    found: list[type[Word]] = []
    waiting: list[Any] = [model]
    while waiting:
        here = waiting.pop(0)
        for kind, tag in members(here):
            if isinstance(kind, type) and hasattr(kind, "model_fields"):
                if tag is None and issubclass(kind, Word) and kind not in found:
                    found.append(kind)
                elif kind in found:
                    continue
                waiting += [info.annotation for info in kind.model_fields.values() if kind in found or tag is not None]
            else:
                waiting += [inner for inner in get_args(kind) if not isinstance(inner, str)]
    return found


def _codes() -> str:
    told = [f"| `{code}` | {meaning} |" for code, meaning in CODES.items()]
    return "\n".join(["| code | means |", "|---|---|", *told])
