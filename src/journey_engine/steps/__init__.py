"""Every step kind, one file each. A new kind is a file here and a name in STEPS.

Another package adds its own under the entry point group `journey_engine.steps`.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from journey_engine.language import one_of
from journey_engine.steps.ask import Ask
from journey_engine.steps.base import Builder, InnerStep, Path, Step, lower_step, lower_steps
from journey_engine.steps.branch import Branch
from journey_engine.steps.enroll import EnrollStep
from journey_engine.steps.exit import ExitStep
from journey_engine.steps.remind import Remind
from journey_engine.steps.reward import RewardStep
from journey_engine.steps.send import Send
from journey_engine.steps.set import SetStep
from journey_engine.steps.split import Split
from journey_engine.steps.task import TaskStep
from journey_engine.steps.wait import Wait
from journey_engine.steps.wait_for import WaitFor
from journey_engine.steps.webhook import WebhookStep

STEPS: tuple[type[Step], ...] = (
    Send,
    Wait,
    WaitFor,
    Branch,
    Split,
    Ask,
    Remind,
    TaskStep,
    RewardStep,
    WebhookStep,
    SetStep,
    EnrollStep,
    ExitStep,
    *(point.load() for point in sorted(entry_points(group="journey_engine.steps"), key=lambda point: point.name)),
)

AnyStep = one_of(STEPS, "step")

if not TYPE_CHECKING:
    InnerStep.union = AnyStep

__all__ = ["STEPS", "AnyStep", "Builder", "Path", "Step", "lower_step", "lower_steps"]
