"""Conditions as marketers write them, and how each resolves to the closed forms of `predicates`.

Every class docstring holds a YAML example that a test loads. Resolving needs the project's segments and
stages and whether the condition stands inside a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from journey_engine.language import Flag, Name, Whole, Word, one_of
from journey_engine.predicates import (
    AllOf,
    AnyOf,
    Attribute,
    EventSet,
    Happened,
    InArm,
    InJourney,
    Length,
    Not,
    Op,
    Predicate,
    Scalar,
    Subscribed,
    Test,
    TriggerHas,
    Where,
)


@dataclass(frozen=True, slots=True)
class Context:
    """What names mean where a condition stands."""

    segments: Mapping[str, Any] = field(default_factory=dict)  # name -> condition
    stages: Mapping[str, Any] = field(default_factory=dict)  # name -> condition, in the order of the cycle
    in_pass: bool = False

    def outside(self) -> Context:
        """The same names, for a definition that sees the whole history."""
        return replace(self, in_pass=False)


class ConditionWord(Word):
    """A condition."""

    def resolve(self, context: Context) -> Predicate:
        """The closed form of the condition where it stands."""
        raise TypeError(f"{type(self).__name__} does not resolve itself")


class Comparison(Word):
    """What a value must be; every word given must hold.

    ```yaml
    customer: {age: {at_least: 18}, country: {in: [NG, GH]}, plan: pro}
    ```
    """

    main: ClassVar[str | None] = "is_"
    is_: Scalar | None = Field(None, alias="is", description="Equal to this")
    is_not: Scalar | None = Field(None, description="Present and not equal to this")
    in_: list[Scalar] | None = Field(None, alias="in", min_length=1, description="Equal to one of these")
    not_in: list[Scalar] | None = Field(None, min_length=1, description="Present and equal to none of these")
    at_least: Scalar | None = Field(None, description="This or more")
    at_most: Scalar | None = Field(None, description="This or less")
    above: Scalar | None = Field(None, description="More than this")
    below: Scalar | None = Field(None, description="Less than this")
    between: tuple[Scalar, Scalar] | None = Field(None, description="From the first to the second, both included")
    contains: str | None = Field(None, description="A text with this in it")
    starts_with: str | None = Field(None, description="A text that begins with this")
    exists: Flag | None = Field(None, description="Whether there is a value at all")
    within: Length | None = Field(None, description="A date or instant not longer ago than this")
    before: Length | None = Field(None, description="A date or instant this long ago or longer")

    @model_validator(mode="after")
    def _makes_sense(self) -> Comparison:
        tests = self.tests()
        if not tests:
            raise ValueError("a comparison needs at least one word such as is, in, at_least, exists")
        for test in tests:
            kinds = {type(operand) for operand in test.operands}
            if len(kinds) > 1:
                raise ValueError(f"'{test.op}' compares with values of one type, not with several")
            if bool in kinds and test.op not in ("is", "is_not", "in", "not_in", "exists"):
                raise ValueError(f"'{test.op}' needs a number or a text, not true or false")
        return self

    def tests(self) -> tuple[Test, ...]:
        """The comparison as single tests, in the order of the fields."""
        found: list[Test] = []
        for name in type(self).model_fields:
            value, op = getattr(self, name), name.removesuffix("_")
            if value is None:
                continue
            if op in ("within", "before"):
                found.append(Test(op=_op(op), length=value))
            else:
                many = value if isinstance(value, list | tuple) else (value,)
                found.append(Test(op=_op(op), operands=tuple(many)))
        return tuple(found)


def _op(word: str) -> Op:
    return word  # type: ignore[return-value]


class PropertyComparison(Comparison):
    """A comparison with an event's property, which has no distance from now."""

    @model_validator(mode="after")
    def _no_distance(self) -> PropertyComparison:
        if self.within is not None or self.before is not None:
            raise ValueError("'within' and 'before' compare customer attributes; an event has its own 'within'")
        return self


def wheres(tests: Mapping[str, Comparison]) -> tuple[Where, ...]:
    """Comparisons by name as resolved tests."""
    return tuple(Where(name=name, tests=comparison.tests()) for name, comparison in sorted(tests.items()))


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


class Amount(Word):
    """How many.

    ```yaml
    event: {name: order_placed, count: {at_least: 2}}
    ```
    """

    main: ClassVar[str | None] = "exactly"
    exactly: Annotated[Whole, Field(ge=0)] | None = Field(None, description="So many")
    at_least: Annotated[Whole, Field(ge=0)] | None = Field(None, description="So many or more")
    at_most: Annotated[Whole, Field(ge=0)] | None = Field(None, description="So many or fewer; 0 for none")

    @model_validator(mode="after")
    def _some(self) -> Amount:
        if not self.tests():
            raise ValueError("a count needs exactly, at_least or at_most")
        return self

    def tests(self) -> tuple[Test, ...]:
        """The amount as tests."""
        words: dict[str, Op] = {"exactly": "is", "at_least": "at_least", "at_most": "at_most"}
        given = ((op, getattr(self, word)) for word, op in words.items())
        return tuple(Test(op=op, operands=(value,)) for op, value in given if value is not None)


