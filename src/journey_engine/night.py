"""One evaluation from the sources to the outbox: collect, facts, sweep, commit, publish, door, dispatch.

Each step may be the last before a crash: the next run goes on from what is committed. Reads no clock of its own; the
faces pass one in.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from journey_engine.channels.registry import make_channels
from journey_engine.collect import Aside, Collected, Collector, ensure_properties, type_made_events
from journey_engine.engines import Engine, QueryFailed, open_engine
from journey_engine.errors import JourneyError
from journey_engine.graph import Emit, Graph, Message, Task
from journey_engine.links import Links
from journey_engine.load import LoadedProject
from journey_engine.mailroom import DispatchReport, Mailroom, MissedRun, dispatch
from journey_engine.records import Decision, DecisionKind, DecisionState, identity
from journey_engine.render import Renderer
from journey_engine.rules import Night, Rules
from journey_engine.sweep import Sweep, named
from journey_engine.times import UTC, iso, naive

Clock = Callable[[], dt.datetime]
LEASE = "run"


@dataclass(frozen=True, slots=True)
class JourneyCounts:
    """Passes of one journey in one run. `exited` are those that ended without converting, `finished` among them."""

    entered: int = 0
    moved: int = 0
    converted: int = 0
    exited: int = 0
    finished: int = 0


@dataclass(slots=True)
class RunReport:
    """What a run did: counts only, no personal data."""

    run_id: str
    as_of: dt.datetime
    run: int = 0
    repeated: bool = False
    journeys: dict[str, JourneyCounts] = field(default_factory=dict)
    messages: dict[str, int] = field(default_factory=dict)
    held_back: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    customers: int = 0
    events_received: int = 0
    dispatched: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class NightRun:
    """One run in its steps, in this order: dispatch_before, collect, facts, sweep, commit, publish, door, dispatch."""

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
    collected: Collected = field(default_factory=Collected)
    dispatches: list[DispatchReport] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, JourneyCounts] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    sweeping: Sweep | None = None

    def dispatch_before(self) -> DispatchReport | None:
        """Hand over what was due before this run (rule 5)."""
        return None if self.dry_run else self.dispatch("dispatch before")

    def collect(self) -> Collected:
        """Begin the transaction and take in tonight's data."""
        if self.repeated:
            return self.collected
        with self._timed("collect"):
            properties = ensure_properties(self.engine, named(self.rules))
            self.engine.execute("BEGIN TRANSACTION")
            collector = Collector(self.engine, self.loaded.project, self.loaded.folder, self.as_of)
            self.collected = collector.collected
            collector.customers(accept_loss=self.accept_loss)
            collector.events(self.mailroom.feedback())
            night = Night.of(self.number, self.as_of, self.loaded.project.cadence)
            self.sweeping = Sweep(
                self.engine, self.rules, night, self.collected.columns, properties,
                list(self.mailroom.open_enrollments(self.number)),
            )  # fmt: skip
        return self.collected

    def facts(self) -> None:
        """Compute what the conditions need."""
        if self.sweeping is not None:
            with self._timed("facts"):
                self._guarded(self.sweeping.prepare)

    def sweep(self) -> None:
        """Move, admit and decide; a journey whose SQL fails is found and set aside, the others go on."""
        if self.sweeping is not None:
            with self._timed("sweep"):
                self._guarded(lambda: self.sweeping.decide() if self.sweeping else None)
                type_made_events(self.engine, self.as_of)
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
                "set_aside": {f"{aside.source}: {aside.reason}": aside.count for aside in self._asides()},
                "notes": self._notes(), "broken": self.broken, "held_back": self.held,
            }  # fmt: skip
            self.engine.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)",
                (self.number, self.run_id, naive(self.as_of), self.collected.customers, self.collected.received,
                 json.dumps(known)),
            )  # fmt: skip
            self.engine.execute("COMMIT")

    def publish(self) -> None:
        """Put the read-only copy for the faces in place."""
        if not self.dry_run:
            with self._timed("publish"):
                self.engine.publish()

    def door(self) -> None:
        """Take the run's decisions into the mailroom, once (rule 22)."""
        if not self.dry_run:
            with self._timed("door"):
                finish_last_run(self.engine, self.mailroom)

    def dispatch(
        self, phase: str = "dispatch", on_batch: Callable[[DispatchReport], None] | None = None
    ) -> DispatchReport:
        """Hand over what is due at this run's as_of."""
        if self.dry_run:
            return DispatchReport()
        with self._timed(phase):
            report = _dispatch(self.loaded, self.mailroom, self.as_of, self.clock, on_batch)
        self.dispatches.append(report)
        return report

    def report(self) -> RunReport:
        """What this run did, for people."""
        messages = dict(self.decided) if self.dry_run else self.mailroom.counts(self.number)
        held = dict(self.held)
        for done in self.dispatches:
            for (state, reason), count in done.reasons.items():
                if state != "accepted":
                    held[reason] = held.get(reason, 0) + count
        return RunReport(
            self.run_id, self.as_of, self.number, self.repeated, self.counts,
            {} if self.repeated else {state: count for state, count in messages.items() if count},
            held, {f"{aside.source}: {aside.reason}": aside.count for aside in self._asides()},
            self._notes(), dict(self.broken), self.collected.customers, self.collected.received,
            sum(done.accepted for done in self.dispatches), self.seconds,
        )  # fmt: skip

    # --- parts ------------------------------------------------------------------------------------------------

    def _asides(self) -> list[Aside]:
        found = list(self.collected.aside)
        if self.collected.unknown_customers:
            events = self.loaded.project.events
            what = "events of customers that the customers source does not have; they wait until it does"
            found.append(Aside(str(events.path or events.table), what, self.collected.unknown_customers))
        return found

    def _notes(self) -> list[str]:
        notes = [str(aside) for aside in self._asides()]
        if self.collected.corrected:
            notes.append(
                f"{self.collected.corrected} events came again with other content; the newest counts in conditions"
            )
        if self.collected.default_zone:
            zone = self.loaded.project.timezone
            notes.append(f"{self.collected.default_zone} customers have no zone, or an unknown one: {zone} is used")
        if self.repeated:
            notes.append(f"a run at {iso(self.as_of)} or later is committed; nothing was evaluated again")
        notes += [trouble for done in self.dispatches for trouble in done.troubles]
        return notes

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do a part of the night; when its SQL fails, find the journeys that make it fail and go on without them."""
        try:
            work()
        except QueryFailed as error:
            self.engine.execute("ROLLBACK")
            culprits = self._culprits(self.rules.journeys)
            if not culprits:
                raise
            for graph in culprits:
                self.broken[graph.journey] = f"{graph.file}: its SQL failed: {error.message}"
            names = {graph.journey for graph in culprits}
            self.rules = replace(
                self.rules,
                journeys=tuple(g for g in self.rules.journeys if g.journey not in names),
                pinned=tuple(g for g in self.rules.pinned if g.journey not in names),
            )
            self._again()

    def _culprits(self, journeys: Sequence[Graph]) -> list[Graph]:
        """The journeys that fail on their own, by halves; an empty list when nothing fails without them either."""
        if not journeys or not self._fails(journeys):
            return []
        if len(journeys) == 1:
            return list(journeys)
        middle = len(journeys) // 2
        return [*self._culprits(journeys[:middle]), *self._culprits(journeys[middle:])]

    def _fails(self, journeys: Sequence[Graph]) -> bool:
        """Whether a night with only these journeys fails; it is rolled back either way."""
        trial = replace(
            self, dry_run=True, broken={}, seconds={}, rules=replace(self.rules, journeys=tuple(journeys), pinned=())
        )
        try:
            trial._again()
        except QueryFailed:
            return True
        finally:
            self.engine.execute("ROLLBACK")
        return False

    def _again(self) -> None:
        """The night up to the commit, without guarding."""
        self.collect()
        if self.sweeping is not None:
            self.sweeping.prepare()
            self.sweeping.decide()

    def _count(self) -> None:
        rows = self.engine.rows(COUNTS, (self.number,) * 5)
        found = {journey: JourneyCounts(*map(int, counts)) for journey, *counts in rows}
        self.counts = {graph.journey: found.get(graph.journey, JourneyCounts()) for graph in self.rules.journeys}
        states = self.engine.rows(
            "SELECT state, count(*) FROM decisions WHERE run = ? AND kind = 'message' GROUP BY state", (self.number,)
        )
        self.decided = {str(state): int(count) for state, count in states}
        reasons = self.engine.rows(
            "SELECT reason, count(*) FROM decisions WHERE run = ? AND kind = 'message' AND state <> 'pending' GROUP BY reason",
            (self.number,),
        )
        self.held = {str(reason): int(count) for reason, count in reasons}

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = self.clock()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + (self.clock() - start).total_seconds()


COUNTS = """
SELECT journey, sum(entered), sum(moved), sum(converted), sum(exited), sum(finished) FROM (
    SELECT journey, CAST(run = ? AS INTEGER) AS entered, 0 AS moved, CAST(coalesce(goal_run = ?, FALSE) AS INTEGER) AS converted,
        CAST(coalesce(closed_run = ? AND state IN ('exited', 'finished'), FALSE) AS INTEGER) AS exited,
        CAST(coalesce(closed_run = ? AND state = 'finished', FALSE) AS INTEGER) AS finished
    FROM enrollments
    UNION ALL
    SELECT e.journey, 0, 1, 0, 0, 0
    FROM (SELECT DISTINCT enrollment_id FROM transitions WHERE run = ? AND reason <> 'entered') AS t
    JOIN enrollments AS e ON e.enrollment_id = t.enrollment_id
) GROUP BY journey
"""


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
        raise JourneyError("project.yaml must be mended first", remedy="see `journey validate`", code="invalid")
    with open_mailroom(loaded) as mailroom, mailroom.lease(LEASE, _owner(), clock):
        engine = open_engine(project.engine, loaded.folder, environment=project.environment)
        try:
            _pair(engine, mailroom)
            if not dry_run:
                finish_last_run(engine, mailroom)
            last = engine.rows("SELECT run, run_id, as_of FROM runs ORDER BY run DESC LIMIT 1")
            repeated = bool(last) and naive(as_of) <= last[0][2]
            number = (last[0][0] if last else 0) + (0 if repeated else 1)
            run_id = last[0][1] if repeated else _run_id(project.project, as_of, clock())
            if show_sql is not None:
                engine.listener = show_sql  # type: ignore[attr-defined]
            broken = {
                name: "; ".join(str(p) for p in journey.problems if p.severity == "error")
                for name, journey in loaded.journeys.items() if not journey.sound
            }  # fmt: skip
            yield NightRun(
                loaded, engine, mailroom, as_of, clock, number, run_id, repeated, accept_loss, dry_run,
                with_pinned(engine, rules, loaded.renderer), broken,
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
        night.publish()
        night.door()
        night.dispatch()
        return night.report()


def deliver(
    loaded: LoadedProject, as_of: dt.datetime, *, clock: Clock,
    on_batch: Callable[[DispatchReport], None] | None = None,
) -> DispatchReport:  # fmt: skip
    """Hand over what is due at an instant; many may do so at once."""
    with open_mailroom(loaded) as mailroom:
        return _dispatch(loaded, mailroom, as_of, clock, on_batch)


def recover(loaded: LoadedProject, *, clock: Clock) -> list[int]:
    """Pair a restored mailroom with the engine and take the runs it misses in as `unsure` (rule 22)."""
    with open_mailroom(loaded) as mailroom, mailroom.lease(LEASE, _owner(), clock):
        engine = open_engine(loaded.project.engine, loaded.folder, environment=loaded.project.environment)
        try:
            engine.execute("DELETE FROM meta WHERE name = 'mailroom_id'")
            _pair(engine, mailroom)
            rows = engine.rows(
                "SELECT run, run_id, as_of FROM runs WHERE run > ? ORDER BY run", (mailroom.last_loaded(),)
            )
            missed = [MissedRun(r, i, a.replace(tzinfo=UTC), list(decisions_of(engine, r))) for r, i, a in rows]
            return [result.run for result in mailroom.recover(missed)]
        finally:
            engine.close()


def open_mailroom(loaded: LoadedProject) -> Mailroom:
    """The mailroom of a project; a relative SQLite path starts at the project's folder."""
    project = loaded.project
    return Mailroom.open(mailroom_url(project.mailroom, loaded.folder), environment=project.environment)


