"""What pydantic found, in words for people: what stands there, what is allowed, the nearest name.

Works for every model built from `Word`. No pydantic word reaches a person; a test walks through all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from journey_engine.conditions import CONDITIONS
from journey_engine.errors import Problem, nearest, shown
from journey_engine.language import Word
from journey_engine.load.empty import empty_values, said_once
from journey_engine.load.shape import allowed_words, example, model_at
from journey_engine.steps import STEPS
from journey_engine.triggers import TRIGGERS
from journey_engine.yamlfile import Path, Positions, YamlFile

Error = Mapping[str, Any]  # one of pydantic's error details
Told = tuple[Path, bool, str, str]  # path, whether its key is pointed at, message, code

FORMS = {
    r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$": "lower-case letters, digits and single dashes, such as win-back",
    r"^[A-Za-z_][A-Za-z0-9_.\-]*$": "letters, digits, '_', '.' and '-', such as order_placed",
    r"^[A-Za-z0-9][A-Za-z0-9_.:\- ]*$": "letters, digits, spaces and any of _ . : -, such as first-letter",
    r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$": "a table's name, such as shop.customers",
    r"^customer\.[A-Za-z_][A-Za-z0-9_]*$": "customer. and an attribute, such as customer.birth_date",
    r"^(customer|account|contact)\.[A-Za-z_][A-Za-z0-9_]*$": "whose attribute and which, such as customer.owner_email",
    r"^[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;]+$": "one plain e-mail address, such as hello@example.com",
    r"^[A-Z]{3}$": "three capital letters, such as EUR",
    r"^[A-Za-z0-9-]+$": "letters, digits and '-', such as SPRING-10",
    r"^https?://[^\s]+$": "a web address that begins with https://",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and '_', not beginning with a digit",
}
"""What each pattern of the language asks for."""

_WORDS = frozenset(word.key for word in (*CONDITIONS, *STEPS, *TRIGGERS))
_OTHERS = {"After": "{after: 30 days}", "Delay": "{delay: 1 day}", "list": "a list of steps"}


Model = TypeVar("Model", bound=Word)


def validated(model: type[Model], source: YamlFile) -> tuple[Model | None, list[Problem]]:
    """What a file holds as a model, or None with every problem; empty values are problems of their own."""
    empty = empty_values(source.data, source.positions)
    try:
        read = model.model_validate(source.data)
    except ValidationError as error:
        others = problems_of(error, model, source.positions)
        return None, said_once(empty, others, source.data, source.positions)
    return (None if empty else read), empty


def problems_of(error: ValidationError, model: type[Word], positions: Positions) -> list[Problem]:
    """The problems of one file, each with its place; sorted, none twice."""
    found = set()
    for one in _chosen(error.errors(include_url=False)):
        path, key, message, code = _told(one, model, positions)
        found.add(Problem(positions.of(path, key=key), message, code))
    return sorted(found)


def _told(error: Error, model: type[Word], positions: Positions) -> Told:
    path = plain_path(error["loc"])
    kind, value = str(error["type"]), error["input"]
    match kind:
        case "extra_forbidden":
            return path, True, _unknown_key(error["loc"], model), "unknown-key"
        case "missing":
            return path[:-1], True, _missing(error["loc"], model, positions), "missing-key"
        case "unknown_kind":
            return (*path, str(next(iter(value)))), True, str(error["msg"]), "unknown-kind"
        case "one_word" if isinstance(value, Mapping) and len(value) > 1:
            return _several(path, value, error["ctx"])
        case "one_word":
            return path, False, str(error["msg"]), "one-word"
        case "value_error":
            return path, False, str(error["ctx"]["error"]), "wrong-value"
        case "string_pattern_mismatch" if path and path[-1] == "[key]":
            return path[:-1], True, _form(str(value), error["ctx"]["pattern"]), "bad-name"
        case "string_pattern_mismatch":
            return path, False, _form(str(value), error["ctx"]["pattern"]), "bad-name"
        case "literal_error":
            return path, False, _not_one_of(error), "not-one-of"
    subject = _quoted(_subject(path, positions))
    for kinds, code, say in _SAYINGS:
        if kind in kinds:
            return path, False, f"{subject} {say(error, model)}", code
    return path, False, f"{subject} cannot be {shown(value)}", "wrong-value"


def _subject(path: Path, positions: Positions) -> str:
    """The innermost word of a path that a person wrote: fields that only short forms fill are passed over."""
    present = positions.present(path)
    written = [segment for segment in path if segment in present or segment in _WORDS]
    return next((segment for segment in reversed(written) if isinstance(segment, str)), "")


def _quoted(word: str) -> str:
    return f"'{word}'" if word else "this file"


def plain_path(loc: Iterable[str | int]) -> Path:
    """A location without the marks of unions: a word chosen by its key stands twice in it."""
    path: list[str | int] = []
    for segment in loc:
        if isinstance(segment, str) and ((path and path[-1] == segment) or segment.startswith(("literal[", "list["))):
            continue
        path.append(segment)
    return tuple(path)


def _chosen(errors: Iterable[Error]) -> list[Error]:
    """Of the ways to read one value only the one that its author meant, judged by what stands there."""
    errors = list(errors)
    choices = [error for error in errors if error["loc"] and str(error["loc"][-1]).startswith("literal[")]
    kept = list(errors)
    for choice in choices:
        at, value = choice["loc"][:-1], choice["input"]
        group = [error for error in kept if error["loc"][: len(at)] == at]
        meant = "list" if isinstance(value, list) else ("After", "Delay") if isinstance(value, Mapping) else "literal"
        fits = [error for error in group if str(error["loc"][len(at)]).startswith(meant)]
        others = {str(error["loc"][len(at)]).partition("[")[0] for error in group} - {"literal"}
        forms = [_OTHERS[other] for other in sorted(others) if other in _OTHERS]
        told = {**choice, "ctx": {"expected": choice["ctx"]["expected"], "forms": forms}}
        kept = [error for error in kept if error not in group]
        kept += fits if fits and meant != "literal" else [told]
    return [error for error in kept if not _misspelt(error, kept)]


def _misspelt(missing: Error, errors: list[Error]) -> bool:
    """Whether a missing word stands there with another spelling, which is reported already."""
    at, word = missing["loc"][:-1], str(missing["loc"][-1:])
    others = (str(one["loc"][-1:]) for one in errors if one["type"] == "extra_forbidden" and one["loc"][:-1] == at)
    return missing["type"] == "missing" and any(nearest(other, [word]) for other in others)


def _unknown_key(loc: Path, model: type[Word]) -> str:
    inside = model_at(model, loc[:-1])
    allowed = allowed_words(inside) if inside is not None else []
    word = str(loc[-1])
    listed = f"; allowed here: {', '.join(allowed)}" if allowed else ""
    return f"unknown word '{word}'{nearest(word, allowed)}{listed}"


def _missing(loc: Path, model: type[Word], positions: Positions) -> str:
    word = loc[-1]
    owner = _quoted(_subject(plain_path(loc[:-1]), positions))
    if isinstance(word, int):
        return f"{owner} needs two values, such as [1, 10]"
    inside = model_at(model, loc[:-1])
    written = example(inside) if inside is not None else ""
    return f"{owner} needs '{word}'" + (f"; for example {written}" if written else "")


def _several(path: Path, value: Mapping[str, Any], context: Mapping[str, Any]) -> Told:
    """More than one word where one is meant: what is wrong depends on which of them are known."""
    words: Mapping[str, type[Word]] = context["words"]
    beside = ["window", "stay"] if path[-1:] == ("condition",) else []
    known = [key for key in value if key in words]
    unknown = [key for key in value if key not in words]
    if unknown and known:
        key, owner = unknown[0], known[0]
        if key in allowed_words(words[owner]):
            message = f"'{key}' belongs to '{owner}'; write it inside: {owner}: {{..., {key}: ...}}"
            return (*path, key), True, message, "misplaced-key"
        hint = nearest(key, [*beside, *allowed_words(words[owner])])
        return (*path, key), True, f"unknown word '{key}' beside '{owner}'{hint}", "unknown-key"
    what = context["what"]
    both = ", ".join(f"'{key}'" for key in value)
    if unknown:
        message = f"a {what} has exactly one word of: {', '.join(words)}; found {both}"
        return (*path, unknown[0]), True, message, "one-word"
    remedy = "begin each with '- '" if what == "step" else "write all: [...] or any: [...] around them"
    return (*path, known[1]), True, f"{both} stand together; {remedy}", "one-word"


def _form(value: str, pattern: str) -> str:
    return f"'{value}' is not allowed here; write {FORMS.get(pattern, 'it in another form')}"


def _not_one_of(error: Error) -> str:
    allowed = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
    forms = [*allowed, *error["ctx"].get("forms", [])]
    value = error["input"]
    hint = nearest(value, allowed) if isinstance(value, str) else ""
    return f"expected {_or(forms)}, found {shown(value)}{hint}"


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _text(error: Error, model: type[Word]) -> str:
    value = error["input"]
    remedy = "; put it in quotes" if isinstance(value, bool) or not isinstance(value, str | list | dict | None) else ""
    return f"expects a text, found {shown(value)}{remedy}"


def _mapping(error: Error, model: type[Word]) -> str:
    inside = model_at(model, error["loc"])
    allowed = allowed_words(inside) if inside is not None else []
    words = f" with: {', '.join(allowed)}" if allowed else " of names and values"
    return f"expects a mapping{words}; found {shown(error['input'])}"


def _expects(what: str) -> Callable[[Error, type[Word]], str]:
    return lambda error, model: f"expects {what}, found {shown(error['input'])}"


def _limit(error: Error, model: type[Word]) -> str:
    (word, limit), *_ = error["ctx"].items()
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return f"is {error['input']}; it must be {words[word]} {limit}"


def _length(error: Error, model: type[Word]) -> str:
    context = error["ctx"]
    if "min_length" in context and isinstance(error["input"], str):
        return "is empty"
    if "min_length" in context:
        return "is empty; it needs at least one entry" if context["min_length"] == 1 else "needs more entries"
    unit = "characters" if isinstance(error["input"], str) else "entries"
    return f"is too long; it has room for {context['max_length']} {unit}"


_SAYINGS: tuple[tuple[frozenset[str], str, Callable[[Error, type[Word]], str]], ...] = (
    (frozenset(("string_type",)), "wrong-type", _text),
    (
        frozenset(("int_type", "int_parsing", "int_from_float", "whole_number", "finite_number")),
        "wrong-type",
        _expects("a whole number"),
    ),
    (frozenset(("bool_type", "bool_parsing")), "wrong-type", _expects("true or false")),
    (frozenset(("list_type", "tuple_type")), "wrong-type", _expects("a list (items begin with '- ')")),
    (frozenset(("duration",)), "wrong-type", _expects("a duration such as '3 days'")),
    (frozenset(("number",)), "wrong-type", _expects("a number")),
    (frozenset(("scalar",)), "wrong-type", _expects("a text, a number or true/false")),
    (
        frozenset(("dict_type", "model_type", "model_attributes_type", "mapping_type")),
        "wrong-type",
        _mapping,
    ),
    (
        frozenset(("greater_than_equal", "less_than_equal", "greater_than", "less_than")),
        "out-of-range",
        _limit,
    ),
    (frozenset(("too_short", "too_long", "string_too_short", "string_too_long")), "wrong-length", _length),
)
