"""A message of an account's pass that its contact gets: consent, address and links are the contact's (rule 27)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from journey_engine.links import Links
from journey_engine.mailroom import State
from journey_engine.mailroom.dispatch import dispatch
from journey_engine.message import MessageRef, Outcome, Outgoing, Presence
from journey_engine.records import Decision, DecisionKind
from journey_engine.render import Renderer
from tests.mailroom.house import (
    NOW,
    SENDER,
    clock,
    file_channel,
    message,
    open_mailroom,
    other,
    renderer,
    state_of,
    write_templates,
)


def to(number: int, contact: str, run: int = 1) -> Decision:
    """A message of the pass of one customer for another."""
    one = message(number, run=run)
    return replace(one, payload={**one.payload, "addressee": contact})


def test_the_contact_s_unsubscribe_stops_it_and_the_account_s_does_not(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        stop = other(DecisionKind.SUPPRESS, 1, topic=None, reason="unsubscribed")  # of customer c1
        stopped, sent = to(2, "c1"), to(3, "c9")
        of_account = other(DecisionKind.SUPPRESS, 3, topic=None, reason="unsubscribed")  # whose pass writes to c9
        mailroom.load_run(1, "run-1", NOW, [stop, of_account, stopped, sent])
        dispatch(mailroom, NOW, {"file": file_channel(tmp_path)}, renderer(tmp_path), clock=clock)
        assert state_of(mailroom, stopped) == (State.SKIPPED, "unsubscribed")
        assert state_of(mailroom, sent)[0] == State.ACCEPTED
        (event,) = [one for one in mailroom.feedback() if one.properties["message_id"] == sent.decision_id]
        # The pass hears of it, and who got it stands in the event.
        assert event.customer_id == sent.customer_id
        assert event.properties["addressee"] == "c9"


def test_links_are_the_reader_s_and_answers_are_the_pass_s(tmp_path: Path) -> None:
    links = Links("https://shop.example", {"k": b"x" * 32}, "k")
    asks = {
        "asks/subject.txt": "A question",
        "asks/body.txt": "{{ links.unsubscribe }}\n{% for one in answers %}{{ one.link }}\n{% endfor %}",
    }
    words = Renderer(write_templates(tmp_path / "templates", asks), SENDER, links)
    ask = {"ask": {"question": "q", "answers": [{"answer": "yes", "label": "Yes"}]}}
    reference = MessageRef("m" * 32, "c1", "offers", "UTC", "e1", "h1")
    text = words.render("asks", None, ask, reference).text
    assert str(links.unsubscribe("c1", "offers", "m" * 32)) in text
    assert str(links.answer("h1", "m" * 32, "e1", "q", "yes")) in text


def test_short_message_needs_a_phone_number_and_reads_its_own_words(tmp_path: Path) -> None:
    class Phones:
        name, hold, taken = "sms", timedelta(0), ()

        def open(self) -> None: ...

        def close(self) -> None: ...

        def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
            self.taken = (*self.taken, *((one.to, one.rendered.text) for one in messages))
            return ((one.message_id, Outcome.accepted()) for one in messages)

        def lookup(self, message_ids: Collection[str]) -> dict[str, Presence]:
            return dict.fromkeys(message_ids, Presence.UNKNOWN)

    write_templates(tmp_path / "templates", {"hello/sms.txt": "Hi from us"})
    made = [message(number) for number in range(3)]
    numbers = ("0170 1234567", "ada@example.com", None)
    made = [
        replace(one, payload={**one.payload, "template": "hello", "channel": "sms", "to": to})
        for one, to in zip(made, numbers, strict=True)
    ]
    phones = Phones()
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, made)
        dispatch(mailroom, NOW, {"sms": phones}, Renderer(tmp_path / "templates", SENDER), clock=clock)
        assert [state_of(mailroom, one) for one in made] == [
            (State.ACCEPTED, None), (State.SKIPPED, "invalid_address"), (State.SKIPPED, "no_address"),
        ]  # fmt: skip
    assert phones.taken == (("0170 1234567", "Hi from us"),)
