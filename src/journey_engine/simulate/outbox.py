"""What becomes of messages, rewards and webhooks in simulated time: each goes out when it is due, nothing else happens.

Stands where the mailroom stands in a real night; of the real one only what it holds at the start is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from journey_engine.engines import Engine
from journey_engine.mailroom import Mailroom, State
from journey_engine.night import decisions_of
from journey_engine.records import Decision, DecisionKind, DecisionState, Event
from journey_engine.walk.life import accepted, delivered
from journey_engine.walk.rewards import happenings

MANY = 10_000_000


@dataclass(slots=True)
class Outbox:
    """What is on its way, what will happen and when, and which messages did not go out after all."""

    pending: list[Decision] = field(default_factory=list)
    coming: list[Event] = field(default_factory=list)
    unsent: set[str] = field(default_factory=set)
    sent: dict[str, dt.datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, mailroom: Mailroom, engine: Engine, run: int, since: int) -> Outbox:
        """What the real mailroom holds after a run: its feedback, and what is pending as if it left when it is due."""
        found = cls(coming=list(mailroom.feedback()), unsent=set(mailroom.unsent(since)))
        gone_out = (one for one in found.coming if one.name == "message_sent")
        found.sent = {str(one.properties["message_id"]): one.occurred_at for one in gone_out}
        waiting = {
            one.message_id for state in (State.PENDING, State.CLAIMED) for one in mailroom.listing(state, limit=MANY)
        }
        for number in range(run, 0, -1):
            if not waiting:
                break
            mine = [one for one in decisions_of(engine, number) if one.decision_id in waiting]
            found.take([one for one in mine if one.kind is DecisionKind.MESSAGE])
            waiting -= {one.decision_id for one in mine}
        return found

    def arrive(self, as_of: dt.datetime) -> list[Event]:
        """What has happened by a night, to be taken in as what the mailroom tells."""
        due = [one for one in self.pending if one.due_at <= as_of]
        self.pending = [one for one in self.pending if one.due_at > as_of]
        self.sent |= {one.decision_id: one.due_at for one in due}
        events = [*map(accepted, due), *(one for one in self.coming if one.occurred_at <= as_of)]
        self.coming = [one for one in self.coming if one.occurred_at > as_of]
        return events

    @property
    def waiting(self) -> set[str]:
        """The passes with a message that has not left: they decide no other one (rule 5)."""
        return {one.enrollment_id for one in self.pending}

    def take(self, decisions: Iterable[Decision]) -> None:
        """Take in what a night decided; what it takes back never leaves (rule 14)."""
        made = [replace(one, payload=dict(one.payload)) for one in decisions]
        gone = {one.enrollment_id for one in made if one.kind is DecisionKind.CANCEL}
        self.unsent |= {one.decision_id for one in self.pending if one.enrollment_id in gone}
        self.pending = [one for one in self.pending if one.enrollment_id not in gone]
        for one in made:
            if one.state is not DecisionState.PENDING:
                continue
            match one.kind:
                case DecisionKind.MESSAGE:
                    self.pending.append(one)
                case DecisionKind.REWARD:
                    self.coming += happenings(one)
                case DecisionKind.WEBHOOK:
                    self.coming.append(delivered(one))
                case _:
                    pass

    def state_of(self, message_ids: Collection[str]) -> dict[str, tuple[str, dt.datetime | None]]:
        """Which messages have gone out and when, or will when they are due; and which were taken back."""
        due = {one.decision_id: one.due_at for one in self.pending} | self.sent
        found: dict[str, tuple[str, dt.datetime | None]] = {}
        for one in message_ids:
            if one in due:
                found[one] = ("accepted", due[one])
            elif one in self.unsent:
                found[one] = ("cancelled", None)
        return found
