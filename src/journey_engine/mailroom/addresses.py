"""Where messages went: by its `address` a message is found again when something comes from there.

An email address in small letters, written when the message is claimed; a phone number as its provider was given it,
written when it has left, since numbers in the data lack their country.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, select

from journey_engine.mailroom.tables import messages
from journey_engine.message import SMS, STAFF, WEBHOOK

NO_LETTERS = (SMS, STAFF, WEBHOOK)
"""Channels whose recipient is no email address of a customer."""


def of_letter(channel: str, recipient: str | None) -> str | None:
    """The address of a letter; None for what is none."""
    return None if channel in NO_LETTERS or recipient is None else recipient.strip().lower()


def plain(recipient: str | None) -> bool:
    """Whether SQL makes the same of it as we do: to SQLite only ASCII has small letters, and only spaces are space."""
    return recipient is None or (recipient.isascii() and recipient.isprintable())


def in_words_of_sql() -> ColumnElement[Any]:
    """The same for rows of `messages` that are `plain`, what they have where they are no letters."""
    no_letter = messages.c.channel.in_(NO_LETTERS)
    return case((no_letter, messages.c.address), else_=func.lower(func.trim(messages.c.recipient)))


def sent_to(address: str) -> Select[Any]:
    """The messages that went to an address, the newest first, by the index that is made for it."""
    newest = (messages.c.changed_at.desc(), messages.c.message_id)
    return select(messages).where(messages.c.address == address).order_by(*newest)


def newest(db: Connection, address: str) -> Row[Any] | None:
    """The last message that went to an address."""
    return db.execute(sent_to(address).limit(1)).first()
