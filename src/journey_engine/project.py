"""`journeys/project.yaml`: where the data are, who speaks, what every journey shares; with every default."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from journey_engine import endpoint
from journey_engine.address import FORM, SPARK_FORM, Address, SparkPlace
from journey_engine.channel_settings import Channels, short, variable_name
from journey_engine.conditions import Condition
from journey_engine.errors import masked
from journey_engine.front_door import FrontDoor
from journey_engine.language import NAME, Flag, Whole, Word, known_share
from journey_engine.message import is_address, is_phone
from journey_engine.predicates import Length
from journey_engine.rules import LONGEST_CAP, Cap, check_cron
from journey_engine.times import DAY, Duration, parse_time, zone_names

CUSTOMER_COLUMNS = (
    "customer_id", "email", "phone", "first_name", "timezone", "locale", "kind", "account_id", "contact_id",
)  # fmt: skip
EVENT_COLUMNS = ("event_id", "customer_id", "name", "occurred_at", "properties")


def known_zone(name: str) -> str:
    """Check a zone name against the pinned tzdata."""
    from journey_engine.errors import nearest

    if name not in zone_names():
        raise ValueError(
            f"unknown zone '{name}'{nearest(name, sorted(zone_names()))}; write a name such as Europe/Berlin"
        )
    return name


class Expects(Word):
    """What a source must look like before a run trusts it (rule 10).

    ```yaml
    expects: {rows: 1000, freshness: 2 days}
    ```
    """

    main: ClassVar[str | None] = "rows"
    rows: Whole = Field(default=0, ge=0, description="At least so many rows")
    freshness: Length | None = Field(default=None, description="The newest occurred_at is not longer ago than this")


class Source(Word):
    """A CSV or Parquet file, a glob of such files, or a table of the engine.

    ```yaml
    customers: {path: data/customers.csv, columns: {customer_id: id}, expects: {rows: 1000}}
    ```
    """

    main: ClassVar[str | None] = "path"
    path: str | None = Field(None, min_length=1, description="A file, or a pattern such as data/events-*.csv")
    table: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$",
        description="A table of the engine, such as raw.customers",
    )
    columns: dict[str, str] = Field(default_factory=dict, description="Known name: the column's name in the source")
    timezone: str | None = Field(
        None, description="The zone of instants that carry none; without it they are set aside"
    )
    expects: Expects = Field(Expects(), description="What it must look like before a night trusts it")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)

    @model_validator(mode="after")
    def _one(self) -> Source:
        if (self.path is None) == (self.table is None):
            raise ValueError("name a `path` or a `table`")
        return self


class Sender(Word):
    """Who speaks.

    ```yaml
    sender: {name: Blue Note Shop, email: hello@example.com, postal_address: "1 Main Street, Springfield"}
    ```
    """

    name: str = Field(min_length=1, max_length=120, description="The name that customers see")
    email: str = Field(
        pattern=r"^[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;]+$", description="The address that customers see"
    )
    reply_to: str | None = Field(
        None, pattern=r"^[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;]+$", description="Where answers go"
    )
    postal_address: str | None = Field(None, description="Marketing mails are refused without it")


class TableWords(Word):
    """Things to look up by a key: the `with` of a send, task or webhook names the table and where the key is.

    ```yaml
    tables: {stores: {source: data/stores.csv, key: store_id}}
    ```
    """

    source: Source = Field(description="A file or a table of the engine, as with customers")
    key_: str = Field(alias="key", min_length=1, description="The column that tells its rows apart")

    @field_validator("source")
    @classmethod
    def _timeless(cls, value: Source) -> Source:
        if value.expects.freshness is not None:
            raise ValueError("a table to look things up in has no instants; expect `rows` of it")
        return value


class Endpoint(Word):
    """Another system that `webhook` steps call; the secret is read from the environment, never from YAML.

    ```yaml
    webhooks: {crm: {url: https://crm.example.com/hooks/journeys, secret_env: CRM_WEBHOOK_SECRET}}
    ```
    """

    url: str = Field(pattern=r"^https?://[^\s]+$", description="Where the calls go; https, and a public address")
    secret_env: str = Field(description="The environment variable that holds the signing secret")
    timeout: Length = Field(
        default=Duration(0, 10), validate_default=True, description="How long a whole call may take"
    )
    allow_private: Flag = Field(
        False, description="It is in your own network: private addresses are called too, and without https"
    )

    @field_validator("secret_env")
    @classmethod
    def _name(cls, value: str) -> str:
        return variable_name(value, "CRM_WEBHOOK_SECRET")

    @field_validator("timeout")
    @classmethod
    def _short(cls, value: Duration) -> Duration:
        return short(value)

    @model_validator(mode="after")
    def _callable(self) -> Endpoint:
        problem = endpoint.mistake(self.url, self.allow_private)
        if problem:
            raise ValueError(problem)
        return self


class RedirectWords(Word):
    """Where messages go instead of to customers, while things are tried out.

    ```yaml
    redirect_to: {email: staging@example.com, phone: "+491701234567"}
    ```
    """

    main: ClassVar[str | None] = "email"
    email: str | None = Field(None, description="Where letters go")
    phone: str | None = Field(None, description="Where short messages go")

    @model_validator(mode="after")
    def _somewhere(self) -> RedirectWords:
        if self.email is None and self.phone is None:
            raise ValueError("write an `email`, a `phone` or both")
        if self.email is not None and not is_address(self.email):
            raise ValueError(f"'{self.email}' is no e-mail address, such as staging@example.com")
        if self.phone is not None and not is_phone(self.phone):
            raise ValueError(f"'{self.phone}' is no phone number, such as \"+491701234567\"")
        return self


class Topic(Word):
    """What a customer may subscribe to, and its class: marketing, transactional or staff.

    ```yaml
    topics: {offers: {class: marketing, label: Offers and news}}
    ```
    """

    main: ClassVar[str | None] = "class_"
    class_: Literal["marketing", "transactional", "staff"] = Field(
        "marketing", alias="class", description="Marketing can be unsubscribed from and keeps to the send hours"
    )
    label: str | None = Field(None, description="Its name as customers read it")
    opt_in: Literal["single", "double"] = Field(
        "single", description="double: only who confirmed by the link of a letter (`links.confirm`) gets its marketing"
    )

    @model_validator(mode="after")
    def _only_marketing(self) -> Topic:
        if self.opt_in == "double" and self.class_ != "marketing":
            raise ValueError(f"a {self.class_} topic goes to who must have it; `opt_in: double` is for marketing")
        return self


class CapWords(Word):
    """At most so many messages of a topic, or of a class, on so many of the customer's days in a row (rule 17).

    ```yaml
    caps: [{topic: offers, at_most: 3, within: 7 days}, {class: marketing, at_most: 1, within: 1 day}]
    ```
    """

    topic: str | None = Field(None, description="The messages of one topic")
    class_: Literal["marketing", "staff"] | None = Field(
        None, alias="class", description="All topics of a class; marketing without `topic`"
    )
    at_most: Whole = Field(description="So many messages, of all journeys together")
    within: Length = Field(description="Whole days by the customer's calendar, such as 7 days")
    name: str | None = Field(None, pattern=NAME, description="What reports call it, such as offers-3-in-7-days")

    @field_validator("at_most")
    @classmethod
    def _something(cls, value: int) -> int:
        if value < 1:
            raise ValueError(f"a cap of {value} lets no message through; write 1 or more, or set the journeys to draft")
        return value

    @field_validator("within")
    @classmethod
    def _whole_days(cls, value: Duration) -> Duration:
        if value.months:
            raise ValueError(f"a cap counts days, and '{value}' is not always as long; write for example '30 days'")
        if value.seconds % DAY:
            raise ValueError(f"a cap counts whole days of the customer; '{value}' is not; write '1 day' or more")
        if value.seconds > LONGEST_CAP * DAY:
            raise ValueError(
                f"a cap looks back a year at most; '{value}' is longer; write '{LONGEST_CAP} days' or less"
            )
        return value

    @model_validator(mode="after")
    def _one(self) -> CapWords:
        if self.topic is not None and self.class_ is not None:
            raise ValueError("a cap is on a `topic` or on a `class`, not on both; write two caps")
        return self

    def lower(self) -> Cap:
        """The same as nights apply it."""
        topic_class = None if self.topic else self.class_ or "marketing"
        days = self.within.seconds // DAY
        name = self.name or f"{self.topic or topic_class}-{self.at_most}-in-{days}-day{'s' * (days != 1)}"
        return Cap(name, self.topic, topic_class, self.at_most, days)


class SendHours(Word):
    """The hours of the customer's day in which marketing may arrive (rule 18), from included, until excluded.

    ```yaml
    send_hours: {from: "09:00", until: "20:00"}
    ```
    """

    from_: str = Field(default="09:00", alias="from", description="From this time of day")
    until: str = Field(default="20:00", description="Until before this time of day")

    @model_validator(mode="after")
    def _in_order(self) -> SendHours:
        if parse_time(self.from_) >= parse_time(self.until):
            raise ValueError("send_hours begin before they end, within one day")
        return self


class FuseWords(Word):
    """A run with more messages than this is held until `journey release RUN` or `journey cancel RUN`.

    ```yaml
    fuse: {at_most: 20000, times_usual: 3}
    ```
    """

    main: ClassVar[str | None] = "at_most"
    at_most: Whole | None = Field(None, ge=1, description="At most so many messages")
    times_usual: float | None = Field(
        None, gt=1, description="At most so many times the usual number; none at all is told of too"
    )


class GaugeWords(Word):
    """A topic of marketing is stopped by itself when too many complain about it, or too much of it bounces.

    ```yaml
    gauges: {complaints: 0.3%, bounces: 5%, within: 7 days, at_least: 1000}
    ```
    """

    complaints: str = Field(default="0.3%", description="From this share of complaints on; or `never`")
    bounces: str = Field(default="5%", description="From this share of bounces for good on; or `never`")
    within: Length = Field(
        default=Duration(0, 7 * DAY), validate_default=True, description="Of what left within this time"
    )
    at_least: Whole = Field(default=1000, ge=1, description="Fewer messages tell nothing")

    @field_validator("complaints", "bounces", mode="before", json_schema_input_type=str)
    @classmethod
    def _share(cls, value: Any) -> Any:
        return value if value == "never" else known_share(value)


class AttributeWords(Word):
    """What is known of an attribute.

    ```yaml
    attributes: {age: number, health: {type: text, sensitive: true}}
    ```
    """

    main: ClassVar[str | None] = "type"
    type: Literal["text", "number", "boolean", "date", "timestamp"] = Field("text", description="What its values are")
    sensitive: Flag = Field(False, description="It may not stand in a message")


class StageWords(Word):
    """A stage of the project's own cycle."""

    stage: str = Field(pattern=NAME, description="Its name")
    about: str | None = Field(None, description="What it means, in your own words")
    when: Condition = Field(description="Who is in it, unless a later stage holds too")


class CycleWords(Word):
    """A shipped cycle by name, or the project's own stages in order: a customer is in the last that holds.

    ```yaml
    cycle: {stages: [{stage: new, when: {customer: {customer_id: {exists: true}}}}]}
    ```
    """

    main: ClassVar[str | None] = "name"
    name: Literal["marketing", "service"] | None = Field(None, description="A cycle that ships")
    stages: list[StageWords] = Field(default_factory=list, description="Stages of your own, first to last")

    @model_validator(mode="after")
    def _one(self) -> CycleWords:
        if (self.name is None) == (not self.stages):
            raise ValueError("name a shipped cycle (marketing, service) or list `stages`")
        return self


SegmentName = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$")]


def _path(url: str) -> str:
    """The file of a database URL."""
    return posixpath.normpath(url.partition(":///")[2])


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
        None, description="How long the mailroom keeps addresses and values of messages that have left: 1 year"
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
        elif not value.startswith("duckdb:///"):
            known = f"duckdb:///var/engine.duckdb, {FORM} or {SPARK_FORM}"
            raise ValueError(f"'{masked(value)}' is no engine that this version runs; write {known}")
        return value
