"""`channel: preferred` and lists of channels: the way of a message is chosen when it is decided, for who reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from journey_engine.records import Customer, DecisionKind
from tests.histories.story import Evening, Reading, Told, customer, event, kinds, nights, rules

PHONE = "+491701234567"
SMS, FILE = ("sms", PHONE), ("file", "c1@example.com")
LIST, PREFERRED = "[sms, email]", "preferred"


@dataclass(frozen=True)
class Case:
    """A customer with an address, what happened to them before their letter, and the way that it takes."""

    taken: Any
    channel: str = LIST
    topic: str = "offers"
    said: Sequence[tuple[str, Mapping[str, Any]]] = ()
    known: Mapping[str, Any] = field(default_factory=lambda: {"phone": PHONE})


def hello(channel: str, topic: str = "offers", to: str = "customer", name: str = "welcome") -> str:
    return f"""
journey: {name}
topic: {topic}
to: {to}
trigger: {{event: {name}_began}}
reentry: never
steps: [{{wait: 1 day}}, {{send: {{template: hello, channel: {channel}}}}}]
"""


def way(told: Told) -> list[Any]:
    return [(one.payload["channel"], one.payload["to"]) for one in kinds(told, DecisionKind.MESSAGE)]


def taken(reading: Reading, cases: Sequence[Case], wordless: Iterable[tuple[str, str]] = ()) -> list[Any]:
    """What each case comes to: every one a customer of their own, in the journey of their channel and topic."""
    names = {(one.channel, one.topic): f"j{n}" for n, one in enumerate(cases)}
    whose = rules(*(hello(*key, name=name) for key, name in names.items()), wordless=frozenset(wordless))
    who, data = [], []
    for number, one in enumerate(cases):
        mine = f"c{number}"
        who.append(Customer(mine, "UTC", {"email": "c1@example.com", **one.known}))
        data.append(event(f"{names[one.channel, one.topic]}_began", "2026-03-01 10:00", f"began {mine}", who=mine))
        for hour, (name, told) in enumerate(one.said, 11):
            data.append(event(name, f"2026-03-01 {hour}:00", f"{hour} {mine}", who=mine, **told))
    told_of = reading([Evening(one, whose, who, data) for one in nights("2026-03-01", "2026-03-03")])
    return [tuple(found) for number in range(len(cases)) for found in way(told_of[f"c{number}"])]


def check(reading: Reading, cases: Sequence[Case], wordless: Iterable[tuple[str, str]] = ()) -> None:
    found = taken(reading, cases, wordless)
    assert [(one, got) for one, got in zip(cases, found, strict=True) if got != one.taken] == []


def test_the_first_way_with_an_address_is_taken(reading: Reading) -> None:
    check(reading, [
        Case(SMS),
        Case(FILE, known={}),
        Case(FILE, known={"phone": "n/a"}),  # what can be no number is none
        Case(("sms", "0170/1"), known={"phone": "0170/1"}),  # five digits
        Case(FILE, known={"phone": "0170"}),
        Case(FILE, "[email, sms]"),
        Case(SMS, "[email, sms]", known={"phone": PHONE, "email": "none"}),
        Case(FILE, "[sms, file]", known={}),
    ])  # fmt: skip


def test_the_way_that_the_customer_prefers_comes_first_and_the_project_s_own_next(reading: Reading) -> None:
    check(reading, [
        Case(SMS, PREFERRED, known={"phone": PHONE, "preferred_channel": "sms"}),
        Case(SMS, PREFERRED, known={"phone": PHONE, "preferred_channel": "SMS"}),
        Case(FILE, PREFERRED, known={"phone": PHONE, "preferred_channel": "Email"}),
        Case(FILE, PREFERRED, known={"phone": PHONE, "preferred_channel": "post"}),
        Case(FILE, PREFERRED),
        Case(FILE, PREFERRED, known={"preferred_channel": "sms"}),  # no number
        Case(SMS, PREFERRED, known={"phone": PHONE, "email": None}),  # every way is tried
        Case(("file", None), "[preferred, email]", known={"phone": PHONE, "email": None}),  # the listed, no more
        Case(SMS, "[preferred, email]", known={"phone": PHONE, "preferred_channel": "sms"}),
    ])  # fmt: skip


def test_a_way_without_words_is_passed_over(reading: Reading) -> None:
    preferring = {"phone": PHONE, "preferred_channel": "sms"}
    check(reading, [Case(FILE), Case(FILE, PREFERRED, known=preferring)], [("hello", "sms")])
    check(reading, [Case(SMS), Case(SMS, PREFERRED, known={"phone": PHONE})], [("hello", "email"), ("other", "sms")])


NOBODY_S = {"channel": "sms"}
OWN = {"consent_id": "x"}


def test_a_way_that_the_customer_refuses_or_that_bounced_is_passed_over(reading: Reading) -> None:
    dead = {"channel": "sms", "permanent": True}
    cases = [  # what was said, the way of offers, and that of receipts, which are no marketing
        ([("unsubscribed", {"channel": "sms"})], FILE, SMS),
        ([("unsubscribed", {"channel": "email"})], SMS, SMS),
        ([("unsubscribed", {"topic": "offers", "channel": "sms"})], FILE, SMS),
        ([("unsubscribed", {"topic": "receipts", "channel": "sms"})], SMS, FILE),
        ([("unsubscribed", {"channel": 1, "topic": "news"})], SMS, SMS),
        ([("unsubscribed", {"channel": "sms", "topic": ""})], FILE, SMS),
        ([("unsubscribed", NOBODY_S), ("subscribed", {**NOBODY_S, **OWN})], SMS, SMS),
        ([("unsubscribed", NOBODY_S), ("subscribed", NOBODY_S)], FILE, SMS),  # not their own word
        ([("subscribed", {**NOBODY_S, **OWN}), ("unsubscribed", NOBODY_S)], FILE, SMS),
        ([("unsubscribed", NOBODY_S), ("subscribed", {"topic": "offers", **OWN})], FILE, SMS),
        ([("message_bounced", dead)], FILE, FILE),
        ([("message_bounced", {**dead, "permanent": False})], SMS, SMS),
        ([("message_bounced", {"permanent": True})], SMS, SMS),  # a letter did
        ([("message_bounced", {**dead, "addressee": "c2"})], SMS, SMS),  # to somebody else
    ]
    offers = [Case(marketing, said=said) for said, marketing, _ in cases]
    check(reading, [*offers, *(Case(other, topic="receipts", said=said) for said, _, other in cases)])


def test_where_no_way_reaches_the_one_that_lacks_least_is_taken_and_the_mailroom_says_why(reading: Reading) -> None:
    no = [("unsubscribed", {})]
    check(reading, [
        Case(FILE, said=no, known={}),
        Case(SMS, said=no),
        Case(("sms", None), said=no, known={"email": None}),
        Case(SMS, said=[("message_complained", {"channel": "file"})]),
    ])  # fmt: skip
    check(reading, [Case(FILE, said=no, known={})], [("hello", "sms")])


def test_a_yes_after_the_no_counts_and_one_at_the_same_instant_does_not(reading: Reading) -> None:
    for hour, expected in (("11:00", SMS), ("11:01", FILE)):
        # A no to everything leaves the first with an address; with the yes after it only text messages are refused.
        data = [
            event("welcome_began", "2026-03-01 10:00"),
            event("unsubscribed", "2026-03-01 11:00"),
            event("subscribed", f"2026-03-01 {hour}", topic="offers", consent_id="x"),
            event("unsubscribed", "2026-03-01 12:00", channel="sms"),
        ]
        when = nights("2026-03-01", "2026-03-03")
        told = reading([Evening(one, rules(hello(LIST)), [customer(phone=PHONE)], data) for one in when])
        assert way(told["c1"]) == [expected]


def test_the_way_is_that_of_the_night_that_decides(reading: Reading) -> None:
    whose, data = rules(hello(LIST)), [event("welcome_began", "2026-03-01 10:00")]
    when = nights("2026-03-01", "2026-03-05")
    phones = [PHONE, None, PHONE, PHONE, PHONE]
    told = reading([Evening(one, whose, [customer(phone=p)], data) for one, p in zip(when, phones, strict=True)])
    assert way(told["c1"]) == [FILE]


def test_a_reminder_goes_another_way_once_the_first_has_bounced(reading: Reading) -> None:
    remind = """
