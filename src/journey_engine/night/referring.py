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
from journey_engine.mailroom import Brought, Referred, Sent, Touch, Used
from journey_engine.mailroom.referrals import LATE, Step, referral_id
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
    engine: Engine, programs: Mapping[str, Program | None], already: Callable[[], Sent], as_of: dt.datetime
) -> Referred:
    """What the events that the run of this instant saw first say; `already` tells who was sent before.

    Files come late, and in any order: of who joins tonight or does what a referral is for, what was seen of them in
    earlier runs is told again.
    """
    sound = [one for one in programs.values() if one is not None]
    terms = {one.program: (one, one.referral) for one in sound if one.referral is not None}
    names = {CODE_REDEEMED} if sound else set()
    for _, one in terms.values():
        names |= {name for name in (one.joins, one.qualifies, one.returned) if name is not None}
    if not names:
        return Referred()
    before, since = already(), _since(engine)
    brought = [one for one in before.waiting if one.program in terms]
    later: list[_Found] = []
    used: list[Used] = []
    for event in _events(engine, "seen_first", names, as_of):
        for name, (_, one) in terms.items():
            code = event.text(one.code)
            if event.name == one.joins and code is not None and event.at >= since:
                brought.append(Brought(name, event.event_id, event.customer_id, event.at, code))
        code = event.text("code")
        if event.name == CODE_REDEEMED and code is not None:
            used.append(Used(event.event_id, event.customer_id, event.at, code))
        elif event.name != CODE_REDEEMED:
            later.append(event)
    joined: list[Touch] = []
    unknown: list[Brought] = []
    for name, (program, one) in terms.items():
        found, waits = _joined(engine, program, one, [each for each in brought if each.program == name])
        joined, unknown = joined + found, unknown + waits
    mine = [event for event in later if _was_sent(event.customer_id, before)]
    friends = {touch.friend for touch in joined if touch.new} | {event.customer_id for event in mine}
    mine = _with_earlier(engine, mine, friends, names - {CODE_REDEEMED}, as_of)
    return Referred(
        joined,
        [_step(name, event, one) for name, (_, one) in terms.items() for event in mine if event.name == one.qualifies],
        [_step(name, event, one) for name, (_, one) in terms.items() for event in mine if event.name == one.returned],
        used, unknown,
    )  # fmt: skip


def _since(engine: Engine) -> dt.datetime:
    """Since when friends count: whom somebody sent before the engine began, the shop itself has thanked."""
    began = engine.rows(statements("referring")["began"])[0][0]
    return dt.datetime.min.replace(tzinfo=UTC) if began is None else began.replace(tzinfo=UTC) - LATE


def _was_sent(customer_id: str, before: Sent) -> bool:
    return customer_id in before.friends or (bool(before.erased) and referral_id(customer_id) in before.erased)


def _with_earlier(
    engine: Engine, found: Sequence[_Found], friends: Collection[str], names: Collection[str], as_of: dt.datetime
) -> list[_Found]:
    """These events with all that the run of an instant knew of these friends."""
    every = {event.event_id: event for event in found}
    for ids in _chunks(friends):
        every |= {event.event_id: event for event in _events(engine, "known_of", names, as_of, ids)}
    return list(every.values())


def _step(program: str, event: _Found, one: Referral) -> Step:
    return Step(program, event.event_id, event.customer_id, event.at, event.text(one.same))


def _events(
    engine: Engine, statement: str, names: Collection[str], as_of: dt.datetime, ids: exp.Tuple | None = None
) -> Iterator[_Found]:
    wanted = exp.Tuple(expressions=[x.text(name) for name in sorted(names)])
    parts = {"names": wanted, "as_of": x.stamp(as_of), **({} if ids is None else {"ids": ids})}
    for rows in engine.batches(fill(statements("referring")[statement], parts)):
        for event_id, customer_id, name, at, properties in rows:
            yield _Found(event_id, customer_id, name, at.replace(tzinfo=UTC), json.loads(properties))


def _joined(
    engine: Engine, program: Program, one: Referral, brought: Sequence[Brought]
) -> tuple[list[Touch], list[Brought]]:
    """The touches of a program, where both are known tonight; and what waits for that, spelt like a code."""
    digests = {each.event_id: program.digest_of(each.code) for each in brought}
    advocates = _advocates(engine, program, {digest for digest in digests.values() if digest is not None})
    ids = {each.friend for each in brought}
    before = _before(engine, one.qualifies, ids)
    people = _people(engine, {*ids, *advocates.values()}, {*PERSON, *one.alike})
    found: list[Touch] = []
    waits: list[Brought] = []
    for each in brought:
        digest = digests[each.event_id]
        advocate = advocates.get(digest) if digest is not None else None
        if advocate is None or each.friend not in people:
            waits += [each] if digest is not None else []
            continue
        qualified = before.get(each.friend)
        found.append(Touch(
            program.program, each.event_id, each.friend, each.at, program.code_of(advocate), advocate,
            qualified is None or qualified >= each.at, people[each.friend], people.get(advocate, {}),
        ))  # fmt: skip
    return found, waits


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
    """Which customers are known tonight, with what is known of them, as text."""
    names = sorted({*wanted} & {*engine.columns("customers")})
    columns = [x.col("c", "customer_id"), *(x.cast(x.col("c", name), "VARCHAR") for name in names)]
    found: dict[str, dict[str, str]] = {}
    for some in _chunks(ids):
        parts = {"columns": exp.Tuple(expressions=columns), "ids": some}
        for who, *values in engine.rows(fill(statements("referring")["people"], parts)):
            found[who] = {name: value for name, value in zip(names, values, strict=True) if value}
    return found


def _chunks(values: Iterable[str]) -> Iterator[exp.Tuple]:
    every = sorted(values)
    for start in range(0, len(every), CHUNK):
        yield exp.Tuple(expressions=[x.text(value) for value in every[start : start + CHUNK]])
