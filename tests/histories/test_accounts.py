"""Rule 27: what happens to an account opens a pass for each of its members.

A household or an organization is a customer too; its members name it in `account_id`.
"""

from __future__ import annotations

import hashlib

import pytest

from journey_engine.records import Customer, DecisionKind
from tests.histories.story import (
    HOURLY,
    Evening,
    Reading,
    customer,
    ends,
    entries,
    evenings,
    event,
    kinds,
    messages,
    nights,
    rules,
)

HEAD = "journey: renewal\ntopic: receipts\nto: members\ntrigger: {event: renewal_due}\nreentry: each_occurrence\n"
RENEWAL = f"{HEAD}steps: [{{send: renew}}]"


def household(*members: str, **attributes: str) -> list[Customer]:
    """The account `h1` and its members, and `c9` who is on their own."""
    return [
        customer("h1", kind="household", **attributes),
        customer("c9"),
        *(customer(who, account_id="h1") for who in members),
    ]


def test_each_member_gets_a_pass_of_what_happened_to_the_account(reading: Reading) -> None:
    rows = [event("renewal_due", "2026-03-01 10:00", "due", who="h1")]
    found = reading(evenings(rules(RENEWAL), rows, nights("2026-03-02", "2026-03-03"), household("c1", "c2")))
    assert {who: messages(told) for who, told in found.items()} == {
        "c1": ["renew 2026-03-02 02:00"], "c2": ["renew 2026-03-02 02:00"], "c9": [], "h1": [],
    }  # fmt: skip
    (one,) = found["c2"].passes
    # The pass is the member's, the occurrence the account's: its event is the key, and what the trigger tells.
    assert one.enrollment_id == hashlib.md5(b"7:renewal2:c23:due", usedforsecurity=False).hexdigest()
    assert (one.customer_id, one.account_id, one.key) == ("c2", "h1", "due")
    assert found["c1"].passes[0].account_id == "h1"
    assert kinds(found["c2"], DecisionKind.MESSAGE)[0].payload["to"] == "c2@example.com"


def test_what_happens_to_a_member_opens_nothing(reading: Reading) -> None:
    rows = [event("renewal_due", "2026-03-01 10:00", "due", who="c1")]
    found = reading(evenings(rules(RENEWAL), rows, nights("2026-03-02", "2026-03-03"), household("c1", "c2")))
    assert all(not told.passes for told in found.values())


def test_account_without_members_opens_nothing_and_is_done_with_it(reading: Reading) -> None:
    rows = [event("renewal_due", "2026-03-01 10:00", "due", who="h1")]
    when = nights("2026-03-02", "2026-03-04")
    told = rules(RENEWAL)
    alone, joined = household(), household("c1")
    found = reading([Evening(night, told, alone if night is when[0] else joined, rows) for night in when])
    assert not found["c1"].passes
    assert not found["h1"].passes


def test_who_joins_later_gets_what_happens_from_then_on(reading: Reading) -> None:
    rows = [
        event("renewal_due", "2026-03-01 10:00", "one", who="h1"),
        event("renewal_due", "2026-03-03 10:00", "two", who="h1"),
    ]
    when = nights("2026-03-02", "2026-03-04")
    told = rules(RENEWAL)
    found = reading([
        Evening(night, told, household(*(("c1",) if night is when[0] else ("c1", "c2"))), rows) for night in when
    ])  # fmt: skip
    assert entries(found["c1"]) == ["renewal 2026-03-01 10:00", "renewal 2026-03-03 10:00"]
    assert entries(found["c2"]) == ["renewal 2026-03-03 10:00"]


def test_who_leaves_the_account_finishes_what_began(reading: Reading) -> None:
    text = f"{HEAD}steps: [{{wait: 2 days}}, {{send: renew}}]"
    rows = [event("renewal_due", "2026-03-01 10:00", "due", who="h1")]
    when = nights("2026-03-02", "2026-03-04")
    gone = [customer("h1"), customer("c1")]
    found = reading(
        [Evening(night, rules(text), household("c1") if night is when[0] else gone, rows) for night in when]
    )
    assert messages(found["c1"]) == ["renew 2026-03-03 10:00"]
    assert found["c1"].passes[0].account_id == "h1"


