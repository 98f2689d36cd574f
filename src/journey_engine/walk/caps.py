"""Caps: the passes that stand at a capped message are decided in turn, one at a time (rule 17).

Days are those of the customer's calendar on which messages are due. A cap holds on every stretch of its days, those
that end later than the message among them: a message put off earlier may stand there already.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from journey_engine.records import Decision, DecisionKind, DecisionState
from journey_engine.rules import Cap
from journey_engine.times import utc_to_local
from journey_engine.walk.ledger import Sending
from journey_engine.walk.passes import Walking, go_on


@dataclass(slots=True)
class Allowance:
    """What was sent to one customer, and what the caps still allow."""

    caps: Sequence[Cap]
    sent: list[Sending]

    def met(self, message: Decision) -> str | None:
        """The first cap that the message would exceed."""
        one = sending(message)
        for cap in self.caps:
            if cap.counts(one.topic, one.topic_class) and self._full(cap, one.day):
                return cap.name
        return None

    def take(self, message: Decision) -> None:
        """Count a message that is to be sent."""
        self.sent.append(sending(message))

    def _full(self, cap: Cap, day: dt.date) -> bool:
        days = [one.day for one in self.sent if cap.counts(one.topic, one.topic_class)]
        length = dt.timedelta(cap.days)
        ends = [day, *(other for other in days if day < other < day + length)]
        return any(sum(end - length < other <= end for other in days) >= cap.at_most for end in ends)


def sending(message: Decision) -> Sending:
    """A message as caps count it: for who gets it, on their day."""
    payload = message.payload
    day = utc_to_local(message.due_at, payload["timezone"]).date()
    return Sending(message.decision_id, payload["topic"], payload["topic_class"], day, recipient_of(message))


def recipient_of(message: Decision) -> str:
    """Who gets a message: the customer of the pass, or their contact."""
    return str(message.payload.get("addressee") or message.customer_id)


def decide_all(caps: Sequence[Cap], walked: Sequence[Walking], sent: Sequence[Sending], unsent: frozenset[str]) -> None:
    """Decide what stands at caps; each recipient's messages apart, of whoever's passes they are."""
    standing: dict[str, list[Walking]] = {}
    for walking in walked:
        if walking.at_cap is not None:
            standing.setdefault(recipient_of(walking.at_cap), []).append(walking)
    for recipient, those in standing.items():
        counted = [one for one in sent if one.recipient == recipient and one.message_id not in unsent]
        decide_in_turn(those, Allowance(caps, counted))


def decide_in_turn(standing: Sequence[Walking], allowance: Allowance) -> None:
    """Decide one message after the other, the highest in rank first; its pass goes on before the next is chosen."""
    while waiting := [one for one in standing if one.at_cap is not None]:
        first = min(waiting, key=_rank)
        message = first.at_cap
        assert message is not None
        cap = allowance.met(message)
        if cap is None:
            allowance.take(message)
        go_on(first, cap)


def counts(decision: Decision) -> bool:
    """Whether a decision is a message that caps may count: one to be sent that is not transactional."""
    if decision.kind is not DecisionKind.MESSAGE or decision.state is not DecisionState.PENDING:
        return False
    return bool(decision.payload["topic_class"] != "transactional")


def _rank(walking: Walking) -> tuple[int, dt.datetime, str]:
    return -walking.graph.priority, walking.one.entered_at, walking.one.enrollment_id
