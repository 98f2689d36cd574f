"""Dispatch: everything due is claimed, worded, handed to its channel, and what became of it is written down.

A claim is committed before a channel is called. One message's failure is its own; a channel that cannot
work leaves its messages where they are. Time comes in: `as_of` decides what is due, `clock` shows that this process is
alive and says what time it is when a message leaves, which may be long after a dispatch began.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import MappingProxyType
from typing import Any, assert_never

from sqlalchemy import Row

from journey_engine.mailroom import claim as claims
from journey_engine.mailroom import left, pools
from journey_engine.mailroom.calls import call_body
from journey_engine.mailroom.claim import Settled
from journey_engine.mailroom.doubts import look_into
from journey_engine.mailroom.eligible import Verdict
from journey_engine.mailroom.gauges import Gauges, check
from journey_engine.mailroom.holds import HELD
from journey_engine.mailroom.lease import Clock, Lease
from journey_engine.mailroom.limits import BEAT, Limits
from journey_engine.mailroom.mailroom import Mailroom
from journey_engine.mailroom.rewards import settle as settle_rewards
from journey_engine.mailroom.staging import EVERYBODY, REDIRECTED, Staging
from journey_engine.mailroom.states import State
from journey_engine.mailroom.tasks import give_tasks
from journey_engine.mailroom.ways import Ways
from journey_engine.message import (
    WEBHOOK,
    Aborted,
    Channel,
    MessageRef,
    Outcome,
    OutcomeKind,
    Outgoing,
    Rendered,
    RenderError,
    Renders,
)
from journey_engine.spelling import Number, no_number

FIRST_RETRY = dt.timedelta(minutes=5)
LONGEST_RETRY = dt.timedelta(hours=4)
CHANNEL_RETRY = dt.timedelta(minutes=1)
LONGEST_WAIT = dt.timedelta(minutes=1)
NEAR = dt.timedelta(minutes=5)  # so far ahead of the clock an instant still means now
LATE = dt.timedelta(days=1)
"""So far behind it an instant is that of a night that took its time or came late: what leaves leaves by the clock."""
PATIENCE = dt.timedelta(minutes=10)
FOREIGN_SENDER = "foreign_sender"
"""Left in the project's name, since whom the data name may not write in its place (`sender: own`)."""
NO_LIMITS: Mapping[str, Limits] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """What a dispatch did. `troubles` has one line for each kind of failure."""

    accepted: int = 0
    refused: int = 0
    skipped: int = 0
    unsure: int = 0
    waiting: int = 0
    """outside the customer's hours, or to be tried again"""
    taken_back: int = 0
    """in doubt before, and found not to have gone out: due again"""
    tasks: int = 0
    reasons: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(state, reason) to a count"""
    troubles: tuple[str, ...] = ()
    loud: str | None = None
    """what everybody must see first: that not everybody gets their messages"""


class _Tally:
    def __init__(self) -> None:
        self.states: Counter[State] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.troubles: dict[tuple[str, str], str] = {}
        self.loud: str | None = None
        self.taken_back = self.tasks = 0

    def add(self, settled: list[Settled]) -> None:
        for row, verdict in settled:
            self.states[verdict.state] += 1
            if verdict.reason:
                self.reasons[verdict.state.value, verdict.reason] += 1
            if verdict.detail and verdict.state in (State.REFUSED, State.UNSURE):
                self.trouble(row.template, verdict.reason or "", verdict.detail)

    def trouble(self, where: str, reason: str, detail: str) -> None:
        self.troubles.setdefault((where, reason), f"{where}: {detail}")

    def report(self) -> DispatchReport:
        return DispatchReport(
            accepted=self.states[State.ACCEPTED],
            refused=self.states[State.REFUSED],
            skipped=self.states[State.SKIPPED],
            unsure=self.states[State.UNSURE],
            waiting=self.states[State.PENDING],
            taken_back=self.taken_back,
            tasks=self.tasks,
            reasons=dict(self.reasons),
            troubles=tuple(self.troubles.values()),
            loud=self.loud,
        )


def _now(as_of: dt.datetime, clock: Clock, began: dt.datetime) -> Clock:
    """The clock, by which all dispatchers keep limits together; for an instant far from it, as if it were then."""
    away = as_of - began
    return clock if -LATE < away < NEAR else lambda: clock() + away


def asleep(seconds: float) -> None:
    """Wait so long."""
    threading.Event().wait(seconds)


def dispatch(
    mailroom: Mailroom,
    as_of: dt.datetime,
    channels: Mapping[str, Channel],
    renderer: Renders,
    *,
    clock: Clock,
    batch: int = 100,
    on_batch: Callable[[DispatchReport], None] | None = None,
    owner: str = "dispatch",
    held: Collection[str] = (),
    limits: Mapping[str, Limits] = NO_LIMITS,
    double: Collection[str] = (),
    gauges: Gauges | None = None,
    staging: Staging = EVERYBODY,
    number: Number = no_number,
    wait: Callable[[float], object] = asleep,
    began: dt.datetime | None = None,
) -> DispatchReport:
    """Hand over everything that is due at `as_of`; many may do so at once.

    Whether a message is too late, and within the hours of its reader, is looked at when it is claimed, by the clock.
    `channels` are not yet open. What `held` journeys have pending stays where it is, with that reason. `gauges` may
    stop a topic before anything leaves. Where the `limits` of a channel have no room, it waits for a minute at most,
    and for ten in all; what is left then goes with the next dispatch. Marketing of `double` topics goes only to who has
    confirmed. `number` reads phone numbers. `began` is what the clock said when it was `as_of`: now, or when another
    process began that does the same.
    Raises JourneyError when the mailroom cannot be written; what was handed over until then is settled, and the
    batch in hand is looked into by the next dispatch.
    """
    with mailroom.worker(owner, clock) as lease, ExitStack() as opened:
        tally, now = _Tally(), _now(as_of, clock, began or clock())
        ways = Ways(mailroom.store, channels, limits, opened, lease.name, as_of, now, tally.trouble)
        tally.loud = staging.loud
        work = _Work(mailroom, as_of, renderer, lease, ways, tally, held, double, staging, number)
        settle_rewards(mailroom.store, as_of)
        pools.fill_all(mailroom.store)
        for program, count in pools.short(mailroom.store).items():
            load = f"journey rewards load FILE --program {program}"
            tally.trouble(f"codes of {program}", "no_code", f"the pool is empty and {count:,} rewards wait: {load}")
        look_into(ways, lease.name, as_of, clock, work.count_doubts)
        tally.tasks = give_tasks(mailroom.store, as_of, renderer, tally.trouble, held)
        for hold in check(mailroom.store, gauges, as_of) if gauges is not None else ():
            tally.trouble(str(hold), "gauge", f"is stopped: {hold.reason}; go on with `{hold.resumed_by}`")
        while work.one_batch(batch) or work.waited(wait):
            if on_batch is not None:
                on_batch(tally.report())
        work.explain_what_is_left()
        return tally.report()


def _of_another(verdict: Verdict) -> Verdict:
    """What became of a message that went to somebody else: nothing of it is true of the customer's own address."""
    own = replace(verdict, bounced=False, unsubscribed=False, address=None)
    return replace(own, reason=REDIRECTED) if verdict.state is State.ACCEPTED else own


