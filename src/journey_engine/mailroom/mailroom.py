"""`Mailroom`: one open mailroom, and everything the rooms above may ask of it."""

from __future__ import annotations

import datetime as dt
import itertools
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Unpack

from sqlalchemy import select

from journey_engine.mailroom import (
    addresses,
    answers,
    by_hand,
    claim,
    collecting,
    consents,
    door,
    erasing,
    exporting,
    gauges,
    holds,
    inbox,
    left,
    letters,
    listing,
    marks,
    notices,
    owed,
    pauses,
    pools,
    redeeming,
    referral_words,
    retention,
    reward_lists,
    rewards,
    taking_back,
    texts,
    told,
)
from journey_engine.mailroom.by_hand import Choice, Chosen
from journey_engine.mailroom.consents import Said
from journey_engine.mailroom.door import MissedRun
from journey_engine.mailroom.errands import Teams
from journey_engine.mailroom.fuse import Fuse
from journey_engine.mailroom.holds import Hold, HoldKind
from journey_engine.mailroom.inbox import Todo
from journey_engine.mailroom.intake import LoadResult
from journey_engine.mailroom.lease import USUAL_PACE, Clock, Lease, Pace, hold, machine, process_start
from journey_engine.mailroom.listing import Group, Listed
from journey_engine.mailroom.owed import Owed
from journey_engine.mailroom.pauses import Pause
from journey_engine.mailroom.plain_letters import Told
from journey_engine.mailroom.referrals import Referred
from journey_engine.mailroom.rewards import Balance
from journey_engine.mailroom.standing import Standing
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import messages, suppressions, tasks
from journey_engine.mailroom.taking_back import TakenBack
from journey_engine.mailroom.waiting_codes import Brought
from journey_engine.news import Letter, News, Notice, Text
from journey_engine.program import Program
from journey_engine.records import Decision, Event
from journey_engine.spelling import Number, no_number, spellings

_workers = itertools.count(1)


