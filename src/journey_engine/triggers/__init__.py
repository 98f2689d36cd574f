"""Every trigger kind, one file each. A new kind is a file here and a name in TRIGGERS."""

from __future__ import annotations

from journey_engine.language import one_of
from journey_engine.triggers.abandoned import AbandonedTrigger
from journey_engine.triggers.base import TriggerWord
from journey_engine.triggers.changes import ChangesTrigger
from journey_engine.triggers.date import DateTrigger
from journey_engine.triggers.enters import EntersTrigger
from journey_engine.triggers.event import EventTrigger
from journey_engine.triggers.inactive import InactiveTrigger
from journey_engine.triggers.journey import JourneyTrigger
from journey_engine.triggers.schedule import ScheduleTrigger

TRIGGERS: tuple[type[TriggerWord], ...] = (
    EventTrigger,
    InactiveTrigger,
    AbandonedTrigger,
    DateTrigger,
    EntersTrigger,
    ChangesTrigger,
    JourneyTrigger,
    ScheduleTrigger,
)

AnyTrigger = one_of(TRIGGERS, "trigger")

__all__ = ["TRIGGERS", "AnyTrigger", "TriggerWord"]
