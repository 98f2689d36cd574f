"""Names as the language can say them: `Order Placed` and `orderPlaced` are `order_placed`.

A name that a journey can write and that has no capitals stays as it is, so that one event has one name whether it
comes from a file or by the front door.
"""

from __future__ import annotations

import re

LONGEST = 120
_FIT = re.compile(r"[a-z_][a-z0-9_.\-]*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OURS = re.compile(
    r"(message|reward|task)_.*|referral_(joined|flagged|approved|voided)"
    r"|webhook_delivered|stage_entered|answer_given|subscribed"
)


def known_as(name: str) -> str:
    """A name as journeys write it; empty when nothing of it can be part of one."""
    name = name.strip()
    if not _FIT.fullmatch(name):
        name = re.sub(r"[^\w]+|_+", "_", _HUMP.sub("_", name)).strip("_").lower()
        if name[:1].isdigit():
            name = f"_{name}"
    return name[:LONGEST]


def is_ours(name: str) -> bool:
    """Whether an event of this name is the engine's own to tell: what became of a message, a reward, a task ..."""
    return _OURS.fullmatch(name) is not None
