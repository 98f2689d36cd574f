"""What others tell by the front door: kept in one transaction, so that whoever was answered can forget it.

What a customer did is an event of the next night; what a visitor did waits until somebody says who that is. Twice the
same id is one event. Traits are kept beside the customers, each with the instant it was told: the newest counts,
whatever the order they come in.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, select, update

from journey_engine.mailroom import errands
from journey_engine.mailroom.errands import Errand, Teams
from journey_engine.mailroom.marks import is_erased
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import FEEDBACK, feedback, people, tasks, visitors, visits
from journey_engine.news import CALLER, WRITER, Named, News, Told, Traits
from journey_engine.times import iso

KEPT = dt.timedelta(days=90)
"""How long what a visitor did waits for a name."""
MOST_TRAITS = 200
"""Of one person: a client that makes up names as it goes must not grow a row without end."""
CHUNK = 5_000
_VISITS = [column.name for column in visits.columns]

Known = dict[str, list[Any]]
"""Traits as they are kept: name to [value, the instant it was told]."""


def take(store: Store, news: Sequence[News], at: dt.datetime, teams: Teams) -> None:
    """Keep everything, or nothing; `teams` see to what has their name."""
    with store.write() as db:
        hear(store, db, news, at, teams)


def hear(store: Store, db: Connection, news: Sequence[News], at: dt.datetime, teams: Teams) -> None:
    """The same within a transaction.

    Rows are touched in one order, so that two who tell the same at once do not wait for each other for ever.
    """
    taking = _Taking(store, db, at, news)
    for one in news:
        taking.one(one)
    taking.finish()
    kept = {event_id: str(row[1]) for event_id, row in taking.events.items()}
    kept |= dict.fromkeys((one.event_id for one in taking.waiting), "")
    told = [one for one in news if isinstance(one, Told) and one.event_id in kept]
    mine = [
        Errand(one.event_id, one.name, kept[one.event_id] or None, one.properties, one.anonymous_id) for one in told
    ]
    errands.run(store, db, mine, teams, at)


class _Taking:
    """The rows of one transaction, in the order in which they were told."""

    def __init__(self, store: Store, db: Connection, at: dt.datetime, news: Sequence[News]) -> None:
        self.store, self.db, self.at = store, db, at
        asked = sorted({one.anonymous_id for one in news if one.anonymous_id is not None})
        self.visitors = {one: _Visitor.of(row) for one, row in self._locked(visitors, "anonymous_id", asked).items()}
        self.events: dict[str, tuple[Any, ...]] = {}
        self.waiting: list[Told] = []
        self.traits: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        self.erased: dict[str, bool] = {}

    def one(self, one: News) -> None:
        """Take one piece of news."""
        match one:
            case Told():
                known = self.visitors[one.anonymous_id].customer_id if one.anonymous_id is not None else None
                who = one.customer_id or known
                if who is None:
                    self.waiting.append(one)
                elif not self._is_erased(who):
                    self._event(one, who)
            case Traits():
                visitor = self.visitors[one.anonymous_id] if one.anonymous_id is not None else None
                who = one.customer_id or (visitor.customer_id if visitor is not None and visitor.sure else None)
                if who is not None and not self._is_erased(who):
                    self.traits.setdefault(who, []).append((iso(one.told_at), one.values))
                elif who is None and visitor is not None:
                    merge(visitor.traits, iso(one.told_at), one.values)
            case Named() if not self._is_erased(one.customer_id):
                self._name(one)

    def _is_erased(self, customer_id: str) -> bool:
        """Of somebody who was erased nothing new is kept."""
        if customer_id not in self.erased:
            self.erased[customer_id] = is_erased(self.db, customer_id)
        return self.erased[customer_id]

    def _event(self, one: Told, who: str) -> None:
        told = _json(one.properties)
        row = (one.event_id, who, one.name, self.store.instant(one.occurred_at), told)
        self.events.setdefault(one.event_id, row)

    def _name(self, one: Named) -> None:
        """From now on they are one; what waited is the customer's, and what was told before stays where it is.

        A key that anyone can read names no visitor anew, and nobody who wrote a letter: their address can be guessed.
        """
        visitor = self.visitors[one.anonymous_id]
        taken = visitor.sure and visitor.customer_id not in (None, one.customer_id)
        if not one.sure and (taken or one.anonymous_id.startswith((WRITER, CALLER))):
            return
        visitor.customer_id, visitor.sure = one.customer_id, one.sure
        mine = [told for told in self.waiting if told.anonymous_id == one.anonymous_id]
        self.waiting = [told for told in self.waiting if told.anonymous_id != one.anonymous_id]
        for told in mine:
            self._event(told, one.customer_id)
        waited = visits.c.anonymous_id == one.anonymous_id
        for row in self.db.execute(select(visits).where(waited).order_by(visits.c.event_id)):
            kept = (row.event_id, one.customer_id, row.name, self.store.instant(row.occurred_at), row.properties)
            self.events.setdefault(row.event_id, kept)
        self.db.execute(delete(visits).where(waited))
        to_do = update(tasks).where(tasks.c.visitor == one.anonymous_id, tasks.c.customer_id == "")
        self.db.execute(to_do.values(customer_id=one.customer_id, visitor=None))
        if one.sure and visitor.traits:
            for name, (value, told_at) in visitor.traits.items():
                self.traits.setdefault(one.customer_id, []).append((told_at, {name: value}))
            visitor.traits = {}

    def finish(self) -> None:
        """Write it all."""
        told = sorted(self.events.values())
        self.store.insert_new(self.db, feedback, FEEDBACK, told)
        now = self.store.instant(self.at)
        late = [
            (one.event_id, one.anonymous_id, one.name, self.store.instant(one.occurred_at), _json(one.properties), now)
            for one in sorted(self.waiting, key=lambda one: one.event_id)
        ]
        self.store.insert_new(self.db, visits, _VISITS, late)
        self._write_visitors()
        self._write_people()
        let_go(self.db, self.at)

    def _write_visitors(self) -> None:
        rows = [
            {"id_": one, "who": v.customer_id, "said": v.sure, "told": _json(v.traits), "now": self.at}
            for one, v in sorted(self.visitors.items())
        ]
        if rows:
            changed = update(visitors).where(visitors.c.anonymous_id == bindparam("id_"))
            values = {"customer_id": "who", "sure": "said", "traits": "told", "updated_at": "now"}
            self.db.execute(changed.values({name: bindparam(word) for name, word in values.items()}), rows)

    def _write_people(self) -> None:
        rows = []
        for customer_id, row in self._locked(people, "customer_id", sorted(self.traits)).items():
            known: Known = json.loads(row.traits)
            for told_at, values in self.traits[customer_id]:
                merge(known, told_at, values)
            rows.append({"id_": customer_id, "told": _json(known), "now": self.at})
        if rows:
            changed = update(people).where(people.c.customer_id == bindparam("id_"))
            self.db.execute(changed.values(traits=bindparam("told"), updated_at=bindparam("now")), rows)

    def _locked(self, table: Table, key: str, ids: Sequence[str]) -> dict[str, Row[Any]]:
        """The rows of these ids, made where they are missing, nobody else's until this transaction ends."""
        empty = {"customer_id": None, "sure": False, "traits": "{}", "updated_at": self.store.instant(self.at)}
        names = [column.name for column in table.columns]
        made = [tuple({**empty, key: one}[name] for name in names) for one in ids]
        self.store.insert_new(self.db, table, names, made)
        found: dict[str, Row[Any]] = {}
        for start in range(0, len(ids), 500):
            mine = table.c[key].in_(ids[start : start + 500])
            rows = self.db.execute(select(table).where(mine).order_by(table.c[key]).with_for_update())
            found |= {str(getattr(row, key)): row for row in rows}
        return found


