"""Letters from customers: a reply belongs to the message it answers and to its pass, any other to whoever wrote it.

Who writes from an address that no message went to is a visitor, whose letters wait for a name.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from sqlalchemy import Connection, Row, select

from journey_engine.mailroom import addresses, claim
from journey_engine.mailroom.errands import Teams
from journey_engine.mailroom.marks import is_erased
from journey_engine.mailroom.notices import CHUNK, LETTER
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import heard, messages
from journey_engine.mailroom.told import hear
from journey_engine.message import WEBHOOK
from journey_engine.news import Letter, Told, visitor_of

REPLIED, ASKED = "message_replied", "query_received"
_OURS = re.compile(r"([0-9a-f]{32})@.+")


def take(store: Store, letter: Letter, teams: Teams, at: dt.datetime) -> str:
    """Keep a letter; the name of the event that it became, with `unknown` behind it for a stranger's."""
    with store.write() as db:
        answered = _answered(db, letter)
        told: dict[str, Any] = {"subject": letter.subject, "text": letter.text}
        event_id = f"letter:{letter.letter_id}"
        if answered is not None:
            known = (answered.recipient or "").lower() == letter.sender
            about = claim.properties_of(answered) | told | {"from_recipient": known}
            news = Told(event_id, REPLIED, at, about, answered.customer_id)
        else:
            who = _customer(db, letter.sender)
            visitor = None if who is not None else visitor_of(letter.sender)
            news = Told(event_id, ASKED, at, {**told, "by": "letter"}, who, visitor)
        hear(store, db, [news], at, teams)
    return news.name if news.customer_id is not None else f"{news.name} unknown"


def _answered(db: Connection, letter: Letter) -> Row[Any] | None:
    """The message that it answers: by the address that this message alone gave, by the Message-ID that we gave it, or
    that its provider told us of.

    Who was erased and writes again is a stranger: nothing joins their letter to what was.
    """
    ours = {found[1]: place for place, one in enumerate(letter.answers) if (found := _OURS.fullmatch(one))}
    places: dict[str, int] = {**ours, **({letter.proven: -1} if letter.proven is not None else {})}
    query = select(heard).where(heard.c.kind == LETTER, heard.c.key.in_(letter.answers[:CHUNK]))
    for row in db.execute(query):
        places.setdefault(row.message_id, letter.answers.index(row.key))
    rows = db.execute(select(messages).where(messages.c.message_id.in_(places), messages.c.channel != WEBHOOK)).all()
    rows = [row for row in rows if not any(is_erased(db, who) for who in {row.customer_id, claim.reader(row)})]
    return min(rows, key=lambda row: places[row.message_id], default=None)


def _customer(db: Connection, address: str) -> str | None:
    """Whoever was last written to at an address."""
    row = addresses.newest(db, address)
    return None if row is None else claim.reader(row)
