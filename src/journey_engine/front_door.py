"""`front_door:` of project.yaml: what other systems may tell `journey serve`, and how they prove who they are."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from journey_engine.language import Flag, Name, Word


def variable(value: str) -> str:
    """The name of an environment variable, never a secret itself."""
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", value):
        raise ValueError(
            "this is not the name of an environment variable in capitals, such as SEGMENT_WRITE_KEY; if it is the key "
            "itself, take it out of the file and put it into the environment"
        )
    return value


Variable = Annotated[str, AfterValidator(variable)]


class WriteKey(Word):
    """Who may send events; the key itself is read from the environment, never from YAML.

    ```yaml
    front_door: {write_keys: [{env: SEGMENT_WRITE_KEY}, {env: WEB_WRITE_KEY, public: true, events: [page_viewed]}]}
    ```
    """

    main: ClassVar[str | None] = "env"
    env: Variable = Field(description="The environment variable that holds the key")
    public: Flag = Field(
        False, description="It stands in a web page or an app, where anyone reads it: it tells events, but no traits"
    )
    events: list[Name] = Field(default_factory=list, description="Only these events are taken; without it, all")


class FrontDoor(Word):
    """What other systems tell `journey serve`.

    ```yaml
    front_door: {write_keys: [{env: SEGMENT_WRITE_KEY}], people: all}
    ```
    """

    write_keys: list[WriteKey] = Field(default_factory=list, description="Who may send events to /v1")
    people: Literal["known", "all"] = Field(
        default="known", description="Whose traits count: customers of the source, or everyone who was identified"
    )
