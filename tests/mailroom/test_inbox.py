"""The staff inbox: who does what until when, how it ended, and what the next night is told of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from journey_engine.errors import JourneyError
from journey_engine.mailroom import Mailroom, MissedRun, Todo, dispatch
from journey_engine.records import Decision, DecisionKind
from journey_engine.times import iso
from tests.mailroom.house import NOW, clock, file_channel, open_mailroom, other, renderer

HOUR = timedelta(hours=1)


def task(number: int, *, due: timedelta | None = 24 * HOUR, team: str = "service", **payload: Any) -> Decision:
    """A task of a team, for customer `c<number>`."""
    until = iso(NOW + due) if due is not None else None
    return other(DecisionKind.TASK, number, team=team, title=f"Call {number}", due_at=until, **payload)


def give(root: Path, mailroom: Mailroom, *tasks: Decision) -> list[str]:
    """Take the tasks in and give them to their teams; their ids."""
    mailroom.load_run(1, "run-1", NOW, tasks)
    dispatch(mailroom, NOW, {"file": file_channel(root)}, renderer(root), clock=clock)
    return [one.decision_id for one in tasks]


def titles(found: list[Todo]) -> list[str]:
    return [one.title for one in found]


def told(mailroom: Mailroom, name: str) -> list[dict[str, Any]]:
    return [dict(one.properties) for one in mailroom.feedback() if one.name == name]


def test_list_has_the_most_overdue_first_and_those_without_a_deadline_last(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        give(tmp_path, mailroom, task(1, due=None), task(2, due=30 * HOUR), task(3, due=HOUR), task(4, team="sales"))
        found = mailroom.todo(NOW + 26 * HOUR)
        assert [(one.title, one.late) for one in found] == [
            ("Call 3", True), ("Call 4", True), ("Call 2", False), ("Call 1", False)
        ]  # fmt: skip
        assert titles(mailroom.todo(NOW + 26 * HOUR, late=True, team="service")) == ["Call 3"]
        assert titles(mailroom.todo(NOW + HOUR, late=True)) == []  # at the very instant it is not late yet
        assert titles(mailroom.todo(NOW, limit=1)) == ["Call 3"]


def test_who_takes_a_task_owns_it_until_somebody_says_over(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        one, _ = give(tmp_path, mailroom, task(1), task(2))
        assert mailroom.take_task(one, "Ada", NOW).owner == "Ada"
        assert mailroom.take_task(one, "Ada", NOW).owner == "Ada"
        with pytest.raises(JourneyError, match="is Ada's"):
            mailroom.take_task(one, "Ben", NOW)
        assert titles(mailroom.todo(NOW, owner="Ada")) == ["Call 1"]
        assert titles(mailroom.todo(NOW, owner="")) == ["Call 2"]
        assert mailroom.take_task(one, "Ben", NOW, over=True).owner == "Ben"
        assert titles(mailroom.todo(NOW, owner="Ada")) == []


def test_done_is_an_event_of_its_pass_with_outcome_note_and_owner_once(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        made = task(1, outcomes=["reached", "no_answer"])
        (one,) = give(tmp_path, mailroom, made)
        mailroom.take_task(one, "Ada", NOW)
        assert mailroom.finish_task(one, NOW + HOUR, "reached", "rings again on Friday")
        assert not mailroom.finish_task(one, NOW + 2 * HOUR, "reached")
        with pytest.raises(JourneyError, match=r"is done \(reached\), not open"):
            mailroom.finish_task(one, NOW + 2 * HOUR, "no_answer")
        (event,) = [each for each in mailroom.feedback() if each.name == "task_done"]
        assert (event.event_id, event.customer_id, event.occurred_at) == (f"{one}:done", "c1", NOW + HOUR)
        assert dict(event.properties) == {
            "task_id": one, "team": "service", "journey": "welcome", "enrollment_id": made.enrollment_id,
            "step": made.step, "outcome": "reached", "note": "rings again on Friday", "owner": "Ada",
        }  # fmt: skip
        assert mailroom.todo(NOW + HOUR) == []
        (listed,) = mailroom.todo(NOW + HOUR, "done")
        assert (listed.state, listed.outcome, listed.late) == ("done", "reached", False)


def test_word_that_the_step_does_not_allow_is_refused_with_those_it_does(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        one, free = give(tmp_path, mailroom, task(1, outcomes=["reached", "no_answer"]), task(2))
        with pytest.raises(JourneyError, match=r"'away' is none of the words .* has reached, no_answer") as refused:
            mailroom.finish_task(one, NOW, "away")
        assert refused.value.remedy == "say one of them: --outcome reached"
        with pytest.raises(JourneyError, match="nothing was said of how it ended"):
            mailroom.finish_task(one, NOW)
        assert told(mailroom, "task_done") == []
        mailroom.finish_task(free, NOW, "whatever we like")
        assert [each["outcome"] for each in told(mailroom, "task_done")] == ["whatever we like"]


def test_cancelled_task_is_told_and_can_be_done_no_more(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        one, two = give(tmp_path, mailroom, task(1), task(2))
        mailroom.cancel_task(one, NOW + HOUR, "moved away")
        assert [each["reason"] for each in told(mailroom, "task_cancelled")] == ["moved away"]
        assert [(each.state, each.detail) for each in mailroom.todo(NOW, "cancelled")] == [("cancelled", "moved away")]
        mailroom.finish_task(two, NOW)
        for refuses in (
            lambda: mailroom.finish_task(one, NOW), lambda: mailroom.cancel_task(one, NOW, "again"),
            lambda: mailroom.take_task(one, "Ada", NOW), lambda: mailroom.cancel_task(two, NOW, "late"),
        ):  # fmt: skip
            with pytest.raises(JourneyError, match="not open"):
                refuses()


def test_task_that_is_not_given_yet_is_not_done_but_may_be_cancelled(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        one = task(1)
        mailroom.load_run(1, "run-1", NOW, [one])
        assert mailroom.todo(NOW) == []
        with pytest.raises(JourneyError, match="is pending, not open"):
            mailroom.finish_task(one.decision_id, NOW)
        mailroom.cancel_task(one.decision_id, NOW, "not needed")
        assert dispatch(mailroom, NOW, {}, renderer(tmp_path), clock=clock).tasks == 0


def test_task_of_a_restored_mailroom_may_still_be_done(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        one = task(1)
        mailroom.recover([MissedRun(1, "run-1", NOW, [one])])
        assert [each.state for each in mailroom.todo(NOW)] == ["unsure"]
        assert mailroom.finish_task(one.decision_id, NOW)


def test_task_is_named_by_the_first_signs_of_its_id_where_no_other_begins_so(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        ids = give(tmp_path, mailroom, *(task(number) for number in range(40)))
        assert mailroom.take_task(ids[0][:12], "Ada", NOW).task_id == ids[0]
        for name in ("", ids[0][:3], "nothing", "%%%%", ids[0] + "0"):
            with pytest.raises(JourneyError, match="there is no task"):
                mailroom.take_task(name, "Ada", NOW)
