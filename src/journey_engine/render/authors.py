"""Who a letter is from: the customer's own salesperson, when what the data say of them may be used (`sender: own`).

The data choose nobody outside the domains that the project names, and put nothing into a header.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from journey_engine.message import Author, is_address
from journey_engine.project import Sender

LONGEST_NAME = 120
_NOT_IN_A_NAME = frozenset('@<>"')


def author_of(sender: Sender | None, values: Mapping[str, Any], topic: str | None) -> tuple[Author | None, str | None]:
    """Who writes in the sender's place, or None with why not; no reason where nobody is named."""
    own = sender.own if sender is not None else None
    if sender is None or own is None or (own.topics is not None and topic not in own.topics):
        return None, None
    email = _text(values, own.email)
    if email is None:
        return None, None
    if not (email.isascii() and is_address(email)):
        return None, f"{own.email} is no address that letters can be from"
    domain = email.rpartition("@")[2].lower()
    if domain not in sender.may_speak:
        return None, f"{own.email} is of {domain}; `sender: own: domains:` names {', '.join(sorted(sender.may_speak))}"
    name = _text(values, own.name) if own.name is not None else None
    return Author(name if name is not None and _fit(name) else sender.name, email), None


def paths_of(sender: Sender, topic: str) -> frozenset[str]:
    """The values that tell who a letter of a topic is from."""
    own = sender.own
    if own is None or (own.topics is not None and topic not in own.topics):
        return frozenset()
    return frozenset(path for path in (own.email, own.name) if path is not None)


def _fit(name: str) -> bool:
    """Whether it is a name: not too long, no line breaks, nothing that reads like another address."""
    return (
        len(name) <= LONGEST_NAME
        and _NOT_IN_A_NAME.isdisjoint(name)
        and not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in _TURNS for sign in name)
    )


_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # change the direction of what follows


def _text(values: Mapping[str, Any], path: str) -> str | None:
    """The text at a dotted path without spaces around it; None for what is missing, empty or no text."""
    root, _, name = path.partition(".")
    inner = values.get(root)
    value = inner.get(name) if isinstance(inner, Mapping) else None
    return (value.strip(" ") or None) if isinstance(value, str) else None