def test_the_audience_is_asked_of_the_account_and_all_else_of_the_member(reading: Reading) -> None:
    text = (
        f"{HEAD}audience: {{customer: {{plan: family}}}}\nexit_when: {{customer: {{plan: own}}}}\n"
        "goal: {event: renewed, window: 10 days}\n"
        "steps: [{branch: [{when: {trigger: {total: {above: 50}}}, steps: [{wait: 3 days}, {send: renew}]}]}]"
    )
    rows = [
        event("renewal_due", "2026-03-01 10:00", "due", who="h1", total=80),
        event("renewed", "2026-03-02 10:00", "of c2", who="c2"),
        event("renewed", "2026-03-02 10:00", "of h1", who="h1"),  # the account's, and no member's
    ]
    people = [
        customer("h1", plan="family"), customer("c1", account_id="h1"), customer("c2", account_id="h1"),
        customer("c3", account_id="h1", plan="own"),
    ]  # fmt: skip
    found = reading(evenings(rules(text), rows, nights("2026-03-02", "2026-03-05"), people))
    assert messages(found["c1"]) == ["renew 2026-03-04 10:00"]
    assert ends(found["c2"]) == ["converted goal 2026-03-02 10:00"]
    assert ends(found["c3"]) == ["exited exit_when 2026-03-02 02:00"]
    refused = [customer("h1", plan="single"), customer("c1", account_id="h1", plan="family")]
    found = reading(evenings(rules(text), rows, nights("2026-03-02", "2026-03-03"), refused))
    assert not found["c1"].passes


def test_an_account_that_names_itself_is_its_own_member_and_a_circle_ends(reading: Reading) -> None:
    rows = [
        event("renewal_due", "2026-03-01 10:00", "of h1", who="h1"),
        event("renewal_due", "2026-03-01 11:00", "of c1", who="c1"),
    ]
    people = [customer("h1", account_id="h1"), customer("c1", account_id="h1"), customer("c2", account_id="c1")]
    found = reading(evenings(rules(RENEWAL), rows, nights("2026-03-02", "2026-03-03"), people))
    # c1 is a member, and an account for c2: what happens reaches one step, and no further.
    assert {who: [one.key for one in told.passes] for who, told in found.items()} == {
        "h1": ["of h1"], "c1": ["of h1"], "c2": ["of c1"],
    }  # fmt: skip
    circle = [customer("h1", account_id="c1"), customer("c1", account_id="h1")]
    found = reading(evenings(rules(RENEWAL), rows, nights("2026-03-02", "2026-03-03"), circle))
    assert {who: [one.key for one in told.passes] for who, told in found.items()} == {"h1": ["of c1"], "c1": ["of h1"]}


def test_nobody_is_reached_whose_account_is_not_in_the_data(reading: Reading) -> None:
    rows = [event("renewal_due", "2026-03-01 10:00", "due", who="h1")]
    when = nights("2026-03-02", "2026-03-04")
    told = rules(RENEWAL)
    away = [customer("c1", account_id="h1"), customer("c2", account_id="nobody")]
    back = [customer("h1"), *away]
    found = reading([Evening(night, told, away if night is when[0] else back, rows) for night in when])
    # The account's event is received, and its members are those of that night.
    assert messages(found["c1"]) == ["renew 2026-03-03 02:00"]
    assert not found["c2"].passes


def test_who_is_absent_that_night_gets_no_pass(reading: Reading) -> None:
    rows = [event("renewal_due", "2026-03-01 10:00", "due", who="h1")]
    when = nights("2026-03-02", "2026-03-04")
    told = rules(RENEWAL)
    found = reading([
        Evening(night, told, household("c1") if night is when[0] else household("c1", "c2"), rows) for night in when
    ])  # fmt: skip
    assert [len(found[who].passes) for who in ("c1", "c2")] == [1, 0]


@pytest.mark.parametrize(("reentry", "count"), [("never", 1), ("{after: 2 days}", 2), ("each_occurrence", 3)])
def test_re_entry_is_the_member_s(reading: Reading, reentry: str, count: int) -> None:
    text = RENEWAL.replace("reentry: each_occurrence", f"reentry: {reentry}")
    rows = [event("renewal_due", f"2026-03-0{day} 10:00", f"due {day}", who="h1") for day in (1, 2, 3)]
    when = nights("2026-03-02", "2026-03-04")
    found = reading(evenings(rules(text), rows, when, household("c1")))
    assert len(found["c1"].passes) == count


