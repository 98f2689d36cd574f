"""`journey tasks`: from a night's task to the night after it was done, as a person of the team meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Journey

CALL = """
journey: call
topic: letters
trigger: {event: {name: signed_up, first: true}}
steps:
  - task:
      id: call
      team: service
      title: "Call {{ customer.first_name | default('you') }}"
      due: 1 day
      outcomes: [reached, no_answer]
      on_done: [{set: {called: {from: step.call.outcome}}}]
      on_late: [{task: {id: overdue, team: head, title: "Nobody called {{ customer.first_name | default('you') }}"}}]
"""


@pytest.fixture
def shop(journey: Journey, shop: Path) -> Path:
    """A shop whose first night gave tasks."""
    for name in ("hello.yaml", "hello.test.yaml"):
        (shop / "journeys" / name).unlink()
    (shop / "journeys/call.yaml").write_text(CALL, encoding="utf-8")
    assert journey("run", "--as-of", "2026-03-02T02:00:00Z", "--project", shop).status == 0
    return shop


def test_a_task_is_listed_taken_done_and_seen_by_the_next_night(journey: Journey, shop: Path) -> None:
    noon = ("--as-of", "2026-03-02T12:00:00Z", "--project", shop)
    listed = journey("tasks", *noon, "--json").json["tasks"]
    assert {(one["team"], one["state"], one["late"], one["due_at"]) for one in listed} == {
        ("service", "open", False, "2026-03-03T02:00:00Z")
    }
    assert "10 hours" in journey("tasks", *noon).out
    mine = listed[0]["task_id"]
    taken = journey("tasks", "take", mine[:8], "--owner", "Ada", *noon)
    assert (taken.status, taken.err) == (0, "")
    assert "is Ada's, due 2026-03-03T02:00:00Z; it ends with: reached, no_answer" in taken.out
    over = journey("tasks", "take", mine[:8], "--owner", "Ben", *noon)
    assert over.status == 2
    assert "is Ada's" in over.err and "--over" in over.err
    assert len(journey("tasks", "--free", *noon, "--json").json["tasks"]) == len(listed) - 1
    wrong = journey("tasks", "done", mine[:8], "--outcome", "asleep", *noon)
    assert wrong.status == 2
    assert "'asleep' is none of the words" in wrong.err and "--outcome reached" in wrong.err
    done = journey("tasks", "done", mine[:8], "--outcome", "reached", "--note", "glad", *noon)
    assert (done.status, done.out) == (0, f"{mine[:8]}: done; the next run sees it\n")
    assert "nothing is changed" in journey("tasks", "done", mine[:8], "--outcome", "reached", *noon).out
    assert "done: reached" in journey("tasks", "--owner", "Ada", "--state", "done", *noon).out

    assert journey("run", "--as-of", "2026-03-03T02:00:00Z", "--project", shop).status == 0
    later = ("--as-of", "2026-03-04T02:00:00Z", "--project", shop)
    assert {one["team"] for one in journey("tasks", *later, "--late", "--json").json["tasks"]} == {"service"}
    told = journey("explain", listed[0]["customer_id"], "call", "--project", shop).out
    assert "what it waited for came" in told
    assert "set called" in told
    others = journey("tasks", "--team", "head", *later, "--json").json["tasks"]
    assert len(others) == len(listed) - 1
    assert listed[0]["customer_id"] not in {one["customer_id"] for one in others}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("take", "1234"), "`tasks take` needs to know id and owner"),
        (("done",), "`tasks done` needs to know id"),
        (("cancel", "1234", "--reason", " "), "`tasks cancel` needs to know id and reason"),
        (("list", "1234"), "`tasks list` names no task"),
        (("--state", "opne"), "there is no state 'opne' (did you mean 'open'?)"),
        (("done", "12345678"), "there is no task '12345678'"),
    ],
)
def test_what_cannot_be_is_said_with_a_remedy(
    journey: Journey, run_shop: Path, words: tuple[str, ...], said: str
) -> None:
    found = journey("tasks", *words, "--project", run_shop)
    assert found.status == 2
    assert said in found.err
    assert "remedy:" in found.err


def test_a_cancelled_task_says_why(journey: Journey, shop: Path) -> None:
    noon = ("--as-of", "2026-03-02T12:00:00Z", "--project", shop)
    mine = journey("tasks", *noon, "--json").json["tasks"][0]["task_id"]
    said = journey("tasks", "cancel", mine, "--reason", "moved away", *noon, "--json").json
    assert (said["task"], said["action"]) == (mine, "cancel")
    assert "moved away" in journey("tasks", "--state", "cancelled", *noon).out
    assert "no task is late" in journey("tasks", "--late", *noon).out
