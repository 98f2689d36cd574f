"""What becomes of one reward: used, or taken back; at the word of a person or of the shop's own events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from journey_engine.errors import JourneyError
from journey_engine.mailroom.rewards import CHANGES, enter
from journey_engine.mailroom.states import RewardState
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import reward_entries, rewards


def redeem(store: Store, reward_id: str, at: dt.datetime, cause: str) -> bool:
    """A reward was used; False when this cause has done so before. Raises JourneyError when it cannot be used."""
    return _happen(store, reward_id, at, RewardState.REDEEMED, cause)


def reverse(store: Store, reward_id: str, at: dt.datetime, cause: str) -> bool:
    """A reward is taken back, used or not; False when it was before. Raises JourneyError when there is none to take."""
    return _happen(store, reward_id, at, RewardState.REVERSED, cause)


@dataclass(frozen=True, slots=True)
class Used:
    """An event by which a shop tells that a customer used the voucher of a code."""

    event_id: str
    customer_id: str
    at: dt.datetime
    code: str


def use(store: Store, db: Connection, used: Sequence[Used]) -> int:
    """Redeem what the shop says was used, each at its instant; how many. What may not be used stays as it is."""
    count = 0
    for one in sorted(used, key=lambda each: (each.at, each.event_id)):
        theirs = (func.upper(rewards.c.code) == one.code.strip().upper()) & (rewards.c.customer_id == one.customer_id)
        order = (rewards.c.expires_at.is_(None), rewards.c.expires_at, rewards.c.reward_id)
        for row in db.execute(select(rewards).where(theirs).order_by(*order).with_for_update()).all():
            state = RewardState(row.state)
            if state is RewardState.PENDING and row.available_at <= one.at:  # no dispatch has noticed it yet
                enter(store, db, [(row, row.available_at)], state, RewardState.AVAILABLE, "held")
                state = RewardState.AVAILABLE
            open_then = row.available_at <= one.at and (row.expires_at is None or one.at < row.expires_at)
            if state in (RewardState.AVAILABLE, RewardState.EXPIRED) and open_then:
                enter(store, db, [(row, one.at)], state, RewardState.REDEEMED, f"event {one.event_id}")
                count += 1
                break
    return count


def _happen(store: Store, reward_id: str, at: dt.datetime, becomes: RewardState, cause: str) -> bool:
    with store.write() as db:
        row = db.execute(select(rewards).where(rewards.c.reward_id == reward_id).with_for_update()).first()
        done = select(reward_entries.c.cause).where(
            reward_entries.c.reward_id == reward_id, reward_entries.c.kind == becomes.value
        )
        if row is not None and db.execute(done).scalars().first() == cause:
            return False
        over = row is not None and becomes is RewardState.REDEEMED and row.expires_at and row.expires_at <= at
        if row is None or over or (RewardState(row.state), becomes) not in CHANGES:
            stands = "expired" if over else row.state if row is not None else "unknown"
            raise JourneyError(
                f"the reward '{reward_id}' is {stands}, so it cannot be {becomes.value}",
                remedy="`journey mailroom` lists the rewards by program and state",
                code="reward_state",
            )
        enter(store, db, [(row, at)], RewardState(row.state), becomes, cause)
        return True
