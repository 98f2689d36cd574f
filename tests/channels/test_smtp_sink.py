"""The smtp channel against postfix's `smtp-sink`, a server that fails on demand at each step of the dialogue."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from journey_engine.mailroom import dispatch
from tests.channels.test_smtp import channel, free_port, kinds, outgoing
from tests.mailroom.house import NOW, clock, message, open_mailroom, renderer

SINK = shutil.which("smtp-sink") or shutil.which("/usr/sbin/smtp-sink")
pytestmark = pytest.mark.skipif(SINK is None, reason="smtp-sink is not installed; `apt-get install postfix` brings it")

FAULTS = {
    "no fault": ([], ("accepted", None), False),
    "a soft no to the sender": (["-r", "MAIL"], ("later", "try_later"), False),
    "a hard no to the sender": (["-f", "MAIL"], ("later", "sender_refused"), True),
    "a soft no to the recipient": (["-r", "RCPT"], ("later", "try_later"), False),
    "a hard no to the recipient": (["-f", "RCPT"], ("refused", "refused_by_server"), False),
    "a soft no to the content": (["-r", "."], ("later", "try_later"), False),
    "a hard no to the content": (["-f", "."], ("refused", "refused_by_server"), False),
    "hanging up at the greeting": (["-q", "CONNECT"], ("later", "unavailable"), True),
    "hanging up at the sender": (["-q", "MAIL"], ("later", "unavailable"), True),
    "hanging up before the content": (["-q", "DATA"], ("later", "unavailable"), True),
    "hanging up after the final dot": (["-q", "."], ("unsure", "no_answer"), False),
    "going away at the recipient with 421": (["-Q", "RCPT"], ("later", "unavailable"), True),
    "going away after the final dot with 421": (["-Q", "."], ("later", "try_later"), False),
    "an answer after a second": (["-w", "1"], ("accepted", None), False),
    "an answer that comes too late": (["-w", "4"], ("later", "unavailable"), True),
    "an answer a second after the final dot": (["-W", ".:1"], ("accepted", None), False),
    "an answer too late after the final dot": (["-W", ".:4"], ("unsure", "no_answer"), False),
}


@contextmanager
def sink(*faults: str) -> Iterator[int]:
    """A sink with faults, on a free port."""
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([str(SINK), *user, *faults, f"127.0.0.1:{port}", "100"], stderr=subprocess.PIPE)
    try:
        for _ in range(200):
            with closing(socket.socket()) as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("offer", [[], ["-p"]], ids=["pipelining", "plain"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_becomes_the_outcome_that_is_true_of_it(fault: str, offer: list[str]) -> None:
    words, wanted, down = FAULTS[fault]
    with sink(*words, *offer) as port, channel(port) as made:
        outcomes = list(made.send([outgoing(1), outgoing(2)][: 1 if {"-w", "-W"} & {*words} else 2]))
    assert set(kinds(outcomes)) == {wanted}
    assert {outcome.down for _, outcome in outcomes} == {down}


def test_no_fault_before_the_final_dot_loses_a_message_of_the_mailroom(tmp_path: Path) -> None:
    total, at = 40, NOW
    with open_mailroom(tmp_path) as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number, max_lateness_s=10**8) for number in range(total)])
        for words in (["-r", "RCPT"], ["-q", "DATA"], ["-f", "MAIL"], ["-Q", "."], []):
            with sink(*words) as port, channel(port) as made:
                made.close()
                report = dispatch(mailroom, at, {"file": made}, renderer(tmp_path), clock=clock, batch=10)
            assert report.accepted == (0 if words else total)
            assert mailroom.counts() == {"pending" if words else "accepted": total}
            at = max((row.try_at for row in mailroom.listing() if row.state.value == "pending"), default=at)
            mailroom.end_pause("file")
