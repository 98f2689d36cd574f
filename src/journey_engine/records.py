"""The frozen rows that travel between the rooms: customers, events, passes, moves and decisions.

Every instant is a timezone-aware UTC datetime. Nothing here reads a store, a file or a clock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class DecisionKind(StrEnum):
    """What a decision asks of the mailroom."""

    MESSAGE = "message"  # a templated message to the customer
    TASK = "task"  # work for a person of the company
    WEBHOOK = "webhook"  # a signed call of another system
    REWARD = "reward"  # money or a percentage off, kept in the mailroom's ledger
    SET = "set"  # an attribute changed by the journey; stays in the engine
    ENROLL = "enroll"  # another journey that the customer enters in the next run; stays in the engine
    CANCEL = "cancel"  # take back the pending messages of a pass that ended
    SUPPRESS = "suppress"  # the customer's data said: no more of this


class DecisionState(StrEnum):
    """How a decision leaves the night."""

    PENDING = "pending"  # to be handed over at `due_at`
    SKIPPED = "skipped"  # not to be done; the reason says why
    WITHHELD = "withheld"  # not done because the customer is held out


class PassState(StrEnum):
    """The states of an enrollment (one pass of one customer through one journey)."""

    OPEN = "open"  # somewhere in its steps
    FINISHED = "finished"  # reached the end of its steps
    CONVERTED = "converted"  # ended by reaching its goal
    EXITED = "exited"  # left before the end; the reason says why


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer as the data shows them tonight.

    `attributes` holds every column by name, the known ones (email, first_name, timezone, ...) included; values are
    text, bool, int, Decimal, date or datetime; a missing value is absent. `timezone` is the zone in force.
    """

    customer_id: str
    timezone: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a customer. `received_at` is the `as_of` of the first run that saw it (rule 2)."""

    event_id: str
    customer_id: str
    name: str
    occurred_at: dt.datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    received_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Enrollment:
    """One pass of one customer through one journey, and where it stands.

    `reached_at` is the instant it reached `node`. `held` marks a gate that rests until `reached_at` (rule 3).
    `meant_at` is when it first reached a message that a cap has put off: lateness counts from there (rule 17).
    `held_out` is drawn at entry and never again (rule 11). `steps` maps a step id to (instant it was left, event
    that ended it), for the steps the journey refers to, and each arm drawn to the instant it was drawn.
    `account_id` is the account whose occurrence opened the pass for this customer, a member of it (rule 27).
    """

    enrollment_id: str
    journey: str
    version: str
    customer_id: str
    key: str
    entered_at: dt.datetime
    run: int
    trigger: Mapping[str, Any]
    node: int
    reached_at: dt.datetime
    held: bool = False
    state: PassState = PassState.OPEN
    reason: str | None = None
    closed_at: dt.datetime | None = None
    goal_at: dt.datetime | None = None
    goal_run: int | None = None
    held_out: bool = False
    steps: Mapping[str, tuple[dt.datetime, str | None]] = field(default_factory=dict)
    meant_at: dt.datetime | None = None
    account_id: str | None = None

    @property
    def draws_as(self) -> str:
        """What a split hashes: the pass, or what the account's own would be called: members stay together (rule 27)."""
        return self.enrollment_id if self.account_id is None else identity(self.journey, self.account_id, self.key)


@dataclass(frozen=True, slots=True)
class Transition:
    """One move of one pass (rule 16). `at` is the instant of the move; `event_id` the event that caused it."""

    enrollment_id: str
    run: int
    seq: int
    from_node: int | None
    to_node: int | None
    at: dt.datetime
    reason: str
    event_id: str | None = None
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing to be done once, keyed by `decision_id` (rule 21). docs/mailroom.md describes payloads."""

    decision_id: str
    kind: DecisionKind
    run: int
    journey: str
    version: str
    enrollment_id: str
    customer_id: str
    step: str
    occurrence: int
    state: DecisionState
    reason: str | None
    due_at: dt.datetime
    reached_at: dt.datetime
    payload: Mapping[str, Any] = field(default_factory=dict)


def identity(*parts: str) -> str:
    """The deterministic id of some text parts: md5 over each part with its length before it (rule 8).

    The length keeps ('a', 'bc') and ('ab', 'c') apart; `sweep` builds the same text in SQL.
    """
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
