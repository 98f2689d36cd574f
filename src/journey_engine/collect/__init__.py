"""Tonight's data into the engine: customers as they stand, and the ledger of every event ever seen.

Rows that cannot be taken are set aside and counted with the first place; a source that cannot be trusted stops the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from journey_engine.collect.asked import Asked, asked_by
from journey_engine.collect.changes import READ, stands
from journey_engine.collect.customers import take_customers
from journey_engine.collect.events import Again, nothing_more, take_events
from journey_engine.collect.ledger import ensure_properties, load_zones, type_made_events, tzdata_version
from journey_engine.collect.people import Person
from journey_engine.collect.source import Aside, Collected, Incoming
from journey_engine.collect.tables import take_tables
from journey_engine.records import Event

__all__ = [
    "READ",
    "Aside",
    "Asked",
    "Collected",
    "Collector",
    "Person",
    "asked_by",
    "ensure_properties",
    "load_zones",
    "type_made_events",
    "tzdata_version",
]


class Collector(Incoming):
    """Reads the sources of one project into one engine, for one run: customers, then events."""

    def customers(
        self, people: Iterable[Person] = (), *, accept_loss: bool = False, asked: Asked | None = None
    ) -> None:
        """Load tonight's customers with what the front door was told of people.

        Raises JourneyError for a source that cannot be trusted (rule 10).

        With `asked` they are there for one question, and may have no other attributes than it looks at.
        """
        take_customers(self, people, accept_loss=accept_loss, only=None if asked is None else asked.attributes)

    def events(
        self, feedback: Iterable[Event] = (), *, accept_loss: bool = False, asked: Asked | None = None,
        again: Again = nothing_more,
    ) -> None:  # fmt: skip
        """Take new events of the source and of the mailroom into the ledger (rules 2 and 22).

        `feedback` may leave out what the ledger has: `again` tells some of it once more, by ids.
        With `asked`, in an engine in memory that has none yet, only those that one question looks at.
        """
        take_events(self, feedback, accept_loss=accept_loss, asked=asked, again=again)

    def tables(self, needed: Mapping[str, Collection[str] | None], *, accept_loss: bool = False) -> None:
        """Read what tonight may look up: tables with the columns that are named, None for all of them."""
        take_tables(self, needed, accept_loss=accept_loss)

    def stands(self, people: Iterable[Person] = ()) -> bool:
        """Whether the sources say what the last run took in; then `collected` tells of its customers."""
        return stands(self, list(people))

    def keep_roster(self) -> None:
        """Remember who was there, for the next run's check."""
        self.run("leave_roster", "join_roster")
