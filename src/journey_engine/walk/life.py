"""Night after night for one customer: keeps the ledger, and takes each message as accepted when it is due.

This is what journey tests and histories run; nothing is sent, stored or read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from journey_engine.records import Customer, Decision, DecisionKind, DecisionState, Event
from journey_engine.rules import COUNTED_FOR, Night, Rules
from journey_engine.walk.accounts import Account, Other
from journey_engine.walk.effects import Look, Tables
from journey_engine.walk.finding import as_other
from journey_engine.walk.ledger import CustomerState, LedgerEvent, WalkResult, WorldState, newest, take_in
from journey_engine.walk.night import Begun, account_tonight, after_run, ask_caps, begin_night, end_night
from journey_engine.walk.rewards import happenings
from journey_engine.walk.values import as_text


@dataclass(slots=True)
class Life:
    """One customer's state between nights.

    `pending` messages are not yet due, `sent` ones are accepted, `taken_back` ones were cancelled in time. `refuses`
    says which messages the channel does not take; without it each one is accepted. `coming` is what will become of
    rewards that nobody redeems, of webhooks, and of tasks until somebody does them.
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

    def live(self, rules: Rules, night: Night, customer: Customer | None, data: Sequence[Event]) -> WalkResult:
        """Run one night on tonight's data; one that is not later than the last changes nothing (rule 1).

        `received_at` of a row of the data is when it came into the data (None: when it happened).
        """
        who = customer.customer_id if customer is not None else ""
        return live_together(rules, night, {who: Party(self, customer, data)})[who]

    def begin(
        self, rules: Rules, night: Night, customer: Customer, account: Account | None, contact: Other | None
    ) -> Begun:
        """The night until caps are asked."""
        blocked = frozenset(one.enrollment_id for one in self.pending)
        known = list(self.ledger.values())
        return begin_night(
            rules, night, self.world, customer, self.state, known, blocked, self.watch, account, contact, self.tables
        )

    def end(self, rules: Rules, night: Night, begun: Begun | None) -> WalkResult:
        """The rest of it; without a customer in tonight's data nothing changes (rule 10)."""
        result = end_night(night, begun) if begun is not None else WalkResult(self.state)
        self.ledger |= {event.event_id: LedgerEvent.of(event) for event in result.new_events}
        cancelled = {one.enrollment_id for one in result.decisions if one.kind is DecisionKind.CANCEL}
        self.taken_back |= {one.decision_id for one in self.pending if one.enrollment_id in cancelled}
        self.pending = [one for one in self.pending if one.decision_id not in self.taken_back]
        self.pending += [one for one in result.decisions if _goes(one, DecisionKind.MESSAGE)]
        given = [one for one in result.decisions if _goes(one, DecisionKind.REWARD)]
        self.coming += [event for one in given for event in happenings(one)]
        self.coming += [delivered(one) for one in result.decisions if _goes(one, DecisionKind.WEBHOOK)]
        self.coming += [given_out(one) for one in result.decisions if _goes(one, DecisionKind.TASK)]
        oldest = night.as_of.date() - dt.timedelta(COUNTED_FOR)
        sendings = tuple(one for one in result.state.sendings if one.day > oldest)
        self.state = replace(result.state, sendings=sendings)
        self.world, self.last = after_run(rules, night, self.world), night.as_of
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

    @property
    def unsent(self) -> set[str]:
        """The messages that did not go out after all."""
        return self.taken_back | self.refused


@dataclass(frozen=True, slots=True)
class Party:
    """One of several customers whose nights are lived together: their life, who they are tonight, and their data."""

    life: Life
    customer: Customer | None
    data: Sequence[Event]


def live_together(rules: Rules, night: Night, parties: Mapping[str, Party]) -> dict[str, WalkResult]:
    """One night of several customers, of whom some are the accounts and the contacts of others (rule 27)."""
    fresh = {who: one for who, one in parties.items() if not one.life.over(night)}
    for one in fresh.values():
        one.life.arrive(night, one.customer, one.data)
    here = {who: (one.life, one.customer) for who, one in fresh.items() if one.customer is not None}
    others = {who: as_other(rules, customer, life.state) for who, (life, customer) in here.items()}
    links = {
        name: {who: as_text(one.attributes.get(name)) for who, one in others.items()}
        for name in ("account_id", "contact_id")
    }
    contacts = {
        who: replace(others[who], events=newest(list(here[who][0].ledger.values()), night.as_of))
        for who in here.keys() & set(links["contact_id"].values())
    }
    accounts = {
        who: account_tonight(rules, night, life.world, customer, life.state, list(life.ledger.values()), life.watch)
        for who, (life, customer) in here.items()
        if who in links["account_id"].values()
    }
    begun = {
        who: life.begin(
            rules, night, customer,
            accounts.get(links["account_id"][who] or ""), contacts.get(links["contact_id"][who] or ""),
        )
        for who, (life, customer) in here.items()
    }  # fmt: skip
    unsent = frozenset(message for one in fresh.values() for message in one.life.unsent)
    away = [message for who, one in fresh.items() if who not in begun for message in one.life.state.sendings]
    ask_caps(rules, list(begun.values()), unsent, away)
    return {
        who: one.life.end(rules, night, begun.get(who)) if who in fresh else WalkResult(one.life.state)
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
        **({"addressee": payload["addressee"]} if payload.get("addressee") else {}),
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


def given_out(task: Decision) -> Event:
    """The event that a task becomes when its team gets it."""
    properties = {
        "task_id": task.decision_id,
        "team": task.payload["team"],
        "journey": task.journey,
        "enrollment_id": task.enrollment_id,
        "step": task.step,
    }
    return Event(f"{task.decision_id}:given", task.customer_id, "task_given", task.due_at, properties)


def _goes(one: Decision, kind: DecisionKind) -> bool:
    return one.kind is kind and one.state is DecisionState.PENDING
