"""Rate, daily number and warm-up of a channel, in simulated time: kept by all dispatchers together, nobody starves."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journey_engine.channels import Outcome, Outgoing, Presence
from journey_engine.mailroom import DispatchReport, HoldKind, Limits, Mailroom, State, dispatch
from journey_engine.mailroom.limits import DAY, Gate, begin, done, room, take
from tests.mailroom.house import NOW, file_channel, message, open_mailroom, renderer
from tests.mailroom.test_dispatch import Scripted

SECOND, MINUTE, HOUR = (dt.timedelta(seconds=seconds) for seconds in (1, 60, 3600))


class Time:
    """A clock that goes on when somebody waits, and when a message is sent."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


class Slow(Scripted):
    """Takes its time over each message, and notes when it had it."""

    def __init__(self, time: Time, seconds: float = 0.0) -> None:
        super().__init__()
        self.time, self.seconds, self.sent = time, seconds, list[dt.datetime]()

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        for one in messages:
            self.time.wait(self.seconds)
            self.sent.append(self.time.now)
            yield one.message_id, Outcome.accepted()


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    with open_mailroom(tmp_path) as found:
        yield found


def send(
    root: Path, mailroom: Mailroom, time: Time, channel: Scripted, limits: Limits, **more: object
) -> DispatchReport:
    channels = {"file": channel, **more}
    return dispatch(
        mailroom, time.now, channels, renderer(root), clock=time, limits={"file": limits}, wait=time.wait
    )  # type: ignore[arg-type]  # fmt: skip


def most(sent: Sequence[dt.datetime], window: dt.timedelta) -> int:
    """The most messages in any window of this length, wherever it lies."""
    return max((sum(start <= other < start + window for other in sent) for start in sent), default=0)


@pytest.mark.parametrize("seconds", [0.0, 0.013, 0.3])
def test_no_second_has_more_messages_than_the_rate_however_slow_the_provider(
    tmp_path: Path, mailroom: Mailroom, seconds: float
) -> None:
    mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(120)])
    time = Time()
    channel = Slow(time, seconds)
    assert send(tmp_path, mailroom, time, channel, Limits(rate=20, per=SECOND)).accepted == 120
    assert most(channel.sent, SECOND) <= 20
    assert time.now - NOW < (10 if seconds < 0.05 else 40) * SECOND


def test_a_channel_with_limits_holds_up_no_other_channel(tmp_path: Path, mailroom: Mailroom) -> None:
    slow, fast = [message(n) for n in range(50)], [message(n, channel="smtp") for n in range(50, 80)]
    mailroom.load_run(1, "run-1", NOW, [*slow, *fast])
    time = Time()
    limited, free = Slow(time), Slow(time)
    done = send(tmp_path, mailroom, time, limited, Limits(rate=5, per=SECOND), smtp=free)
    assert done.accepted == 80
    assert max(free.sent) == NOW
    assert most(limited.sent, SECOND) <= 5


def test_what_is_beyond_the_daily_number_waits_with_its_reason_and_goes_the_next_day(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(25)])
    time = Time()
    channel = Slow(time)
    report = send(tmp_path, mailroom, time, channel, Limits(daily=10))
    assert (report.accepted, report.waiting, report.troubles) == (10, 15, ())
    assert report.reasons == {("pending", "rate_limit"): 15}
    detail = str(mailroom.listing(State.PENDING)[0].detail)
    assert detail == "the channel takes 10 a day; there is room again at 2026-03-05T10:00:00Z"
    assert time.now == NOW  # nobody waits a day
    time.now = NOW + DAY - HOUR
    assert send(tmp_path, mailroom, time, channel, Limits(daily=10)).accepted == 0
    time.now = NOW + DAY
    assert send(tmp_path, mailroom, time, channel, Limits(daily=10)).accepted == 10


