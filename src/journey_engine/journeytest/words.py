"""The words of a `*.test.yaml`: a customer, what they did and when, the nights, and what is expected of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from journey_engine.language import Flag, Word
from journey_engine.predicates import Number
from journey_engine.times import parse_instant

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _instant(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    return parse_instant(value if isinstance(value, str) else f"{value}")


def _local(value: Any) -> dt.datetime:
    """An instant with a zone, or a reading of the customer's clock without one."""
    if isinstance(value, dt.datetime):
        return value
    try:
        if not isinstance(value, str) or _DAY.fullmatch(value):
            raise ValueError
        return dt.datetime.fromisoformat(value)
    except ValueError:
        wanted = "2026-03-03T09:00 for nine by the customer's clock, or 2026-03-03T08:00:00Z"
        raise ValueError(f"'{value}' is no time; write {wanted}") from None


def _day(value: Any) -> dt.date:
    if isinstance(value, dt.date):
        return value
    try:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValueError
        return dt.date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"'{value}' is no day; write it like 2026-03-01") from None


Instant = Annotated[dt.datetime, PlainValidator(_instant, json_schema_input_type=str)]
Local = Annotated[dt.datetime, PlainValidator(_local, json_schema_input_type=str)]
Day = Annotated[dt.date, BeforeValidator(_day, json_schema_input_type=str)]


class Happening(Word):
    """Something the customer did: when, and one event with its properties.

    ```yaml
    {at: 2026-01-01T10:00:00Z, order_placed: {total: 30}}
    ```
    """

    at: Instant = Field(description="When it happened")
    name: str = Field(description="The event's name; it stands as the word itself, with the properties as its value")
    properties: dict[str, Any] = Field(default_factory=dict, description="The event's properties")
    id: str | None = Field(None, description="Its id, when the same event comes again with other content")
    received_at: Instant | None = Field(None, description="When it came into the data, when that was later")
    of: Literal["customer", "account"] = Field("customer", description="To whom it happened")

    @model_validator(mode="before")
    @classmethod
    def _event_by_its_name(cls, value: Any) -> Any:
        """The event's name is the one key beside at, id, received_at and of."""
        if not isinstance(value, Mapping) or "name" in value:
            return value
        own = {key: value[key] for key in ("at", "id", "received_at", "of") if key in value}
        names = [str(key) for key in value if key not in own]
        if len(names) != 1:
            found = ", ".join(names) if names else "none"
            raise ValueError(f"name one event, such as {{at: 2026-01-01T10:00:00Z, signed_up: {{}}}}; found {found}")
        properties = value[names[0]]
        if properties is not None and not isinstance(properties, Mapping):
            raise ValueError(f"the properties of '{names[0]}' are a mapping, such as {{total: 30}}")
        return {**own, "name": names[0], "properties": dict(properties or {})}


class Nights(Word):
    """The runs: every night of the cadence from a day to a day, both included, or a list of instants.

    ```yaml
    nights: {from: 2026-03-01, until: 2026-03-12}
    ```
    """

    main: ClassVar[str | None] = "instants"
    from_: Day | None = Field(None, alias="from", description="The first night's day")
    until: Day | None = Field(None, description="The last night's day")
    instants: list[Instant] | None = Field(None, min_length=1, max_length=4000, description="Each night's instant")

    @model_validator(mode="after")
    def _one_form(self) -> Nights:
        days = [day for day in (self.from_, self.until) if day is not None]
        if self.instants is not None and not days:
            if any(later <= earlier for earlier, later in zip(self.instants, self.instants[1:], strict=False)):
                raise ValueError("each night is later than the one before")
            return self
        if self.instants is not None or len(days) != 2:
            raise ValueError("write {from: 2026-03-01, until: 2026-03-12}, or a list of instants")
        if not 0 <= (days[1] - days[0]).days <= 1100:
            raise ValueError("`until` is a day not before `from`, and at most three years later")
        return self


class ExpectedMessage(Word):
    """A message: its template, when it is due, or why it is skipped.

    ```yaml
    {template: we-miss-you, at: 2026-03-03T09:00}
    ```
    """

    main: ClassVar[str | None] = "template"
    template: str = Field(description="Its template")
    at: Local | None = Field(None, description="Without a zone: by the customer's clock")
    skipped: str | None = Field(None, description="The reason, such as too_late or holdout")
    to: str | None = Field(None, description="The address that it goes to")
    channel: str | None = Field(None, description="The channel that it takes")


