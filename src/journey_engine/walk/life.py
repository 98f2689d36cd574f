"""Night after night for one customer: keeps the ledger, and takes each message as accepted when it is due.

This is what journey tests and histories run; nothing is sent, stored or read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from journey_engine.records import Customer, Decision, DecisionKind, DecisionState, Event
from journey_engine.rules import Night, Rules
from journey_engine.walk.accounts import Account
from journey_engine.walk.effects import Look, Tables
from journey_engine.walk.finding import account_of
from journey_engine.walk.ledger import CustomerState, LedgerEvent, WalkResult, WorldState, take_in
from journey_engine.walk.night import account_tonight, after_run, walk_night
from journey_engine.walk.rewards import happenings


@dataclass(slots=True)
class Life:
    """One customer's state between nights.

    `pending` messages are not yet due, `sent` ones are accepted, `taken_back` ones were cancelled in time. `refuses`
    says which messages the channel does not take; without it each one is accepted. `coming` is what will become of
    rewards that nobody redeems, and of webhooks.
    """

    state: CustomerState = field(default_factory=CustomerState)
    world: WorldState = field(default_factory=WorldState)
    ledger: dict[str, LedgerEvent] = field(default_factory=dict)
    pending: list[Decision] = field(default_factory=list)
    sent: list[Event] = field(default_factory=list)
    coming: list[Event] = field(default_factory=list)
    taken_back: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    last: dt.datetime | None = None
    tables: Tables = field(default_factory=dict)
    watch: Callable[[Look], None] | None = None  # told of every condition asked
    refuses: Callable[[Decision], bool] = lambda message: False

    def live(
        self,
        rules: Rules,
        night: Night,
        customer: Customer | None,
        data: Sequence[Event],
        account: Account | None = None,
    ) -> WalkResult:
        """Run one night on tonight's data; one that is not later than the last changes nothing (rule 1).

        `received_at` of a row of the data is when it came into the data (None: when it happened). `account` is what the
        customer's own account is to tell.
        """
        if self.over(night):
            return WalkResult(self.state)
        self.arrive(night, customer, data)
        blocked = frozenset(one.enrollment_id for one in self.pending)
        known = list(self.ledger.values())
        unsent = frozenset(self.taken_back | self.refused)
        result = walk_night(
            rules, night, self.world, customer, self.state, known, blocked, self.watch, unsent, account, self.tables
        )
        self.ledger |= {event.event_id: LedgerEvent.of(event) for event in result.new_events}
        cancelled = {one.enrollment_id for one in result.decisions if one.kind is DecisionKind.CANCEL}
        self.taken_back |= {one.decision_id for one in self.pending if one.enrollment_id in cancelled}
        self.pending = [one for one in self.pending if one.decision_id not in self.taken_back]
        self.pending += [one for one in result.decisions if _goes(one, DecisionKind.MESSAGE)]
        given = [one for one in result.decisions if _goes(one, DecisionKind.REWARD)]
        self.coming += [event for one in given for event in happenings(one)]
        self.coming += [delivered(one) for one in result.decisions if _goes(one, DecisionKind.WEBHOOK)]
        self.state, self.world, self.last = result.state, after_run(rules, night, self.world), night.as_of
        return result

    def over(self, night: Night) -> bool:
        """Whether a night is not later than the last."""
        return self.last is not None and night.as_of <= self.last

    def arrive(self, night: Night, customer: Customer | None, data: Sequence[Event]) -> None:
        """What is due is handed over, and tonight's data are taken in; a second time changes nothing."""
        due = [one for one in self.pending if one.due_at <= night.as_of]
        self.refused |= {one.decision_id for one in due if self.refuses(one)}
        self.sent += [accepted(one) for one in due if one.decision_id not in self.refused]
        self.pending = [one for one in self.pending if one.due_at > night.as_of]
        self.sent += [one for one in self.coming if one.occurred_at <= night.as_of]
        self.coming = [one for one in self.coming if one.occurred_at > night.as_of]
        self.ledger = take_in(self.ledger, [*data, *self.sent], customer, night.as_of)

    def account(self, rules: Rules, night: Night, customer: Customer | None, data: Sequence[Event]) -> Account | None:
        """What this customer's members are told tonight, before anybody's passes move."""
        if customer is None or self.over(night):
            return None
        self.arrive(night, customer, data)
        return account_tonight(rules, night, self.world, customer, self.state, list(self.ledger.values()), self.watch)


@dataclass(frozen=True, slots=True)
class Party:
    """One of several customers whose nights are lived together: their life, who they are tonight, and their data."""

    life: Life
    customer: Customer | None
    data: Sequence[Event]


def live_together(rules: Rules, night: Night, parties: Mapping[str, Party]) -> dict[str, WalkResult]:
    """One night of several customers, of whom some are the accounts of others (rule 27)."""
    heads: dict[str, str | None] = {
        who: account_of(one.customer, one.life.state) if one.customer is not None else None
        for who, one in parties.items()
    }
    named = {name for name in heads.values() if name in parties}
    told = {
        name: one.life.account(rules, night, one.customer, one.data) for name, one in parties.items() if name in named
    }
    return {
        who: one.life.live(rules, night, one.customer, one.data, told.get(heads[who] or ""))
        for who, one in parties.items()
    }


def walk(rules: Rules, customer: Customer | None, data: Sequence[Event], nights: Iterable[Night]) -> list[WalkResult]:
    """The nights of one customer whose data, but for the events' arrival, stay as they are."""
    life = Life()
    return [life.live(rules, night, customer, data) for night in nights]


def accepted(message: Decision) -> Event:
    """The event that a message becomes when it is handed over."""
    payload = message.payload
    properties = {
        "message_id": message.decision_id,
        "template": payload["template"],
        "journey": message.journey,
        "enrollment_id": message.enrollment_id,
        "step": message.step,
        "topic": payload["topic"],
        "channel": payload["channel"],
    }
    event_id = f"{message.decision_id}:sent"
    return Event(event_id, message.customer_id, "message_sent", message.due_at, properties)


def delivered(webhook: Decision) -> Event:
    """The event that a webhook becomes when its endpoint takes it."""
    properties = {
        "message_id": webhook.decision_id,
        "webhook": webhook.payload["endpoint"],
        "journey": webhook.journey,
        "enrollment_id": webhook.enrollment_id,
        "step": webhook.step,
    }
    event_id = f"{webhook.decision_id}:delivered"
    return Event(event_id, webhook.customer_id, "webhook_delivered", webhook.due_at, properties)


def _goes(one: Decision, kind: DecisionKind) -> bool:
    return one.kind is kind and one.state is DecisionState.PENDING
