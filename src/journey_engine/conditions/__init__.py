"""Conditions as marketers write them, and how each resolves to the closed forms of `predicates`; one file a kind.

Every class docstring holds a YAML example that a test loads. Resolving needs the project's segments and
stages and whether the condition stands inside a pass. A new kind is a file here and a name in CONDITIONS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from journey_engine.conditions.arm import ArmCondition
from journey_engine.conditions.base import ConditionWord, Context, InnerCondition
from journey_engine.conditions.comparison import Comparison, PropertyComparison, wheres
from journey_engine.conditions.customer import CustomerCondition
from journey_engine.conditions.event import AwaitedEvent, EventCondition, EventWords
from journey_engine.conditions.groups import AllCondition, AnyCondition, NotCondition
from journey_engine.conditions.journey import JourneyCondition
from journey_engine.conditions.message import MessageCondition
from journey_engine.conditions.reward import RewardCondition
from journey_engine.conditions.segment import SegmentCondition
from journey_engine.conditions.stage import StageCondition
from journey_engine.conditions.subscribed import SubscribedCondition
from journey_engine.conditions.trigger import TriggerCondition
from journey_engine.language import one_of

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
    InnerCondition.union = Condition

__all__ = [
    "CONDITIONS",
    "AllCondition",
    "AnyCondition",
    "ArmCondition",
    "AwaitedEvent",
    "Comparison",
    "Condition",
    "ConditionWord",
    "Context",
    "CustomerCondition",
    "EventCondition",
    "EventWords",
    "JourneyCondition",
    "MessageCondition",
    "NotCondition",
    "PropertyComparison",
    "RewardCondition",
    "SegmentCondition",
    "StageCondition",
    "SubscribedCondition",
    "TriggerCondition",
    "wheres",
]