journey: remind
topic: offers
trigger: {event: welcome_began}
reentry: never
steps: [{remind: {template: hello, channel: [email, sms], every: 2 days, times: 2}}]
"""
    data = [
        event("welcome_began", "2026-03-01 10:00"),
        event("message_bounced", "2026-03-02 11:00", channel="smtp", permanent=True),
    ]
    who = [customer(phone=PHONE)]
    told = reading([Evening(one, rules(remind), who, data) for one in nights("2026-03-02", "2026-03-05")])
    assert way(told["c1"]) == [FILE, SMS]


def test_of_a_contact_their_own_words_and_addresses_count(reading: Reading) -> None:
    whose = rules(hello(PREFERRED, to="contact"))
    head = customer("c1", contact_id="c2", phone=PHONE, preferred_channel="email")
    contact = customer("c2", phone="+4989123456", preferred_channel="sms")
    when = nights("2026-03-01", "2026-03-03")
    data = [event("welcome_began", "2026-03-01 10:00"), event("unsubscribed", "2026-03-01 11:00", channel="sms")]
    told = reading([Evening(one, whose, [head, contact], data) for one in when])
    assert way(told["c1"]) == [("sms", "+4989123456")]
    no = event("unsubscribed", "2026-03-01 11:00", "no", who="c2", channel="sms")
    told = reading([Evening(one, whose, [head, contact], [*data, no]) for one in when])
    assert way(told["c1"]) == [("file", "c2@example.com")]


def test_what_came_back_from_a_contact_counts_for_them_and_not_for_the_account(reading: Reading) -> None:
    account, own = hello(LIST, to="contact"), hello(LIST, name="own")
    head = customer("c1", contact_id="c2", phone=PHONE)
    contact = customer("c2", phone="+4989123456")
    dead = {"channel": "sms", "permanent": True}
    for name, told in (("message_bounced", dead), ("message_complained", {"channel": "file"})):
        data = [
            event("welcome_began", "2026-03-01 10:00"),
            event("own_began", "2026-03-01 10:00"),
            event(name, "2026-03-01 11:00", addressee="c2", **told),
            event("message_bounced", "2026-03-01 11:00", "soft", addressee="c2", channel="file", permanent=False),
        ]
        when = nights("2026-03-01", "2026-03-03")
        told_of = reading([Evening(one, rules(account, own), [head, contact], data) for one in when])
        theirs = ("file", "c2@example.com") if name == "message_bounced" else ("sms", "+4989123456")
        assert sorted(way(told_of["c1"])) == sorted([SMS, theirs])


def test_who_is_their_own_contact_hears_of_their_own_dead_address(reading: Reading) -> None:
    dead = event("message_bounced", "2026-03-01 11:00", addressee="c1", channel="sms", permanent=True)
    data = [event("welcome_began", "2026-03-01 10:00"), dead]
    for to in ("contact", "customer"):
        who = [customer("c1", contact_id="c1", phone=PHONE)]
        told = reading([
            Evening(one, rules(hello(LIST, to=to)), who, data) for one in nights("2026-03-01", "2026-03-03")
        ])  # fmt: skip
        assert way(told["c1"]) == [FILE]


def test_a_contact_who_is_not_in_the_data_has_no_way(reading: Reading) -> None:
    whose, data = rules(hello(LIST, to="contact")), [event("welcome_began", "2026-03-01 10:00")]
    when = nights("2026-03-01", "2026-03-03")
    told = reading([Evening(one, whose, [customer(contact_id="c9", phone=PHONE)], data) for one in when])
    assert way(told["c1"]) == [("sms", None)]


def test_ways_of_two_journeys_and_plain_channels_go_side_by_side(reading: Reading) -> None:
    plain = hello("sms").replace("journey: welcome", "journey: other").replace("hello", "text")  # begun by the same
    data = [event("welcome_began", "2026-03-01 10:00")]
    told = reading([
        Evening(one, rules(hello("[email, sms]"), plain), [customer(phone=PHONE)], data)
        for one in nights("2026-03-01", "2026-03-03")
    ])  # fmt: skip
    assert sorted(way(told["c1"])) == [FILE, SMS]
