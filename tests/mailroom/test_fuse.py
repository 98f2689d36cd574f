"""A run that is far from usual is held at the door, in the transaction that takes it in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from journey_engine.mailroom import Fuse, HoldKind, LoadResult, Mailroom
from journey_engine.mailroom.fuse import blown
from tests.mailroom.house import NOW, message, open_mailroom
from tests.mailroom.test_dispatch import send

DAY = dt.timedelta(days=1)
THREE_TIMES = Fuse(times_usual=3)


def load(mailroom: Mailroom, run: int, count: int, fuse: Fuse | None = THREE_TIMES) -> LoadResult:
    decided = [message(run * 10_000 + number, run=run) for number in range(count)]
    return mailroom.load_run(run, f"run-{run}", NOW + run * DAY, decided, fuse)


def test_a_run_above_the_set_number_is_held_and_goes_when_it_is_released(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        assert load(mailroom, 1, 10, Fuse(at_most=10)).held is None
        done = load(mailroom, 2, 11, Fuse(at_most=10))
        assert done.held == "it has 11 messages, and the fuse allows 10"
        assert [(str(one), one.reason) for one in mailroom.stopped()] == [("run 2", done.held)]
        assert send(tmp_path, mailroom, NOW + 2 * DAY).accepted == 10
        again = load(mailroom, 2, 11, Fuse(at_most=10))
        assert (again.already, again.held) == (True, None)
        mailroom.resume(HoldKind.RUN, "2")
        assert load(mailroom, 2, 11, Fuse(at_most=10)).held is None
        assert send(tmp_path, mailroom, NOW + 2 * DAY).accepted == 11


def test_a_run_of_more_than_three_times_the_usual_is_held(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        for run, count in enumerate((60, 50, 0, 40, 50, 70), 1):
            assert load(mailroom, run, count).held is None
        assert load(mailroom, 7, 150).held is None
        done = load(mailroom, 8, 166)
        assert done.held == "it has 166 messages, and usual are 55: more than 3 times as many"


def test_a_young_mailroom_and_a_small_run_know_nothing_unusual(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        for run in range(1, 5):
            assert load(mailroom, run, 1).held is None
        assert load(mailroom, 5, 500).held is None  # five runs tell what is usual, not four
    assert blown(THREE_TIMES, 99, 1.0) is None
    assert blown(THREE_TIMES, 100, 1.0) is not None


def test_a_run_without_any_message_is_odd_where_none_was_empty_before(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        for run in range(1, 7):
            assert load(mailroom, run, 120).silent is None
        done = load(mailroom, 7, 0)
        assert "no message at all, and usual are 120" in str(done.silent)
        assert done.held is None
        assert load(mailroom, 8, 0).silent is None
        assert mailroom.stopped() == []


def test_a_run_that_fails_at_the_door_leaves_no_hold(tmp_path: Path) -> None:
    def decisions():  # type: ignore[no-untyped-def]
        yield from [message(number) for number in range(20)]
        raise RuntimeError("killed")

    with open_mailroom(tmp_path) as mailroom:
        with pytest.raises(RuntimeError):
            mailroom.load_run(1, "run-1", NOW, decisions(), Fuse(at_most=10))
        assert (mailroom.stopped(), mailroom.counts()) == ([], {})