def test_a_warm_up_begins_with_the_first_message_and_doubles_until_the_daily_number(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    mailroom.load_run(1, "run-1", NOW, [message(n, max_lateness_s=10**7) for n in range(100)])
    limits = Limits(daily=30, start=3, double_every=DAY)
    time, days = Time(), []
    mailroom.stop(HoldKind.EVERYTHING, "", None, NOW)
    time.now = NOW - 9 * DAY
    send(tmp_path, mailroom, time, Slow(time), limits)  # nothing leaves, so nothing is warmed up
    mailroom.resume(HoldKind.EVERYTHING, "")
    for day in range(6):
        time.now = NOW + day * DAY
        days.append(send(tmp_path, mailroom, time, Slow(time), limits).accepted)
    assert days == [3, 6, 12, 24, 30, 25]


def test_a_dispatch_waits_ten_minutes_in_all_and_leaves_the_rest_to_the_next(
    tmp_path: Path, mailroom: Mailroom
) -> None:
    mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(30)])
    time = Time()
    report = send(tmp_path, mailroom, time, Slow(time), Limits(rate=2, per=MINUTE))
    assert 18 <= report.accepted <= 22
    assert report.accepted + report.waiting == 30
    assert time.now - NOW <= 10 * MINUTE


def test_what_a_dead_dispatcher_had_in_hand_counts_until_it_is_found(tmp_path: Path, mailroom: Mailroom) -> None:
    class Dies(Slow):
        def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
            yield messages[0].message_id, Outcome.accepted()
            raise KeyboardInterrupt

        def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
            return dict.fromkeys(message_ids, Presence.ACCEPTED)

    mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(30)])
    time = Time()
    with pytest.raises(KeyboardInterrupt):
        send(tmp_path, mailroom, time, Dies(time), Limits(daily=10))
    again = Dies(time)
    again.send = Slow.send.__get__(again)  # type: ignore[method-assign]
    report = send(tmp_path, mailroom, time, again, Limits(daily=10))
    assert report.reasons[("accepted", "found")] == 9
    assert again.sent == []


def test_without_limits_nothing_is_counted(tmp_path: Path, mailroom: Mailroom) -> None:
    mailroom.load_run(1, "run-1", NOW, [message(1)])
    dispatch(mailroom, NOW, {"file": file_channel(tmp_path)}, renderer(tmp_path), clock=lambda: NOW)
    with mailroom.store.read() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM shares").scalar_one() == 0


@settings(max_examples=40)
@given(
    rate=st.integers(1, 30), daily=st.none() | st.integers(1, 200), start=st.none() | st.integers(1, 20),
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(("take", "done", "wait", "dispatch")), st.integers(1, 40)),
        min_size=20, max_size=120,
    ),
)  # fmt: skip
def test_never_more_than_the_limits_in_any_window_whatever_several_dispatchers_do(
    rate: int, daily: int | None, start: int | None, steps: list[tuple[int, str, int]]
) -> None:
    """A message may leave at any instant between its claim and its receipt: here at both ends in turn."""
    limits = Limits(rate, SECOND, daily, start if daily is not None and start and start <= daily else None)
    time, sent, in_hand = Time(), list[dt.datetime](), dict[str, int]()
    store = _emptied().store
    begin(store, {"file": limits}, time.now)
    for who, what, number in steps:
        worker = f"worker {who}"
        if what == "wait":
            time.wait(number * number * 0.01 if number < 38 else 3600 * number)
        elif what == "done" and worker in in_hand:
            with store.write() as db:
                done(db, [worker], time.now)
            sent += [time.now] * in_hand.pop(worker)
        elif what == "take" and worker not in in_hand:
            with store.write() as db:
                gate = Gate("file", limits, worker, time)
                found = room(db, gate)
                taken = min(found.messages, number)
                take(db, gate, found, taken)
            if number % 2:  # they leave at once, and the receipt comes later
                sent += [time.now] * taken
                in_hand[worker] = 0
            else:
                in_hand[worker] = taken
    assert most(sent, SECOND) <= rate
    if daily is not None:
        assert most(sent, DAY) <= daily


@cache
def _shared() -> Mailroom:
    return open_mailroom(Path(tempfile.mkdtemp()))


def _emptied() -> Mailroom:
    with _shared().store.write() as db:
        for table in ("shares", "paced"):
            db.exec_driver_sql(f"DELETE FROM {table}")
    return _shared()
