"""What a run did, in counts: the record that every face prints, and the query behind it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from journey_engine.collect import Collected
from journey_engine.engines import Engine
from journey_engine.load import LoadedProject
from journey_engine.mailroom import FOREIGN_SENDER, DispatchReport
from journey_engine.project import Project
from journey_engine.rules import Rules
from journey_engine.sweep import event_names

SHRUNK = 0.5  # a file of less than this part of its size in the last run is told of


@dataclass(frozen=True, slots=True)
class JourneyCounts:
    """Passes of one journey in one run. `exited` are those that ended without converting, `finished` among them."""

    entered: int = 0
    moved: int = 0
    converted: int = 0
    exited: int = 0
    finished: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """The passes of one journey that were held out, that were not, or that drew one arm, and how many converted.

    Each as assigned, and counted from its entry to the end of its goal's window. Who is held out is in no arm.
    """

    journey: str
    group: str
    passes: int
    converted: int


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
    undelivered: list[str] = field(default_factory=list)  # what kept messages from leaving, a line for each kind
    seconds: dict[str, float] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    webhooks: dict[str, int] = field(default_factory=dict)


GROUPS = """
SELECT journey, part, count(*), count(goal_at) FROM (
    SELECT e.journey, CASE WHEN e.held_out THEN 'held out' ELSE 'not held out' END AS part, e.goal_at
    FROM enrollments AS e
    JOIN (SELECT DISTINCT journey FROM enrollments WHERE held_out) AS h ON h.journey = e.journey
    UNION ALL
    SELECT e.journey, replace(s.step, 'arm/', 'arm ') AS part, e.goal_at
    FROM pass_steps AS s
    JOIN enrollments AS e ON e.enrollment_id = s.enrollment_id
    WHERE s.step LIKE 'arm/%' AND NOT e.held_out
) AS w
GROUP BY journey, part
ORDER BY journey, part
"""

COUNTS = """
SELECT journey, sum(entered), sum(moved), sum(converted), sum(exited), sum(finished) FROM (
    SELECT journey, CAST(run = ? AS INTEGER) AS entered, 0 AS moved,
        CAST(coalesce(goal_run = ?, FALSE) AS INTEGER) AS converted,
        CAST(coalesce(closed_run = ? AND state IN ('exited', 'finished'), FALSE) AS INTEGER) AS exited,
        CAST(coalesce(closed_run = ? AND state = 'finished', FALSE) AS INTEGER) AS finished
    FROM enrollments
    UNION ALL
    SELECT e.journey, 0, 1, 0, 0, 0
    FROM (SELECT DISTINCT enrollment_id FROM transitions WHERE run = ? AND reason <> 'entered') AS t
    JOIN enrollments AS e ON e.enrollment_id = t.enrollment_id
) AS w GROUP BY journey
"""


def notes(collected: Collected, project: Project, before: Mapping[str, int]) -> list[str]:
    """What people should know of tonight's data; `before` is how big the files of its sources were in the last run."""
    found = [str(aside) for aside in collected.aside]
    if collected.ahead is not None:
        found.append(str(collected.ahead))
    found += [
        f"{path} has shrunk from {before[path]:,} to {size:,} bytes since the last run; if that is wrong, export it "
        "again: what was taken before stays, what is missing now comes late (`expects: rows` stops such a night)"
        for path, size in collected.sizes.items() if size < before.get(path, 0) * SHRUNK
    ]  # fmt: skip
    if collected.corrected:
        events = "event" if collected.corrected == 1 else "events"
        found.append(f"{collected.corrected} {events} came again with other content; the newest counts in conditions")
    if collected.default_zone:
        who = "customer has" if collected.default_zone == 1 else "customers have"
        found.append(f"{collected.default_zone} {who} no zone, or an unknown one: {project.timezone} is used")
    return found


def foreign_senders(dispatches: Iterable[DispatchReport]) -> list[str]:
    """How many letters left in the project's name because whom the data name may not write in its place."""
    count = sum(done.reasons.get(("accepted", FOREIGN_SENDER), 0) for done in dispatches)
    if not count:
        return []
    letters = "letter" if count == 1 else "letters"
    return [
        f"{count} {letters} left in the project's name: whom the customers' data name is of a domain that "
        "`sender: own: domains:` does not have, or has no address; `journey preview` shows it for one customer"
    ]


