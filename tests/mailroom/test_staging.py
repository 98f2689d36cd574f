"""While things are tried out: only who is named gets anything, all else goes elsewhere, and everybody is told."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from journey_engine.channel_settings import SendgridChannel as SendgridSettings
from journey_engine.channels.sendgrid_body import body_of
from journey_engine.mailroom import Staging, State
from journey_engine.mailroom.dispatch import DispatchReport, dispatch
from journey_engine.message import Outgoing, Rendered
from journey_engine.project import Project
from journey_engine.records import Decision
from tests.mailroom.house import NOW, SENDER, clock, file_channel, message, open_mailroom, renderer, state_of

ADA, BEN = "ada@example.com", "ben@Other.example"


def project(**words: Any) -> Project:
    given = {"customers": "c.csv", "events": "e.csv", "sender": {"name": "Shop", "email": "shop@example.com"}}
    return Project.model_validate({"project": "shop", **given, **words})


def to(number: int, address: str | None, **more: Any) -> Decision:
    one = message(number)
    return replace(one, payload={**one.payload, "to": address, "name": "Ada", **more})


def sent(folder: Path, made: list[Decision], **words: Any) -> tuple[DispatchReport, list[tuple[Any, ...]], list[Any]]:
    """The report of a dispatch, what became of each message, and the letters that were written."""
    channel = file_channel(folder)
    with open_mailroom(folder) as mailroom:
        mailroom.load_run(1, "run-1", NOW, made)
        staging = Staging.of(project(**words))
        done = dispatch(mailroom, NOW, {"file": channel}, renderer(folder), clock=clock, staging=staging)
        states = [state_of(mailroom, one) for one in made]
    files = sorted(channel.folder.glob("*.eml"))
    return done, states, [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def test_only_who_is_named_gets_anything_and_all_others_are_skipped(tmp_path: Path) -> None:
    made = [to(1, "ADA@example.com"), to(2, BEN), to(3, "eve@sub.other.example"), to(4, "eve@example.com")]
    done, states, letters = sent(tmp_path, made, only_to=[ADA, "other.example"])
    skipped = (State.SKIPPED, "not_in_only_to")
    assert states == [(State.ACCEPTED, None), (State.ACCEPTED, None), skipped, skipped]
    assert sorted(str(letter["To"]) for letter in letters) == ["Ada <ADA@example.com>", f"Ada <{BEN}>"]
    assert all(letter["X-Journey-Intended"] is None for letter in letters)
    assert done.loud == (
        "ATTENTION: only_to is set (project.yaml): 2 of addresses and domains get their messages, "
        "nobody else gets anything"
    )


def test_redirected_letter_says_whose_it_is_and_its_row_does_not_lie(tmp_path: Path) -> None:
    done, states, (letter,) = sent(tmp_path, [to(1, BEN)], redirect_to="qa@shop.example")
    assert states == [(State.ACCEPTED, "redirected")]
    assert (letter["To"], letter["X-Journey-Intended"]) == ("qa@shop.example", BEN)
    assert done.reasons == {("accepted", "redirected"): 1}
    assert "no customer gets anything, all goes to qa@shop.example" in str(done.loud)
    assert BEN not in repr(done)


def test_with_both_those_named_get_their_own_and_the_others_go_elsewhere(tmp_path: Path) -> None:
    _, states, letters = sent(tmp_path, [to(1, ADA), to(2, BEN)], only_to=[ADA], redirect_to="qa@shop.example")
    assert states == [(State.ACCEPTED, None), (State.ACCEPTED, "redirected")]
    assert {str(letter["To"]) for letter in letters} == {f"Ada <{ADA}>", "qa@shop.example"}


def test_way_without_a_place_to_redirect_to_reaches_nobody() -> None:
    letters = Staging.of(project(redirect_to={"email": "qa@shop.example"}))
    assert letters.leads("sms", "+49 170 1234567") == (None, "not_redirected")
    phones = Staging.of(project(redirect_to={"phone": "+49 30 123456"}))
    assert phones.leads("sms", "0170 1234567") == ("+49 30 123456", "redirected")
    for channel in ("file", "smtp", "sendgrid", "of-a-package"):
        assert phones.leads(channel, ADA) == (None, "not_redirected")


def test_numbers_are_compared_by_their_digits_and_names_in_any_alphabet() -> None:
    only = Staging.of(project(only_to=["+49 170 1234567", "bücher.example"]))
    assert only.leads("sms", "+49 (170) 1234-567")[0] is not None
    assert only.leads("sms", "0170 1234567") == (None, "not_in_only_to")  # which country's, nobody said
    assert only.leads("file", "ada@xn--bcher-kva.example")[0] is not None
    assert only.leads("file", "491701234567@example.com") == (None, "not_in_only_to")


def test_other_systems_and_our_own_people_are_not_touched_and_nothing_is_by_default() -> None:
    only = Staging.of(project(only_to=[ADA], redirect_to="qa@shop.example"))
    for channel in ("webhook", "staff"):
        assert only.leads(channel, "crm") == ("crm", None)
    assert Staging.of(project()).leads("smtp", BEN) == (BEN, None)
    assert Staging.of(project()).loud is None


def test_sendgrid_carries_whose_it_is_and_no_line_break_does() -> None:
    whose = "ada@example.com\r\nBcc: x"
    one = Outgoing("m", "qa@shop.example", None, Rendered("Hi", "Hi"), NOW, "hello", intended=whose)
    headers = body_of(one, SENDER, SendgridSettings())["headers"]
    assert headers["X-Journey-Intended"] == "ada@example.com Bcc: x"


@pytest.mark.parametrize(
    "words",
    [
        {"only_to": []}, {"only_to": ["nobody"]}, {"only_to": ["*@example.com"]}, {"redirect_to": {}},
        {"redirect_to": "qa"}, {"redirect_to": {"phone": "qa"}},
        {"environment": "production", "redirect_to": "qa@shop.example"},
    ],
)  # fmt: skip
def test_what_would_reach_the_wrong_people_is_a_mistake(words: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        project(**words)
