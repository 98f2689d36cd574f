"""The door (rule 22): the decisions of a run come in together with its number, in one transaction, once.

What has an id that is already here stays as it is, so that a restored engine which decides the same again
sends nothing twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, func, insert, select, update

from journey_engine.errors import JourneyError
from journey_engine.mailroom import redeeming, referrals
from journey_engine.mailroom.addresses import in_words_of_sql
from journey_engine.mailroom.entitled import Entitled
from journey_engine.mailroom.fuse import Fuse, blown, silent, usual
from journey_engine.mailroom.holds import Hold, HoldKind, put
from journey_engine.mailroom.intake import Load, LoadResult
from journey_engine.mailroom.plain_letters import Told
from journey_engine.mailroom.referrals import Referred
from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import in_state, loaded_runs, messages
from journey_engine.program import Program
from journey_engine.records import Decision


@dataclass(frozen=True, slots=True)
class MissedRun:
    """A run that the engine committed and the mailroom does not have."""

    run: int
    run_id: str
    as_of: dt.datetime
    decisions: Iterable[Decision]
    programs: Mapping[str, Program | None] = field(default_factory=dict)
    referred: Callable[[], Referred] = Referred  # what its events say of referrals; asked for once it is sure to be new
    rows: Iterable[Sequence[Told]] = ()  # decisions as the engine keeps them, in batches: most need no record


def last_loaded(store: Store) -> int:
    """The newest run in the mailroom; 0 when none."""
    with store.read() as db:
        return int(db.execute(select(func.coalesce(func.max(loaded_runs.c.run), 0))).scalar_one())


def load_run(store: Store, run: MissedRun, fuse: Fuse | None = None) -> LoadResult:
    """Take a run in; a fuse that blows holds it in the same transaction.

    Raises JourneyError when runs before it are missing.
    """
    with store.write() as db:
        newest = db.execute(select(func.coalesce(func.max(loaded_runs.c.run), 0))).scalar_one()
        if run.run > newest + 1:
            raise JourneyError(
                f"the mailroom knows the runs up to {newest}, and this is run {run.run}: it was "
                "restored from an older copy, or is not the mailroom of this engine",
                remedy="`journey mailroom recover` takes the missing runs in as unsure: none is sent blindly",
                code="mailroom_behind",
            )
        result = _take(store, db, run, unsure=False)
        return result if result.already or fuse is None else _guarded(db, run, result, fuse)


def _guarded(db: Connection, run: MissedRun, result: LoadResult, fuse: Fuse) -> LoadResult:
    count = result.messages.get(State.PENDING.value, 0)
    median, empty = usual(db, run.run)
    held = blown(fuse, count, median)
    if held is not None:
        put(db, Hold(HoldKind.RUN, str(run.run), held, run.as_of))
    return replace(result, held=held, silent=silent(fuse, count, median, empty))


def recover(store: Store, runs: Iterable[MissedRun], now: dt.datetime | None = None) -> list[LoadResult]:
    """Take missing runs in as `unsure`, oldest first, each in its own transaction.

    What was due in the copy by `now` may have left since it was made, and becomes unsure too.
    """
    if now is not None:
        with store.write() as db:
            _doubt(db, now)
    done = []
    for run in sorted(runs, key=lambda one: one.run):
        with store.write() as db:
            done.append(_take(store, db, run, unsure=True))
    return done


def _doubt(db: Connection, now: dt.datetime) -> None:
    due = update(messages).where(in_state(State.PENDING), messages.c.try_at <= now)
    went = in_words_of_sql()
    db.execute(due.values(state=State.UNSURE.value, reason="recovered", changed_at=now, address=went))


def _take(store: Store, db: Connection, run: MissedRun, *, unsure: bool) -> LoadResult:
    # A restored engine may number another run the same: its run_id differs, and what it newly decided
    # must not be lost.
    known = select(loaded_runs.c.run).where(loaded_runs.c.run == run.run, loaded_runs.c.run_id == run.run_id)
    if db.execute(known).first() is not None:
        return LoadResult(run.run, already=True)
    load = Load(store, db, run.as_of, unsure)
    for batch in run.rows:
        load.take_rows(batch)
    for decision in run.decisions:
        load.take(decision)
    referred = run.referred()
    referrals.take(store, db, referred, run.programs, run.as_of)
    redeeming.use(store, db, referred.used)
    result = load.finish(run.run, Entitled(db, run.programs))
    db.execute(
        insert(loaded_runs),
        {
            "run": run.run, "run_id": run.run_id, "as_of": run.as_of, "decisions": load.decisions,
            "messages": result.messages.get(State.PENDING.value, 0),
        },
    )  # fmt: skip
    return result
