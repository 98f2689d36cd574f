"""Mistakes put into the fixed SQL of the sweep, each a plausible slip; the plain reading must tell the difference."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from journey_engine.queries import statements


@dataclass(frozen=True, slots=True)
class Slip:
    """In one statement of `sql/<file>.sql` some words stand for others."""

    name: str
    file: str
    statement: str
    right: str
    wrong: str

    def put(self, patch: pytest.MonkeyPatch) -> None:
        """Make the mistake."""
        whole = statements(self.file)
        found = whole[self.statement]
        assert self.right in found, (
            f"{self.file}.{self.statement} has changed: let '{self.name}' name words that it has"
        )
        patch.setitem(whole, self.statement, found.replace(self.right, self.wrong))


SLIPS: tuple[Slip, ...] = (
    Slip("a timeout is noticed a night too late", "sweep", "stepped", "deadline <= as_of", "deadline < horizon"),
    Slip("an event passes the wait at its own instant, before the arrival", "sweep", "stepped",
         "greatest(found_at, reached_at)", "found_at"),
    Slip("the newest awaited event counts", "sweep", "found", "BY m.occurred_at,", "BY m.occurred_at DESC,"),
    Slip("effects happen in the past", "sweep", "stepped", "greatest(n.as_of, f.reached_at)", "f.reached_at"),
    Slip("a gate ahead of the run is read again behind an effect", "sweep", "asked_gates", " AND NOT f.emitted", ""),
    Slip("exit_when closes at the run and not at its event", "sweep", "endings", "leave.instant, n.as_of", "n.as_of"),
    Slip("what ended has its messages sent all the same", "sweep", "cancel_endings", "d.state IS NOT NULL", "FALSE"),
    Slip("the hours begin a day later", "sweep", "hours", "CAST(reading AS DATE) + hour_from",
         "CAST(reading AS DATE) + 1 + hour_from"),
    Slip("occurrences are considered again", "entering", "fresh",
         "ANTI JOIN considered AS c ON c.journey = v.journey AND c.customer_id = v.customer_id AND c.key = v.key", ""),
    Slip("of missed firings the oldest counts", "entering", "fresh", "v.instant DESC", "v.instant"),
    Slip("re-entry after a length counts from the exit", "entering", "admitted_first", "p.entered_at + to_months",
         "coalesce(p.closed_at, p.entered_at) + to_months"),
    Slip("lists begin with the oldest events", "payloads", "listed_events", "m.occurred_at DESC, m.event_id DESC",
         "m.occurred_at, m.event_id"),
    Slip("the first of several assignments counts", "payloads", "newest_overlays", "due_at DESC", "due_at"),
    Slip("corrected events keep their first content", "collect", "outdate_events",
         "SET newest = (e.revision = c.revision)", "SET newest = (e.revision = 1)"),
    Slip("a cap lets one more through", "caps", "judged", "count(*) >= p.at_most", "count(*) > p.at_most"),
    Slip("priority works the other way round", "caps", "chosen", "c.priority DESC", "c.priority"),
    Slip("what did not go out counts", "caps", "sendings",
         "ANTI JOIN unsent AS u ON u.decision_id = c.decision_id", ""),
    Slip("of several ways the last is tried first", "ways", "ways_taken", "v.lacks, v.place", "v.lacks, v.place DESC"),
    Slip("conditions forget whom time takes out", "affected", "affected", "e.newest AND ({aged})", "FALSE"),
    Slip("conditions forget whose dates come into reach", "affected", "affected", "WHERE {dated}", "WHERE FALSE"),
    Slip("conditions forget whose passes moved", "affected", "affected", "WHERE {passed}", "WHERE FALSE"),
    Slip("conditions forget whose events came in", "affected", "affected", "e.received_at >= {last} AND",
         "FALSE AND"),
    Slip("conditions forget who changed", "affected", "affected", "SELECT customer_id FROM changed_customers",
         "SELECT customer_id FROM changed_customers WHERE FALSE"),
    Slip("the lowest rank is decided together with the first", "caps", "chosen", "r.place = 1", "r.place < 3"),
)  # fmt: skip
