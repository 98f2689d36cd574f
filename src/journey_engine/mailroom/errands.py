"""Tasks for people that come of what customers say, where the project names a team for it.

They are given at once, and their title is words as they came: nothing of a customer's is ever taken for a template.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from journey_engine.mailroom.states import State
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import tasks
from journey_engine.mailroom.tasks import record
from journey_engine.message import header_safe
from journey_engine.records import identity

Teams = Mapping[str, str]
"""By the name of an event: the team that has to see to it."""
STEP = "front-door"
LONGEST = 200
WORDS: Mapping[str, str] = {
    "query_received": "Answer a question",
    "service_requested": "See to a request",
    "feedback_given": "Read what somebody thinks",
    "message_replied": "Answer a reply",
}
"""By event: what there is to do."""


@dataclass(frozen=True, slots=True)
class Errand:
    """An event that somebody has to see to; without a customer when nobody knows which one the `visitor` is."""

    event_id: str
    name: str
    customer_id: str | None
    properties: Mapping[str, Any]
    visitor: str | None = None

    @property
    def title(self) -> str:
        """For the list of tasks."""
        who = f"from {self.customer_id}" if self.customer_id is not None else "from a stranger"
        said = self.properties.get("subject") or self.properties.get("text") or ""
        said = header_safe(str(said))
        short = said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."
        return header_safe(f"{WORDS.get(self.name, f'See to {self.name}')} {who}") + (f": {short}" if short else "")


def run(store: Store, db: Connection, errands: Iterable[Errand], teams: Teams, at: dt.datetime) -> None:
    """Give each to its team, once."""
    names = [column.name for column in tasks.columns]
    mine = sorted((one for one in errands if one.name in teams), key=lambda one: one.event_id)
    rows = [_row(store, one, teams[one.name], at) for one in mine]
    store.insert_new(db, tasks, names, [tuple(row[name] for name in names) for row in rows])
    ids = [row["task_id"] for row in rows if row["customer_id"]]
    if ids:
        record(store, db, at, "given", list(db.execute(select(tasks).where(tasks.c.task_id.in_(ids))).all()))


def _row(store: Store, one: Errand, team: str, at: dt.datetime) -> dict[str, Any]:
    said = {name: one.properties[name] for name in ("subject", "text", "score") if name in one.properties}
    known = {
        "task_id": identity("task", one.event_id),
        "run": 0,
        "journey": str(one.properties.get("journey") or ""),
        "version": "",
        "enrollment_id": "",  # no step of a pass waits for it
        "customer_id": one.customer_id or "",
        "step": STEP,
        "occurrence": 1,
        "state": State.ACCEPTED.value,
        "try_at": store.instant(at),
        "changed_at": store.instant(at),
        "team": team,
        "title": one.title,
        "variables": json.dumps(said, ensure_ascii=False),
        "visitor": one.visitor if one.customer_id is None else None,
    }
    return dict.fromkeys((column.name for column in tasks.columns), None) | known
