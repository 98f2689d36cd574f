"""The mailroom: what was decided, what became of it, and who may not be written to.

Takes decisions in through one door, once a run; hands messages to channels, each claimed before it is
sent; gives back what happened as events. Never opens the engine's store.
"""

from journey_engine.mailroom.consents import Said, Word
from journey_engine.mailroom.dispatch import FOREIGN_SENDER, DispatchReport, asleep, dispatch
from journey_engine.mailroom.door import MissedRun
from journey_engine.mailroom.fuse import Fuse
from journey_engine.mailroom.gauges import Gauges
from journey_engine.mailroom.holds import Hold, HoldKind
from journey_engine.mailroom.inbox import STANDINGS, Todo
from journey_engine.mailroom.intake import LoadResult
from journey_engine.mailroom.limits import Limits
from journey_engine.mailroom.listing import Group, Listed
from journey_engine.mailroom.mailroom import Mailroom
from journey_engine.mailroom.pauses import Pause
from journey_engine.mailroom.plain_letters import Told, decision_of
from journey_engine.mailroom.redeeming import Used
from journey_engine.mailroom.referral_words import Sent
from journey_engine.mailroom.referrals import Referred, Touch
from journey_engine.mailroom.rewards import Balance
from journey_engine.mailroom.staging import Staging
from journey_engine.mailroom.standing import Standing
from journey_engine.mailroom.states import (
    ENDED_BY,
    MEANING,
    REFERRAL_MEANING,
    REWARD_MEANING,
    ReferralState,
    RewardState,
    State,
)
from journey_engine.mailroom.waiting_codes import Brought

__all__ = [
    "ENDED_BY",
    "FOREIGN_SENDER",
    "MEANING",
    "REFERRAL_MEANING",
    "REWARD_MEANING",
    "STANDINGS",
    "Balance",
    "Brought",
    "DispatchReport",
    "Fuse",
    "Gauges",
    "Group",
    "Hold",
    "HoldKind",
    "Limits",
    "Listed",
    "LoadResult",
    "Mailroom",
    "MissedRun",
    "Pause",
    "ReferralState",
    "Referred",
    "RewardState",
    "Said",
    "Sent",
    "Staging",
    "Standing",
    "State",
    "Todo",
    "Told",
    "Touch",
    "Used",
    "Word",
    "asleep",
    "decision_of",
    "dispatch",
]