def mailroom_url(url: str, folder: Path) -> str:
    """The mailroom's database URL with a relative SQLite path made absolute."""
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/"):
        return prefix + str((folder / url.removeprefix(prefix)).absolute())
    return url


def finish_last_run(engine: Engine, mailroom: Mailroom) -> None:
    """Load the last committed run at the door, if a crash kept it out; loading again changes nothing."""
    last = engine.rows("SELECT run, run_id, as_of FROM runs ORDER BY run DESC LIMIT 1")
    if last:
        number, run_id, as_of = last[0]
        mailroom.load_run(number, run_id, as_of.replace(tzinfo=UTC), decisions_of(engine, number))


def decisions_of(engine: Engine, number: int) -> Iterator[Decision]:
    """What a committed run decided, in the order of the decisions' ids."""
    for rows in engine.batches(
        f"SELECT * FROM decisions WHERE run = {int(number)} AND kind <> 'set' ORDER BY decision_id"
    ):
        for row in rows:
            yield Decision(
                decision_id=row[0], kind=DecisionKind(row[1]), run=row[2], journey=row[3], version=row[4],
                enrollment_id=row[5], customer_id=row[6], step=row[7], occurrence=row[8], state=DecisionState(row[9]),
                reason=row[10], due_at=row[11].replace(tzinfo=UTC), reached_at=row[12].replace(tzinfo=UTC),
                payload=json.loads(row[13]),
            )  # fmt: skip


