"""The states of a message and of a task (rule 23): each with its meaning and the command that ends it."""

from __future__ import annotations

from enum import StrEnum


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
