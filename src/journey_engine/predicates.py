"""Conditions as both readings see them: names resolved, scopes decided, a closed set of forms.

`walk` and `facts` match on these with `assert_never` and share no code that evaluates them. A graph stores
them, so a pinned version keeps the segments it named (rule 20).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from journey_engine.times import Duration

PLACES = Decimal("0.000001")


def exact(value: Decimal | int | float | str) -> Decimal:
    """A number as an exact decimal with six places, as every engine keeps it."""
    return Decimal(str(value)).quantize(PLACES, rounding=ROUND_HALF_UP)


def _scalar(value: Any) -> Any:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float | Decimal):
        number = Decimal(str(value))
        if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
            raise ValueError("a number must be finite and smaller than 10 to the 18")
        return exact(number)
    raise PydanticCustomError("scalar", "expected a text, a number or true/false")


def _plain(value: bool | str | Decimal) -> bool | str | int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


Scalar = Annotated[
    bool | Decimal | str,
    PlainValidator(_scalar, json_schema_input_type=bool | int | float | str),
    PlainSerializer(_plain, return_type=bool | int | float | str),
]


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("number", "expected a number")
    return _scalar(value)


Number = Annotated[
    Decimal,
    PlainValidator(_number, json_schema_input_type=float),
    PlainSerializer(_plain, return_type=int | float),
]
"""An exact decimal with six places."""


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        return Duration.parse(value)
    if isinstance(value, Duration) or (isinstance(value, Mapping) and value.keys() == {"months", "seconds"}):
        return value
    raise PydanticCustomError("duration", "expected a duration such as '3 days'")


Length = Annotated[
    Duration,
    BeforeValidator(_duration, json_schema_input_type=str),
    PlainSerializer(lambda value: {"months": value.months, "seconds": value.seconds}, return_type=dict),
]

Op = Literal[
    "is", "is_not", "in", "not_in", "at_least", "at_most", "above", "below", "between", "contains",
    "starts_with", "exists", "within", "before",
]  # fmt: skip


class Frozen(BaseModel):
    """A value that is not changed after it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Test(Frozen):
    """One comparison with a literal. `operands` has one value; in and not_in several, between two."""

    __test__ = False  # not a test case, whatever its name says

    op: Op
    operands: tuple[Scalar, ...] = ()
    length: Length | None = None


class Where(Frozen):
    """Tests on one property or attribute; all must hold."""

    name: str
    tests: tuple[Test, ...]


class EventSet(Frozen):
    """The events of one name whose properties pass every test.

    `same` asks that property to equal the trigger's event's; `of_pass` asks for the pass's own messages.
    """

    name: str
    where: tuple[Where, ...] = ()
    same: str | None = None
    of_pass: bool = False


class AllOf(Frozen):
    """Every one holds; an empty list holds."""

    kind: Literal["all"] = "all"
    items: tuple[Predicate, ...]


class AnyOf(Frozen):
    """At least one holds."""

    kind: Literal["any"] = "any"
    items: tuple[Predicate, ...]


class Not(Frozen):
    """The other way round."""

    kind: Literal["not"] = "not"
    item: Predicate


class Attribute(Frozen):
    """Tests on an attribute of the customer as it is tonight."""

    kind: Literal["attribute"] = "attribute"
    where: Where


class TriggerHas(Frozen):
    """Tests on a property of the event that started the pass."""

    kind: Literal["trigger"] = "trigger"
    where: Where


class Happened(Frozen):
    """How often, how much or when events of a set happened, within a scope.

    scope `history` counts all; `entry` what is later than the pass's entry; `since` what is later than the
    pass left that step (never left: the predicate is false). `within` counts as_of - D < occurred_at on top.
    With no test, at least one event is asked for.
    """

    kind: Literal["happened"] = "happened"
    events: EventSet
    scope: Literal["history", "entry", "since"] = "history"
    since: str | None = None
    within: Length | None = None
    count: tuple[Test, ...] = ()
    sum_of: str | None = None
    sum: tuple[Test, ...] = ()
    first_within: Length | None = None
    first_before: Length | None = None
    last_within: Length | None = None
    last_before: Length | None = None

    @property
    def plain(self) -> bool:
        """Whether it only asks that one event happened."""
        limits = (self.first_within, self.first_before, self.last_within, self.last_before)
        return not self.count and not self.sum and all(limit is None for limit in limits)


class InJourney(Frozen):
    """Whether the customer had a pass of a journey in a state, as it was before this run (rule 15)."""

    kind: Literal["journey"] = "journey"
    name: str
    state: Literal["in", "finished", "converted", "exited"]
    within: Length | None = None


class Drawn(Frozen):
    """Whether the pass draws this arm at a split: the first 8 hex digits of md5 over (journey, step, enrollment),
    compared as text, are not below `low` and below `below` (None: no bound) (rule 11).
    """

    kind: Literal["drawn"] = "drawn"
    journey: str
    step: str
    arm: str
    low: str | None = None
    below: str | None = None


class InArm(Frozen):
    """Whether the pass has drawn this arm, at whichever split of its journey has it."""

    kind: Literal["arm"] = "arm"
    arm: str


class Subscribed(Frozen):
    """No unsubscribe from the topic, or from everything, is known, but for one before the customer's own later yes.

    Of a `double` topic there is such a yes. A complaint and a dead address end every subscription.

    With a `channel` in the place of a topic: no such no to this way of being reached, whatever the topic; a dead
    address counts for its own way only.
    """

    kind: Literal["subscribed"] = "subscribed"
    topic: str | None = None
    double: bool = False
    channel: Literal["email", "sms"] | None = None


Predicate = Annotated[
    AllOf | AnyOf | Not | Attribute | TriggerHas | Happened | Drawn | InArm | InJourney | Subscribed,
    Field(discriminator="kind"),
]

for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()

ALWAYS = AllOf(items=())


def share_below(percent: Decimal | int) -> str | None:
    """The text of 8 hex digits below which that share of all hashes lies; None for all of them (rule 11)."""
    return None if percent >= 100 else format(int(Decimal(percent) * 2**32 / 100), "08x")


def leaves(predicate: Any) -> Iterator[Any]:
    """Every form without parts inside a predicate, in reading order."""
    match predicate:
        case AllOf() | AnyOf():
            for item in predicate.items:
                yield from leaves(item)
        case Not():
            yield from leaves(predicate.item)
        case _:
            yield predicate
