"""`front_door:` of project.yaml: what other systems may tell `journey serve`, and how they prove who they are."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

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
    events: list[Name] = Field(
        default_factory=list, description="Only these events are taken; without it, all; a public key must name them"
    )

    @model_validator(mode="after")
    def _named(self) -> WriteKey:
        if self.public and not self.events:
            raise ValueError(
                "anyone can read a public key, and could send every event that a journey or a reward waits for; "
                "say which it may tell: events: [page_viewed]"
            )
        return self


_SPKI = re.compile(r"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE[A-Za-z0-9+/]{86}==")


def _verification_key(value: str) -> str:
    if not value.split() or not all(_SPKI.fullmatch(one) for one in value.split()):
        raise ValueError(
            "this is no verification key of SendGrid; copy it whole from SendGrid's settings, one line that begins "
            "with MFkw and ends with =="
        )
    return value


VerificationKey = Annotated[str, AfterValidator(_verification_key)]


class SendgridHook(Word):
    """What SendGrid's event webhook is signed with: the verification key that its settings show, which is no secret.

    ```yaml
    front_door:
      sendgrid: MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmgmjvPAR/Lmwn2teL2WJUDIx35PqsnLKjP\
hPbrKkfMg6vK4NZQB1VeFSKbV7whQbEJRFHjF8+1zJxsXRP1GbWw==
    ```
    """

    main: ClassVar[str | None] = "public_key"
    public_key: VerificationKey = Field(description="The key; two with a space between them while one is changed")


class InboundHook(Word):
    """Letters from customers, handed over by SendGrid's Inbound Parse: signed, or with a password in the address.

    ```yaml
    front_door: {inbound: {secret_env: INBOUND_PASSWORD}}
    ```
    """

    main: ClassVar[str | None] = "secret_env"
    secret_env: Variable | None = Field(None, description="The environment variable that holds the password")
    public_key: VerificationKey | None = Field(None, description="The key of the security policy that signs")

    @model_validator(mode="after")
    def _proven(self) -> InboundHook:
        if self.secret_env is None and self.public_key is None:
            raise ValueError("anyone could write in anybody's name; name a `secret_env` or a `public_key`")
        return self


class SmsHook(Word):
    """Text messages from customers, handed over by Twilio and signed with the account's auth token.

    ```yaml
    front_door: {sms: TWILIO_AUTH_TOKEN}
    ```
    """

    main: ClassVar[str | None] = "token_env"
    token_env: Variable = Field(description="The environment variable that holds the auth token")


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
    sendgrid: SendgridHook | None = Field(
        default=None, description="What SendGrid tells of messages, at /hooks/sendgrid"
    )
    inbound: InboundHook | None = Field(default=None, description="Letters from customers at /hooks/inbound")
    sms: SmsHook | None = Field(default=None, description="Text messages from customers at /hooks/sms")
    teams: dict[Name, str] = Field(
        default_factory=dict, description="By event: the team that gets a task when it comes in by the front door"
    )
