"""What a run's events say of referrals and vouchers: read from the engine after the commit, taken in at the door.

Deciding stays as it is: no journey knows codes. Only the events of the programs' own names that this run saw first are
read, and of customers only those that they are about.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.engines import Engine
from journey_engine.mailroom import Referred, Touch, Used
from journey_engine.mailroom.referrals import Step
from journey_engine.program import Program, Referral
from journey_engine.queries import fill, statements
from journey_engine.times import UTC

CODE_REDEEMED = "code_redeemed"
"""The event by which a shop tells that a voucher was used, with its `code`."""
PERSON = ("email", "phone", "first_name", "last_name")
CHUNK = 500


@dataclass(frozen=True, slots=True)
class _Found:
    """One event of the run."""

    event_id: str
    customer_id: str
    name: str
    at: dt.datetime
    properties: Mapping[str, Any]

    def text(self, name: str | None) -> str | None:
        """A property as text."""
        value = self.properties.get(name) if name is not None else None
        return None if value is None or isinstance(value, dict | list) else str(value)


def referred(
    engine: Engine, programs: Mapping[str, Program | None], friends: Callable[[], Collection[str]], as_of: dt.datetime
) -> Referred:
    """What the events that the run of this instant saw first say; `friends` are those who were sent before."""
    sound = [one for one in programs.values() if one is not None]
    terms = {one.program: (one, one.referral) for one in sound if one.referral is not None}
    names = {CODE_REDEEMED} if sound else set()
    for _, one in terms.values():
        names |= {name for name in (one.joins, one.qualifies, one.returned) if name is not None}
    if not names:
        return Referred()
    brought: dict[str, list[_Found]] = {name: [] for name in terms}
    later: list[_Found] = []
    used: list[Used] = []
    for event in _events(engine, names, as_of):
        for name, (_, one) in terms.items():
            if event.name == one.joins and event.text(one.code) is not None:
                brought[name].append(event)
        code = event.text("code")
        if event.name == CODE_REDEEMED and code is not None:
            used.append(Used(event.event_id, event.customer_id, event.at, code))
        elif event.name != CODE_REDEEMED:
            later.append(event)
    joined = [touch for name, (program, one) in terms.items() for touch in _joined(engine, program, one, brought[name])]
    sent = {*friends(), *(touch.friend for touch in joined)}
    mine = [event for event in later if event.customer_id in sent]
    return Referred(
        joined,
        [_step(name, event, one) for name, (_, one) in terms.items() for event in mine if event.name == one.qualifies],
        [_step(name, event, one) for name, (_, one) in terms.items() for event in mine if event.name == one.returned],
        used,
    )


def _step(program: str, event: _Found, one: Referral) -> Step:
    return Step(program, event.event_id, event.customer_id, event.at, event.text(one.same))


def _events(engine: Engine, names: Collection[str], as_of: dt.datetime) -> Iterator[_Found]:
    wanted = exp.Tuple(expressions=[x.text(name) for name in sorted(names)])
    sql = fill(statements("referring")["seen_first"], {"names": wanted, "as_of": x.stamp(as_of)})
    for rows in engine.batches(sql):
        for event_id, customer_id, name, at, properties in rows:
            yield _Found(event_id, customer_id, name, at.replace(tzinfo=UTC), json.loads(properties))


def _joined(engine: Engine, program: Program, one: Referral, events: Sequence[_Found]) -> Iterator[Touch]:
    """The touches of a program: events with the code of somebody who is known tonight."""
    digests = {event.event_id: program.digest_of(event.text(one.code) or "") for event in events}
    advocates = _advocates(engine, program, {digest for digest in digests.values() if digest is not None})
    touching = [event for event in events if digests[event.event_id] in advocates]
    ids = {event.customer_id for event in touching}
    before = _before(engine, one.qualifies, ids)
    people = _people(engine, {*ids, *advocates.values()}, {*PERSON, *one.alike})
    for event in touching:
        advocate = advocates[str(digests[event.event_id])]
        qualified = before.get(event.customer_id)
        yield Touch(
            program.program, event.event_id, event.customer_id, event.at, program.code_of(advocate), advocate,
            qualified is None or qualified >= event.at, people.get(event.customer_id, {}), people.get(advocate, {}),
        )  # fmt: skip


def _advocates(engine: Engine, program: Program, digests: Collection[str]) -> dict[str, str]:
    """Whose codes these are; one that two customers have is nobody's."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for some in _chunks(digests):
        parts = {"salt": x.text(program.salt), "digests": some}
        for customer_id, digest in engine.rows(fill(statements("referring")["advocates"], parts)):
            twice |= {digest} if digest in found else set()
            found[digest] = customer_id
    return {digest: customer_id for digest, customer_id in found.items() if digest not in twice}


def _before(engine: Engine, name: str, ids: Collection[str]) -> dict[str, dt.datetime]:
    found: dict[str, dt.datetime] = {}
    for some in _chunks(ids):
        rows = engine.rows(fill(statements("referring")["before"], {"name": x.text(name), "ids": some}))
        found |= {customer_id: at.replace(tzinfo=UTC) for customer_id, at in rows}
    return found


def _people(engine: Engine, ids: Collection[str], wanted: Collection[str]) -> dict[str, dict[str, str]]:
    """What is known of some customers tonight, as text."""
    names = sorted({*wanted} & {*engine.columns("customers")})
    if not names:
        return {}
    columns = exp.Tuple(expressions=[x.cast(x.col("c", name), "VARCHAR") for name in names])
    found: dict[str, dict[str, str]] = {}
    for some in _chunks(ids):
        for who, *values in engine.rows(fill(statements("referring")["people"], {"columns": columns, "ids": some})):
            found[who] = {name: value for name, value in zip(names, values, strict=True) if value}
    return found


def _chunks(values: Iterable[str]) -> Iterator[exp.Tuple]:
    every = sorted(values)
    for start in range(0, len(every), CHUNK):
        yield exp.Tuple(expressions=[x.text(value) for value in every[start : start + CHUNK]])