def with_pinned(engine: Engine, rules: Rules, renderer: Renderer | None) -> Rules:
    """Add the older versions that passes of live journeys still stand in (rule 20), and the values they name."""
    current = {(graph.journey, graph.version) for graph in rules.journeys}
    live = {graph.journey for graph in rules.journeys}
    rows = engine.rows(
        "SELECT DISTINCT v.journey, v.version, v.graph FROM versions AS v "
        "SEMI JOIN enrollments AS e ON e.journey = v.journey AND e.version = v.version AND (e.state = 'open' OR e.goal_at IS NULL) "
        "ORDER BY 1, 2"
    )
    pinned = tuple(
        Graph.model_validate_json(text)
        for name, version, text in rows
        if name in live and (name, version) not in current
    )
    values = dict(rules.values)
    for graph in pinned:
        for node in graph.nodes:
            match node:
                case Emit(effect=Message(template=template)) if template not in values and renderer is not None:
                    values[template] = (
                        renderer.variables(template) if template in renderer.library.names else frozenset()
                    )
                case Emit(effect=Task(title=title)) if title not in values and renderer is not None:
                    values[title] = renderer.line_variables(title)
                case _:
                    pass
    return replace(rules, pinned=pinned, values=values)


def _dispatch(
    loaded: LoadedProject, mailroom: Mailroom, as_of: dt.datetime, clock: Clock,
    on_batch: Callable[[DispatchReport], None] | None,
) -> DispatchReport:  # fmt: skip
    project = loaded.project
    graphs = loaded.rules.journeys if loaded.rules is not None else ()
    named_channels = {
        node.effect.channel
        for graph in graphs for node in graph.nodes if isinstance(node, Emit) and isinstance(node.effect, Message)
    }  # fmt: skip
    channels = make_channels(
        sorted({project.channels.default, "file", *named_channels}), project.channels, project.sender, loaded.folder
    )
    links = Links(project.public_url, mailroom.link_keys, mailroom.link_key)
    renderer = Renderer(loaded.folder / "templates", project.sender, links)
    return dispatch(mailroom, as_of, channels, renderer, clock=clock, on_batch=on_batch, owner=_owner())


def _pair(engine: Engine, mailroom: Mailroom) -> None:
    """Both stores know each other: a copy of one of them must not send what the original sends (rule 22)."""
    known = engine.rows("SELECT value FROM meta WHERE name = 'mailroom_id'")
    if not known:
        engine.execute("INSERT INTO meta VALUES ('mailroom_id', ?)", (mailroom.store_id,))
    elif known[0][0] != mailroom.store_id:
        raise JourneyError(
            "the engine belongs to another mailroom than the one that project.yaml names",
            remedy="restore the mailroom that belongs to it; when it is lost for good, `journey mailroom recover` takes "
            "its runs in as unsure, so that nothing is sent twice",
            code="other-mailroom",
        )


def _owner() -> str:
    return f"{socket.gethostname()} process {os.getpid()}"


def _run_id(project: str, as_of: dt.datetime, started: dt.datetime) -> str:
    """Unique for each evaluation, so that a restored engine's run is not taken for one already loaded."""
    return f"{as_of:%Y-%m-%dT%H%M%SZ}-{identity(project, iso(as_of), iso(started))[:8]}"


__all__ = ["JourneyCounts", "NightRun", "RunReport", "begin", "deliver", "recover", "run"]
