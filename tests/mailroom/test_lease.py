import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from journey_engine.errors import JourneyError
from journey_engine.mailroom import Mailroom
from journey_engine.mailroom.lease import Pace
from tests.mailroom.house import NOW, clock, open_mailroom

QUICK = Pace(every=0.05, silence=0.4, watch=0.2)
HOLDER = """
import sys, time
from pathlib import Path
from tests.mailroom.house import clock, open_mailroom
from journey_engine.mailroom.lease import Pace
with open_mailroom(Path(sys.argv[1]), pace=Pace(every=0.05)) as mailroom:
    with mailroom.lease("night", "journey run", clock):
        print("held", flush=True)
        time.sleep(60)
"""


def holder(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def pretend_elsewhere(root: Path, heartbeat: dt.datetime) -> None:
    """Write a lease as another machine would have left it."""
    with open_mailroom(root) as mailroom, mailroom.lease("night", "journey run", lambda: heartbeat):  # noqa: SIM117
        with mailroom.store.write() as db:
            db.exec_driver_sql("CREATE TABLE kept AS SELECT * FROM leases")
            db.exec_driver_sql("UPDATE kept SET machine = 'elsewhere/boot/', token = 'theirs'")
    with open_mailroom(root) as mailroom, mailroom.store.write() as db:
        db.exec_driver_sql("INSERT INTO leases SELECT * FROM kept")
        db.exec_driver_sql("DROP TABLE kept")


def test_a_second_run_is_refused_with_the_holders_name(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with open_mailroom(tmp_path) as mailroom:
            second = mailroom.lease("night", "journey run", clock)
            with pytest.raises(JourneyError, match="held by journey run") as caught, second:
                pytest.fail("two at once")
            assert str(process.pid) in caught.value.message
            assert caught.value.code == "lease_held"
            with mailroom.lease("something else", "test", clock):
                pass
    finally:
        end(process)


def test_a_killed_run_is_overtaken_at_once(tmp_path: Path) -> None:
    process = holder(tmp_path)
    end(process)
    with open_mailroom(tmp_path) as mailroom, mailroom.lease("night", "journey run", clock) as lease:
        lease.check()


def test_a_run_that_stands_still_on_this_machine_is_never_overtaken(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        os.kill(process.pid, signal.SIGSTOP)
        with open_mailroom(tmp_path, pace=QUICK) as mailroom:
            hours_later = lambda: clock() + dt.timedelta(hours=30)  # noqa: E731
            with pytest.raises(JourneyError, match="held by"), mailroom.lease("night", "x", hours_later):
                pytest.fail("overtaken")
    finally:
        end(process)


def test_a_dead_run_whose_number_another_process_has_now_is_overtaken(tmp_path: Path) -> None:
    process = holder(tmp_path)
    end(process)
    with open_mailroom(tmp_path) as mailroom:
        with mailroom.store.write() as db:
            db.exec_driver_sql("UPDATE leases SET pid = ?", (os.getppid(),))
        with mailroom.lease("night", "journey run", clock):
            pass


def test_a_lease_is_given_back_when_its_block_ends_or_fails(tmp_path: Path) -> None:
    with open_mailroom(tmp_path) as mailroom:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError), mailroom.lease("night", "test", clock):
                raise ZeroDivisionError


def test_a_silent_holder_on_another_machine_is_overtaken_after_watching(tmp_path: Path) -> None:
    pretend_elsewhere(tmp_path, NOW)
    with open_mailroom(tmp_path, pace=QUICK) as mailroom:
        soon = NOW + dt.timedelta(seconds=0.3)
        with pytest.raises(JourneyError, match="on elsewhere"), mailroom.lease("night", "me", lambda: soon):
            pytest.fail("overtaken too soon")
        late = NOW + dt.timedelta(seconds=61)
        with mailroom.lease("night", "me", lambda: late):
            pass


def test_a_holder_elsewhere_with_a_wrong_clock_but_a_beating_heart_is_not_overtaken(tmp_path: Path) -> None:
    pretend_elsewhere(tmp_path, NOW)
    done = threading.Event()

    def beat() -> None:
        with open_mailroom(tmp_path) as mailroom:
            while not done.wait(0.02):
                with mailroom.store.write() as db:
                    db.exec_driver_sql("UPDATE leases SET beat = beat + 1")

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with open_mailroom(tmp_path, pace=QUICK) as mailroom:
            days = NOW + dt.timedelta(days=2)
            with pytest.raises(JourneyError, match="elsewhere"), mailroom.lease("night", "me", lambda: days):
                pytest.fail("overtaken")
    finally:
        done.set()
        thread.join()


def test_the_heart_beats_while_the_block_works(tmp_path: Path) -> None:
    with open_mailroom(tmp_path, pace=QUICK) as mailroom, mailroom.lease("night", "test", clock) as lease:
        seen = beats(mailroom)
        wait_until(lambda: beats(mailroom) > seen + 2)
        lease.check()


def test_a_holder_whose_lease_was_taken_notices(tmp_path: Path) -> None:
    with open_mailroom(tmp_path, pace=QUICK) as mailroom, mailroom.lease("night", "test", clock) as lease:
        with mailroom.store.write() as db:
            db.exec_driver_sql("UPDATE leases SET token = 'somebody else'")
        wait_until(lambda: lease.lost)
        with pytest.raises(JourneyError, match="was lost") as caught:
            lease.check()
        assert caught.value.code == "lease_lost"


def beats(mailroom: Mailroom) -> int:
    with mailroom.store.read() as db:
        return int(db.exec_driver_sql("SELECT beat FROM leases").scalar_one())


def wait_until(true) -> None:  # type: ignore[no-untyped-def]
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    pytest.fail("it never happened")
