"""The condition `event`, and the words that name events."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from journey_engine.conditions.amounts import Amount, Distance, Total
from journey_engine.conditions.base import ConditionWord, Context
from journey_engine.conditions.comparison import PropertyComparison, wheres
from journey_engine.language import Flag, Name, Word
from journey_engine.predicates import EventSet, Happened, Length, Predicate


class EventWords(Word):
    """Which events: a name, and tests on their properties.

    ```yaml
    event: {name: order_placed, where: {total: {above: 50}}}
    ```
    """

    main: ClassVar[str | None] = "name"
    name: Name = Field(description="The event's name")
    where: dict[str, PropertyComparison] = Field(default_factory=dict, description="What its properties must be")

    def events(self) -> EventSet:
        """The set of events this names."""
        return EventSet(name=self.name, where=wheres(self.where))


class AwaitedEvent(EventWords):
    """Which event ends a wait; `same` ties it to the trigger's event."""

    same: str | None = Field(None, description="A property that must equal the trigger's event's")

    def events(self) -> EventSet:
        return EventSet(name=self.name, where=wheres(self.where), same=self.same)


class EventCondition(EventWords, ConditionWord):
    """What the customer did.

    ```yaml
    event: {name: order_placed, where: {total: {above: 50}}, within: 90 days, count: {at_least: 2}}
    ```
    """

    key: ClassVar[str] = "event"
    within: Length | None = Field(None, description="Not longer ago than this")
    count: Amount | None = Field(None, description="How many there must be; without it at least one")
    sum: Total | None = Field(None, description="What a property must add up to")
    first: Distance | None = Field(None, description="How long ago the first one was")
    last: Distance | None = Field(None, description="How long ago the last one was")
    since: str | None = Field(None, description="A step of this journey: what happened after the pass left it")
    same: str | None = Field(None, description="A property that must equal the trigger's event's")
    ever: Flag = Field(False, description="Inside a pass: count the whole history")

    @model_validator(mode="after")
    def _one_scope(self) -> EventCondition:
        if self.ever and self.since is not None:
            raise ValueError("'ever' and 'since' exclude each other")
        return self

    def resolve(self, context: Context) -> Predicate:
        """Inside a pass what happened after entry counts, unless it says within, since or ever."""
        scope: Literal["history", "entry", "since"] = "history"
        if self.since is not None and self.since != "entry":
            scope = "since"
        elif self.since == "entry" or (context.in_pass and self.within is None and not self.ever):
            scope = "entry"
        return Happened(
            events=EventSet(name=self.name, where=wheres(self.where), same=self.same),
            scope=scope,
            since=self.since if scope == "since" else None,
            within=self.within,
            count=self.count.tests() if self.count else (),
            sum_of=self.sum.property if self.sum else None,
            sum=self.sum.tests() if self.sum else (),
            first_within=self.first.within if self.first else None,
            first_before=self.first.before if self.first else None,
            last_within=self.last.within if self.last else None,
            last_before=self.last.before if self.last else None,
        )