class Total(Word):
    """The sum of a number property over the events; values that are no numbers count nothing.

    ```yaml
    event: {name: order_placed, sum: {property: total, at_least: 100}}
    ```
    """

    property: str = Field(description="The property whose numbers are added up")
    at_least: Scalar | None = Field(None, description="This or more")
    at_most: Scalar | None = Field(None, description="This or less")
    above: Scalar | None = Field(None, description="More than this")
    below: Scalar | None = Field(None, description="Less than this")

    @model_validator(mode="after")
    def _some(self) -> Total:
        if not self.tests():
            raise ValueError("a sum needs at_least, at_most, above or below")
        for test in self.tests():
            if isinstance(test.operands[0], bool | str):
                raise ValueError("a sum is compared with a number")
        return self

    def tests(self) -> tuple[Test, ...]:
        """The limits as tests."""
        words: tuple[Op, ...] = ("at_least", "at_most", "above", "below")
        given = ((word, getattr(self, word)) for word in words)
        return tuple(Test(op=op, operands=(value,)) for op, value in given if value is not None)


class Distance(Word):
    """How long ago the first or the last one was.

    ```yaml
    event: {name: order_placed, last: {before: 60 days}}
    ```
    """

    within: Length | None = Field(None, description="Not longer ago than this")
    before: Length | None = Field(None, description="This long ago or longer; false when there was none")

    @model_validator(mode="after")
    def _some(self) -> Distance:
        if self.within is None and self.before is None:
            raise ValueError("say within or before, such as {before: 60 days}")
        return self


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


class CustomerCondition(ConditionWord):
    """Attributes of the customer, each as it is now.

    ```yaml
    customer: {age: {at_least: 18}, country: {in: [NG, GH]}}
    ```
    """

    key: ClassVar[str] = "customer"
    main: ClassVar[str | None] = "attributes"
    whole: ClassVar[bool] = True
    attributes: dict[str, Comparison] = Field(min_length=1, description="What each attribute must be")

    def resolve(self, context: Context) -> Predicate:
        """All named attributes must hold."""
        return AllOf(items=tuple(Attribute(where=where) for where in wheres(self.attributes)))


class TriggerCondition(ConditionWord):
    """Properties of the event that started the pass.

    ```yaml
    trigger: {total: {above: 50}}
    ```
    """

    key: ClassVar[str] = "trigger"
    main: ClassVar[str | None] = "properties"
    whole: ClassVar[bool] = True
    properties: dict[str, PropertyComparison] = Field(min_length=1, description="What each property must be")

    def resolve(self, context: Context) -> Predicate:
        """All named properties must hold."""
        return AllOf(items=tuple(TriggerHas(where=where) for where in wheres(self.properties)))


class SegmentCondition(ConditionWord):
    """Member of a segment of the project, as of now.

    ```yaml
    segment: vip
    ```
    """

    key: ClassVar[str] = "segment"
    main: ClassVar[str | None] = "name"
    name: str = Field(description="A segment of project.yaml")

    def resolve(self, context: Context) -> Predicate:
        """The segment's own condition over the whole history."""
        resolved: Predicate = context.segments[self.name].resolve(context.outside())
        return resolved


class StageCondition(ConditionWord):
    """In a stage of the cycle, as of now: the last stage whose condition holds.

    ```yaml
    stage: retention
    ```
    """

    key: ClassVar[str] = "stage"
    main: ClassVar[str | None] = "name"
    name: str = Field(description="A stage of the project's cycle")

    def resolve(self, context: Context) -> Predicate:
        """This stage's condition and none of a later stage."""
        names = list(context.stages)
        outside = context.outside()
        later = [context.stages[name].resolve(outside) for name in names[names.index(self.name) + 1 :]]
        own = context.stages[self.name].resolve(outside)
        return AllOf(items=(own, Not(item=AnyOf(items=tuple(later))))) if later else own


class JourneyCondition(ConditionWord):
    """A pass of a journey in a state, as it was before this run.

    ```yaml
    journey: {name: welcome, state: converted, within: 30 days}
    ```
    """

    key: ClassVar[str] = "journey"
    main: ClassVar[str | None] = "name"
    name: str = Field(description="A journey of the project")
    state: Literal["in", "finished", "converted", "exited"] = Field(
        "in", description="Where its pass is, or how it ended"
    )
    within: Length | None = Field(None, description="Reached not longer ago than this")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return InJourney(name=self.name, state=self.state, within=self.within)