class ExpectedTask(Word):
    """A task: its team, its title as the team reads it, when it is given and when it is to be done.

    ```yaml
    {team: service, title: Call Ada, at: 2026-03-03T09:00}
    ```
    """

    main: ClassVar[str | None] = "team"
    team: str = Field(description="Who is to do it")
    title: str | None = Field(None, description="As the team reads it")
    at: Local | None = Field(None, description="When it is given; without a zone by the customer's clock")
    due: Local | None = Field(None, description="When it is to be done; without a zone by the customer's clock")


class ExpectedReward(Word):
    """A reward: its program, when it is given, what it is worth, and from when until when it may be used.

    ```yaml
    {program: win-back-voucher, at: 2026-03-03T02:00:00Z, amount: 10}
    ```
    """

    main: ClassVar[str | None] = "program"
    program: str = Field(description="Its program")
    at: Local | None = Field(None, description="When it is given; without a zone by the customer's clock")
    amount: Number | None = Field(None, description="What it is worth; of a percentage the most it can be")
    available: Local | None = Field(None, description="From when it may be used; by the same clock")
    expires: Local | None = Field(None, description="Until when; by the same clock")


class ExpectedWebhook(Word):
    """A webhook: its endpoint, when it is called, and what it brings.

    ```yaml
    {to: crm, at: 2026-03-03T02:00:00Z, data: {plan: pro}}
    ```
    """

    main: ClassVar[str | None] = "to"
    to: str = Field(description="Its endpoint")
    at: Local | None = Field(None, description="When it is called; without a zone by the customer's clock")
    data: dict[str, Any] | None = Field(None, description="All that it brings, by name; what is missing is null")


class ExpectedExit(Word):
    """How the last pass ended.

    ```yaml
    {state: converted, at: 2026-03-09T02:00:00Z}
    ```
    """

    main: ClassVar[str | None] = "state"
    state: Literal["finished", "converted", "exited"] = Field(description="How it ended")
    reason: str | None = Field(None, description="Why, such as timeout")
    at: Local | None = Field(None, description="When; without a zone by the customer's clock")


class Expect(Word):
    """What must come about; what is not named is not looked at.

    ```yaml
    expect: {messages: [{template: we-miss-you, at: 2026-03-03T09:00}], tasks: [], exit: {state: converted}}
    ```
    """

    messages: list[ExpectedMessage] | None = Field(None, description="Exactly these, in order")
    tasks: list[ExpectedTask] | None = Field(None, description="Exactly these, in order")
    rewards: list[ExpectedReward] | None = Field(None, description="Exactly these, in order")
    webhooks: list[ExpectedWebhook] | None = Field(None, description="Exactly these, in order")
    exit: ExpectedExit | None = Field(None, description="How the last pass ended")
    open: Literal[True] | None = Field(None, description="The last pass has not ended")
    entered: int | None = Field(None, ge=0, description="How many passes began")

    @model_validator(mode="after")
    def _something(self) -> Expect:
        if self.exit is not None and self.open:
            raise ValueError("a pass that is `open` has no `exit`")
        if not self.model_fields_set:
            raise ValueError("expect at least one of messages, tasks, rewards, webhooks, exit, open, entered")
        return self


class JourneyCase(Word):
    """One customer's story, and what is expected of the journey.

    ```yaml
    name: who closed the account hears nothing
    customer: {customer_id: c1, timezone: Europe/Berlin}
    events: [{at: 2026-03-01T10:00:00Z, signed_up: {}}]
    nights: {from: 2026-03-01, until: 2026-03-05}
    expect: {messages: []}
    ```
    """

    name: str = Field(min_length=1, max_length=200, description="What the story shows")
    customer: dict[str, Any] = Field(default_factory=dict, description="The customer's attributes")
    account: dict[str, Any] = Field(
        default_factory=dict, description="The account that the customer belongs to, with its attributes"
    )
    contact: dict[str, Any] = Field(
        default_factory=dict, description="The contact whom the customer's `contact_id` names, with their attributes"
    )
    events: list[Happening] = Field(
        default_factory=list, description="What they did, and with `of: account` what happened to it, in any order"
    )
    tables: dict[str, list[dict[str, Any]]] = Field(
        default_factory=dict, description="Rows of the project's tables that it looks up, by table"
    )
    nights: Nights = Field(description="When the engine runs")
    held_out: Flag = Field(False, description="Play a customer who is held out; without it nobody is")
    arms: list[str] = Field(default_factory=list, description="The arms that are drawn; without it, by the id")
    expect: Expect = Field(description="What must come about")


class JourneyTests(Word):
    """The tests of one journey.

    ```yaml
    journey: win-back
    tests: [{name: nobody yet, customer: {}, nights: {from: 2026-03-01, until: 2026-03-05}, expect: {entered: 0}}]
    ```
    """

    journey: str = Field(description="The journey's name")
    tests: list[JourneyCase] = Field(min_length=1, description="The stories")
