"""A provider's words as they may stand in a report: without what belongs to the customer."""

from __future__ import annotations

import re

from journey_engine.errors import visible
from journey_engine.message import Outgoing, header_safe

_ADDRESS = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")
_NUMBER = re.compile(r"\+?\d[\d ().-]{6,}\d")
LONGEST = 300


def impersonal(words: str, message: Outgoing, *secrets: str) -> str:
    """The words without secrets, the addressee, the message, and whatever looks like an address or a phone number."""
    told = (message.to, message.intended, message.to_name, message.rendered.subject, message.rendered.text.strip())
    return nameless(words, *secrets, *told)


def nameless(words: str, *own: str | None) -> str:
    """The words without those that are given, and without whatever looks like an address or a phone number."""
    for one in own:
        if one and len(one) > 1:
            words = words.replace(one, "...")
    words = _NUMBER.sub("...", addressless(words))
    return visible(header_safe(words))[:LONGEST]


def addressless(words: str) -> str:
    """The words without whatever looks like an address; numbers stay, as those of servers and of kinds of errors."""
    return _ADDRESS.sub("...", words)
