"""One run in its steps. Each may be the last before a crash: the next run goes on from what is committed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from journey_engine.collect import Collected, Collector, ensure_properties
from journey_engine.engines import Engine, QueryFailed, open_engine
from journey_engine.errors import JourneyError, ProblemsFound
from journey_engine.load import LoadedProject
from journey_engine.mailroom import DispatchReport, Mailroom, Staging
from journey_engine.night.delivery import hand_over
from journey_engine.night.failing import unexplained, without_culprits
from journey_engine.night.hearing import unheard
from journey_engine.night.reporting import (
    JourneyCounts,
    RunReport,
    asked_anew,
    decided,
    foreign_senders,
    held_back,
    journey_counts,
    memberless,
    message_counts,
    notes,
    standing_still,
)
from journey_engine.night.retention import Retention
from journey_engine.night.stores import LEASE, finish_last_run, open_mailroom, owner, pair
from journey_engine.night.versions import with_pinned
from journey_engine.records import identity
from journey_engine.rules import Night, Rules, looked_up
from journey_engine.sweep import UNREAD, Sweep, named, oldest_counted, unseen
from journey_engine.times import Clock, iso, naive

EARLIEST, LATEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2900, 1, 1, tzinfo=dt.UTC)


@dataclass(slots=True)
class NightRun:
    """One run in its steps, in this order: dispatch_before, collect, facts, sweep, commit, door, publish, dispatch."""

    loaded: LoadedProject
    engine: Engine
    mailroom: Mailroom
    as_of: dt.datetime
    clock: Clock
    number: int
    run_id: str
    repeated: bool
    accept_loss: bool = False
    dry_run: bool = False
    rules: Rules = field(default_factory=lambda: Rules(()))
    broken: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # bytes of the sources' files in the last run
    collected: Collected = field(default_factory=Collected)
    dispatches: list[DispatchReport] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, JourneyCounts] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    webhooks: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)  # what somebody must look at: a fuse, a copy that could not be written
    still: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  # events that nobody ever saw
    unread: bool = False  # whether passes stand still in a version that this program cannot read
    overdue: set[str] = field(default_factory=set)  # passes whose message should have left a run ago
    sweeping: Sweep | None = None
    committed: bool = False
    retention: Retention = field(init=False)

    def __post_init__(self) -> None:
        kept = self.loaded.project.retention
        self.retention = Retention(self.as_of, None if kept is None else kept.before(self.as_of))

    def dispatch_before(self) -> DispatchReport | None:
        """Hand over what was due before this run (rule 5).

        A pass whose message was due a run ago and leaves only now decides no other one in this run: after a day
        without the provider, two letters a day apart would leave in the same minute.
        """
        if self.dry_run:
            return None
        self.overdue = set(self.mailroom.open_enrollments(self.number, due_until=self._night().since))
        return self.dispatch("dispatch before")

    def collect(self) -> Collected:
        """Begin the transaction and take in tonight's data."""
        if self.repeated:
            return self.collected
        with self._timed("collect"), self._rolled_back():
            properties = ensure_properties(self.engine, named(self.rules))
            self.engine.execute("BEGIN TRANSACTION")
            collector = Collector(self.engine, self.loaded.project, self.loaded.folder, self.as_of)
            self.collected = collector.collected
            collector.customers(self.mailroom.people(), accept_loss=self.accept_loss)
            collector.tables(looked_up(self.rules), accept_loss=self.accept_loss)
            told = self.mailroom.feedback() if self.dry_run else unheard(self.engine, self.mailroom)
            collector.events(told, accept_loss=self.accept_loss, again=self.mailroom.told_of)
            self.unseen = unseen(self.engine, asked_anew(self.engine, self.rules, every=self.dry_run))
            waiting = self.overdue.union(self.mailroom.open_enrollments(self.number))
            self.sweeping = Sweep(
                self.engine, self.rules, self._night(), self.collected.columns, properties, sorted(waiting),
                self._unsent(),
            )  # fmt: skip
        return self.collected

    def facts(self) -> None:
        """Compute what the conditions need."""
        if self.sweeping is not None:
            with self._timed("facts"):
                self._guarded(self._prepare, self._collect_again)

    def sweep(self) -> None:
        """Move, admit and decide; a journey whose SQL fails is found and set aside, the others go on."""
        if self.sweeping is not None:
            with self._timed("sweep"):
                self._guarded(self._decide, self._collect_again, self._prepare)
                self._count()

    def commit(self) -> None:
        """One transaction a run: all of it stands, or none."""
        if self.sweeping is None:
            return
        with self._timed("commit"):
            if self.dry_run:
                self.engine.execute("ROLLBACK")
                return
            Collector(self.engine, self.loaded.project, self.loaded.folder, self.as_of).keep_roster()
            known = {
                "set_aside": {f"{aside.source}: {aside.reason}": aside.count for aside in self.collected.aside},
                "notes": self._notes(), "broken": self.broken, "held_back": self.held,
                "sizes": self.collected.sizes,
            }  # fmt: skip
            self.engine.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)",
                (self.number, self.run_id, naive(self.as_of), self.collected.customers, self.collected.received,
                 json.dumps(known)),
            )  # fmt: skip
            self.retention.in_engine(self.engine)
            if self.unread:
                self.engine.execute("DELETE FROM meta WHERE name = ?", (UNREAD,))
                self.engine.execute("INSERT INTO meta VALUES (?, ?)", (UNREAD, iso(self.as_of)))
            self.engine.execute("COMMIT")
            self.committed = True

    def publish(self) -> None:
        """Put the read-only copy for the faces in place; without it they show the run before, and the night goes on."""
        if not self.dry_run:
            with self._timed("publish"):
                try:
                    self.engine.publish()
                except JourneyError as error:
                    self.odd.append(f"{error.message}; {error.remedy}")

    def door(self) -> None:
        """Take the run's decisions into the mailroom, once (rule 22)."""
        if not self.dry_run:
            with self._timed("door"):
                self.odd += finish_last_run(
                    self.engine, self.mailroom, self.loaded.project.fuse, self.loaded.file.terms
                )
                if self.committed:
                    self.mailroom.collected(self.run_id, self.collected.waiting)
                self.odd += self.retention.after_door(self.loaded, self.mailroom, collected=self.committed)

    def dispatch(
        self, phase: str = "dispatch", on_batch: Callable[[DispatchReport], None] | None = None
    ) -> DispatchReport:
        """Hand over what is due at this run's as_of."""
        if self.dry_run:
            return DispatchReport()
        with self._timed(phase):
            report = hand_over(self.loaded, self.mailroom, self.as_of, self.clock, on_batch)
        self.dispatches.append(report)
        return report

    def report(self) -> RunReport:
        """What this run did, for people; of a night that was done before, what it did then."""
        if self.repeated and (told := self._told_before()) is not None:
            return told
        messages, webhooks = self.decided, self.webhooks
        if not self.dry_run:
            messages, webhooks = self.mailroom.counts(self.number), self.mailroom.webhook_counts(self.number)
        return RunReport(
            self.run_id, self.as_of, self.number, self.repeated, self.counts,
            {} if self.repeated else messages,
            self._held(self.held), {f"{aside.source}: {aside.reason}": aside.count for aside in self.collected.aside},
            self._notes(), dict(self.broken), self.collected.customers, self.collected.received,
            sum(done.accepted for done in self.dispatches), self._undelivered(), self.seconds,
            webhooks={} if self.repeated else webhooks,
        )  # fmt: skip

    def _held(self, decided: Mapping[str, int]) -> dict[str, int]:
        """What is held back, by reason: by the run's decisions and by its dispatches."""
        held = dict(decided)
        for done in self.dispatches:
            for (state, reason), count in done.reasons.items():
                # A message that waits is met by every dispatch of the run; the last one says how many still do.
                if state not in ("accepted", "pending") or (state == "pending" and done is self.dispatches[-1]):
                    held[reason] = held.get(reason, 0) + count
        return held

    def _told_before(self) -> RunReport | None:
        """The report of the run that is committed for this very instant, if there is one."""
        query = "SELECT run, run_id, customers, received, report FROM runs WHERE as_of = ? ORDER BY run DESC LIMIT 1"
        rows = self.engine.rows(query, (naive(self.as_of),))
        if not rows:
            return None
        run, run_id, customers, received, report = rows[0]
        kept = json.loads(report or "{}")
        known = {graph.journey: JourneyCounts() for graph in self.rules.journeys}
        return RunReport(
            run_id, self.as_of, run, True, known | journey_counts(self.engine, run), self.mailroom.counts(run),
            held_back(kept.get("held_back", {}), self.mailroom.reasons(run)), kept.get("set_aside", {}),
            [*kept.get("notes", []), *self._notes()], kept.get("broken", {}), customers, received,
            sum(done.accepted for done in self.dispatches), self._undelivered(), self.seconds,
            webhooks=self.mailroom.webhook_counts(run),
        )  # fmt: skip

    # --- parts ------------------------------------------------------------------------------------------------

    def _night(self) -> Night:
        return Night.of(self.number, self.as_of, self.loaded.project.cadence)

    def _unsent(self) -> list[str]:
        """The messages that caps would count and that did not go out."""
        if not self.rules.caps:
            return []
        return list(self.mailroom.unsent(oldest_counted(self.engine, self.rules, self.as_of)))

    def _notes(self) -> list[str]:
        found = notes(self.collected, self.loaded.project, self.sizes)
        if self.repeated:
            found.append(f"a run at {iso(self.as_of)} or later is committed; nothing was evaluated again")
        nobody = memberless(self.sweeping.memberless) if self.sweeping is not None else []
        loud = Staging.of(self.loaded.project).loud
        foreign = foreign_senders(self.dispatches)
        return [*([loud] if loud else []), *found, *self.unseen, *self.still, *nobody, *foreign, *self._undelivered()]

    def _undelivered(self) -> list[str]:
        return [*self.odd, *dict.fromkeys(trouble for done in self.dispatches for trouble in done.troubles)]

    def _prepare(self) -> None:
        if self.sweeping is not None:
            self.sweeping.prepare()

    def _decide(self) -> None:
        if self.sweeping is not None:
            self.sweeping.decide()

    def _collect_again(self) -> None:
        self._roll_back()
        self.collect()

    def _roll_back(self) -> None:
        with suppress(JourneyError):  # there may be no transaction any more
            self.engine.execute("ROLLBACK")

    def _guarded(self, part: Callable[[], None], *before: Callable[[], None]) -> None:
        """Do a part of the night; when its SQL fails, find the journeys at fault and begin again without them."""
        try:
            part()
        except QueryFailed as error:
            self.rules, reasons = without_culprits(self.rules, self._failure, error)
            self.broken |= reasons
            for again in (*before, part):
                again()

    def _failure(self, rules: Rules) -> str | None:
        """What the engine says when a night with these rules fails; None when it works. Nothing of it is kept."""
        trial = replace(self, broken={}, seconds={}, rules=rules)
        try:
            trial._collect_again()
            trial._prepare()
            trial._decide()
        except QueryFailed as error:
            return error.message
        return None

    def _count(self) -> None:
        found = journey_counts(self.engine, self.number)
        self.counts = {graph.journey: found.get(graph.journey, JourneyCounts()) for graph in self.rules.journeys}
        self.decided, self.held = message_counts(self.engine, self.number)
        self.still = standing_still(self.engine, self.loaded)
        self.webhooks = decided(self.engine, self.number, "webhook")

    @contextmanager
    def _rolled_back(self) -> Iterator[None]:
        """Leave no transaction open behind a failure."""
        try:
            yield
        except QueryFailed as error:
            self._roll_back()
            raise unexplained(error) from error
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = self.clock()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + (self.clock() - start).total_seconds()


