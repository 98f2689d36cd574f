"""`send`: a templated message to the customer."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from journey_engine.conditions import PropertyComparison, wheres
from journey_engine.graph import Emit, Lines, Message
from journey_engine.language import Name, Whole, Word
from journey_engine.predicates import EventSet, Length
from journey_engine.steps.base import Builder, Path, Step
from journey_engine.steps.lookup import MaybeRow, RowName, lookups
from journey_engine.steps.ways import channel_words
from journey_engine.times import DAY, Duration

TemplateName = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$")]


class EventLines(MaybeRow):
    """A list for the template: the newest events of a name, oldest first; or the row of a table.

    ```yaml
    send: {template: cart, with: {lines: {events: cart_item_added, same: cart_id, newest: 10}}}
    ```

    ```yaml
    send: {template: pick-up, with: {store: {table: stores, key: customer.store_id}}}
    ```
    """

    main: ClassVar[str | None] = "events"
    other: ClassVar[str] = "events"
    events: Name | None = Field(None, description="The events' name")
    where: dict[str, PropertyComparison] = Field(default_factory=dict, description="What their properties must be")
    since: str | None = Field(None, description="'entry' or a step id; without it the whole history")
    newest: Whole = Field(20, ge=1, le=100, description="At most so many")
    same: str | None = Field(None, description="A property that must equal the trigger's event's")

    def lower(self, name: str) -> Lines:
        """The same, resolved."""
        events = EventSet(name=self.events or "", where=wheres(self.where), same=self.same)
        since = None if self.since == "ever" else self.since
        return Lines(name=name, events=events, since=since, newest=self.newest)


class Delay(Word):
    """Try again this long after a cap has held a message back, until it is later than its `max_lateness`.

    ```yaml
    send: {template: ten-off, on_cap: {delay: 1 day}}
    ```
    """

    delay: Length = Field(description="A day or more")

    @field_validator("delay")
    @classmethod
    def _a_day(cls, value: Duration) -> Duration:
        if value.at_least_seconds < DAY:
            raise ValueError(f"a cap counts days: in '{value}' nothing changes; write '1 day' or more")
        return value


OnCap = Literal["skip", "exit"] | Delay


class Send(Step):
    """Send a message made from a template, on the journey's topic unless it names another.

    ```yaml
    send: {template: hello, topic: tips, id: first}
    ```

    Of several channels the first is taken that has words in the template, an address and no objection.

    ```yaml
    send: {template: hello, channel: [sms, email]}
    ```

    ```yaml
    send: {template: hello, channel: preferred}
    ```
    """

    key: ClassVar[str] = "send"
    main: ClassVar[str | None] = "template"
    template: TemplateName = Field(description="A folder of templates/")
    topic: str | None = Field(None, description="A topic of project.yaml (default: the journey's)")
    channel: list[str] | None = Field(
        None, min_length=1,
        description="The way out (default: the project's): a channel, `preferred`, or a list, of which the first is "
        "taken that reaches the customer",
    )  # fmt: skip
    with_: dict[RowName, EventLines] = Field(
        default_factory=dict, alias="with", description="Lists of events, and rows of tables, for the template, by name"
    )
    variant: str | None = Field(
        None, pattern=r"^customer\.[A-Za-z_][A-Za-z0-9_]*$",
        description="An attribute: its value chooses a folder in the template's own, such as newsletter/pro",
    )  # fmt: skip
    max_lateness: Length | None = Field(None, description="Later than this it is skipped (default: the project's)")
    on_cap: OnCap | None = Field(None, description="What a cap does to it (default: the journey's, or skip)")

    @field_validator("channel", mode="before", json_schema_input_type=str | list[str])
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    def default_id(self) -> str:
        return f"send:{self.template}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        return builder.add(Emit, path, effect=self.message(builder, path), next=following)

    def message(self, builder: Builder, path: Path) -> Message:
        """The effect of one message."""
        topic = self.topic or builder.topic
        if topic is None:
            builder.problems.append(
                (path, "this message has no topic; write `topic:` here or on the journey", "missing-topic")
            )
        elif topic not in builder.topics:
            builder.problems.append(unknown_topic((*path, "topic") if self.topic else ("topic",), topic, builder))
        on_cap = self.on_cap or builder.on_cap
        return Message(
            template=self.template,
            topic=topic or "",
            topic_class=builder.topics.get(topic or "", "marketing"),  # type: ignore[arg-type]
            **channel_words(self.channel or (builder.channel,), builder.channel, builder.reach, builder.prefers),
            lines=tuple(lines.lower(name) for name, lines in sorted(self.with_.items()) if lines.table is None),
            lookups=lookups(self.with_, builder, (*path, "with")),
            variant=self.variant.removeprefix("customer.") if self.variant is not None else None,
            max_lateness=self.max_lateness or builder.max_lateness,
            on_cap="delay" if isinstance(on_cap, Delay) else on_cap,
            cap_delay=on_cap.delay if isinstance(on_cap, Delay) else None,
        )


def unknown_topic(path: Path, topic: str, builder: Builder) -> tuple[Path, str, str]:
    """The problem of a topic that project.yaml does not define."""
    from journey_engine.errors import nearest

    known = list(builder.topics)
    allowed = ", ".join(known) or "none yet"
    return (
        path,
        f"unknown topic '{topic}'{nearest(topic, known)}; project.yaml defines: {allowed}",
        "unknown-topic",
    )
