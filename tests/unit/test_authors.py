"""Who a letter is from: the customer's own salesperson, unless what the data say of them may not be used."""

from __future__ import annotations

import datetime as dt
from email import message_from_bytes, policy
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from journey_engine.channel_settings import SendgridChannel
from journey_engine.channels.mime import Envelope
from journey_engine.channels.sendgrid_body import body_of
from journey_engine.links import Links
from journey_engine.message import Author, MessageRef, Outgoing, Rendered
from journey_engine.project import Sender
from journey_engine.render import Renderer, author_of

OWN = {"name": "customer.owner_name", "email": "customer.owner_email"}
HOUSE = {"name": "Blue Note", "email": "hello@shop.example", "reply_to": "answers@shop.example"}
DATE = dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
ADA = Author("Ada Lovelace", "ada@shop.example")


def house(**own: Any) -> Sender:
    return Sender.model_validate({**HOUSE, "own": {**OWN, **own}})


def values(name: Any = "Ada Lovelace", email: Any = "ada@shop.example", root: str = "customer") -> dict[str, Any]:
    told = {"owner_name": name, "owner_email": email}
    return {root: {key: value for key, value in told.items() if value is not None}}


def test_the_customer_s_own_salesperson_writes() -> None:
    assert author_of(house(), values(), "offers") == (ADA, None)
    assert author_of(house(), values(email=" ada@shop.example "), "offers") == (ADA, None)
    assert author_of(house(), values(email="Ada@SHOP.example"), "offers")[0] == Author(
        "Ada Lovelace", "Ada@SHOP.example"
    )
    theirs = house(name="account.owner_name", email="account.owner_email")
    assert author_of(theirs, values(root="account"), "offers") == (ADA, None)


@pytest.mark.parametrize("email", [None, "", "  "])
def test_where_nobody_is_named_the_project_writes_and_nothing_is_told(email: str | None) -> None:
    assert author_of(house(), values(email=email), "offers") == (None, None)
    assert author_of(house(), {}, "offers") == (None, None)
    assert author_of(Sender.model_validate(HOUSE), values(), "offers") == (None, None)


@pytest.mark.parametrize(
    "email",
    [
        "ada@evil.example",
        "ada@shop.example.evil.example",
        "ada@sub.shop.example",
        "ada@shop.example@evil.example",
        "ada@evil.example,ada@shop.example",
        "Ada <ada@shop.example>",
        "ada@shop.example\r\nBcc: all@evil.example",
        "ada@shop.example\n",
        "a da@shop.example",
        "ada@shop.examp\u200ble",
        "ada@\u017fhop.example",  # an s of old, which some programs take for one
        "\u00e4da@shop.example",
        "ada",
        "@shop.example",
        "a" * 65 + "@shop.example",
    ],
)
def test_whoever_may_not_write_is_passed_over_and_told_of(email: str) -> None:
    author, why = author_of(house(), values(email=email), "offers")
    assert author is None
    assert why is not None and "customer.owner_email" in why
    assert "\n" not in why and "\r" not in why


def test_domains_that_the_project_names_may_write_and_its_own_only_when_it_is_among_them() -> None:
    sender = house(domains=["sales.example", "Partner.example"])
    for email, may in (("a@sales.example", True), ("a@partner.example", True), ("a@shop.example", False)):
        assert (author_of(sender, values(email=email), "offers")[0] is not None) is may


@pytest.mark.parametrize(
    "name",
    [
        None, "", "  ", "x" * 121, "Ada\r\nBcc: all@evil.example", "Ada\x00", "boss@bank.example",
        'Ada" <boss@bank.example', "Ada\u2028", "Ada \u202emoc.knab", 5, ["Ada"],
    ],
)  # fmt: skip
def test_a_name_that_is_none_leaves_the_project_s_name_with_the_address(name: Any) -> None:
    assert author_of(house(), values(name=name), "offers")[0] == Author("Blue Note", "ada@shop.example")


def test_only_letters_of_the_topics_that_are_named_are_theirs() -> None:
    sender = house(topics=["offers"])
    assert author_of(sender, values(), "offers")[0] == ADA
    assert author_of(sender, values(), "receipts") == (None, None)
    assert author_of(sender, values(), None) == (None, None)