class MessageCondition(ConditionWord):
    """What became of a message: of this pass, unless `ever` or outside a pass.

    ```yaml
    message: {template: hello, state: opened}
    ```
    """

    key: ClassVar[str] = "message"
    main: ClassVar[str | None] = "template"
    template: str = Field(description="The message's template")
    state: Literal["sent", "delivered", "opened", "clicked", "bounced", "replied"] = Field(
        "sent", description="What became of it"
    )
    within: Length | None = Field(None, description="Not longer ago than this")
    count: Amount | None = Field(None, description="How often; without it at least once")
    ever: Flag = Field(False, description="Inside a pass: messages of every pass and journey")

    def resolve(self, context: Context) -> Predicate:
        """Events `message_<state>` whose template is this one."""
        of_pass = context.in_pass and not self.ever
        where = Where(name="template", tests=(Test(op="is", operands=(self.template,)),))
        return Happened(
            events=EventSet(name=f"message_{self.state}", where=(where,), of_pass=of_pass),
            within=self.within,
            count=self.count.tests() if self.count else (),
        )


class ArmCondition(ConditionWord):
    """The pass has drawn this arm of a split; before it has come to the split, nothing is drawn.

    ```yaml
    arm: warm
    ```
    """

    key: ClassVar[str] = "arm"
    main: ClassVar[str | None] = "name"
    name: str = Field(description="An arm of this journey")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return InArm(arm=self.name)


class RewardCondition(ConditionWord):
    """What became of a reward: of this pass, unless `ever` or outside a pass.

    ```yaml
    reward: {program: win-back-voucher, state: available}
    ```
    """

    key: ClassVar[str] = "reward"
    main: ClassVar[str | None] = "program"
    program: str = Field(description="A program of journeys/programs")
    state: Literal["pending", "available", "redeemed", "expired", "reversed"] = Field(
        "available", description="What it has become, whatever came after"
    )
    within: Length | None = Field(None, description="Not longer ago than this")
    ever: Flag = Field(False, description="Inside a pass: rewards of every pass and journey")

    def resolve(self, context: Context) -> Predicate:
        """Events `reward_<state>` whose program is this one."""
        of_pass = context.in_pass and not self.ever
        where = Where(name="program", tests=(Test(op="is", operands=(self.program,)),))
        return Happened(
            events=EventSet(name=f"reward_{self.state}", where=(where,), of_pass=of_pass), within=self.within
        )


class SubscribedCondition(ConditionWord):
    """Subscribed to a topic: no unsubscribe from it, or from everything, is known.

    ```yaml
    subscribed: offers
    ```
    """

    key: ClassVar[str] = "subscribed"
    main: ClassVar[str | None] = "topic"
    topic: str = Field(description="A topic of project.yaml")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return Subscribed(topic=self.topic)


class AllCondition(ConditionWord):
    """Every one of several conditions.

    ```yaml
    all: [{segment: vip}, {customer: {plan: pro}}]
    ```
    """

    key: ClassVar[str] = "all"
    main: ClassVar[str | None] = "items"
    items: list[Condition] = Field(min_length=1, description="The conditions")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return AllOf(items=tuple(item.resolve(context) for item in self.items))


class AnyCondition(ConditionWord):
    """At least one of several conditions.

    ```yaml
    any: [{segment: vip}, {customer: {plan: pro}}]
    ```
    """

    key: ClassVar[str] = "any"
    main: ClassVar[str | None] = "items"
    items: list[Condition] = Field(min_length=1, description="The conditions")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return AnyOf(items=tuple(item.resolve(context) for item in self.items))


class NotCondition(ConditionWord):
    """The opposite of a condition.

    ```yaml
    not: {segment: vip}
    ```
    """

    key: ClassVar[str] = "not"
    main: ClassVar[str | None] = "item"
    whole: ClassVar[bool] = True
    item: Condition = Field(description="The condition")

    def resolve(self, context: Context) -> Predicate:
        """The same, resolved."""
        return Not(item=self.item.resolve(context))


CONDITIONS: tuple[type[ConditionWord], ...] = (
    AllCondition,
    AnyCondition,
    NotCondition,
    CustomerCondition,
    EventCondition,
    TriggerCondition,
    ArmCondition,
    SegmentCondition,
    StageCondition,
    JourneyCondition,
    MessageCondition,
    RewardCondition,
    SubscribedCondition,
)

if TYPE_CHECKING:
    Condition = ConditionWord
else:
    Condition = one_of(CONDITIONS, "condition")

for _word in (AllCondition, AnyCondition, NotCondition):
    _word.model_rebuild(force=True)
