"""`journeys/project.yaml`: where the data are, who speaks, what every journey shares; with every default."""

from __future__ import annotations

import posixpath
import re
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from journey_engine.address import FORM, SPARK_FORM, Address, FilePlace, SparkPlace, is_here
from journey_engine.channel_settings import Channels
from journey_engine.conditions import Condition
from journey_engine.errors import masked
from journey_engine.front_door import FrontDoor
from journey_engine.language import NAME, Word, known_share
from journey_engine.message import is_address, is_phone
from journey_engine.predicates import Length
from journey_engine.project.customers import AttributeWords, CycleWords, SegmentName, StageWords
from journey_engine.project.sending import (
    CapWords,
    DispatchWords,
    FuseWords,
    GaugeWords,
    OwnSender,
    RedirectWords,
    Sender,
    SendHours,
    Topic,
)
from journey_engine.project.sources import CUSTOMER_COLUMNS, EVENT_COLUMNS, Expects, Source, TableWords, known_zone
from journey_engine.project.webhooks import Endpoint
from journey_engine.rules import check_cron
from journey_engine.times import DAY, Duration


def _path(url: str) -> str:
    """The file of a database URL."""
    return posixpath.normpath(url.partition(":///")[2].partition("?")[0])


class Project(Word):
    """The settings of one project."""

    project: str = Field(pattern=NAME, max_length=80, description="Its name")
    environment: str = Field(
        "development",
        pattern=NAME,
        description="Whose stores these are; a copy for trying things out gets another name",
    )
    cycle: CycleWords = Field(
        default_factory=lambda: CycleWords(name="marketing"), description="The stages of a customer's life"
    )
    cadence: str = Field("0 2 * * *", description="When the nights are: a cron line in UTC")
    timezone: str = Field("UTC", description="The zone of customers without one")
    locale: str = Field("en", description="The language of template files without one in their name: en, de, pt-BR")
    customers: Source = Field(description="Where the customers are")
    events: Source = Field(description="Where their events are")
    engine: str = Field("duckdb:///var/engine.duckdb", description="Where the state is kept")
    mailroom: str = Field(
        "sqlite:///var/mailroom.sqlite", description="Where messages wait and their receipts are kept"
    )
    sender: Sender = Field(description="Who writes")
    public_url: str = Field("https://example.com", pattern=r"^https?://[^\s]+$", description="Where links lead")
    channels: Channels = Field(Channels(), description="How messages travel")
    only_to: list[str] | None = Field(
        None, min_length=1, description="Only these addresses, domains and phone numbers get anything"
    )
    redirect_to: RedirectWords | None = Field(
        None, description="Where all other messages go instead, in an environment that is not production"
    )
    tables: dict[SegmentName, TableWords] = Field(
        default_factory=dict, description="Things to look up for letters, tasks and webhooks, by name"
    )
    webhooks: dict[SegmentName, Endpoint] = Field(
        default_factory=dict, description="Other systems that `webhook` steps call, by name"
    )
    front_door: FrontDoor = Field(default=FrontDoor(), description="What other systems may tell `journey serve`")
    segments: dict[SegmentName, Condition] = Field(default_factory=dict, description="Conditions by name")
    topics: dict[SegmentName, Topic] = Field(default_factory=dict, description="What customers can say no to, by name")
    caps: list[CapWords] = Field(default_factory=list, description="How many messages a customer may get")
    hold_when: Condition | None = Field(
        None, description="While it holds of a customer, marketing to them is skipped, such as in an open complaint"
    )
    holdout: str | None = Field(
        None, description="Share of the customers for whom no journey does anything, to see what all achieve: 5%"
    )
    fuse: FuseWords | None = Field(None, description="How many messages a run may have before somebody looks at it")
    gauges: GaugeWords = Field(GaugeWords(), description="When a topic is stopped because of complaints or bounces")
    dispatch: DispatchWords | None = Field(None, description="How many processes hand over what is due")
    send_hours: SendHours = Field(SendHours(), description="When marketing may arrive")
    attributes: dict[str, AttributeWords] = Field(
        default_factory=dict, description="What is known of customers' attributes, by name"
    )
    accept_late: Length = Field(
        default=Duration(0, 72 * 3600),
        validate_default=True,
        description="How late an event may come in and still start a journey",
    )
    max_lateness: Length = Field(
        default=Duration(0, 4 * DAY), validate_default=True, description="A message later than this is skipped"
    )

    retention: Length | None = Field(
        None, description="How long addresses, values and words of messages and tasks that ended are kept: 1 year"
    )

    @field_validator("retention")
    @classmethod
    def _long_enough(cls, value: Duration | None) -> Duration | None:
        if value is not None and value.at_least_seconds < 30 * DAY:
            raise ValueError(f"'{value}' is too short: bounces and answers still come in then; write '30 days' or more")
        return value

    @property
    def double(self) -> frozenset[str]:
        """The topics that a customer must confirm."""
        return frozenset(name for name, topic in self.topics.items() if topic.opt_in == "double")

    @field_validator("only_to")
    @classmethod
    def _whom(cls, value: list[str] | None) -> list[str] | None:
        for one in value or ():
            if "*" in one or not (is_address(one) or is_phone(one) or is_address(f"a@{one}")):
                raise ValueError(
                    f"'{one}' is no address, domain or phone number; write example.com for all of a domain"
                )
        return value

    @field_validator("redirect_to")
    @classmethod
    def _tried_out(cls, value: RedirectWords | None, info: ValidationInfo) -> RedirectWords | None:
        if value is not None and info.data.get("environment") == "production":
            raise ValueError("in production this would send customers' letters to somebody else; take it out")
        return value

    @field_validator("public_url")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        if value.startswith("http:") and not is_here(urlsplit(value).hostname):
            raise ValueError(
                "links in letters must be encrypted: write https://; http is for trying things out on this machine, "
                "such as http://127.0.0.1:8000"
            )
        return value

    @field_validator("cadence")
    @classmethod
    def _fires(cls, value: str) -> str:
        problem = check_cron(value)
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("locale")
    @classmethod
    def _language(cls, value: str) -> str:
        from babel import Locale, UnknownLocaleError

        try:
            Locale.parse(value.replace("_", "-"), sep="-")
        except (UnknownLocaleError, ValueError):
            raise ValueError(f"'{value}' is no language; write one such as en, de or pt-BR") from None
        return value

    @field_validator("holdout", mode="before", json_schema_input_type=str)
    @classmethod
    def _share(cls, value: Any) -> Any:
        return known_share(value)

    @field_validator("cycle", mode="before", json_schema_input_type=CycleWords | list[StageWords])
    @classmethod
    def _stages_alone(cls, value: Any) -> Any:
        return {"stages": value} if isinstance(value, list) else value

    @field_validator("mailroom")
    @classmethod
    def _mailroom(cls, value: str, info: ValidationInfo) -> str:
        if not re.match(r"(sqlite:///.|postgresql(\+psycopg)?://.)", value):
            raise ValueError(
                f"'{masked(value)}' is no mailroom; write sqlite:///var/mailroom.sqlite or "
                "postgresql://user@host/database"
            )
        engine = str(info.data.get("engine", ""))
        if value.startswith("sqlite:") and _path(value) == _path(engine):
            raise ValueError("the engine keeps its state in this very file; give the mailroom one of its own")
        return value

    @field_validator("engine")
    @classmethod
    def _engine(cls, value: str) -> str:
        if value.startswith(("postgresql:", "postgres:")):
            Address.of(value)  # says what is wrong with it
        elif value.startswith("spark:"):
            SparkPlace.of(value)
        elif value.startswith("duckdb:///"):
            FilePlace.of(value)
        else:
            known = f"duckdb:///var/engine.duckdb, {FORM} or {SPARK_FORM}"
            raise ValueError(f"'{masked(value)}' is no engine that this version runs; write {known}")
        return value


__all__ = [
    "CUSTOMER_COLUMNS",
    "EVENT_COLUMNS",
    "AttributeWords",
    "CapWords",
    "CycleWords",
    "DispatchWords",
    "Endpoint",
    "Expects",
    "FuseWords",
    "GaugeWords",
    "OwnSender",
    "Project",
    "RedirectWords",
    "SegmentName",
    "SendHours",
    "Sender",
    "Source",
    "StageWords",
    "TableWords",
    "Topic",
    "known_zone",
]