def standing_still(engine: Engine, loaded: LoadedProject) -> list[str]:
    """Which passes no run moves, because their journey is paused, a draft or no longer in the project (rule 20)."""
    status = {one.name: one.journey.status for one in loaded.journeys.values() if one.journey is not None}
    known = status.keys() | {one.name for one in loaded.journeys.values()}
    told = {"paused": "is paused", "draft": "is a draft"}
    gone = "is no longer in the project"
    found = []
    for journey, count in engine.rows(
        "SELECT journey, count(*) FROM enrollments WHERE state = 'open' GROUP BY journey ORDER BY journey"
    ):
        why = told.get(status.get(journey, ""), "") if journey in known else gone
        if why:
            found.append(f"{journey} {why}: {count} pass{'es' * (count != 1)} stand{'s' * (count == 1)} still")
    return found


def asked_anew(engine: Engine, rules: Rules, *, every: bool) -> dict[str, list[str]]:
    """The events that journeys ask about which are new or changed, with those journeys; `every`: all of them.

    Looking for an event that is not there reads the whole ledger on some engines: not in every night.
    """
    known: dict[str, str] = dict(engine.rows("SELECT journey, version FROM journeys"))
    found: dict[str, list[str]] = {}
    for graph in rules.journeys:
        for name in event_names(graph) if every or known.get(graph.journey) != graph.version else ():
            found.setdefault(name, []).append(f"journey {graph.journey}")
    for one in rules.definitions if every or not known else ():
        for name in event_names(one.predicate) if one.of == "segment" else ():  # stages come with a cycle
            found.setdefault(name, []).append(f"segment {one.name}")
    return found


def memberless(counts: Mapping[str, int]) -> list[str]:
    """The journeys for members whose turn came to customers that have none (rule 27)."""
    return [
        f"journey {journey}: {'1 customer has' if count == 1 else f'{count} customers have'} no members, so nothing "
        "began there; members name their account in `account_id`, and `audience` can leave out who is no account"
        for journey, count in counts.items()
    ]


def journey_counts(engine: Engine, run: int) -> dict[str, JourneyCounts]:
    """The counts of every journey that did something in a run."""
    rows = engine.rows(COUNTS, (run,) * 5)
    return {journey: JourneyCounts(*map(int, counts)) for journey, *counts in rows}


def groups(engine: Engine) -> list[Group]:
    """Who was held out and who drew which arm, over all runs, for every journey that has either."""
    return [Group(journey, part, int(passes), int(goals)) for journey, part, passes, goals in engine.rows(GROUPS)]


def held_back(decided: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """What a run held back, by reason: as it decided, and as its messages stand in the mailroom now.

    The mailroom holds what was decided too, but for what a cap put off.
    """
    return {why: max(decided.get(why, 0), now.get(why, 0)) for why in sorted({*decided, *now})}


def decided(engine: Engine, run: int, kind: str) -> dict[str, int]:
    """The decisions of one kind, messages or webhooks, that a run made, by state."""
    states = engine.rows("SELECT state, count(*) FROM decisions WHERE run = ? AND kind = ? GROUP BY state", (run, kind))
    return {str(state): int(count) for state, count in states}


def message_counts(engine: Engine, run: int) -> tuple[dict[str, int], dict[str, int]]:
    """The messages that a run decided by state, and those not to be sent, or put off by a cap, by reason."""
    reasons = engine.rows(
        "SELECT reason, count(*) FROM (SELECT reason FROM decisions "
        "WHERE run = ? AND kind = 'message' AND state <> 'pending' UNION ALL "
        "SELECT reason FROM transitions WHERE run = ? AND reason LIKE 'cap:%' AND to_node IS NOT NULL) AS w "
        "GROUP BY reason",
        (run, run),
    )
    return decided(engine, run, "message"), {str(reason): int(count) for reason, count in reasons}
