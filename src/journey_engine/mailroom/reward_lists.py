"""The rewards as people ask for them: in lists, by name, counted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select, true, union

from journey_engine.errors import JourneyError
from journey_engine.mailroom.rewards import ENDED
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import referrals, rewards


@dataclass(frozen=True, slots=True)
class ListedReward:
    """One reward in a list."""

    reward_id: str
    program: str
    side: str
    customer_id: str
    amount: Decimal
    currency: str
    state: str
    reason: str | None
    code: str
    referral_id: str | None
    given_at: dt.datetime
    available_at: dt.datetime
    expires_at: dt.datetime | None


def listed(
    store: Store, *, state: str | None = None, program: str | None = None, customer: str | None = None, limit: int = 100
) -> list[ListedReward]:
    """Rewards, the newest first."""
    wanted = {"state": state, "program": program, "customer_id": customer}
    columns = [rewards.c[name] for name in ListedReward.__slots__]
    terms = [rewards.c[name] == value for name, value in wanted.items() if value is not None]
    query = select(*columns).where(*terms).order_by(rewards.c.given_at.desc(), rewards.c.reward_id).limit(limit)
    with store.read() as db:
        return [ListedReward(**row._asdict()) for row in db.execute(query)]


def named(store: Store, word: str, customer: str | None = None) -> str:
    """The reward of an id, of its first signs, or of a code. Raises JourneyError where that is none, or several."""
    chosen = (rewards.c.reward_id == word) | (func.upper(rewards.c.code) == word.strip().upper())
    if len(word) >= 4:
        chosen |= rewards.c.reward_id.startswith(word, autoescape=True)
    mine = rewards.c.customer_id == customer if customer is not None else true()
    query = select(rewards.c.reward_id).where(chosen, mine, rewards.c.state.not_in(ENDED)).limit(2)
    with store.read() as db:
        found = list(db.execute(query).scalars())
    if len(found) == 1:
        return str(found[0])
    raise JourneyError(
        f"several rewards are called '{word}'" if found else f"there is no reward '{word}'",
        remedy="`journey rewards` lists them" + ("; say whose: --customer C" if found else " with ids and codes"),
        code="no_reward",
    )


def rewarded(store: Store) -> list[str]:
    """Everybody whom a reward or a referral names."""
    columns = (rewards.c.customer_id, referrals.c.advocate, referrals.c.friend)
    query = union(*(select(column) for column in columns))
    with store.read() as db:
        return sorted(db.execute(query).scalars())


def counts(store: Store) -> dict[tuple[str, str, str], int]:
    """How many rewards each (program, state, reason or nothing) has."""
    keys = (rewards.c.program, rewards.c.state, func.coalesce(rewards.c.reason, ""))
    with store.read() as db:
        return {(row[0], row[1], row[2]): row[3] for row in db.execute(select(*keys, func.count()).group_by(*keys))}