def test_members_of_an_account_are_held_out_and_drawn_together(reading: Reading) -> None:
    # The holdout hashes the account, the split what the account's own pass would be called.
    members = [f"c{number}" for number in range(1, 9)]
    arms = ", ".join(f"{{arm: {arm}, weight: 50, steps: [{{send: {arm}}}]}}" for arm in ("warm", "plain"))
    split = f"{HEAD}steps: [{{split: [{arms}]}}]"
    drawn = set()
    for account in ("h1", "h2", "h3", "h4"):
        rows = [event("renewal_due", "2026-03-01 10:00", "due", who=account)]
        people = [customer(account), *(customer(who, account_id=account) for who in members)]
        found = reading(evenings(rules(split), rows, nights("2026-03-02", "2026-03-02"), people))
        sent = {messages(found[who])[0].split()[0] for who in members}
        own = hashlib.md5(f"7:renewal{len(account)}:{account}3:due".encode(), usedforsecurity=False).hexdigest()
        digits = hashlib.md5(f"7:renewal5:split32:{own}".encode(), usedforsecurity=False).hexdigest()[:8]
        assert sent == {"warm" if digits < "80000000" else "plain"}
        drawn |= sent
    assert drawn == {"warm", "plain"}
    held = RENEWAL.replace("to: members", "to: members\nholdout: 50%")
    for account in ("h1", "h2", "h3", "h4"):
        rows = [event("renewal_due", "2026-03-01 10:00", "due", who=account)]
        people = [customer(account), *(customer(who, account_id=account) for who in members)]
        found = reading(evenings(rules(held), rows, nights("2026-03-02", "2026-03-02"), people))
        below = (
            hashlib.md5(f"7:renewal{len(account)}:{account}".encode(), usedforsecurity=False).hexdigest()[:8]
            < "80000000"
        )
        assert {found[who].passes[0].held_out for who in members} == {below}


def test_caps_count_for_each_member(reading: Reading) -> None:
    text = RENEWAL.replace("topic: receipts", "topic: offers")
    rows = [
        event("renewal_due", "2026-03-01 10:00", "one", who="h1"),
        event("renewal_due", "2026-03-01 11:00", "two", who="h1"),
    ]
    told = rules(text, caps="[{topic: offers, at_most: 1, within: 7 days, name: one}]")
    found = reading(evenings(told, rows, nights("2026-03-02", "2026-03-02"), household("c1", "c2")))
    for who in ("c1", "c2"):
        assert messages(found[who]) == ["renew 2026-03-02 09:00", "renew 2026-03-02 09:00 cap:one"]


def test_every_trigger_may_be_the_account_s(reading: Reading) -> None:
    journeys = {
        "silence": "trigger: {inactive: {event: order_placed, for: 1 day}}",
        "gone": "trigger: {abandoned: {event: order_placed, without: paid, for: 1 day}}",
        "first": "trigger: {event: {name: order_placed, first: true}}",
        "born": 'trigger: {date: {of: customer.renews_on, at: "09:00"}}',
        "every": 'trigger: {schedule: {cron: "0 9 3 3 *", timezone: customer}}\naudience: {customer: {plan: family}}',
        "vips": "trigger: {enters: {segment: orders}}",
        "told": "trigger: {journey: {name: own, state: finished}}",
    }
    texts = [
        f"journey: {name}\ntopic: receipts\nto: members\n{words}\nsteps: [{{send: letter}}]"
        for name, words in journeys.items()
    ]
    own = "journey: own\ntopic: receipts\ntrigger: {event: order_placed}\nreentry: never\nsteps: [{set: {seen: true}}]"
    told = rules(*texts, own, segments="orders: {event: {name: order_placed, ever: true}}")
    people = [
        customer("h1", zone="Asia/Kolkata", plan="family", renews_on="2026-03-03"),
        customer("c1", account_id="h1"),
    ]
    rows = [event("order_placed", "2026-03-01 10:00", who="h1")]
    found = reading(evenings(told, rows, nights("2026-03-01", "2026-03-04"), people))
    # Nine in the morning is the account's.
    assert entries(found["c1"]) == [
        "first 2026-03-01 10:00", "told 2026-03-02 02:00", "vips 2026-03-02 02:00", "gone 2026-03-02 10:00",
        "silence 2026-03-02 10:00", "born 2026-03-03 03:30", "every 2026-03-03 03:30",
    ]  # fmt: skip


