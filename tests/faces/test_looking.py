"""audience, explain and mailroom: what people ask, and how it is answered."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import NIGHT, Journey

LATER = "2026-03-02T15:00:00Z"


# --- audience -----------------------------------------------------------------------------------------------------


def asked(journey: Journey, shop: Path, condition: str, *more: str) -> tuple[int, list[str]]:
    (shop / "asked.yaml").write_text(condition, encoding="utf-8")
    said = journey(
        "audience", shop / "asked.yaml", "--project", shop, "--as-of", "2026-03-05T02:00:00Z", "--json", *more
    )
    assert (said.status, said.err) == (0, "")
    assert set(said.json) == {"as_of", "customers", "sample", "notes"}
    return said.json["customers"], sorted(said.json["sample"])


def test_audience_counts_on_the_data_as_they_are_and_leaves_nothing(journey: Journey, shop: Path) -> None:
    count, sample = asked(journey, shop, "event: order_placed\n")
    assert (count, len(sample)) == (3, 3)
    assert not (shop / "var").exists()


def test_an_event_that_nobody_ever_saw_is_told_of(journey: Journey, shop: Path) -> None:
    (shop / "asked.yaml").write_text("event: order_plcaed\n", encoding="utf-8")
    note = "no event 'order_plcaed' was ever seen (did you mean 'order_placed'?)"
    said = journey("audience", shop / "asked.yaml", "--project", shop, "--as-of", "2026-03-05T02:00:00Z")
    assert f"note: {note}; the condition asks for it" in said.out
    hello = shop / "journeys/hello.yaml"
    hello.write_text(hello.read_text(encoding="utf-8").replace("order_placed", "order_plcaed"), encoding="utf-8")
    told = f"{note}; journey hello asks for it"
    for words in (("run", "--dry-run"), ("preview", "hello"), ("simulate", "--nights", "1"), ("run",)):
        said = journey(*words, "--project", shop, "--as-of", "2026-03-05T02:00:00Z")
        assert told in said.out, words
    again = journey("run", "--project", shop, "--as-of", "2026-03-06T02:00:00Z")
    assert told not in again.out  # it was told when the journey was new
    hello.write_text(hello.read_text(encoding="utf-8").replace("order_plcaed", "order_placed"), encoding="utf-8")
    assert "was ever seen" not in journey("run", "--project", shop, "--as-of", "2026-03-07T02:00:00Z").out


def test_audience_takes_any_condition(journey: Journey, shop: Path) -> None:
    everyone, _ = asked(journey, shop, "customer: {customer_id: {exists: true}}\n")
    assert everyone == 6
    buyers, who = asked(journey, shop, "event: order_placed\n")
    others, rest = asked(journey, shop, "not: {event: order_placed}\n")
    assert buyers + others == everyone
    assert not set(who) & set(rest)


def test_audience_of_journeys_and_letters_knows_what_runs_did(journey: Journey, shop: Path) -> None:
    assert asked(journey, shop, "journey: hello\n") == (0, [])
    journey("run", "--project", shop, "--as-of", NIGHT)
    journey("dispatch", "--project", shop, "--as-of", LATER)
    assert asked(journey, shop, "journey: hello\n")[0] == 4
    assert asked(journey, shop, "message: hello\n")[0] == 4
    assert asked(journey, shop, "subscribed: letters\n")[0] == 6
    assert asked(journey, shop, "event: stage_entered\n")[0] == 0


def test_audience_by_segment(journey: Journey, shop: Path) -> None:
    with (shop / "journeys/project.yaml").open("a", encoding="utf-8") as file:
        file.write("segments: {buyers: {event: order_placed}}\n")
    said = journey("audience", "buyers", "--project", shop, "--as-of", "2026-03-05T02:00:00Z")
    assert said.out.startswith("3 of 6 customers match as of 2026-03-05T02:00:00Z\nsuch as ")
    wrong = journey("audience", "buyer", "--project", shop)
    assert wrong.status == 2
    assert "(did you mean 'buyers'?)" in wrong.err


@pytest.mark.parametrize(
    ("condition", "place", "found"),
    [
        ("evnt: order_placed\n", "1:1", "did you mean 'event'"),
        ("all:\n  - segment: vip\n", "2:14", "unknown segment 'vip'"),
        ("event: {name: x, since: hello}\n", "1:1", "only inside a journey"),
        ("trigger: {total: 3}\n", "1:1", "only inside a journey"),
        ("a: [\n", "2:1", "not YAML"),
    ],
)
def test_a_mistake_in_a_condition_has_its_place(
    journey: Journey, shop: Path, condition: str, place: str, found: str
) -> None:
    (shop / "asked.yaml").write_text(condition, encoding="utf-8")
    said = journey("audience", shop / "asked.yaml", "--project", shop)
    assert said.status == 1
    assert f"asked.yaml:{place}: " in said.err
    assert found in said.err


def test_audience_refuses_an_attribute_that_no_column_provides(journey: Journey, shop: Path) -> None:
    (shop / "asked.yaml").write_text("customer: {plann: pro}\n", encoding="utf-8")
    said = journey("audience", shop / "asked.yaml", "--project", shop, "--json")
    assert said.status == 2
    assert "'plann' (did you mean 'plan'?)" in said.err
    assert said.json["error"]["code"] == "unknown-attribute"


# --- explain ------------------------------------------------------------------------------------------------------


def test_explain_tells_each_move_with_its_line_and_what_comes_next(journey: Journey, run_shop: Path) -> None:
    said = journey("explain", "c3", "--project", run_shop)
    assert said.status == 0
    file = (run_shop / "journeys/hello.yaml").read_text(encoding="utf-8").splitlines()
    lines = {number: text.strip() for number, text in enumerate(file, 1)}
    trigger = next(number for number, text in lines.items() if text.startswith("trigger:"))
    send = next(number for number, text in lines.items() if text == "- send: hello")
    wait = next(number for number, text in lines.items() if text == "- wait: 7 days")
    for number in (trigger, send, wait):
        assert f"journeys/hello.yaml:{number}:  {lines[number]}" in said.out
    assert "entered by event" in said.out
    assert "letter hello: pending" in said.out
    assert "waits until 2026-03-" in said.out


def test_explain_as_json_has_the_same(journey: Journey, run_shop: Path) -> None:
    found = journey("explain", "c3", "--project", run_shop, "--json").json
    assert found["customer_id"] == "c3"
    (story,) = found["stories"]
    assert [move["words"].partition(":")[0] for move in story["moves"]][-1] == "letter hello"
    assert story["waits"].startswith("waits until")


def test_explain_follows_the_letter_into_the_mailroom(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    journey("dispatch", "--project", shop, "--as-of", LATER)
    assert f"letter hello: accepted at {LATER}" in journey("explain", "c3", "--project", shop).out


def test_explain_says_why_a_customer_is_not_in_a_journey(journey: Journey, run_shop: Path) -> None:
    said = journey("explain", "c1", "hello", "--project", run_shop)
    assert said.status == 0
    assert "hello, not entered: " in said.out


def test_explain_of_a_pass_that_was_backfilled_says_that_reentry_forbids_another(journey: Journey, shop: Path) -> None:
    file = shop / "journeys/hello.yaml"
    text = file.read_text(encoding="utf-8").replace("reentry: never", "reentry: never\nbackfill: current")
    file.write_text(text, encoding="utf-8")
    journey("run", "--project", shop, "--as-of", "2026-03-20T02:00:00Z")
    said = journey("explain", "c1", "hello", "--project", shop).out
    assert "reentry is never" in said or "further" not in said
    assert "backfill: current" not in said


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["nobody"], "no customer 'nobody' is known"),
        (["c1", "helo"], "there is no journey 'helo' (did you mean 'hello'?)"),
    ],
)
def test_explain_of_what_is_not_known_says_so(
    journey: Journey, run_shop: Path, arguments: list[str], found: str
) -> None:
    said = journey("explain", *arguments, "--project", run_shop)
    assert said.status == 2
    assert found in said.err


# --- mailroom -----------------------------------------------------------------------------------------------------


def test_mailroom_lists_by_state_and_reason_with_the_command_that_ends_it(journey: Journey, run_shop: Path) -> None:
    said = journey("mailroom", "--project", run_shop)
    assert said.status == 0
    assert "journey dispatch" in said.out
    found = journey("mailroom", "--project", run_shop, "--state", "pending", "--limit", "2", "--json").json
    assert found["messages"] == {"accepted": 1, "pending": 3}
    assert len(found["list"]) == 2
    assert {one["state"] for one in found["groups"]} == {"pending"}


def test_mailroom_shows_single_messages_on_demand(journey: Journey, run_shop: Path) -> None:
    assert "customer" not in journey("mailroom", "--project", run_shop).out
    assert "c3" in journey("mailroom", "--project", run_shop, "--state", "pending").out


def test_mailroom_actions_end_what_is_chosen(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    one = journey("mailroom", "--project", shop, "--state", "pending", "--json").json["list"][0]["message_id"]
    said = journey("mailroom", "cancel", "--state", "pending", "--id", one, "--project", shop, "--as-of", NIGHT)
    assert said.out == "1 messages are cancelled\n"
    found = journey("mailroom", "cancel", "--state", "pending", "--template", "hello", "--project", shop, "--json")
    assert found.json == {"action": "cancel", "messages": 2}
    assert journey("mailroom", "accept", "--project", shop).out == "0 messages are taken as sent\n"
    assert journey("mailroom", "retry", "--state", "refused", "--project", shop).status == 0


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["cancel"], "needs to know which messages"),
        (["retry", "--state", "accepted"], "cannot be retried"),
        (["--state", "pendin"], "did you mean 'pending'"),
    ],
)
def test_mailroom_never_acts_by_an_oversight(
    journey: Journey, run_shop: Path, arguments: list[str], found: str
) -> None:
    said = journey("mailroom", *arguments, "--project", run_shop)
    assert said.status == 2
    assert found in said.err


def test_recover_says_when_nothing_is_missing_and_takes_in_what_is(journey: Journey, shop: Path) -> None:
    journey("run", "--project", shop, "--as-of", NIGHT)
    found = journey("mailroom", "recover", "--project", shop)
    assert found.out.startswith("no run is missing; what was due in the copy")
    for file in (shop / "var").glob("mailroom.sqlite*"):
        file.unlink()
    stopped = journey("run", "--project", shop, "--as-of", "2026-03-03T02:00:00Z")
    assert stopped.status == 2
    assert "recover" in stopped.err
    assert journey("mailroom", "recover", "--project", shop, "--json").json == {"runs": [1]}
    assert journey("mailroom", "--project", shop, "--json").json["messages"] == {"unsure": 4}


def test_an_empty_mailroom_says_so(journey: Journey, shop: Path) -> None:
    assert journey("mailroom", "--project", shop).out == "no messages\n"


def test_what_would_steer_a_terminal_is_shown_as_text(journey: Journey, run_shop: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(run_shop, shop)
    with closing(sqlite3.connect(shop / "var/mailroom.sqlite")) as db, db:
        db.execute("UPDATE messages SET customer_id = ?, detail = ?", ("\x1b[2Jc9\nc10", "no\x9b\u2028way"))
    said = journey("mailroom", "--project", shop, "--state", "pending")
    assert "\\x1b[2Jc9\\nc10" in said.out
    assert "no\\x9b\\u2028way" in said.out
    assert all(letter.isprintable() or letter == "\n" for letter in said.out)


@pytest.mark.parametrize(
    "words", [["explain", "c\x1b[2J"], ["mailroom", "--state", "x\x1b\u202e"], ["run", "--as-of", "\x1b[1m"]]
)
def test_an_error_never_steers_a_terminal(run_shop: Path, words: list[str]) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "journey_engine.cli", *words, "--project", str(run_shop)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert said.returncode == 2
    assert "\\x" in said.stderr
    assert all(letter.isprintable() or letter == "\n" for letter in said.stderr)