@pytest.mark.parametrize(
    "domain", ["*", "*.example.com", "com", "a@example.com", "", "exa mple.com", "\u00e4.example.com"]
)
def test_a_domain_that_is_none_is_refused(domain: str) -> None:
    with pytest.raises(ValidationError, match="is no domain; write each one out"):
        house(domains=[domain])


@given(name=st.text(max_size=130), email=st.text(max_size=60))
@example(name="Ada", email="ada@shop.example\r\nBcc: all@evil.example")
@example(name="Ada\r\nBcc: all@evil.example", email="ada@shop.example")
def test_whatever_the_data_hold_a_letter_has_one_sender_of_an_allowed_domain(name: str, email: str) -> None:
    sender = house()
    author, _ = author_of(sender, values(name, email), "offers")
    rendered = Rendered("Hello", "Hello", author=author)
    message = Outgoing("a" * 32, "c@example.com", "Cy", rendered, DATE, "hello")
    whole = message_from_bytes(Envelope.of(sender, "marketing").fill(message), policy=policy.default)
    assert len(whole.get_all("From", [])) == 1
    assert whole["Bcc"] is None
    assert parseaddr(str(whole["From"]))[1].lower().endswith("@shop.example")
    body = body_of(message, sender, SendgridChannel())
    assert body["from"]["email"].lower().endswith("@shop.example")


def test_a_letter_of_theirs_takes_answers_to_them_and_keeps_the_project_s_ids() -> None:
    sender = house()
    for author, speaks, answers in ((ADA, "ada@shop.example", None), (None, HOUSE["email"], HOUSE["reply_to"])):
        message = Outgoing("a" * 32, "c@example.com", "Cy", Rendered("Hi", "Hi", author=author), DATE, "hello")
        whole = message_from_bytes(Envelope.of(sender, "marketing").fill(message), policy=policy.default)
        assert parseaddr(str(whole["From"]))[1] == speaks
        assert whole["Reply-To"] == answers
        assert whole["Message-ID"] == f"<{'a' * 32}@shop.example>"
        body = body_of(message, sender, SendgridChannel())
        assert (body["from"]["email"], body.get("reply_to", {}).get("email")) == (speaks, answers)


def test_answers_go_to_the_house_where_the_project_says_so(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for part in ("subject.txt", "body.txt"):
        (tmp_path / "t" / part).write_text("Hello")
    links, ref = Links("https://shop.example", {"k": b"x" * 32}, "k"), MessageRef("a" * 32, "c1", "offers")
    for reply_to, starts in (("answers@shop.example", "answers@"), ("answers+{token}@shop.example", "answers+")):
        for answers in ("own", "house"):
            sender = house(answers=answers).model_copy(update={"reply_to": reply_to})
            rendered = Renderer(tmp_path, sender, links).render("t", "en", values(), ref)
            message = Outgoing("a" * 32, "c@example.com", "Cy", rendered, DATE, "hello")
            whole = message_from_bytes(Envelope.of(sender, "marketing").fill(message), policy=policy.default)
            assert str(whole["Reply-To"] or "").startswith(starts if answers == "house" else "")
            assert (whole["Reply-To"] is None) is (answers == "own")
            assert body_of(message, sender, SendgridChannel()).get("reply_to", {}).get("email") == whole["Reply-To"]


def test_templates_name_whoever_writes(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t/subject.txt").write_text("A word from {{ sender.name }}")
    (tmp_path / "t/body.txt").write_text("{{ sender.email }}, {{ sender.postal_address }}")
    (tmp_path / "t/sms.txt").write_text("{{ sender.name }}")
    sender = house().model_copy(update={"postal_address": "1 Street", "reply_to": "a+{token}@shop.example"})
    renderer = Renderer(tmp_path, sender, Links("https://shop.example", {"k": b"x" * 32}, "k"))
    ref = MessageRef("a" * 32, "c1", "offers")
    own = renderer.render("t", "en", values(), ref)
    assert (own.subject, own.text.strip()) == ("A word from Ada Lovelace", "ada@shop.example, 1 Street")
    assert (own.author, own.reply_to, own.stranger) == (ADA, None, False)
    ours = renderer.render("t", "en", values(email="ada@evil.example"), ref)
    assert (ours.subject, ours.author, ours.stranger) == ("A word from Blue Note", None, True)
    assert ours.reply_to is not None
    short = renderer.render("t", "en", values(), MessageRef("a" * 32, "c1", "offers", channel="sms"))
    assert short.text == "Ada Lovelace"
