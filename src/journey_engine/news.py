"""What others tell the mailroom, as the rooms that read it hand it over: frozen, and already fit to be kept.

Every instant is UTC, every text is free of what a store cannot hold, every id is short.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a customer did; or a visitor, when nobody has said yet who that is."""

    event_id: str
    name: str
    occurred_at: dt.datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    customer_id: str | None = None
    anonymous_id: str | None = None


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a customer, or of a visitor, since an instant. None takes a trait away."""

    told_at: dt.datetime
    values: Mapping[str, Any]
    customer_id: str | None = None
    anonymous_id: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A visitor is this customer. Not `sure`: anyone can say so; what the visitor did counts, not what they are."""

    anonymous_id: str
    customer_id: str
    sure: bool = True


News = Told | Traits | Named