class Mailroom:
    """An open mailroom. Close it, or use it in a `with` block."""

    def __init__(self, store: Store, meta: dict[str, str], pace: Pace) -> None:
        self.store = store
        self.pace = pace
        self.environment = meta["environment"]
        self.store_id = meta["store_id"]
        """Made once with the mailroom: the engine's store keeps it too, so that a strange pair is noticed."""
        self.link_key = meta["link_key"]
        self.link_keys = {
            key.removeprefix("link_key."): bytes.fromhex(value)
            for key, value in meta.items()
            if key.startswith("link_key.")
        }

    @classmethod
    def open(cls, url: str, *, environment: str, pace: Pace = USUAL_PACE) -> Mailroom:
        """Open the mailroom at a database URL, making it when it is not there.

        Raises JourneyError when it cannot be opened, is of a newer version or belongs to another environment.
        """
        store = Store(url)
        try:
            return cls(store, store.prepare(environment), pace)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        self.store.close()

    def __enter__(self) -> Mailroom:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # leases

    def lease(self, name: str, owner: str, clock: Clock) -> AbstractContextManager[Lease]:
        """Hold a lease for a block. Raises JourneyError naming a live holder; a dead one is overtaken."""
        return hold(self.store, name, owner, clock, self.pace)

    def worker(self, owner: str, clock: Clock) -> AbstractContextManager[Lease]:
        """A dispatcher's sign of life, under a name of its own."""
        name = f"worker {machine()} {os.getpid()} {process_start(os.getpid())} {next(_workers)}"
        return hold(self.store, name, owner, clock, self.pace)

    # the door

    def last_loaded(self) -> int:
        """The newest run that was taken in; 0 when none."""
        return door.last_loaded(self.store)

    def load_run(
        self, run: int, run_id: str, as_of: dt.datetime, decisions: Iterable[Decision], fuse: Fuse | None = None,
        programs: Mapping[str, Program | None] | None = None, referred: Callable[[], Referred] = Referred,
        rows: Iterable[Sequence[Told]] = (),
    ) -> LoadResult:  # fmt: skip
        """Take a run's decisions in, all or nothing; a run that is here already changes nothing, one that blows the
        fuse is held. `rows` are decisions as the engine keeps them, in batches.

        Raises JourneyError when runs before it are missing.
        """
        missed = MissedRun(run, run_id, as_of, decisions, programs or {}, referred, rows)
        return door.load_run(self.store, missed, fuse)

    def recover(self, runs: Iterable[MissedRun], *, now: dt.datetime | None = None) -> list[LoadResult]:
        """Take missing runs in as `unsure`: nothing of them is sent blindly, nor of what was due here by `now`."""
        return door.recover(self.store, runs, now)

    def due(self, as_of: dt.datetime, held: Collection[str], most: int) -> int:
        """How many messages are due at an instant, but for those of `held` journeys; counted up to `most`."""
        return left.due(self.store, as_of, held, most)

    # what the next night needs

    def open_enrollments(self, before_run: int, due_until: dt.datetime | None = None) -> Iterator[str]:
        """Passes with a pending or claimed message of an earlier run, due until an instant or ever (rule 5)."""
        return listing.open_enrollments(self.store, before_run, due_until)

    def unsent(self, since_run: int) -> Iterator[str]:
        """Messages of a run and of later ones that were skipped, refused or cancelled: caps do not count them."""
        return listing.unsent(self.store, since_run)

    def feedback(self) -> Iterator[Event]:
        """Everything that happened, as events with deterministic ids."""
        return collecting.all_feedback(self.store)

    def take_in_hand(self, *, every: bool) -> Iterator[Event]:
        """What is new or was changed since a night's ledger had it, or `every` event, for the night that runs."""
        return collecting.take_in_hand(self.store, every=every)

    def told_of(self, event_ids: Collection[str]) -> Iterator[Event]:
        """What happened with some ids."""
        return collecting.told_of(self.store, event_ids)

    def collected(self, run_id: str, waiting: Collection[str]) -> None:
        """A committed run has in its ledger what it took in hand, but for the events that wait for another night."""
        collecting.collected(self.store, run_id, waiting)

    def collected_by(self) -> str | None:
        """The run_id of the newest run that said so."""
        return collecting.collected_by(self.store)

    def people(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Everyone who was identified at the front door, with the traits that were told."""
        return told.all_people(self.store)

    # what others tell

    def hear(self, news: Sequence[News], at: dt.datetime, teams: Teams | None = None) -> None:
        """Keep what was told at the front door, all or nothing; what was told before changes nothing."""
        told.take(self.store, news, at, teams or {})

    def receive(self, letter: Letter, teams: Teams, at: dt.datetime) -> str:
        """Keep a letter from a customer; the name of the event that it became."""
        return letters.take(self.store, letter, teams, at)

    def receive_text(self, text: Text, teams: Teams, at: dt.datetime) -> str:
        """Keep a text message from a customer; the name of the event that it became."""
        return texts.take(self.store, text, teams, at)

    def notice(self, told: Sequence[Notice], at: dt.datetime) -> Counter[str]:
        """Keep what a provider told of messages; how many were `taken`, came `again`, or are `unknown` here."""
        return notices.take(self.store, told, at)

    # what people ask

    def counts(self, run: int | None = None) -> dict[str, int]:
        """How many messages are in each state."""
        return listing.counts(self.store, run)

    def reasons(self, run: int) -> dict[str, int]:
        """How many messages of a run have which reason not to have gone."""
        return listing.reasons(self.store, run)

    def webhook_counts(self, run: int | None = None) -> dict[str, int]:
        """How many webhooks are in each state."""
        return listing.counts(self.store, run, webhooks=True)

    def groups(self, state: State | None = None, **chosen: Unpack[Chosen]) -> list[Group]:
        """Messages by state, reason and template."""
        return listing.groups(self.store, state, Choice(**chosen))

    def listing(self, state: State | None = None, limit: int = 100, **chosen: Unpack[Chosen]) -> list[Listed]:
        """Single messages, those that have stood longest first."""
        return listing.rows(self.store, state, Choice(**chosen), limit)

    def message_names(self, column: str) -> list[str]:
        """The channels, topics, journeys or templates that messages have."""
        return listing.names(self.store, messages, column)

    def task_names(self, column: str) -> list[str]:
        """The teams or owners that tasks have."""
        return listing.names(self.store, tasks, column)

    def task_counts(self) -> dict[tuple[str, str], int]:
        """How many tasks each (team, state) has."""
        return listing.task_counts(self.store)

    def reward_counts(self) -> dict[tuple[str, str, str], int]:
        """How many rewards each (program, state, reason or nothing) has."""
        return reward_lists.counts(self.store)

    def balance(self, program: str, currency: str, customer_id: str | None = None) -> Balance:
        """What a program has given, to one customer or to all."""
        return rewards.balance(self.store, program, currency, customer_id)

    def suppressed(self, customer_id: str) -> list[tuple[str | None, str]]:
        """The (topic or None for all, reason) pairs that stop messages to this customer."""
        with self.store.read() as db:
            query = select(suppressions).where(suppressions.c.customer_id == customer_id)
            return sorted(((row.topic or None, row.reason) for row in db.execute(query)), key=str)

    def standing(self, customer_id: str) -> Standing:
        """What this customer may be sent, by topic and by channel."""
        with self.store.read() as db:
            return consents.standings(db, {customer_id})[customer_id]

    # what customers say

    def say(self, said: Sequence[Said], at: dt.datetime) -> int:
        """Write a customer's words down, all or none, with what they stop or let go; how many change something."""
        with self.store.write() as db:
            return sum(consents.say(self.store, db, one, at) for one in said)

    def values_of(self, message_id: str) -> str | None:
        """The values of a message as JSON; None for one that is not here."""
        with self.store.read() as db:
            found = db.execute(select(messages.c.variables).where(messages.c.message_id == message_id)).scalar()
            return None if found is None else str(found)

    def answer(self, event: Event) -> bool:
        """Keep an answer as an event of the next night; another one in its place, when it is later."""
        return answers.keep(self.store, event)

    # the law

    def export(
        self, customer_id: str, known: Collection[str] = (), number: Number = no_number
    ) -> dict[str, list[dict[str, Any]]]:
        """Everything that is kept of a customer, by table; letters that wait for a name, when they came from one of
        the `known` addresses."""
        return exporting.export(self.store, customer_id, known, number)

    def erase(
        self, customer_id: str, known: Collection[str], at: dt.datetime, number: Number = no_number,
        asked: Collection[str] = (),
    ) -> dict[str, int]:  # fmt: skip
        """Forget a customer; that nothing may be sent to their id and known addresses stays, as keyed hashes, and for
        the channels that are to be `asked` the addresses, until their providers have taken it."""
        done = erasing.erase(self.store, customer_id, known, at, number, asked)
        self.store.flush_away()
        return done

    def reached_at(self, address: str, number: Number = no_number) -> str | None:
        """The customer whom a message went to at an address, in whatever spelling."""
        with self.store.read() as db:
            found = [addresses.newest(db, one) for one in sorted(spellings(address, number))]
        return next((claim.reader(row) for row in found if row is not None), None)

    def pseudonym(self, customer_id: str) -> str | None:
        """Under which name what was counted of an erased customer stays; None for one who was not erased."""
        with self.store.read() as db:
            return marks.alias_of(db, customer_id)

    def owed(self, channel: str) -> set[str]:
        """The addresses that a channel's provider has still to forget."""
        return owed.standing(self.store, channel)

    def settle_owed(self, channel: str, addresses: Collection[str]) -> None:
        """The provider has taken these."""
        owed.settle(self.store, channel, addresses)
        self.store.flush_away()

    def owed_erasures(self) -> list[Owed]:
        """How many addresses the providers of which channels have still to forget."""
        with self.store.read() as db:
            return owed.all_owed(db)

    def wipe(self, before: dt.datetime) -> int:
        """Take addresses, values and words out of messages and tasks that ended before an instant; how many
        messages."""
        return retention.wipe(self.store, before)

    def to_be_wiped(self, channel: str, before: dt.datetime) -> list[str]:
        """The messages of a channel that `wipe` will take the person out of."""
        return retention.to_be_wiped(self.store, channel, before)

    def tidy(self, at: dt.datetime) -> None:
        """Let go of what waited for a name in vain, and of what providers told too long ago to repeat it."""
        retention.tidy(self.store, at)

    def forget_events(self, before: dt.datetime) -> int:
        """Take out events of before an instant that the engine's ledger has; how many."""
        return retention.forget_events(self.store, before)

    def forget_unclaimed(self, at: dt.datetime, before: dt.datetime) -> int:
        """Take out those that it lacks, since nobody knows their customer, when they have waited long enough."""
        return retention.forget_unclaimed(self.store, at, before)

    # what an operator says

    # `confirm`: do it only if exactly so many messages are meant

    def retry(self, state: State, as_of: dt.datetime, confirm: int | None = None, **chosen: Unpack[Chosen]) -> int:
        """Refused or unsure messages become due again; how many."""
        return by_hand.retry(self.store, state, as_of, Choice(**chosen), confirm)

    def too_late(self, state: State, as_of: dt.datetime, **chosen: Unpack[Chosen]) -> int:
        """How many of them are past their max_lateness, and would be skipped."""
        return by_hand.too_late(self.store, state, as_of, Choice(**chosen))

    def cancel(self, state: State, as_of: dt.datetime, confirm: int | None = None, **chosen: Unpack[Chosen]) -> int:
        """Pending, unsure or refused messages are given up; how many."""
        return by_hand.cancel(self.store, state, as_of, Choice(**chosen), confirm)

    def accept(self, as_of: dt.datetime, confirm: int | None = None, **chosen: Unpack[Chosen]) -> int:
        """Unsure messages did go out; how many."""
        return by_hand.accept(self.store, as_of, Choice(**chosen), confirm)

    def stop(self, kind: HoldKind, name: str, reason: str | None, at: dt.datetime) -> bool:
        """Hold everything, or what is named, from the next claim on; False when it is held already."""
        return holds.stop(self.store, kind, name, reason, at)

    def resume(self, kind: HoldKind, name: str, at: dt.datetime | None = None) -> bool:
        """Let it go on; False when it was not held. Of a topic that a gauge had stopped, what left by then counts no
        more."""
        with self.store.write() as db:
            held = holds.resume(db, kind, name)
            if held and kind is HoldKind.TOPIC and at is not None:
                gauges.forgive(db, name, at)
            return held

    def stopped(self) -> list[Hold]:
        """What is held now."""
        with self.store.read() as db:
            return holds.standing(db)

    def paused(self) -> list[Pause]:
        """The channels that cannot work, or asked to be left alone, and when they are tried again."""
        with self.store.read() as db:
            return pauses.standing(db)

    def end_pause(self, channel: str) -> bool:
        """Somebody has mended it: the next dispatch tries at once; False when there was no pause."""
        return pauses.end(self.store, channel, peer=None)

    def pending_names(self, kind: HoldKind) -> list[str]:
        """The channels, topics, journeys or templates that pending messages have."""
        return holds.pending_names(self.store, kind)

    def run_number(self, run: str) -> int:
        """The number of a run, named by it or by its run_id. Raises JourneyError for one that is not here."""
        return holds.number_of(self.store, run)

    def take_back(self, run: int, at: dt.datetime) -> TakenBack:
        """Cancel what has not left of a run; how many."""
        return taking_back.take_back(self.store, run, at)

    def redeem(self, reward_id: str, at: dt.datetime, cause: str) -> bool:
        """A customer has used a reward; False when this cause has said so before."""
        return redeeming.redeem(self.store, reward_id, at, cause)

    def reverse(self, reward_id: str, at: dt.datetime, cause: str) -> bool:
        """A reward is taken back; False when this cause has said so before."""
        return redeeming.reverse(self.store, reward_id, at, cause)

    # referrals and rewards, one by one

    def sent(self) -> referral_words.Sent:
        """Everybody who was sent and whose referral may still change, and codes that wait."""
        return referral_words.sent(self.store)

    def waiting_codes(self, program: str | None = None, customer: str | None = None) -> list[Brought]:
        """Codes that friends brought and nobody who is known has."""
        return referral_words.waiting(self.store, program, customer)

    def referrals(
        self, *, state: str | None = None, program: str | None = None, customer: str | None = None, limit: int = 100
    ) -> list[referral_words.Listed]:
        """Referrals, flagged ones first, then the newest."""
        return referral_words.listed(self.store, state=state, program=program, customer=customer, limit=limit)

    def has_referral(self, named: str) -> bool:
        """Whether there is a referral of this id, or of these first signs."""
        return referral_words.known(self.store, named)

    def approve_referral(self, named: str, at: dt.datetime, reason: str) -> str:
        """A flagged referral is one after all; the state it has then."""
        return referral_words.approve(self.store, named, at, reason)

    def void_referral(self, named: str, at: dt.datetime, reason: str) -> None:
        """A referral counts no more, and what was given for it is taken back."""
        referral_words.void(self.store, named, at, reason)

    def rewards(
        self, *, state: str | None = None, program: str | None = None, customer: str | None = None, limit: int = 100
    ) -> list[reward_lists.ListedReward]:
        """Rewards, the newest first."""
        return reward_lists.listed(self.store, state=state, program=program, customer=customer, limit=limit)

    def rewarded(self) -> list[str]:
        """Everybody whom a reward or a referral names."""
        return reward_lists.rewarded(self.store)

    def load_codes(self, program: str, codes: Iterable[str], at: dt.datetime) -> pools.Loaded:
        """Put codes into a program's pool; rewards that wait get theirs."""
        return pools.load(self.store, program, codes, at)

    def codes_left(self, program: str) -> int:
        """How many codes of a program's pool nobody has."""
        return pools.left(self.store, program)

    def reward_named(self, word: str, customer: str | None = None) -> str:
        """The reward of an id, of its first signs, or of a code."""
        return reward_lists.named(self.store, word, customer)

    # the staff inbox; a task may be named by the first signs of its id

    def todo(
        self, now: dt.datetime, state: str = inbox.OPEN, *, team: str | None = None, owner: str | None = None,
        late: bool = False, limit: int = 100,
    ) -> list[Todo]:  # fmt: skip
        """Tasks that stand so, those that are due first before the others; an empty owner: nobody has taken them."""
        return inbox.listed(self.store, now, state, team=team, owner=owner, late=late, limit=limit)

    def take_task(self, task_id: str, owner: str, at: dt.datetime, *, over: bool = False) -> Todo:
        """Somebody takes a task; from another only with `over`."""
        return inbox.take(self.store, task_id, owner, at, over=over)

    def finish_task(
        self, task_id: str, at: dt.datetime, outcome: str | None = None, note: str | None = None,
        owner: str | None = None,
    ) -> bool:  # fmt: skip
        """Somebody has done a task; False when they have said so before."""
        return inbox.finish(self.store, task_id, at, outcome, note, owner)

    def cancel_task(self, task_id: str, at: dt.datetime, reason: str) -> None:
        """A task need not be done any more."""
        inbox.cancel(self.store, task_id, at, reason)
