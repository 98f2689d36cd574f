"""Calls of the Segment HTTP API: what becomes of each, and what is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from journey_engine.inbound import Refused
from journey_engine.inbound.names import known_as
from journey_engine.inbound.segment import Sender, heard
from journey_engine.news import Named, News, Told, Traits

SERVER = Sender()
NOW = dt.datetime(2026, 3, 4, 10, tzinfo=dt.UTC)


def call(kind: str, sender: Sender = SERVER, **body: Any) -> list[News]:
    return heard({"userId": "c1", "messageId": "m1", **body}, kind, sender, NOW).news


def refused(kind: str, sender: Sender = SERVER, **body: Any) -> str:
    with pytest.raises(Refused) as found:
        call(kind, sender, **body)
    assert "secret" not in found.value.message
    return found.value.code


@pytest.mark.parametrize(
    ("told", "known"),
    [("Order Placed", "order_placed"), ("orderPlaced", "order_placed"), ("ABTest Viewed", "ab_test_viewed"),
     ("order_placed", "order_placed"), ("order.placed", "order.placed"), ("cart-item", "cart-item"),
     ("  Order -- Placed! ", "order_placed"), ("2nd Order", "_2nd_order"), ("Заказ Оформлен", "заказ_оформлен"),
     ("ORDER", "order"), ("!!!", ""), ("x" * 300, "x" * 120)],
)  # fmt: skip
def test_events_are_named_as_journeys_write_them(told: str, known: str) -> None:
    assert known_as(told) == known


def test_track_is_an_event_that_keeps_the_name_it_was_told_under() -> None:
    (told,) = call("track", event="Order Placed", properties={"total": 12.5, "items": [{"sku": "a"}]})
    properties = {"total": 12.5, "items": [{"sku": "a"}], "original_name": "Order Placed"}
    assert told == Told("segment:m1", "order_placed", NOW, properties, "c1")
    (plain,) = call("track", event="order_placed", userId=7)
    assert isinstance(plain, Told)
    assert (plain.customer_id, plain.properties) == ("7", {})


def test_page_and_screen_are_views() -> None:
    (page,) = call("page", name="Pricing", category="Docs", properties={"path": "/p"})
    (screen,) = call("screen", name="Home", userId=None, anonymousId="a1")
    assert isinstance(page, Told)
    assert isinstance(screen, Told)
    assert (page.name, page.properties) == ("page_viewed", {"path": "/p", "name": "Pricing", "category": "Docs"})
    assert (screen.name, screen.customer_id, screen.anonymous_id) == ("screen_viewed", None, "a1")


def test_identify_tells_traits_and_who_a_visitor_is() -> None:
    found = call("identify", anonymousId="a1", traits={"firstName": "Ada", "plan": None}, context={"traits": {"x": 1}})
    assert found == [Named("a1", "c1"), Traits(NOW, {"x": 1, "first_name": "Ada", "plan": None}, "c1")]
    assert call("identify", userId=None, anonymousId="a1", traits={"email": "a@example.com"}) == [
        Traits(NOW, {"email": "a@example.com"}, anonymous_id="a1")
    ]
    assert call("identify", traits={"customerId": "someone"}) == [Traits(NOW, {}, "c1")]


def test_group_tells_the_account_and_its_traits() -> None:
    assert call("group", groupId="acme", traits={"Employee Count": 12}) == [
        Traits(NOW, {"account_id": "acme"}, "c1"),
        Traits(NOW, {"kind": "organization", "employee_count": 12}, "acme"),
    ]


def test_alias_names_a_visitor() -> None:
    assert call("alias", previousId="a1") == [Named("a1", "c1")]
    assert call("alias", previousId="c1") == []


def test_what_happened_is_dated_by_a_clock_set_right() -> None:
    def at(**body: Any) -> dt.datetime:
        (told,) = call("track", event="x", **body)
        assert isinstance(told, Told)
        return told.occurred_at

    assert at() == NOW
    assert at(timestamp="2026-03-01T12:00:00+02:00") == dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
    assert at(timestamp="2026-03-01T10:00:00") == dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
    # A clock three days ahead: sent an hour after it happened, received now.
    assert at(originalTimestamp="2026-03-07T09:00:00Z", sentAt="2026-03-07T10:00:00Z") == NOW - dt.timedelta(hours=1)
    assert at(timestamp="2026-03-07T09:00:00Z", sentAt="2026-03-07T10:00:00Z") == NOW - dt.timedelta(hours=1)
    both = {"timestamp": "2026-03-01T10:00:00Z", "originalTimestamp": "2026-03-07T09:00:00Z"}
    assert at(**both, sentAt="2026-03-07T10:00:00Z") == dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC), "set right already"
    assert at(originalTimestamp="2026-03-04T09:00:00Z") == NOW - dt.timedelta(hours=1)
    assert at(timestamp="2099-01-01T00:00:00Z") == NOW, "nothing has happened in the future"
    assert at(timestamp="0001-01-01T00:00:00Z").year == 1970
    assert at(originalTimestamp="0001-01-01T00:00:00Z", sentAt="9999-12-31T00:00:00Z") == NOW


def test_one_call_has_one_id_however_often_it_comes() -> None:
    def told_id(**body: Any) -> str:
        (told,) = call("track", **{"event": "x", "messageId": None, **body})
        assert isinstance(told, Told)
        return told.event_id

    dated = {"timestamp": "2026-03-01T10:00:00Z", "properties": {"a": 1, "b": 2}}
    again = {"properties": {"b": 2, "a": 1}, "timestamp": "2026-03-01T10:00:00Z", "sentAt": "2026-03-02T10:00:00Z"}
    assert told_id(**dated) == told_id(**again)
    assert told_id(**dated) != told_id(**dated | {"properties": {"a": 1}})
    assert len(told_id(messageId="m" * 101)) < 50


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("track", {}, "no_event"),
        ("track", {"event": 12.5}, "invalid_event"),
        ("track", {"event": "x" * 201}, "invalid_event"),
        ("track", {"event": "!"}, "invalid_event"),
        ("track", {"event": "x", "userId": None}, "no_user_anon_id"),
        ("track", {"event": "x", "userId": " "}, "no_user_anon_id"),
        ("track", {"event": "x", "userId": {"secret": 1}}, "invalid_user_id"),
        ("track", {"event": "x", "userId": True}, "invalid_user_id"),
        ("track", {"event": "x", "userId": "secret" * 50}, "invalid_user_id"),
        ("track", {"event": "x", "properties": "secret"}, "invalid_properties"),
        ("track", {"event": "x", "timestamp": "secret"}, "invalid_timestamp"),
        ("track", {"event": "x", "timestamp": 5}, "invalid_timestamp"),
        ("track", {"event": "x", "timestamp": "0001-01-01T00:00:00+14:00"}, "invalid_timestamp"),
        ("track", {"event": "x", "originalTimestamp": NOW.isoformat(), "sentAt": "secret"}, "invalid_sent_at"),
        ("track", {"event": "x", "messageId": 5}, "invalid_message_id"),
        ("track", {"event": "x", "properties": {"secret": "x" * 33_000}}, "too_large"),
        ("track", {"event": "Message Sent"}, "reserved_event"),
        ("track", {"event": "stage_entered"}, "reserved_event"),
        ("identify", {"traits": ["secret"]}, "invalid_traits"),
        ("identify", {"context": "secret"}, "invalid_context"),
        ("group", {}, "no_group_id"),
        ("alias", {}, "no_user_id"),
    ],
)
def test_what_cannot_be_taken_is_refused_without_being_repeated(kind: str, body: dict[str, Any], code: str) -> None:
    assert refused(kind, **body) == code


def test_a_public_key_tells_events_but_neither_traits_nor_consent() -> None:
    public = Sender(public=True, events=frozenset({"page_viewed", "unsubscribed"}))
    assert call("identify", public, anonymousId="a1", traits={"email": "thief@example.com"}) == [
        Named("a1", "c1", sure=False),
        Traits(NOW, {}, "c1"),
    ]
    assert call("group", public, groupId="acme") == []
    (seen,) = call("page", public, messageId="order-1")
    (own,) = call("page", messageId="order-1")
    assert isinstance(seen, Told)
    assert isinstance(own, Told)
    assert (seen.event_id, own.event_id) == ("segment:public:order-1", "segment:order-1"), "it stands in nobody's way"
    assert refused("track", public, event="Order Placed") == "unwanted_event"
    for own in ("unsubscribed", "code_redeemed", "Referral Approved"):
        assert refused("track", public, event=own) == "reserved_event"
    assert len(call("track", event="code_redeemed")) == len(call("track", event="referral_made")) == 1
    assert len(call("track", event="unsubscribed")) == 1


def test_bad_calls_of_a_batch_keep_no_good_one_out() -> None:
    good = {"type": "track", "userId": "c1", "event": "x", "messageId": "m1"}
    found = heard({"batch": [good, 5, {"type": "dance"}, {**good, "event": None}]}, None, Sender(), NOW)
    assert [one.event_id for one in found.news if isinstance(one, Told)] == ["segment:m1"]
    assert found.refused == {"invalid_call": 1, "invalid_type": 1, "no_event": 1}
    for body, code in (([], "invalid_body"), ({"batch": {}}, "invalid_batch"), ({"batch": [5]}, "invalid_call"),
                       ({"batch": [good] * 2501}, "too_many")):  # fmt: skip
        with pytest.raises(Refused) as refusal:
            heard(body, None, Sender(), NOW)
        assert refusal.value.code == code
    assert heard({"batch": []}, None, Sender(), NOW).news == []
