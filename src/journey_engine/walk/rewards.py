"""What a reward says of itself (rule 25), and what the mailroom will tell of it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from typing import Any

from journey_engine.graph import Reward
from journey_engine.records import Decision, Event
from journey_engine.times import iso, parse_instant
from journey_engine.walk.values import plain

LETTERS = str.maketrans("0123456789abcdef", "CDFHJKMNPRTWXY47")
"""Sixteen signs that nobody takes for another and that make no words."""


def told(effect: Reward, reward_id: str, given: dt.datetime) -> dict[str, Any]:
    """The values of a reward that was given at an instant."""
    available = effect.hold.after(given) if effect.hold else given
    return {
        "program": effect.program,
        "side": effect.side,
        "amount": plain(effect.amount),
        "percent": plain(effect.percent),
        "currency": effect.currency,
        "code": effect.code or code(effect.seed, reward_id),
        "reward_id": reward_id,
        "available_at": iso(available),
        "expires_at": iso(effect.expires.after(available)) if effect.expires else None,
    }


def code(seed: str, reward_id: str) -> str:
    """A code of four times four signs, the same for the same reward whenever it is asked for."""
    text = f"{len(seed)}:{seed}{len(reward_id)}:{reward_id}"
    signs = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:16].translate(LETTERS)
    return "-".join(signs[start : start + 4] for start in range(0, 16, 4))


def happenings(reward: Decision) -> Iterator[Event]:
    """The events that a reward becomes when nobody redeems it: given, available, expired."""
    payload = reward.payload
    kept = {name: payload[name] for name in REMEMBERED if payload.get(name) is not None}
    properties = {**kept, "journey": reward.journey, "enrollment_id": reward.enrollment_id, "step": reward.step}
    instants = {"pending": iso(reward.due_at), **{name: payload[f"{at}_at"] for name, at in TIMED.items()}}
    for state, instant in instants.items():
        if instant is not None:
            event_id, name = f"{reward.decision_id}:{state}", f"reward_{state}"
            yield Event(event_id, reward.customer_id, name, parse_instant(instant), properties)


REMEMBERED = ("reward_id", "program", "side", "amount", "percent", "currency", "code", "expires_at")
TIMED = {"available": "available", "expired": "expires"}