@contextmanager
def begin(
    loaded: LoadedProject,
    as_of: dt.datetime,
    *,
    clock: Clock,
    accept_loss: bool = False,
    dry_run: bool = False,
    show_sql: Callable[[str], None] | None = None,
) -> Iterator[NightRun]:
    """Open the stores of a project under the run lease and finish what an earlier run committed.

    Raises JourneyError when another run is alive, a store does not fit or the project is broken.
    """
    project, rules = loaded.project, loaded.rules
    if rules is None:
        raise ProblemsFound([problem for problem in loaded.problems if problem.severity == "error"])
    if not EARLIEST <= as_of <= LATEST:
        raise JourneyError(
            f"no night can be at {iso(as_of)}", remedy="write --as-of like 2026-03-01T02:00:00Z", code="as-of"
        )
    with open_mailroom(loaded) as mailroom, mailroom.lease(LEASE, owner(), clock):
        engine = open_engine(project.engine, loaded.folder, environment=project.environment)
        try:
            pair(engine, mailroom)
            odd = []
            if not dry_run:
                odd = finish_last_run(engine, mailroom, project.fuse, loaded.file.terms)
            last = engine.rows("SELECT run, run_id, as_of, report FROM runs ORDER BY run DESC LIMIT 1")
            repeated = bool(last) and naive(as_of) <= last[0][2]
            number = (last[0][0] if last else 0) + (0 if repeated else 1)
            run_id = last[0][1] if repeated else _run_id(project.project, as_of, clock())
            if show_sql is not None:
                engine.listener = show_sql  # type: ignore[attr-defined]
            broken = {
                name: "; ".join(str(p) for p in journey.problems if p.severity == "error")
                for name, journey in loaded.journeys.items() if not journey.sound
            }  # fmt: skip
            rules, unread = with_pinned(engine, rules, loaded.renderer)
            yield NightRun(
                loaded, engine, mailroom, as_of, clock, number, run_id, repeated, accept_loss, dry_run, rules,
                broken | unread, json.loads(last[0][3] or "{}").get("sizes", {}) if last else {},
                odd=odd, unread=bool(unread),
            )  # fmt: skip
        finally:
            engine.close()


def run(
    loaded: LoadedProject,
    as_of: dt.datetime,
    *,
    clock: Clock,
    accept_loss: bool = False,
    dry_run: bool = False,
    show_sql: Callable[[str], None] | None = None,
) -> RunReport:
    """Run one night in order; what `journey run` does without a server."""
    with begin(loaded, as_of, clock=clock, accept_loss=accept_loss, dry_run=dry_run, show_sql=show_sql) as night:
        night.dispatch_before()
        night.collect()
        night.facts()
        night.sweep()
        night.commit()
        night.door()
        night.publish()
        night.dispatch()
        return night.report()


def _run_id(project: str, as_of: dt.datetime, started: dt.datetime) -> str:
    """Unique for each evaluation, so that a restored engine's run is not taken for one already loaded."""
    return f"{as_of:%Y-%m-%dT%H%M%SZ}-{identity(project, iso(as_of), iso(started))[:8]}"
