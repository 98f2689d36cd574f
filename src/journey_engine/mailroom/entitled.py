"""Which rewards of a program with `referral` may be given: one for each side of each referral that counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, exists, select

from journey_engine.mailroom.referrals import SIDES
from journey_engine.mailroom.states import ReferralState
from journey_engine.mailroom.tables import referrals, rewards
from journey_engine.program import POOL, Program
from journey_engine.records import Decision


@dataclass(slots=True)
class Entitled:
    """Which referrals may still bring a reward, each once a side, while a run comes in."""

    db: Connection
    programs: Mapping[str, Program | None]
    open: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    def needs(self, one: Decision) -> bool:
        """Whether a reward is one of a referral."""
        program = self.programs.get(one.payload["program"])
        return program is not None and program.referral is not None and one.payload["side"] in SIDES

    def referral(self, one: Decision) -> str | None:
        """The oldest referral that this reward may be for; None when there is none."""
        key = (one.payload["program"], one.payload["side"], one.customer_id)
        if key not in self.open:
            self.open[key] = self._find(*key)
        return self.open[key][0] if self.open[key] else None

    def use(self, one: Decision) -> None:
        """It is used up."""
        del self.open[one.payload["program"], one.payload["side"], one.customer_id][0]

    def pooled(self, one: Decision) -> bool:
        """Whether the code of a reward comes from a pool."""
        program = self.programs.get(one.payload["program"])
        return program is not None and program.code == POOL

    def _find(self, name: str, side: str, customer_id: str) -> list[str]:
        program = self.programs[name]
        assert program is not None and program.referral is not None
        early = side == "friend" and program.referral.friend_on == "joined"
        states = [ReferralState.APPROVED.value, *([ReferralState.PENDING.value] if early else [])]
        given = exists().where(rewards.c.referral_id == referrals.c.referral_id, rewards.c.side == side)
        query = (
            select(referrals.c.referral_id)
            .where(referrals.c.program == name, referrals.c[side] == customer_id, referrals.c.state.in_(states), ~given)
            .order_by(referrals.c.first_touch, referrals.c.referral_id)
        )
        return list(self.db.execute(query).scalars())
