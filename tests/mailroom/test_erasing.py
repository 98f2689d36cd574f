"""Erasing a customer: what goes with them, what stays, and how they are known again, on either database."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, select

from journey_engine.channel_settings import Channels
from journey_engine.channels.registry import numbers
from journey_engine.channels.webhook import WebhookChannel
from journey_engine.mailroom import Mailroom, dispatch
from journey_engine.mailroom.tables import Exact, Instant, metadata
from journey_engine.news import Fate, Letter, Named, Notice, Text, Told, Traits
from journey_engine.records import Decision, DecisionKind
from tests.channels.peer import receiver
from tests.mailroom.house import NOW, clock, file_channel, message, other, renderer, state_of
from tests.mailroom.test_webhooks import SECRET, settings

TEAMS = {"query_received": "service"}
GERMAN = numbers(Channels.model_validate({"sms": {"from": "+491701234567", "country": "DE"}}))


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)


def hand_over(room: Mailroom, folder: Path) -> None:
    with receiver() as peer:
        ways = {"file": file_channel(folder), "webhook": WebhookChannel({"crm": settings(peer)}, clock)}
        dispatch(room, NOW, ways, renderer(folder), clock=clock, number=GERMAN)


def write(room: Mailroom, number: int, sender: str, answers: tuple[str, ...] = ()) -> str:
    return room.receive(Letter(f"w{number}", sender, answers, "Hello", f"letter {number}"), TEAMS, NOW)


def webhook(customer_id: str, number: int) -> Decision:
    call = other(DecisionKind.WEBHOOK, number, run=number, endpoint="crm", data={}, values={})
    return replace(call, customer_id=customer_id)


def todo(room: Mailroom) -> list[tuple[str, str]]:
    return sorted((one.title, one.customer_id) for one in room.todo(NOW))


def test_letters_without_a_name_go_with_the_customer_whose_address_they_came_from(mailroom: Mailroom) -> None:
    write(mailroom, 1, "ada@bücher.example")
    write(mailroom, 2, "eve@example.com")
    write(mailroom, 3, "ada@xn--bcher-kva.example")
    mailroom.hear(
        [Told("t1", "page_viewed", NOW, {}, None, "browser"), Told("t2", "page_viewed", NOW, {}, None, "b2")], NOW
    )
    mailroom.hear([Traits(NOW, {"phone": "+49 170 1234567"}, None, "browser")], NOW)
    mailroom.hear([Traits(NOW, {"phone": "+49 170 7654321", "email": "eve@example.com"}, None, "b2")], NOW)
    assert len(todo(mailroom)) == 3
    mine = ("Ada@Bücher.example", "0170 1234567")
    told = mailroom.export("c1", mine, GERMAN)
    assert [row["properties"].get("text") for row in told["visits"]] == ["letter 1", "letter 3", None]
    assert len(told["visitors"]) == 3 and len(told["tasks"]) == 2
    done = mailroom.erase("c1", mine, NOW, GERMAN)
    assert {name: done[name] for name in ("visits", "visitors", "tasks")} == {"visits": 3, "visitors": 3, "tasks": 2}
    assert todo(mailroom) == [("Answer a question from a stranger: Hello", "")]
    mailroom.hear([Named("mailto:eve@example.com", "c2")], NOW)
    assert todo(mailroom) == [("Answer a question from a stranger: Hello", "c2")], "named, the task is theirs as well"
    assert len(mailroom.export("c2")["tasks"]) == 1
    mailroom.erase("c2", (), NOW)
    assert todo(mailroom) == []


def test_texts_without_a_name_go_with_the_customer_whose_number_they_came_from(mailroom: Mailroom) -> None:
    for number, sender in ((1, "+491701234567"), (2, "+491701234568")):
        mailroom.receive_text(Text(f"SM{number}", sender, f"text {number}"), TEAMS, NOW)
    mailroom.erase("c1", ("0170 1234567",), NOW, GERMAN)
    assert todo(mailroom) == [("Answer a question from a stranger: text 2", "")]
    mailroom.hear([Named("tel:+491701234567", "c2"), Named("tel:+491701234568", "c2")], NOW)
    found = [one for one in mailroom.feedback() if one.name == "query_received"]
    assert [(one.customer_id, one.properties["text"]) for one in found] == [("c2", "text 2")]


def test_an_erased_address_is_known_however_it_is_written(mailroom: Mailroom, tmp_path: Path) -> None:
    spelt = [
        "ADA@bücher.EXAMPLE",
        "ada@xn--bcher-kva.example.",
        "+49 170 123 45 67",
        "0170/1234567",
        "0049 170 1234567",
    ]
    others = ["ada@bucher.example", "+49 170 1234568", "+33 170 1234567"]
    mailroom.erase("c0", ("Ada@Bücher.example", "+49 (0)170 1234567"), NOW, GERMAN)
    back = [message(number, to=to) for number, to in enumerate(spelt + others, 1)]
    mailroom.load_run(1, "r1", NOW, back)
    hand_over(mailroom, tmp_path)
    found = [state_of(mailroom, one)[1] for one in back]
    assert found[: len(spelt)] == ["erased"] * len(spelt)
    assert "erased" not in found[len(spelt) :]


def test_who_was_erased_and_writes_again_is_a_stranger(mailroom: Mailroom, tmp_path: Path) -> None:
    mail = message(1)
    mailroom.load_run(1, "r1", NOW, [mail])
    hand_over(mailroom, tmp_path)
    mailroom.erase("c1", ("customer1@example.com",), NOW)
    answers = (f"{mail.decision_id}@shop.example",)
    assert write(mailroom, 1, "customer1@example.com", answers) == "query_received unknown"
    assert list(mailroom.feedback()) == []
    assert todo(mailroom) == [("Answer a question from a stranger: Hello", "")]


def test_an_id_is_known_as_it_is_written_and_an_endpoint_is_nobodys_address(mailroom: Mailroom, tmp_path: Path) -> None:
    mailroom.load_run(1, "r1", NOW, [replace(message(1), customer_id="aB"), webhook("aB", 1)])
    mailroom.erase("aB", (), NOW)
    mailroom.load_run(2, "r2", NOW, [replace(message(2, run=2), customer_id="Ab"), webhook("Ab", 2)])
    hand_over(mailroom, tmp_path)
    assert mailroom.counts(2) == {"accepted": 1}
    assert mailroom.webhook_counts(2) == {"accepted": 1}, "one erased customer's calls went to it, too"


def test_what_a_provider_tells_of_who_was_erased_is_only_counted(mailroom: Mailroom, tmp_path: Path) -> None:
    mails = [message(1), message(2)]
    mailroom.load_run(1, "r1", NOW, mails)
    hand_over(mailroom, tmp_path)
    mailroom.erase("c1", (), NOW)
    told = [
        Notice(fate, NOW, f"{fate}-{one.decision_id}", message_id=one.decision_id, stops=stops)
        for one in mails
        for fate, stops in (
            (Fate.OPENED, None), (Fate.CLICKED, None), (Fate.COMPLAINED, "spam"), (Fate.UNSUBSCRIBED, "unsubscribed")
        )
    ]  # fmt: skip
    mailroom.notice(told, NOW)
    alias = str(mailroom.pseudonym("c1"))
    names = {who: {one.name for one in mailroom.feedback() if one.customer_id == who} for who in ("c1", alias, "c2")}
    assert (names["c1"], names[alias]) == (set(), {"message_complained"})
    assert {"message_opened", "message_clicked", "message_complained", "unsubscribed"} <= names["c2"]
    assert mailroom.suppressed(alias) == [] and len(mailroom.suppressed("c2")) == 2


def test_no_team_gets_a_task_of_who_was_erased_and_came_back(mailroom: Mailroom, tmp_path: Path) -> None:
    values = {"customer": {"first_name": "Ada"}}
    asked = [
        other(DecisionKind.TASK, n, team="sales", title="Call {{ customer.first_name }}", values=values) for n in (1, 2)
    ]
    mailroom.erase("c1", (), NOW)
    mailroom.load_run(1, "r1", NOW, asked)
    hand_over(mailroom, tmp_path)
    assert todo(mailroom) == [("Call Ada", "c2")]
    (kept,) = mailroom.export("c1")["tasks"]
    assert (kept["state"], kept["reason"], kept["title"], kept["variables"]) == ("skipped", "erased", "erased", {})


KEEPS_NOBODY = {
    "meta", "loaded_runs", "pool_codes", "consent_texts", "erased", "owed_erasures", "holds", "pauses", "gauged",
    "paced", "shares", "heard", "leases",
}  # fmt: skip
"""Tables that name no customer; what `heard` has are ids of providers and of messages."""


def test_every_table_that_names_a_customer_is_exported_and_erased(tmp_path: Path) -> None:
    """A row of each is written as it is: a new table must be dealt with, or be said to keep nobody."""
    with Mailroom.open(f"sqlite:///{tmp_path}/mailroom.sqlite", environment="test") as room:
        names: set[str] = set()
        with room.store.write() as db:
            for table in metadata.sorted_tables:
                if table.name not in KEEPS_NOBODY:
                    names.add(table.name)
                    db.execute(table.insert(), {column.name: canary(column) for column in table.columns})
        assert set(room.export("canary-id")) == names
        room.erase("canary-id", (), NOW)
        with room.store.read() as db:
            left = {table.name: str(db.execute(select(table)).all()) for table in metadata.sorted_tables}
        found = {name for name, rows in left.items() if "canary-id" in rows or "canary-word" in rows}
        assert found == set(), "after an erasing these still name the customer, or have their words"


PERSONAL = {
    "recipient", "recipient_name", "locale", "variables", "address", "detail", "note", "title", "traits", "properties",
    "visitor",
}  # fmt: skip


def canary(column: Column[Any]) -> Any:
    """A value that names the customer, or is their word, or fits."""
    if column.name in ("customer_id", "addressee", "advocate", "friend"):
        return "canary-id"
    if column.name in ("variables", "traits", "properties", "outcomes"):
        return '{"x": "canary-word"}' if column.name in PERSONAL else "[]"
    if column.name == "state":
        return "accepted"
    if isinstance(column.type, Instant):
        return NOW
    if isinstance(column.type, Exact):
        return Decimal(1)
    if isinstance(column.type, Boolean | Integer):
        return 1
    return "canary-word" if column.name in PERSONAL else f"a-{column.name}"
