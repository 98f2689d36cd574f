"""Codes from a pool: each goes to one reward, and nothing that names one leaves without it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from journey_engine.cli.rewarding import read_codes
from journey_engine.errors import JourneyError
from journey_engine.mailroom import DispatchReport, Mailroom, dispatch
from journey_engine.mailroom.pools import write_in
from journey_engine.mailroom.tables import messages
from journey_engine.program import Program
from journey_engine.records import Decision, DecisionKind
from tests.mailroom.house import (
    NOW,
    TEMPLATES,
    clock,
    file_channel,
    letters,
    message,
    open_mailroom,
    other,
    renderer,
    state_of,
    write_templates,
)
from tests.mailroom.test_rewards import reward

PROGRAM = Program.model_validate(
    {"program": "voucher", "currency": "EUR", "sides": {"customer": 10}, "budget": 1000, "code": "pool"}
)
OWN = {"code/subject.txt": "Your code", "code/body.txt": "<{{ step.gift.code }}> {{ links.unsubscribe }}"}


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    write_templates(tmp_path / "templates", TEMPLATES | OWN)
    with open_mailroom(tmp_path) as opened:
        yield opened


def given(number: int) -> Decision:
    return reward(number, code=f"CCCC-DDDD-FFFF-{number:04}")


def values(number: int) -> dict[str, Any]:
    """What a journey says of the reward behind its step."""
    one = given(number)
    return {"step": {"gift": {"reward_id": one.decision_id, "code": one.payload["code"]}}}


def letter(number: int) -> Decision:
    return message(number, template="code", values=values(number))


def load(mailroom: Mailroom, run: int, *decisions: Decision) -> None:
    mailroom.load_run(run, f"run-{run}", NOW, decisions, programs={"voucher": PROGRAM})


def send(root: Path, mailroom: Mailroom, minutes: int = 0) -> DispatchReport:
    at = NOW + timedelta(minutes=minutes)
    return dispatch(mailroom, at, {"file": file_channel(root)}, renderer(root), clock=clock)


def told(root: Path) -> set[str]:
    """The codes in the outbox."""
    bodies = [one.get_body(("plain",)) for one in letters(root) if one["subject"] == "Your code"]
    return {body.get_content().partition(">")[0].removeprefix("<") for body in bodies if body is not None}


def test_each_reward_has_a_code_of_its_own(mailroom: Mailroom, tmp_path: Path) -> None:
    assert mailroom.load_codes("voucher", ["AA-1", "AA-2", "AA-3"], NOW).left == 3
    load(mailroom, 1, given(1), given(2), letter(1), letter(2))
    report = send(tmp_path, mailroom)
    assert (report.accepted, report.troubles) == (2, ())
    assert told(tmp_path) == {"AA-1", "AA-2"}
    assert {one.code for one in mailroom.rewards()} == {"AA-1", "AA-2"}
    assert {one.properties["code"] for one in mailroom.feedback() if one.name == "reward_pending"} == {"AA-1", "AA-2"}
    assert mailroom.codes_left("voucher") == 1
    assert mailroom.reward_named("aa-2") in {given(1).decision_id, given(2).decision_id}


def test_empty_pool_is_told_and_the_letter_waits_until_there_is_a_code(mailroom: Mailroom, tmp_path: Path) -> None:
    mailroom.load_codes("voucher", ["AA-1"], NOW)
    load(mailroom, 1, given(1), given(2), letter(1), letter(2), message(3))
    report = send(tmp_path, mailroom)
    assert (report.accepted, report.waiting) == (2, 1)  # one voucher, and the letter that names none
    assert report.troubles == (
        "codes of voucher: the pool is empty and 1 rewards wait: journey rewards load FILE --program voucher",
    )
    waits = next(one for one in (letter(1), letter(2)) if state_of(mailroom, one)[0] == "pending")
    assert state_of(mailroom, waits) == ("pending", "no_code")
    assert send(tmp_path, mailroom, 11).waiting == 1
    assert mailroom.load_codes("voucher", ["AA-1", "BB-2"], NOW).given == 1
    report = send(tmp_path, mailroom, 22)
    assert (report.accepted, report.troubles) == (1, ())
    assert told(tmp_path) == {"AA-1", "BB-2"}


def test_code_that_was_loaded_before_changes_nothing_whoever_has_it(mailroom: Mailroom) -> None:
    done = mailroom.load_codes("voucher", ["AA-1", "AA-1", "AA-2"], NOW)
    assert (done.added, done.known, done.left) == (2, 0, 2)
    load(mailroom, 1, given(1))
    done = mailroom.load_codes("voucher", ["AA-1", "AA-2", "AA-3"], NOW)
    assert (done.added, done.known, done.left) == (1, 2, 2)
    assert mailroom.load_codes("another", ["AA-1"], NOW).left == 1
    load(mailroom, 2, given(1))  # decided again by a restored engine
    assert mailroom.codes_left("voucher") == 2


def test_tasks_and_webhooks_name_the_code_too_and_wait_for_it(mailroom: Mailroom, tmp_path: Path) -> None:
    task = other(
        DecisionKind.TASK, 1, team="service", title="Tell {{ step.gift.code }}", due_at=None, values=values(1)
    )  # fmt: skip
    call = other(DecisionKind.WEBHOOK, 1, endpoint="crm", data={"voucher": "step.gift.code"}, values=values(1))
    load(mailroom, 1, given(1), task, call)
    assert send(tmp_path, mailroom).tasks == 0
    mailroom.load_codes("voucher", ["AA-1"], NOW)
    report = send(tmp_path, mailroom, 11)
    assert report.tasks == 1
    assert [one.title for one in mailroom.todo(NOW)] == ["Tell AA-1"]
    with mailroom.store.write() as db:
        (row,) = write_in(db, messages, db.execute(select(messages)).all()).rows
    assert '"voucher":"AA-1"' in row.variables
    assert "CCCC" not in row.variables


def test_reward_that_is_taken_back_before_it_had_a_code_sends_no_letter(mailroom: Mailroom, tmp_path: Path) -> None:
    load(mailroom, 1, given(1), letter(1))
    mailroom.reverse(given(1).decision_id, NOW, "a mistake")
    mailroom.load_codes("voucher", ["AA-1"], NOW)
    send(tmp_path, mailroom)
    assert state_of(mailroom, letter(1)) == ("skipped", "taken_back")
    assert mailroom.codes_left("voucher") == 1


def test_files_of_codes_are_read_or_refused_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_text('code,value\nAA-1,10\n\n "AA-2" ,10\n', encoding="utf-8")
    assert read_codes(str(file)) == ["AA-1", "AA-2"]
    file.write_text("AA-1\nAA 2\n", encoding="utf-8")
    with pytest.raises(JourneyError, match="line 2 of"):
        read_codes(str(file))
    with pytest.raises(JourneyError, match="cannot be read: No such file"):
        read_codes(str(tmp_path / "none"))
