"""Text messages from customers: STOP and START are their word about this way of reaching them, all else they say to us.

A text names no message that it answers. It is of the last one that went to its number, when that is not long ago.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from journey_engine.mailroom import addresses, claim, consents
from journey_engine.mailroom.consents import Said, Word
from journey_engine.mailroom.errands import Teams
from journey_engine.mailroom.letters import ASKED, REPLIED
from journey_engine.mailroom.notices import KEPT, TEXT
from journey_engine.mailroom.standing import UNSUBSCRIBED
from journey_engine.mailroom.store import Store
from journey_engine.mailroom.tables import heard
from journey_engine.mailroom.told import hear
from journey_engine.message import SMS
from journey_engine.news import Text, Told, caller_of

ANSWERS_WITHIN = dt.timedelta(days=7)
SOURCE = "text message"
AGAIN = "again"


def take(store: Store, text: Text, teams: Teams, at: dt.datetime) -> str:
    """Keep a text, once; the name of the event that it became, with `unknown` behind it for a stranger's."""
    with store.write() as db:
        if not _new(store, db, text, at):
            return AGAIN
        reached = db.execute(addresses.sent_to(text.sender)).all()
        if text.asks is not None:
            word = Word.UNSUBSCRIBED if text.asks == "stop" else Word.SUBSCRIBED
            return _word(store, db, text, word, reached, at)
        news = _said(text, reached[0] if reached else None, at)
        hear(store, db, [news], at, teams)
    return news.name if news.customer_id is not None else f"{news.name} unknown"


def _new(store: Store, db: Connection, text: Text, at: dt.datetime) -> bool:
    """Whether nobody has told it before: an old STOP must not undo a later START."""
    db.execute(heard.delete().where(heard.c.kind == TEXT, heard.c.heard_at < at - KEPT[TEXT]))
    row = (TEXT, text.text_id, None, store.instant(at))
    return bool(store.insert_new(db, heard, [column.name for column in heard.columns], [row]))


def _word(store: Store, db: Connection, text: Text, word: Word, reached: Sequence[Row[Any]], at: dt.datetime) -> str:
    """The word of everybody who was reached at this number: it is the number that wants no more."""
    newest: dict[str, str] = {}
    for row in reached:
        newest.setdefault(claim.reader(row), row.message_id)
    for who, message_id in sorted(newest.items()):
        consents.say(store, db, Said(who, word, channel=SMS, source=SOURCE, message_id=message_id), at)
    if newest:
        return word.value
    if word is Word.UNSUBSCRIBED:  # it waits for a name, and ends text messages then
        stop = Told(_id(text), UNSUBSCRIBED, at, {"channel": SMS, "by": SMS}, None, caller_of(text.sender))
        hear(store, db, [stop], at, {})
    return f"{word.value} unknown"


def _said(text: Text, last: Row[Any] | None, at: dt.datetime) -> Told:
    told: dict[str, Any] = {"text": text.text, **({"media": text.media} if text.media else {})}
    if last is None:
        return Told(_id(text), ASKED, at, {**told, "by": SMS}, None, caller_of(text.sender))
    if last.changed_at < at - ANSWERS_WITHIN:
        return Told(_id(text), ASKED, at, {**told, "by": SMS}, claim.reader(last))
    about = claim.properties_of(last) | told | {"from_recipient": True}
    return Told(_id(text), REPLIED, at, about, last.customer_id)


def _id(text: Text) -> str:
    return f"text:{text.text_id}"
