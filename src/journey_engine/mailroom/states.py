"""The states of a message, a task (rule 23) and a reward: each with its meaning, and the command that ends it."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class State(StrEnum):
    """Where a message stands. Every change is guarded by the state it leaves."""

    PENDING = "pending"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNSURE = "unsure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    WITHHELD = "withheld"


MEANING: dict[State, str] = {
    State.PENDING: "to be handed over when it is due",
    State.CLAIMED: "a dispatcher has it in hand right now",
    State.ACCEPTED: "the channel has taken it",
    State.REFUSED: "it could not be worded, or the channel will never take it",
    State.UNSURE: "it may have gone out: nobody answered, and it is not sent again blindly",
    State.CANCELLED: "taken back before it went out: its pass ended, or somebody cancelled it",
    State.SKIPPED: "deliberately not sent: too late, no address, unsubscribed, or the template said so",
    State.WITHHELD: "not sent because the customer is held out for comparison",
}


class RewardState(StrEnum):
    """Where a reward stands. Every change is an entry of the ledger, and guarded by the state it leaves."""

    PENDING = "pending"
    AVAILABLE = "available"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    REVERSED = "reversed"
    REFUSED = "refused"
    SKIPPED = "skipped"
    WITHHELD = "withheld"


REWARD_MEANING: dict[RewardState, str] = {
    RewardState.PENDING: "given, and held until it may be used",
    RewardState.AVAILABLE: "may be used",
    RewardState.REDEEMED: "was used",
    RewardState.EXPIRED: "was not used in time",
    RewardState.REVERSED: "was taken back",
    RewardState.REFUSED: "not given: the budget or the cap has no room for it, there is no referral that it is for, or "
    "the customer was erased",
    RewardState.SKIPPED: "not given: its program is gone",
    RewardState.WITHHELD: "not given because the customer is held out for comparison",
}


class ReferralState(StrEnum):
    """Where a referral stands: who was sent by whom, and whether it counts."""

    PENDING = "pending"
    FLAGGED = "flagged"
    APPROVED = "approved"
    VOIDED = "voided"


REFERRAL_MEANING: dict[ReferralState, str] = {
    ReferralState.PENDING: "the friend has come, and has not done yet what it is for",
    ReferralState.FLAGGED: "both look like one person; a person must look: `journey rewards approve`, or `void`",
    ReferralState.APPROVED: "it counts: each side may have its reward",
    ReferralState.VOIDED: "it counts no more, or never did; what was given for it is taken back",
}

ENDED_BY: dict[State, str | None] = {
    State.PENDING: "journey dispatch (or: journey mailroom cancel)",
    State.CLAIMED: "journey dispatch takes over what a dead dispatcher held",
    State.ACCEPTED: None,
    State.REFUSED: "journey mailroom retry, once the cause is mended",
    State.UNSURE: "journey mailroom accept, retry or cancel",
    State.CANCELLED: None,
    State.SKIPPED: None,
    State.WITHHELD: None,
}


class Collecting(IntEnum):
    """Whether a night has still to read what happened; nothing is kept of what a ledger has."""

    DUE = 1
    IN_HAND = 2


COLLECTING_MEANING: dict[Collecting, str] = {
    Collecting.DUE: "it is new or says something else since a night read it",
    Collecting.IN_HAND: "a night has read it, and did not say yet that its ledger has it",
}