class _Visitor:
    """Who a visitor is, as this transaction goes on."""

    def __init__(self, customer_id: str | None, sure: bool, traits: Known) -> None:
        self.customer_id, self.sure, self.traits = customer_id, sure, traits

    @classmethod
    def of(cls, row: Row[Any]) -> _Visitor:
        """From its row."""
        return cls(row.customer_id, bool(row.sure), json.loads(row.traits))


def merge(known: Known, told_at: str, values: Mapping[str, Any]) -> None:
    """Take in traits that were told at an instant; of the same instant the later word counts."""
    for name, value in values.items():
        if name in known and _when(told_at) < _when(known[name][1]):
            continue
        if name in known or len(known) < MOST_TRAITS:
            known[name] = [value, told_at]


def _when(told_at: str) -> dt.datetime:
    return dt.datetime.fromisoformat(told_at)


def let_go(db: Connection, at: dt.datetime) -> None:
    """What waited for a name in vain waits no longer."""
    old = at - KEPT
    db.execute(delete(visits).where(visits.c.received_at < old))
    db.execute(delete(visitors).where(visitors.c.updated_at < old, visitors.c.customer_id.is_(None)))


def all_people(store: Store) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everyone who was identified, in order, with what is known of them."""
    last = ""
    while True:
        query = select(people).where(people.c.customer_id > last).order_by(people.c.customer_id).limit(CHUNK)
        with store.read() as db:
            found = db.execute(query).all()
        for row in found:
            known: Known = json.loads(row.traits)
            yield row.customer_id, {name: value for name, (value, _) in known.items() if value is not None}
        if len(found) < CHUNK:
            return
        last = found[-1].customer_id


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
