"""Pools of codes (`code: pool`): codes that somebody else made, such as a till, each given to one reward.

A reward whose pool is empty waits for its code, and so does what tells of it: no letter leaves without its code. Until
then the reward's own code stands in the values of letters, tasks and webhooks, where nothing else can look like it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, update

from journey_engine.mailroom.states import RewardState
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import pool_codes, rewards

AGAIN = dt.timedelta(minutes=10)
CHUNK = 500
ALIVE = (RewardState.PENDING.value, RewardState.AVAILABLE.value)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a list of codes: new ones, those that were here, rewards that got one, and what is left."""

    added: int
    known: int
    given: int
    left: int


def load(store: Store, program: str, codes: Iterable[str], at: dt.datetime) -> Loaded:
    """Put codes into a program's pool and give them to the rewards that wait, the oldest first."""
    wanted = list(dict.fromkeys(codes))
    instant = store.instant(at)
    with store.write() as db:
        rows = [(program, code, None, instant, number) for number, code in enumerate(wanted)]
        added = store.insert_new(db, pool_codes, [column.name for column in pool_codes.columns], rows)
        given = fill(db)
        return Loaded(added, len(wanted) - added, given.get(program, 0), _left(db, program))


def left(store: Store, program: str) -> int:
    """How many codes of a program nobody has."""
    with store.read() as db:
        return _left(db, program)


def _left(db: Connection, program: str) -> int:
    free = (pool_codes.c.program == program) & pool_codes.c.reward_id.is_(None)
    return int(db.execute(select(func.count()).where(free)).scalar_one())


def short(store: Store) -> dict[str, int]:
    """The programs whose pool is empty while rewards wait, with how many do."""
    with store.read() as db:
        waiting = select(rewards.c.program, func.count()).where(_waiting()).group_by(rewards.c.program)
        return {row[0]: row[1] for row in db.execute(waiting)}


def fill_all(store: Store) -> None:
    """Give a code to every reward that waits for one."""
    with store.read() as db:
        waits = db.execute(select(rewards.c.reward_id).where(_waiting()).limit(1)).first() is not None
    if waits:
        with store.write() as db:
            fill(db)


def fill(db: Connection) -> dict[str, int]:
    """The same inside a transaction; how many of each program got one."""
    waiting = select(rewards.c.reward_id, rewards.c.program).where(_waiting())
    ordered = waiting.order_by(rewards.c.given_at, rewards.c.reward_id).with_for_update(skip_locked=True)
    by_program: dict[str, list[str]] = defaultdict(list)
    for reward_id, program in db.execute(ordered):
        by_program[program].append(reward_id)
    given = {}
    for program, ids in by_program.items():
        free = (pool_codes.c.program == program) & pool_codes.c.reward_id.is_(None)
        oldest = select(pool_codes.c.code).where(free).order_by(pool_codes.c.added_at, pool_codes.c.place)
        codes = list(db.execute(oldest.limit(len(ids)).with_for_update(skip_locked=True)).scalars())
        for reward_id, code in zip(ids, codes, strict=False):
            mine = (pool_codes.c.program == program) & (pool_codes.c.code == code)
            db.execute(update(pool_codes).where(mine, pool_codes.c.reward_id.is_(None)).values(reward_id=reward_id))
            db.execute(update(rewards).where(rewards.c.reward_id == reward_id, _waiting()).values(code=code))
        given[program] = len(codes)
    return given


def _waiting() -> Any:
    return (rewards.c.code == "") & rewards.c.placeholder.is_not(None) & rewards.c.state.in_(ALIVE)


# what tells of rewards


@dataclass(frozen=True, slots=True)
class Worded:
    """Rows with the codes written into their values; those that wait for one, id to program; those that get none."""

    rows: list[Row[Any]]
    waiting: Mapping[str, str] = field(default_factory=dict)
    gone: Collection[str] = ()


def write_in(db: Connection, table: Table, rows: Sequence[Row[Any]]) -> Worded:
    """Write the codes of rewards from pools into the values of messages or tasks that name them."""
    (key,) = table.primary_key.columns
    named = {getattr(row, key.name): set(reward_ids(row.variables)) for row in rows if '"reward_id"' in row.variables}
    codes: dict[str, Row[Any]] = {}
    every = sorted({reward for some in named.values() for reward in some})
    for start in range(0, len(every), CHUNK):
        some = rewards.c.reward_id.in_(every[start : start + CHUNK])
        found = db.execute(select(rewards).where(some, rewards.c.placeholder.is_not(None)))
        codes |= {row.reward_id: row for row in found}
    waiting: dict[str, str] = {}
    gone: set[str] = set()
    changed = []
    for row in rows:
        row_id = getattr(row, key.name)
        mine = [codes[one] for one in named.get(row_id, ()) if one in codes]
        text = row.variables
        for one in mine:
            if one.code:
                text = text.replace(one.placeholder, json.dumps(one.code)[1:-1])
            elif one.state in ALIVE:
                waiting[row_id] = one.program
            else:
                gone.add(row_id)
        if text != row.variables:
            db.execute(update(table).where(key == row_id).values(variables=text))
            changed.append(row_id)
    if not changed:
        return Worded(list(rows), waiting, gone)
    anew = {getattr(row, key.name): row for row in db.execute(select(table).where(key.in_(changed)))}
    return Worded([anew.get(getattr(row, key.name), row) for row in rows], waiting, gone)


def reward_ids(variables: str) -> Iterator[str]:
    """The rewards that values name, for which `step.<id>.reward_id` goes along."""
    values = json.loads(variables)
    steps = values.get("step") if isinstance(values, dict) else None
    for step in steps.values() if isinstance(steps, dict) else ():
        if isinstance(step, dict) and isinstance(step.get("reward_id"), str):
            yield step["reward_id"]
