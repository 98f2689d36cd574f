"""Who speaks, about what, when and how much."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from journey_engine.language import NAME, Whole, Word, known_share
from journey_engine.links import TOKEN, TOKEN_SIGNS
from journey_engine.message import is_address, is_phone
from journey_engine.predicates import Length
from journey_engine.rules import LONGEST_CAP, Cap
from journey_engine.times import DAY, Duration, parse_time

PERSON = r"^(customer|account|contact)\.[A-Za-z_][A-Za-z0-9_]*$"
"""An attribute of the customer, or of whom they point to, as journeys write it."""


class OwnSender(Word):
    """Letters are from the customer's own salesperson, where the data name one; from the project's sender otherwise.

    ```yaml
    sender:
      name: Blue Note Shop
      email: hello@example.com
      own: {name: customer.owner_name, email: customer.owner_email, domains: [example.com], topics: [offers]}
    ```
    """

    email: str = Field(pattern=PERSON, description="The attribute with their address: customer.owner_email")
    name: str | None = Field(None, pattern=PERSON, description="The attribute with their name (default: the project's)")
    domains: list[str] | None = Field(
        None, min_length=1, description="Nobody writes from an address of another domain (default: that of `email`)"
    )
    topics: list[str] | None = Field(None, min_length=1, description="Letters of these topics only (default: all)")
    answers: Literal["own", "house"] = Field(
        "own", description="Where answers go: to them, or with house to `reply_to`, where journeys hear of them"
    )

    @field_validator("domains")
    @classmethod
    def _domains(cls, value: list[str] | None) -> list[str] | None:
        for one in value or ():
            if not is_address(f"a@{one}") or not one.isascii() or "*" in one:
                raise ValueError(f"'{one}' is no domain; write each one out, such as example.com or sales.example.com")
        return value


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
        None,
        pattern=r"^[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;]+$",
        description="Where answers go; with {token} in it (answers+{token}@...) each letter has an address of its own",
    )
    postal_address: str | None = Field(None, description="Marketing mails are refused without it")
    own: OwnSender | None = Field(None, description="Who speaks instead, where the data name somebody for the customer")

    @property
    def may_speak(self) -> frozenset[str]:
        """The domains from which somebody may write in the project's place, in lower case."""
        named = self.own.domains if self.own is not None else None
        return frozenset(one.lower() for one in named or [self.email.rpartition("@")[2]])

    @field_validator("reply_to")
    @classmethod
    def _one_token(cls, value: str | None) -> str | None:
        if value is None or not set("{}") & set(value):
            return value
        around = value.replace(TOKEN, "x" * TOKEN_SIGNS, 1)
        labels = [len(one) <= 63 for one in around.rpartition("@")[2].split(".")]
        if set("{}") & set(around) or not is_address(around) or not all(labels):
            raise ValueError(
                f"`{TOKEN}` stands once, and makes {TOKEN_SIGNS} signs of it: write something short such as "
                f"answers+{TOKEN}@reply.example.com or answers@{TOKEN}.reply.example.com"
            )
        return value

    @property
    def tells_answers(self) -> bool:
        """Whether each letter has an address of its own for answers."""
        return self.reply_to is not None and TOKEN in self.reply_to

    def answers_to(self, token: str | None = None) -> str | None:
        """Where answers go: to the address with a token, or without one to that which anybody may write to."""
        if self.reply_to is None or not self.tells_answers:
            return self.reply_to
        if token is not None:
            return self.reply_to.replace(TOKEN, token)
        plain = self.reply_to.replace(f"+{TOKEN}", "")
        return None if TOKEN in plain else plain


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


class DispatchWords(Word):
    """How many processes hand over what is due. Without it one for each core, four at most, where much is due.

    ```yaml
    dispatch: {workers: 2}
    ```
    """

    workers: Whole = Field(
        ge=1, le=64, description="So many where more than 4,000 messages are due; 1 starts no other process"
    )


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
