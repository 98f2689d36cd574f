"""What others tell: kept once, in one transaction, and given to whom it belongs once somebody says who that is."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from journey_engine.mailroom import Mailroom
from journey_engine.mailroom.told import MOST_TRAITS
from journey_engine.news import Named, News, Told, Traits
from tests.mailroom.house import NOW

HOUR = dt.timedelta(hours=1)


def did(number: int, *, by: str | None = None, visitor: str | None = None, **properties: Any) -> Told:
    return Told(f"segment:m{number}", "page_viewed", NOW, properties, by, visitor)


def events(mailroom: Mailroom) -> dict[str, str]:
    return {one.event_id.removeprefix("segment:"): one.customer_id for one in mailroom.feedback()}


def test_news_is_kept_once_and_given_to_whom_it_belongs(mailroom: Mailroom) -> None:
    """In one test, since a server of PostgreSQL takes a while to start."""
    _what_comes_twice(mailroom)
    _visitors(mailroom)
    _traits(mailroom)
    _a_public_word(mailroom)
    _old_visits(mailroom)
    _at_once(mailroom)
    _erased(mailroom)


def _what_comes_twice(mailroom: Mailroom) -> None:
    mailroom.hear([did(1, by="c1", total=1), did(1, by="c1", total=2)], NOW)
    mailroom.hear([did(1, by="c9", total=3)], NOW)
    (kept,) = mailroom.feedback()
    assert (kept.customer_id, kept.name, kept.occurred_at, kept.properties) == ("c1", "page_viewed", NOW, {"total": 1})


def _visitors(mailroom: Mailroom) -> None:
    mailroom.hear([did(2, visitor="a1"), did(3, visitor="a2")], NOW)
    assert events(mailroom) == {"m1": "c1"}, "a visitor is nobody yet"
    mailroom.hear([did(4, visitor="a1"), Named("a1", "c1"), did(5, visitor="a1")], NOW)
    assert events(mailroom) == {"m1": "c1", "m2": "c1", "m4": "c1", "m5": "c1"}
    mailroom.hear([did(6, visitor="a1"), Named("a1", "c2"), did(7, visitor="a1"), did(2, visitor="a1")], NOW)
    found = events(mailroom)
    assert (found["m6"], found["m7"]) == ("c1", "c2"), "whoever sits down at a shared machine"
    assert found["m2"] == "c1", "what was given stays given"
    assert "m3" not in found


def _traits(mailroom: Mailroom) -> None:
    mailroom.hear([Traits(NOW, {"plan": "pro", "city": "Lagos"}, "c1")], NOW)
    mailroom.hear([Traits(NOW - HOUR, {"plan": "free", "age": 3}, "c1"), Traits(NOW, {"city": None}, "c1")], NOW)
    mailroom.hear([Traits(NOW, {"email": "x@example.com"}, anonymous_id="a3"), Traits(NOW, {}, "c4")], NOW)
    assert dict(mailroom.people()) == {"c1": {"plan": "pro", "age": 3}, "c4": {}}
    mailroom.hear([Named("a3", "c4"), Traits(NOW, {"first_name": "Zoë \ufffd"}, anonymous_id="a3")], NOW)
    assert dict(mailroom.people())["c4"] == {"email": "x@example.com", "first_name": "Zoë \ufffd"}
    many = {f"t{number}": number for number in range(MOST_TRAITS + 50)}
    mailroom.hear([Traits(NOW, many, "c5")], NOW)
    assert len(dict(mailroom.people())["c5"]) == MOST_TRAITS


def _a_public_word(mailroom: Mailroom) -> None:
    news: list[News] = [did(20, visitor="a9"), Traits(NOW, {"email": "thief@example.com"}, anonymous_id="a9")]
    mailroom.hear(news, NOW)
    mailroom.hear([Named("a9", "c4", sure=False), Traits(NOW, {"email": "y@example.com"}, anonymous_id="a9")], NOW)
    assert events(mailroom)["m20"] == "c4"
    assert dict(mailroom.people())["c4"]["email"] == "x@example.com", "only who may tell traits can hand them over"
    mailroom.hear([did(21, visitor="mailto:ada@example.com"), did(22, visitor="a1")], NOW)
    thief = [Named(visitor, "c9", sure=False) for visitor in ("mailto:ada@example.com", "a1")]
    mailroom.hear([*thief, did(23, visitor="a1")], NOW)
    found = events(mailroom)
    assert "m21" not in found, "whoever knows an address gets none of its letters"
    assert (found["m22"], found["m23"]) == ("c2", "c2"), "what the shop's own systems said stands"
    mailroom.hear([Named("mailto:ada@example.com", "c4")], NOW)
    assert events(mailroom)["m21"] == "c4"


def _old_visits(mailroom: Mailroom) -> None:
    mailroom.hear([did(30, visitor="a30")], NOW)
    mailroom.hear([did(31, visitor="a31")], NOW + dt.timedelta(days=91))
    mailroom.hear([Named("a30", "c1"), Named("a31", "c1")], NOW + dt.timedelta(days=91))
    assert "m30" not in events(mailroom)
    assert events(mailroom)["m31"] == "c1"


def _at_once(mailroom: Mailroom) -> None:
    """Many who tell of the same people in different orders: nobody waits for ever, nothing is lost or doubled."""

    def tell(number: int) -> None:
        order = range(40, 60) if number % 2 else range(59, 39, -1)
        for one in order:
            visitor = f"b{one}"
            mailroom.hear([did(one, visitor=visitor), Traits(NOW, {"n": one}, f"p{one}")], NOW)
        mailroom.hear([Named(f"b{one}", f"p{one}") for one in order], NOW)

    with ThreadPoolExecutor(4) as several:
        list(several.map(tell, range(4)))
    found = events(mailroom)
    assert {number: found[f"m{number}"] for number in range(40, 60)} == {n: f"p{n}" for n in range(40, 60)}
    assert dict(mailroom.people())["p41"] == {"n": 41}


def _erased(mailroom: Mailroom) -> None:
    """Of somebody who was erased nothing new is kept, and nobody gets to see to it."""
    mailroom.hear([did(70, visitor="a70"), did(71, by="c70"), Traits(NOW, {"plan": "pro"}, "c70")], NOW)
    mailroom.erase("c70", [], NOW)
    later: list[News] = [did(72, by="c70"), Traits(NOW, {"plan": "pro"}, "c70"), Named("a70", "c70")]
    mailroom.hear(later, NOW, {"page_viewed": "service"})
    assert not {"m70", "m71", "m72"} & set(events(mailroom))
    assert "c70" not in dict(mailroom.people())
    assert mailroom.todo(NOW) == []
    mailroom.hear([Named("a70", "c71")], NOW, {})
    assert events(mailroom)["m70"] == "c71"
