"""Whose letters and texts wait for a name: visitors whom nobody has named, sought by the addresses that they told."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import Connection, case, or_, select

from journey_engine.mailroom.tables import messages, people, visitors
from journey_engine.message import STAFF, WEBHOOK
from journey_engine.news import caller_of, visitor_of
from journey_engine.spelling import Number, spelled, spellings

ADDRESSES = ("email", "phone")
ELSEWHERE = (WEBHOOK, STAFF)
"""What leaves by these goes to no address of a customer's."""
CHUNK = 500


def addresses_of(db: Connection, customer_id: str) -> set[str]:
    """Where a customer can be reached, as far as the mailroom knows: where messages went, and what was told of them."""
    mine = case((messages.c.addressee.is_(None), messages.c.customer_id), else_=messages.c.addressee) == customer_id
    told = or_(messages.c.customer_id == customer_id, messages.c.addressee == customer_id)
    sent = select(messages.c.recipient, messages.c.address).where(told, mine, messages.c.channel.not_in(ELSEWHERE))
    found = {one for row in db.execute(sent) for one in row if one}
    for table in (people, visitors):
        for traits in db.execute(select(table.c.traits).where(table.c.customer_id == customer_id)).scalars():
            found |= _told(traits)
    return found


def at_addresses(db: Connection, addresses: Collection[str], number: Number) -> set[str]:
    """The visitors without a name who wrote from one of these addresses, or said that one is theirs."""
    forms = frozenset[str]().union(*(spellings(one, number) for one in addresses))
    if not forms:
        return set()
    nobody = visitors.c.customer_id.is_(None)
    letters = {str(visitor_of(one)) for one in (*forms, *addresses) if "@" in one}
    writers = sorted(letters | {caller_of(one) for one in forms if one.startswith("+")})
    found: set[str] = set()
    for start in range(0, len(writers), CHUNK):
        some = visitors.c.anonymous_id.in_(writers[start : start + CHUNK])
        found.update(db.execute(select(visitors.c.anonymous_id).where(nobody, some)).scalars())
    told = or_(*(visitors.c.traits.contains(f'"{name}"') for name in ADDRESSES))
    for row in db.execute(select(visitors.c.anonymous_id, visitors.c.traits).where(nobody, told)):
        if forms.intersection(spelled(one, number) for one in _told(row.traits)):
            found.add(row.anonymous_id)
    return found


def _told(traits: str) -> set[str]:
    known = json.loads(traits)
    values = (known[name][0] for name in ADDRESSES if name in known)
    return {one for one in values if isinstance(one, str) and one.strip()}