def test_late_event_of_the_account_opens_passes_once(reading: Reading) -> None:
    rows = [event("renewal_due", "2026-03-01 10:00", "due", arrived="2026-03-02 10:00", who="h1")]
    found = reading(evenings(rules(RENEWAL), rows, nights("2026-03-01 20:00", "2026-03-03", HOURLY), household("c1")))
    assert messages(found["c1"]) == ["renew 2026-03-02 10:00"]


def test_current_members_are_taken_in_by_backfill(reading: Reading) -> None:
    text = RENEWAL.replace("to: members", "to: members\nbackfill: current")
    rows = [event("renewal_due", "2026-01-01 10:00", "due", who="h1")]
    found = reading(evenings(rules(text), rows, nights("2026-03-02", "2026-03-03"), household("c1", "c2")))
    assert [entries(found[who]) for who in ("c1", "c2", "h1")] == [["renewal 2026-03-02 02:00"]] * 2 + [[]]


def test_an_enrolled_account_brings_in_its_members(reading: Reading) -> None:
    start = "journey: start\ntopic: receipts\ntrigger: {event: signed_up}\nreentry: never\nsteps: [{enroll: renewal}]"
    rows = [event("signed_up", "2026-03-01 10:00", who="h1")]
    found = reading(evenings(rules(RENEWAL, start), rows, nights("2026-03-02", "2026-03-04"), household("c1")))
    assert entries(found["c1"]) == ["renewal 2026-03-02 02:00"]
    assert entries(found["h1"]) == ["start 2026-03-01 10:00"]


# --- the contact ----------------------------------------------------------------------------------------------

TO_CONTACT = "journey: renewal\ntopic: offers\nto: contact\ntrigger: {event: renewal_due}\nreentry: each_occurrence\n"
LETTER = f"{TO_CONTACT}steps: [{{send: renew}}]"
DUE = event("renewal_due", "2026-03-01 10:00", "due", who="h1")


def school(contact: str | None = "c1", **of_contact: str) -> list[Customer]:
    """The account `h1`, in India, with its contact `c1` in UTC, and `c2` beside."""
    named = {} if contact is None else {"contact_id": contact}
    return [
        customer("h1", zone="Asia/Kolkata", plan="family", first_name="School", **named),
        customer("c1", plan="own", first_name="Ada", locale="de-AT", **of_contact),
        customer("c2", plan="own", first_name="Bo"),
    ]


def test_one_pass_of_the_account_writes_to_its_contact(reading: Reading) -> None:
    told = rules(LETTER, values={"renew": ["customer.plan", "contact.first_name", "contact.customer_id"]})
    found = reading(evenings(told, [DUE], nights("2026-03-02", "2026-03-03"), school()))
    assert {who: len(one.passes) for who, one in found.items()} == {"h1": 1, "c1": 0, "c2": 0}
    (letter,) = kinds(found["h1"], DecisionKind.MESSAGE)
    # Nine in the morning is the contact's, the values of `customer` are the account's.
    assert messages(found["h1"]) == ["renew 2026-03-02 09:00"]
    assert letter.customer_id == "h1"
    shown = {name: letter.payload[name] for name in ("to", "name", "locale", "timezone", "addressee")}
    assert shown == {
        "to": "c1@example.com", "name": "Ada", "locale": "de-AT", "timezone": "UTC", "addressee": "c1",
    }  # fmt: skip
    assert letter.payload["values"] == {
        "customer": {"plan": "family"}, "contact": {"first_name": "Ada", "customer_id": "c1"},
    }  # fmt: skip


@pytest.mark.parametrize("contact", [None, "nobody"])
def test_message_without_a_contact_is_skipped_with_its_reason(reading: Reading, contact: str | None) -> None:
    text = f"{TO_CONTACT}steps: [{{send: renew}}, {{task: {{team: sales, title: Call}}}}]"
    told = rules(text, caps="[{topic: offers, at_most: 1, within: 7 days, name: one}]")
    found = reading(evenings(told, [DUE], nights("2026-03-02", "2026-03-03"), school(contact)))
    # Moved into the account's own hours: nine in India.
    assert messages(found["h1"]) == ["renew 2026-03-02 03:30 no_contact"]
    (letter,) = kinds(found["h1"], DecisionKind.MESSAGE)
    assert (letter.payload["to"], letter.payload["addressee"]) == (None, None)
    assert len(kinds(found["h1"], DecisionKind.TASK)) == 1
    assert ends(found["h1"]) == ["finished finished 2026-03-02 03:30"]