class _Work:
    """One dispatch."""

    def __init__(
        self, mailroom: Mailroom, as_of: dt.datetime, renderer: Renders, lease: Lease, ways: Ways, tally: _Tally,
        held: Collection[str], double: Collection[str], staging: Staging, number: Number,
    ) -> None:  # fmt: skip
        self.store, self.as_of, self.renderer, self.lease = mailroom.store, as_of, renderer, lease
        self.at = as_of
        self.ways, self.tally, self.held, self.double = ways, tally, sorted(held), double
        self.patience, self.staging, self.number = PATIENCE, staging, number

    # sending

    def one_batch(self, size: int) -> bool:
        """Claim, word and hand over one batch; False when nothing was due."""
        self.lease.check()
        something = False
        self.ways.full = {}
        for share, gate in self.ways.shares(size):
            self.at = self.ways.moment()
            claimed = claims.claim(
                self.store, self.as_of, self.lease.name, share, self.held, gate, self.double, self.number, self.at
            )
            if claimed.again_at is not None:
                self.ways.full[share.channels[0]] = claimed.again_at
            if claimed.nothing:
                continue
            something = True
            self.tally.add(claimed.others)
            by_channel = sorted(claimed.rows, key=lambda row: row.channel)
            for name, rows in groupby(by_channel, key=lambda row: row.channel):
                self.hand_over(name, list(rows))
        return something

    def waited(self, wait: Callable[[float], object]) -> bool:
        """Wait until a channel's limits have room; False when that takes too long for this dispatch."""
        if not self.ways.full:
            return False
        pause = max(min(self.ways.full.values()) - self.ways.now(), BEAT)
        if pause > LONGEST_WAIT or pause > self.patience:
            return False
        self.patience -= pause
        wait(pause.total_seconds())
        return True

    def hand_over(self, name: str, rows: list[Row[Any]]) -> None:
        """Word the messages of one channel, send them, write down what became of them."""
        worded: list[tuple[Row[Any], Outgoing]] = []
        settled: list[Settled] = []
        for row in rows:
            made = self.word(row)
            if isinstance(made, Outgoing):
                worded.append((row, made))
            else:
                settled.append((row, made))
        channel = self.ways.get(name) if worded else None
        outcomes: dict[str, Outcome] = {}
        complete = False
        try:
            self.lease.check()
            if channel is not None:
                self.send(name, channel, [message for _, message in worded], outcomes)
            complete = True
        finally:
            # Stopped in the middle: what is known is written, the rest stays claimed for the next
            # dispatch to look into.
            for row, message in worded:
                outcome = outcomes.get(message.message_id)
                if outcome is None and complete:
                    outcome = self.missing_outcome(name, channel)
                if outcome is not None:
                    verdict = self.verdict(row, outcome)
                    if message.intended is not None:
                        verdict = _of_another(verdict)
                    if message.rendered.stranger and verdict.state is State.ACCEPTED:
                        self.tally.reasons[State.ACCEPTED.value, FOREIGN_SENDER] += 1
                    settled.append((row, verdict))
            claims.settle(self.store, self.as_of, self.lease.name, settled, self.ways.left_by(name))
            self.tally.add(settled)

    def word(self, row: Row[Any]) -> Outgoing | Verdict:
        """Render one message; a failure is the verdict on this message alone."""
        if row.channel == WEBHOOK:
            return Outgoing(row.message_id, row.recipient, None, Rendered("", call_body(row)), self.at, row.template)
        name, own = row.recipient_name, (row.recipient or "").strip()
        to, why = self.staging.leads(row.channel, own)
        if to is None:
            return Verdict(State.SKIPPED, why, "project.yaml lets messages go to nobody else")
        ref = MessageRef(
            row.message_id, claims.reader(row), row.topic, row.timezone, row.enrollment_id, row.customer_id, row.channel
        )
        try:
            rendered = self.renderer.render(row.template, row.locale, json.loads(row.variables), ref)
        except Aborted as stop:
            return Verdict(State.SKIPPED, "aborted", stop.reason)
        except RenderError as error:
            return Verdict(State.REFUSED, error.code, error.message)
        except Exception as error:  # noqa: BLE001 - one message's failure touches no other
            return Verdict(State.REFUSED, "template_error", f"{type(error).__name__}: {error}")
        made = Outgoing(row.message_id, to, name, rendered, self.at, row.template, row.topic_class, row.journey)
        return made if why is None else replace(made, to_name=None, intended=own)

    def send(self, name: str, channel: Channel, messages: list[Outgoing], outcomes: dict[str, Outcome]) -> None:
        """Collect outcomes; a channel that raises has lost what it did not answer for."""
        try:
            for message_id, outcome in channel.send(messages):
                outcomes[message_id] = outcome
                self.ways.answered(name, outcome)
        except Exception as error:  # noqa: BLE001 - a fault in a channel must not lose what it has done
            self.ways.mark_down(name, "channel_failed", f"{type(error).__name__}: {error}")

    def missing_outcome(self, name: str, channel: Channel | None) -> Outcome:
        """A channel that never opened has surely sent nothing; one that did not answer may have."""
        reason, detail = self.ways.down.get(name, ("no_answer", "the channel gave no outcome for this message"))
        if channel is None:
            return Outcome(OutcomeKind.LATER, reason, detail, down=True)
        return Outcome(OutcomeKind.UNSURE, reason, detail)

    def verdict(self, row: Row[Any], outcome: Outcome) -> Verdict:
        """A channel's answer as the next state."""
        match outcome.kind:
            case OutcomeKind.ACCEPTED:
                return Verdict(State.ACCEPTED, None, outcome.detail, address=outcome.address)
            case OutcomeKind.REFUSED if outcome.unsubscribed:  # the customer's word to the provider (rule 19)
                return Verdict(State.SKIPPED, outcome.reason, outcome.detail, unsubscribed=True)
            case OutcomeKind.REFUSED:
                return Verdict(State.REFUSED, outcome.reason, outcome.detail, bounced=outcome.bounced)
            case OutcomeKind.UNSURE:
                return Verdict(State.UNSURE, outcome.reason, outcome.detail, address=outcome.address)
            case OutcomeKind.LATER:
                pause = min(FIRST_RETRY * 2 ** min(row.attempts, 10), LONGEST_RETRY)
                pause = outcome.retry_after or (CHANNEL_RETRY if outcome.down else pause)
                return Verdict(State.PENDING, outcome.reason, outcome.detail, self.ways.moment() + pause)
        assert_never(outcome.kind)

    def explain_what_is_left(self) -> None:
        """Due messages of a held journey, or of a channel that takes none, say why they are still here."""
        if self.held:
            count = left.explain_held(self.store, self.held, self.as_of, "paused", "its journey is not live")
            self.left(count, "paused")
        self.left(left.explain_stopped(self.store, self.as_of), HELD)
        waiting = left.due_channels(self.store, self.as_of, self.held)
        for pause in self.ways.paused:
            if pause.peer:
                told = (pause.reason, pause.told)
                count = left.explain_left(self.store, pause.channel, self.as_of, *told, self.held, pause.peer)
                self.left(count, pause.reason)
        for name in waiting:
            why = self.ways.why_left(name)
            if why is not None:
                self.left(left.explain_left(self.store, name, self.as_of, *why, self.held), why[0])

    def count_doubts(self, settled: list[Settled]) -> None:
        """Count what was found out; what is due again is counted when it has left."""
        self.tally.taken_back += sum(verdict.state is State.PENDING for _, verdict in settled)
        self.tally.add([one for one in settled if one[1].state is not State.PENDING])

    def left(self, count: int, reason: str) -> None:
        """Count what waits."""
        if count:
            self.tally.states[State.PENDING] += count
            self.tally.reasons[State.PENDING.value, reason] += count
