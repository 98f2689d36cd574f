"""What every word of the YAML language shares: strict models, short forms, unions told apart by one key.

A model with a `main` field also reads its main word alone: `send: hello` for `send: {template: hello}`. What pydantic
makes of a model is made when a file is first read with it (`defer_build`), once for a journey and all of its words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    create_model,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from journey_engine.errors import nearest, shown

NAME = r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$"

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]*$", max_length=120)]


class Word(BaseModel):
    """A word of the language; unknown keys are refused, and the main word may stand alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)
    main: ClassVar[str | None] = None
    whole: ClassVar[bool] = False  # the value is always the main word, mappings too
    key: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if cls.main is None or isinstance(value, BaseModel):
            return value
        return {cls.main: value} if cls.whole or not isinstance(value, Mapping) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        whole = handler(schema)
        if cls.main is None:
            return whole
        resolved = handler.resolve_ref_schema(whole)
        main = cls.model_fields[cls.main].alias or cls.main
        short = resolved.get("properties", {}).get(main)
        if cls.whole:
            return short or whole
        return {"anyOf": [short, whole]} if short else whole


Flag = Annotated[bool, Field(strict=True)]
"""true or false; the texts 'yes' and 'no' are neither."""

Whole = Annotated[int, Field(strict=True)]
"""A whole number; neither true nor '3' in quotes."""


def parse_share(text: str) -> Decimal:
    """Read '10%' or '0.5%'. Raises ValueError with what is allowed."""
    match = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]{1,6})?) ?%", text.strip())
    if match is None or not Decimal(match[1]):
        raise ValueError(f"'{text}' is no share; write one above 0% and below 100%, such as 10%")
    return Decimal(match[1])


def known_share(value: Any) -> Any:
    """Check that a value is a share, or None where one may be absent."""
    if value is not None:
        parse_share(value if isinstance(value, str) else f"{value}")
    return value


def one_key(value: Any, words: Mapping[str, type[Word]], what: str) -> str:
    """The one key of a mapping, or of a bare word.

    Raises a clear error when there is none, more than one or an unknown one.
    """
    allowed = ", ".join(words)
    if isinstance(value, str) and value in words:
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("one_word", f"a {what} begins with one word of: {allowed}; found {shown(value)}")
    keys = [str(key) for key in value]
    if len(keys) != 1:
        found = ", ".join(keys) if keys else "nothing"
        message = f"a {what} has exactly one word of: {allowed}; found {found}"
        raise PydanticCustomError("one_word", message, {"words": words, "what": what})
    if keys[0] not in words:
        hint = nearest(keys[0], list(words))
        raise PydanticCustomError("unknown_kind", f"unknown {what} '{keys[0]}'{hint}; allowed: {allowed}")
    return keys[0]


class Inside:
    """Stands for a union of words inside one of these words: the union is told once all of them are there."""

    union: ClassVar[Any] = None

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(cls.union)


def one_of(words: Sequence[type[Word]], what: str) -> Any:
    """A union of words told apart by their key, as `{key: value}` in YAML; validates to the word itself."""
    by_key = {word.key: word for word in words}

    def check(value: Any) -> Any:
        if not isinstance(value, BaseModel):
            one_key(value, by_key, what)
        return value

    def tell(value: Any) -> str | None:
        return one_key(value, by_key, what)

    def unwrap(value: Any) -> Any:
        return value if isinstance(value, Word) else next(iter(value.__dict__.values()))

    members = [Annotated[_wrapped(word, what), Tag(word.key)] for word in words]
    union = Annotated[reduce(or_, members), Discriminator(tell)]  # type: ignore[valid-type]
    return Annotated[union, BeforeValidator(check), AfterValidator(unwrap)]


def _wrapped(word: type[Word], what: str) -> type[BaseModel]:
    """The mapping of one key around a word; the word alone is read too where it needs no value."""

    def bare(value: Any) -> Any:
        return {word.key: {}} if value == word.key else value

    fields: dict[str, Any] = {f"{word.key}_": (word, Field(alias=word.key))}
    main = word.model_fields.get(word.main or "")
    alone = [{"const": word.key}] if main is not None and not main.is_required() and main.default else []

    def schema(own: dict[str, Any]) -> None:
        if alone:
            whole = dict(own)
            own.clear()
            own["anyOf"] = [whole, *alone]

    validators: dict[str, Any] = {"bare": model_validator(mode="before")(bare)}
    return create_model(
        f"{what.title().replace(' ', '')}{word.__name__}",
        __config__=ConfigDict(extra="forbid", defer_build=True, title=word.key, json_schema_extra=schema),
        __validators__=validators,
        **fields,
    )
