"""Failures of other systems in which a message or a person stood still for ever (docs/failures.md)."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from journey_engine.channel_settings import SmtpChannel as SmtpSettings
from journey_engine.channels import Outcome, OutcomeKind
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.mailroom import State, dispatch
from journey_engine.mailroom.states import ENDED_BY
from tests.channels.test_smtp import Handler, server
from tests.failures.small_shop import Shop
from tests.histories.story import Evening, Reading, customer, ends, event, messages, nights, rules
from tests.mailroom.house import NOW, SENDER, clock, message, open_mailroom, renderer, state_of
from tests.mailroom.test_dispatch import Scripted

CAP = "cap:offers-1-in-30-days"
TWO = """
journey: two
topic: offers
trigger: {event: signed_up}
reentry: never
steps: [{send: hello}, {wait: 1 day}, {send: tips}]
"""
HOUR = dt.timedelta(hours=1)


class Counts(Handler):
    """Counts who was tried."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[str] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.tried.append(address)
        return await super().handle_RCPT(server, session, envelope, address, options)


def test_a_bounced_address_is_tried_once_and_never_by_the_next_dispatches(tmp_path: Path) -> None:
    handler = Counts()
    handler.rcpt["customer1@example.com"] = "550 5.1.1 no such user"
    with server(handler) as port, open_mailroom(tmp_path) as mailroom:
        channels = {"file": SmtpChannel(SmtpSettings(host="127.0.0.1", port=port), SENDER)}
        mailroom.load_run(1, "run-1", NOW, [message(1), message(2)])
        dispatch(mailroom, NOW, channels, renderer(tmp_path), clock=clock)
        later = message(7, run=2, customer_id="c1", to="customer1@example.com")
        mailroom.load_run(2, "run-2", NOW, [later])
        for hours in range(5):
            dispatch(mailroom, NOW + hours * HOUR, channels, renderer(tmp_path), clock=clock)
        assert state_of(mailroom, message(1)) == ("refused", "no_such_address")
        assert state_of(mailroom, later) == ("skipped", "bounced")
    assert sorted(handler.tried) == ["customer1@example.com", "customer2@example.com"]


def test_a_refused_letter_does_not_stop_the_pass_that_sent_it(reading: Reading) -> None:
    text = """
    journey: welcome
    topic: receipts
    trigger: {event: signed_up}
    reentry: never
    steps: [{send: hello}, {wait: 1 day}, {send: tips}, {wait: 1 day}, {send: news}]
    """
    told, rows = rules(text), [event("signed_up", "2026-03-01 10:00")]
    lives = [
        Evening(night, told, [customer()], rows, refused=frozenset({"hello", "tips"}))
        for night in nights("2026-03-01", "2026-03-06")
    ]
    found = reading(lives)["c1"]
    assert messages(found) == ["hello 2026-03-02 02:00", "tips 2026-03-03 02:00", "news 2026-03-04 02:00"]
    assert ends(found) == ["finished finished 2026-03-04 02:00"]


def test_every_state_has_an_age_a_reason_and_a_command_that_ends_it(tmp_path: Path) -> None:
    channel = Scripted(
        Outcome(OutcomeKind.UNSURE, "no_answer", "lost"), Outcome(OutcomeKind.REFUSED, "refused_by_server", "no"),
        Outcome(OutcomeKind.LATER, "try_later", "not now"), Outcome.accepted(),
    )  # fmt: skip
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(4)])
        dispatch(mailroom, NOW, {"file": channel}, renderer(tmp_path), clock=clock)
        groups = mailroom.groups()
    assert {one.state for one in groups} == {State.UNSURE, State.REFUSED, State.PENDING, State.ACCEPTED}
    for one in groups:
        assert one.oldest == one.newest == NOW
        assert one.reason or one.state is State.ACCEPTED
        assert (one.ended_by or "").startswith("journey ") == (one.state is not State.ACCEPTED)
    # No state goes without: it is final, or a command ends it.
    final = {State.ACCEPTED, State.CANCELLED, State.SKIPPED, State.WITHHELD}
    assert {state for state in State if ENDED_BY[state] is None} == final


def test_what_is_stuck_can_be_ended_by_hand(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=["welcome"])
    shop.write("var/outbox", "no folder: the channel cannot work")
    shop.run("02")
    told = json.loads(shop.command("mailroom", "--json").stdout)["groups"]
    assert [(one["state"], one["reason"], one["ended_by"].split(" (")[0]) for one in told] == [
        ("pending", "channel_settings", "journey dispatch")
    ]
    assert shop.command("mailroom", "cancel").returncode == 2  # which ones?
    assert shop.command("mailroom", "cancel", "--state", "pending", "--template", "hello").returncode == 0
    assert {(state, reason) for state, reason, _ in shop.messages().values()} == {("cancelled", "by_hand")}


def test_what_a_cap_holds_back_says_so_and_waits_for_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path, customers=6, journeys=[])
    shop.project("segments:", "caps: [{topic: offers, at_most: 1, within: 30 days}]\nsegments:")
    shop.write("journeys/two.yaml", TWO)
    for day in ("02", "03", "04"):
        shop.run(day)
    held = {(state, template) for state, reason, template in shop.messages().values() if reason == CAP}
    assert held == {("skipped", "tips")}
    assert CAP in shop.command("mailroom").stdout
    query = (
        f"SELECT DISTINCT e.state FROM decisions d JOIN enrollments e USING (enrollment_id) WHERE d.reason = '{CAP}'"
    )
    assert shop.rows(query) == [("finished",)]
