"""One evaluation from the sources to the outbox: collect, facts, sweep, commit, door, publish, dispatch.

Reads no clock of its own; the faces pass one in.
"""

from journey_engine.night.customers import Erased, erase_customer, export_customer
from journey_engine.night.delivery import deliver, deliver_beside
from journey_engine.night.reporting import COUNTS, Group, JourneyCounts, RunReport, groups, held_back, journey_counts
from journey_engine.night.running import NightRun, begin, run
from journey_engine.night.stores import decisions_of, finish_last_run, mailroom_url, open_mailroom, recover
from journey_engine.night.versions import as_ran, with_pinned

__all__ = [
    "COUNTS",
    "Erased",
    "Group",
    "JourneyCounts",
    "NightRun",
    "RunReport",
    "as_ran",
    "begin",
    "decisions_of",
    "deliver",
    "deliver_beside",
    "erase_customer",
    "export_customer",
    "finish_last_run",
    "groups",
    "held_back",
    "journey_counts",
    "mailroom_url",
    "open_mailroom",
    "recover",
    "run",
    "with_pinned",
]
