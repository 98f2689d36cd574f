"""stop, resume, release, cancel, rollback: what an operator says when something goes wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from journey_engine.mailroom import Mailroom, pauses
from journey_engine.times import parse_instant

from .conftest import Journey

LATER = "2026-03-02T15:00:00Z"


@pytest.fixture
def shop(run_shop: Path, tmp_path: Path) -> Path:
    """A shop after its first night, with letters that wait for the day."""
    return Path(shutil.copytree(run_shop, tmp_path / "shop"))


def test_nothing_leaves_while_everything_is_stopped(journey: Journey, shop: Path) -> None:
    waiting = journey("mailroom", "--project", shop, "--json").json["messages"]["pending"]
    said = journey("stop", "--reason", "wrong prices", "--project", shop)
    assert (said.status, said.err) == (0, "")
    assert "everything is stopped" in said.out
    assert "let it go with: journey resume" in said.out
    assert "already" in journey("stop", "--project", shop).out
    done = journey("dispatch", "--as-of", LATER, "--project", shop, "--json")
    assert (done.status, done.json["accepted"], done.json["waiting"]) == (0, 0, waiting)
    listed = journey("mailroom", "--project", shop)
    assert "everything is stopped since" in listed.out
    assert "wrong prices; ended by: journey resume" in listed.out
    assert journey("mailroom", "--project", shop, "--json").json["stopped"][0]["reason"] == "wrong prices"
    assert "goes on" in journey("resume", "--project", shop).out
    assert journey("dispatch", "--as-of", LATER, "--project", shop, "--json").json["accepted"] == waiting


def test_what_is_named_is_stopped_and_a_name_that_nothing_has_is_refused(journey: Journey, shop: Path) -> None:
    refused = journey("stop", "--journey", "hell", "--project", shop)
    assert refused.status == 2
    assert "there is no journey 'hell' (did you mean 'hello'?)" in refused.err
    assert journey("stop", "--journey", "hello", "--topic", "letters", "--project", shop).status == 2
    assert journey("stop", "--journey", "hello", "--project", shop).status == 0
    assert journey("dispatch", "--as-of", LATER, "--project", shop, "--json").json["accepted"] == 0
    again = journey("resume", "--project", shop)
    assert again.status == 2
    assert "everything is not stopped" in again.err
    assert "stopped now: journey hello" in again.err
    assert journey("resume", "--journey", "hello", "--project", shop, "--json").json == {
        "resumed": "journey", "name": "hello", "still_stopped": [],
    }  # fmt: skip


def test_a_channel_that_takes_nothing_is_told_with_its_age_and_tried_at_once_when_somebody_says_so(
    journey: Journey, shop: Path
) -> None:
    waiting = journey("mailroom", "--project", shop, "--json").json["messages"]["pending"]
    with Mailroom.open(f"sqlite:///{shop}/var/mailroom.sqlite", environment="development") as room:
        detail = "mail.example.com:25 does not accept the username and password: 535 no"
        pauses.put(room.store, "file", "", "login_refused", detail, parse_instant("2026-03-02T14:59:30Z"))
    done = journey("dispatch", "--as-of", LATER, "--project", shop)
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "journey: channel file: takes nothing since 2026-03-02T14:59:30Z: mail.example.com:25 does not" in done.err
    assert "tried again at 2026-03-02T15:00:30Z, at once with `journey resume --channel file`" in done.err
    listed = journey("mailroom", "--project", shop)
    assert "channel file takes nothing since" in listed.out
    assert "at once by: journey resume --channel file" in listed.out
    (paused,) = journey("mailroom", "--project", shop, "--json").json["paused"]
    assert (paused["reason"], paused["tries"]) == ("login_refused", 1)
    assert journey("resume", "--channel", "file", "--project", shop).status == 0
    again = journey("resume", "--channel", "file", "--project", shop)
    assert (again.status, "channel file is not stopped" in again.err) == (2, True)
    assert journey("dispatch", "--as-of", LATER, "--project", shop, "--json").json["accepted"] == waiting


def test_the_pace_of_project_yaml_is_kept(journey: Journey, shop: Path) -> None:
    waiting = journey("mailroom", "--project", shop, "--json").json["messages"]["pending"]
    project = shop / "journeys/project.yaml"
    told = project.read_text(encoding="utf-8")
    assert "channels:" not in told
    project.write_text(told + "\nchannels: {file: {folder: var/outbox, daily: 1}}\n", encoding="utf-8")
    done = journey("dispatch", "--as-of", LATER, "--project", shop, "--json")
    assert (done.status, done.json["accepted"], done.json["waiting"]) == (0, 1, waiting - 1)
    assert done.json["reasons"] == [{"state": "pending", "reason": "rate_limit", "count": waiting - 1}]


def test_a_run_is_held_released_given_up_and_taken_back(journey: Journey, shop: Path) -> None:
    waiting = journey("mailroom", "--project", shop, "--json").json["messages"]["pending"]
    for word in ("release", "cancel"):
        refused = journey(word, "1", "--project", shop)
        assert refused.status == 2
        assert "run 1 is not held" in refused.err
    assert journey("stop", "--run", "1", "--project", shop, "--json").json["name"] == "1"
    assert journey("dispatch", "--as-of", LATER, "--project", shop, "--json").json["accepted"] == 0
    assert journey("release", "1", "--project", shop, "--json").json == {"released": 1}
    assert journey("stop", "--run", "1", "--project", shop).status == 0
    assert journey("cancel", "1", "--project", shop, "--json").json["cancelled"] == waiting
    assert "0 messages are cancelled" in journey("rollback", "1", "--project", shop).out
    assert journey("dispatch", "--as-of", LATER, "--project", shop, "--json").json["accepted"] == 0
    unknown = journey("rollback", "77", "--project", shop)
    assert unknown.status == 2
    assert "no run '77'" in unknown.err


def test_a_run_that_blows_the_fuse_is_held_and_the_run_says_so(journey: Journey, shop: Path) -> None:
    project = shop / "journeys/project.yaml"
    project.write_text(project.read_text(encoding="utf-8") + "\nfuse: 1\n", encoding="utf-8")
    journey("rollback", "1", "--project", shop)
    people, events = shop / "data/customers.csv", shop / "data/events.csv"
    with people.open("a", encoding="utf-8") as file:
        file.writelines(f"n{n},n{n}@example.com,New{n},UTC,en,person,,,GB,free,,,,,\n" for n in range(3))
    with events.open("a", encoding="utf-8") as file:
        file.writelines(f"new-{n},n{n},signed_up,2026-03-02T10:00:00Z,{{}}\n" for n in range(3))
    done = journey("run", "--as-of", "2026-03-03T02:00:00Z", "--project", shop)
    assert done.status == 1
    assert "run 2 is held: it has" in done.out
    assert "`journey release 2` lets it go" in done.out
    later = ("dispatch", "--as-of", "2026-03-03T15:00:00Z", "--project", shop, "--json")
    assert journey(*later).json["accepted"] == 0
    assert journey("release", "2", "--project", shop).status == 0
    assert journey(*later).json["accepted"] > 1


def test_a_fuse_without_sense_is_refused(journey: Journey, shop: Path) -> None:
    project = shop / "journeys/project.yaml"
    project.write_text(project.read_text(encoding="utf-8") + "\nfuse: {at_most: 0, times_usual: 1}\n", encoding="utf-8")
    said = journey("validate", "--project", shop)
    assert said.status == 1
    assert said.out.count("journeys/project.yaml:") == 2


def test_the_mailroom_is_ended_by_filter_after_a_look_and_with_the_number_that_was_seen(
    journey: Journey, shop: Path
) -> None:
    named = ("--state", "pending", "--journey", "hello", "--channel", "file", "--run", "1", "--project", shop)
    meant = journey("mailroom", "--project", shop, "--json").json["messages"]["pending"]
    looked = journey("mailroom", "cancel", *named, "--dry-run")
    assert looked.status == 0
    assert f"{meant} messages would be cancelled; nothing was changed. Do it with: --confirm {meant}" in looked.out
    assert journey("mailroom", "cancel", *named, "--dry-run", "--json").json["messages"] == meant
    refused = journey("mailroom", "cancel", *named, "--confirm", str(meant + 1))
    assert (refused.status, "nothing was changed" in refused.err) == (2, True)
    young = journey("mailroom", "cancel", *named, "--older-than", "1 day", "--as-of", "2026-03-02T03:00:00Z", "--json")
    assert young.json["messages"] == 0
    odd = journey("mailroom", "cancel", *named, "--older-than", "long")
    assert (odd.status, "--older-than: 'long' is not a duration" in odd.err) == (2, True)
    assert journey("mailroom", "retry", *named).status == 2
    listed = journey("mailroom", "--topic", "nothing", "--project", shop)
    assert (listed.status, "there is no topic 'nothing'" in listed.err) == (2, True)
    assert journey("mailroom", "cancel", *named, "--confirm", str(meant), "--json").json["messages"] == meant


def test_many_messages_are_not_ended_by_an_oversight(
    journey: Journey, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("journey_engine.cli.mailing.MANY", 1)
    meant = journey("mailroom", "--project", shop, "--json").json["messages"]["pending"]
    refused = journey("mailroom", "cancel", "--state", "pending", "--project", shop)
    assert refused.status == 2
    assert f"that are {meant} messages" in refused.err
    assert f"say the same with --confirm {meant}" in refused.err
    assert journey("mailroom", "--project", shop, "--json").json["messages"]["pending"] == meant


def test_the_report_tells_what_is_stopped_and_which_channel_takes_nothing(journey: Journey, shop: Path) -> None:
    assert journey("stop", "--topic", "letters", "--reason", "wrong prices", "--project", shop).status == 0
    with Mailroom.open(f"sqlite:///{shop}/var/mailroom.sqlite", environment="development") as room:
        pauses.put(room.store, "file", "", "unavailable", "nobody there", parse_instant("2026-03-02T15:00:00Z"))
    told = journey("report", "--project", shop).out
    assert "note: topic letters is stopped since" in told
    assert "wrong prices; ended by `journey resume --topic letters`" in told
    assert "note: channel file takes nothing since 2026-03-02T15:00:00Z: nobody there" in told
