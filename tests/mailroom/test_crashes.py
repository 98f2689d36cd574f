"""Dispatchers that die in the middle, in processes of their own: nothing is lost and nothing is sent twice.

The dying is done by the scripts here, at the very calls of the product; the product has no hooks for it.
"""

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from journey_engine.channel_settings import SmtpChannel as SmtpSettings
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.mailroom import State, dispatch
from tests.channels.test_smtp import Handler, server
from tests.mailroom.house import (
    NOW,
    SENDER,
    clock,
    file_channel,
    letters,
    message,
    open_mailroom,
    renderer,
)

TOTAL, BATCH = 30, 10

PRELUDE = """
import json, os, sys
from pathlib import Path
from journey_engine.mailroom import claim, dispatch
from journey_engine.channel_settings import SmtpChannel as SmtpSettings
from journey_engine.channels.file import FileChannel
from journey_engine.channels.smtp import SmtpChannel
from tests.mailroom.house import NOW, SENDER, clock, file_channel, open_mailroom, renderer, message

root, port = Path(sys.argv[1]), int(sys.argv[2])

def die(*args, **more):
    os._exit(9)

def times(number, instead, real):
    left = [number]
    def call(*args, **more):
        left[0] -= 1
        return real(*args, **more) if left[0] >= 0 else instead(*args, **more)
    return call

def channels():
    smtp = SmtpSettings(host="127.0.0.1", port=port or 25)
    return {"file": file_channel(root)} if not port else {"file": SmtpChannel(smtp, SENDER)}
"""
RUN = """
with open_mailroom(root) as mailroom:
    report = dispatch(mailroom, NOW, channels(), renderer(root), clock=clock, batch=10)
    print(json.dumps({"accepted": report.accepted}))
"""

# (where it dies, the patch, messages of the batch in hand that had left by then with the file channel)
DEATHS = {
    "before a claim is committed": "claim._change = die",
    "after a claim": "claim.claim = (lambda real: lambda *a: (real(*a), die()))(claim.claim)",
    "after the second claim": "claim.claim = (lambda real: times(1, lambda *a: (real(*a), die()), real))(claim.claim)",
    "between two sends": "FileChannel._send = times(4, die, FileChannel._send); "
    "SmtpChannel._content = times(4, die, SmtpChannel._content)",
    "after a send, before its receipt": "claim.settle = die",
    "with the receipt written but not committed": "claim._record = (lambda real: lambda *a: (real(*a), die()))"
    "(claim._record)",
    "after a receipt": "claim.settle = (lambda real: lambda *a: (real(*a), die()))(claim.settle)",
    "in the middle of a file": "import journey_engine.channels.file as f; f.os.replace = times(3, die, os.replace)",
}


def run(root: Path, script: str, port: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + script, str(root), str(port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(TOTAL)])
    return tmp_path


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS.keys())
def test_with_complete_records_nothing_is_lost_and_nothing_is_sent_twice(loaded: Path, death: str) -> None:
    died = run(loaded, death + "\n" + RUN)
    assert (died.returncode, died.stderr) == (9, "")
    before = {path.name: path.stat().st_ino for path in (loaded / "outbox").glob("*.eml")}
    with open_mailroom(loaded) as mailroom:
        dispatch(mailroom, NOW, {"file": file_channel(loaded)}, renderer(loaded), clock=clock)
        assert mailroom.counts() == {"accepted": TOTAL}
        assert len(list(mailroom.feedback())) == TOTAL
    after = {path.name: path.stat().st_ino for path in (loaded / "outbox").glob("*.eml")}
    assert len(after) == TOTAL
    assert len(letters(loaded)) == TOTAL
    # A file that was there is the same file: it was found by its id, not written again.
    assert {name: after[name] for name in before} == before


@contextmanager
def _server(handler: Handler):  # type: ignore[no-untyped-def]
    with server(handler) as port:
        yield port