def test_the_contact_is_that_of_the_night_of_each_decision(reading: Reading) -> None:
    text = f"{TO_CONTACT}steps: [{{send: renew}}, {{wait: 2 days}}, {{send: {{template: renew, id: again}}}}]"
    when = nights("2026-03-02", "2026-03-05")
    told = rules(text)
    found = reading([Evening(night, told, school("c1" if night is when[0] else "c2"), [DUE]) for night in when])
    letters = kinds(found["h1"], DecisionKind.MESSAGE)
    assert [one.payload["addressee"] for one in letters] == ["c1", "c2"]


def test_what_the_contact_does_with_the_letter_is_the_account_s_to_know(reading: Reading) -> None:
    text = (
        f"{TO_CONTACT}steps: [{{send: renew}}, {{wait: 1 day}}, "
        "{branch: [{when: {message: {template: renew, state: sent}}, steps: [{task: {team: sales, title: Call}}]}]}]"
    )
    found = reading(evenings(rules(text), [DUE], nights("2026-03-02", "2026-03-05"), school()))
    assert len(kinds(found["h1"], DecisionKind.TASK)) == 1


def test_caps_count_for_the_contact_over_all_passes_that_write_to_them(reading: Reading) -> None:
    own = (
        "journey: own\npriority: 5\ntopic: offers\ntrigger: {event: signed_up}\nreentry: never\nsteps: [{send: hello}]"
    )
    told = rules(LETTER, own, caps="[{topic: offers, at_most: 1, within: 7 days, name: one}]")
    rows = [DUE, event("signed_up", "2026-03-01 12:00", who="c1")]
    found = reading(evenings(told, rows, nights("2026-03-02", "2026-03-03"), school()))
    assert messages(found["c1"]) == ["hello 2026-03-02 09:00"]
    assert messages(found["h1"]) == ["renew 2026-03-02 09:00 cap:one"]
    # Another night sees what was sent to them the night before; the account's own are not counted for it.
    later = [
        *rows[1:],
        event("renewal_due", "2026-03-02 10:00", "later", who="h1"),
        event("signed_up", "2026-03-02 11:00", "h1 up", who="h1"),
    ]
    found = reading(evenings(told, later, nights("2026-03-02", "2026-03-03"), school()))
    assert messages(found["h1"]) == ["hello 2026-03-03 03:30", "renew 2026-03-03 09:00 cap:one"]


def test_two_accounts_share_a_contact_and_its_caps(reading: Reading) -> None:
    told = rules(LETTER, caps="[{topic: offers, at_most: 1, within: 7 days, name: one}]")
    people = [*school(), customer("h2", contact_id="c1")]
    rows = [DUE, event("renewal_due", "2026-03-01 09:00", "first", who="h2")]
    found = reading(evenings(told, rows, nights("2026-03-02", "2026-03-02"), people))
    assert messages(found["h2"]) == ["renew 2026-03-02 09:00"]
    assert messages(found["h1"]) == ["renew 2026-03-02 09:00 cap:one"]


def test_what_a_vanished_account_sent_counts_for_its_contact(reading: Reading) -> None:
    told = rules(LETTER, caps="[{topic: offers, at_most: 1, within: 7 days, name: one}]")
    rows = [DUE, event("renewal_due", "2026-03-02 10:00", "second", who="h2")]
    first, second = nights("2026-03-02", "2026-03-03")
    people = [*school(), customer("h2", contact_id="c1")]
    found = reading([Evening(first, told, people, rows), Evening(second, told, people[1:], rows)])
    assert messages(found["h1"]) == ["renew 2026-03-02 09:00"]
    assert messages(found["h2"]) == ["renew 2026-03-03 09:00 cap:one"]


def test_a_member_s_letter_may_say_whose_member_they_are(reading: Reading) -> None:
    told = rules(RENEWAL, values={"renew": ["account.plan", "account.customer_id", "customer.first_name"]})
    people = [customer("h1", plan="family"), customer("c1", account_id="h1", first_name="Ada")]
    found = reading(evenings(told, [DUE], nights("2026-03-02", "2026-03-02"), people))
    assert kinds(found["c1"], DecisionKind.MESSAGE)[0].payload["values"] == {
        "account": {"plan": "family", "customer_id": "h1"}, "customer": {"first_name": "Ada"},
    }  # fmt: skip