@pytest.mark.parametrize("death", [value for key, value in DEATHS.items() if "file" not in key])
def test_with_a_channel_that_cannot_be_asked_at_most_the_batch_in_hand_is_unsure(loaded: Path, death: str) -> None:
    handler = Handler()
    with _server(handler) as port:
        died = run(loaded, death + "\n" + RUN, port)
        assert (died.returncode, died.stderr) == (9, "")
        with open_mailroom(loaded) as mailroom:
            again = SmtpChannel(SmtpSettings(host="127.0.0.1", port=port), SENDER)
            dispatch(mailroom, NOW, {"file": again}, renderer(loaded), clock=clock)
            counts = mailroom.counts()
            unsure = {row.message_id for row in mailroom.listing(State.UNSURE)}
            assert all(row.reason == "dispatcher_died" for row in mailroom.listing(State.UNSURE))
    arrived = Counter(
        line[13:45].decode()
        for envelope in handler.received
        for line in envelope.content.splitlines()
        if line.startswith(b"Message-ID: <")
    )
    assert max(arrived.values()) == 1
    assert counts.get("unsure", 0) <= BATCH
    assert sum(counts.values()) == TOTAL
    every = {message(number).decision_id for number in range(TOTAL)}
    assert set(arrived) | unsure == every  # lost would be neither arrived nor listed


def test_a_killed_load_leaves_nothing_and_the_repeated_one_everything(tmp_path: Path) -> None:
    dying = """
def decisions():
    for number in range(20_000):
        if number == 12_000:
            die()
        yield message(number)
with open_mailroom(root) as mailroom:
    mailroom.load_run(1, "run-1", NOW, decisions())
"""
    assert run(tmp_path, dying).returncode == 9
    with open_mailroom(tmp_path) as mailroom:
        assert mailroom.counts() == {}
        assert mailroom.last_loaded() == 0
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(100)])
        assert mailroom.counts() == {"pending": 100}


def test_two_dispatchers_at_once_send_each_message_once(tmp_path: Path) -> None:
    total = 300
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(total)])
    handler = Handler()
    with server(handler) as port:
        arguments = [sys.executable, "-c", PRELUDE + RUN, str(tmp_path), str(port)]
        racers = [
            subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
        ]
        outputs = [racer.communicate(timeout=120) for racer in racers]
    assert [error for _, error in outputs] == ["", "", ""]
    accepted = [json.loads(output)["accepted"] for output, _ in outputs]
    assert sum(accepted) == total
    assert len(handler.received) == total
    with open_mailroom(tmp_path) as mailroom:
        assert mailroom.counts() == {"accepted": total}


def test_a_full_disk_under_the_outbox_leaves_messages_pending_with_a_clear_reason(loaded: Path) -> None:
    limited = """
import errno
import journey_engine.channels.file as channel_file
real = os.fsync
def full(number):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
channel_file.os.fsync = times(5, full, real)
"""
    done = run(loaded, limited + RUN)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {"accepted": 2}
    with open_mailroom(loaded) as mailroom:
        assert mailroom.counts() == {"accepted": 2, "pending": TOTAL - 2}
        assert {(row.reason, row.detail) for row in mailroom.listing(State.PENDING)} == {
            ("folder_unwritable", f"{loaded}/outbox: No space left on device")
        }
        later = NOW.replace(hour=11)
        report = dispatch(mailroom, later, {"file": file_channel(loaded)}, renderer(loaded), clock=clock)
        assert report.accepted == TOTAL - 2
    assert len(letters(loaded)) == TOTAL


def test_a_full_disk_under_the_mailroom_after_a_send_repeats_nothing(loaded: Path) -> None:
    """The receipt cannot be written: the command says so, and the next dispatch finds what had left."""
    full = """
from sqlalchemy import event
from journey_engine.errors import JourneyError
real = claim.settle
def settle(store, *rest):
    with store.read() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
    store.engine.dispose()
    limit = f"PRAGMA max_page_count = {pages}"
    event.listen(store.engine, "connect", lambda connection, record: connection.execute(limit))
    return real(store, *rest)
claim.settle = settle
try:
"""
    script = full + "\n".join("    " + line for line in RUN.replace("batch=10", "batch=30").strip().splitlines())
    script += "\nexcept JourneyError as error:\n    print(error)\n"
    done = run(loaded, script)
    assert done.stderr == ""
    assert "mailroom.sqlite: the disk is full" in done.stdout
    with open_mailroom(loaded) as mailroom:
        assert mailroom.counts() == {"claimed": TOTAL}
        report = dispatch(mailroom, NOW, {"file": file_channel(loaded)}, renderer(loaded), clock=clock)
        assert mailroom.counts() == {"accepted": TOTAL}
        assert report.reasons == {("accepted", "found"): TOTAL}
    assert len(letters(loaded)) == TOTAL
