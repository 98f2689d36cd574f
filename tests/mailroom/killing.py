"""Dispatchers that are killed at random while they work, and a provider that keeps what it got.

A nursery imports the product once and forks each dispatcher, so that a life costs milliseconds. Nothing in the product
knows of this.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from journey_engine.channel_settings import SmtpChannel as SmtpSettings
from journey_engine.channels.smtp import SmtpChannel
from journey_engine.mailroom import Limits, Mailroom, State
from journey_engine.message import Presence
from tests.mailroom.house import NOW, SENDER, message, write_templates

BATCH = 20
WORKERS = 3
HOLD = dt.timedelta(seconds=1)
LIMITS = Limits(rate=30, per=dt.timedelta(seconds=1))
TOLD = re.compile(rb"^Message-ID: <([0-9a-f]{32})@", re.MULTILINE)
NURSERY = """
import signal, sys
from pathlib import Path
from tests.mailroom.killing import nursery
nursery(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
"""


class Provider(socketserver.ThreadingTCPServer):
    """Takes mail and counts each message id; tells which it has (XHAS), which no real SMTP server does."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.delay = delay  # seconds before it says that it has taken a message
        self.arrived: Counter[str] = Counter()
        self.came: list[int] = []  # from which connection
        self.at: list[float] = []  # when, by the clock of this process
        self.more = threading.Condition()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def take(self, content: bytes, peer: int) -> None:
        """Keep what came with its last line; nobody can take it back."""
        found = TOLD.search(content)
        assert found is not None
        with self.more:
            self.arrived[found[1].decode()] += 1
            self.came.append(peer)
            self.at.append(time.monotonic())
            self.more.notify_all()

    def after(self, count: int, seconds: float) -> None:
        """Wait until so many have come in all, or so long."""
        with self.more:
            self.more.wait_for(lambda: self.arrived.total() >= count, seconds)


class _Session(socketserver.StreamRequestHandler):
    server: Provider
    disable_nagle_algorithm = True  # no answer waits for the one before to be acknowledged

    def handle(self) -> None:
        with suppress(OSError):
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                self.answer(line.split())

    def answer(self, words: list[bytes]) -> None:
        if words[0].upper() == b"EHLO":
            self.wfile.write(b"250-here\r\n250 PIPELINING\r\n")
        elif words[0].upper() == b"DATA":
            self.wfile.write(b"354 go\r\n")
            content = []
            while (line := self.rfile.readline()) != b".\r\n":
                if not line.endswith(b"\r\n"):
                    return  # cut off: nothing came
                content.append(line)
            self.server.take(b"".join(content), self.client_address[1])
            time.sleep(self.server.delay)
            self.wfile.write(b"250 taken\r\n")
        elif words[0] == b"XHAS":
            has = b"".join(b"1" if self.server.arrived[one.decode()] else b"0" for one in words[1:])
            self.wfile.write(has + b"\r\n")
        else:
            self.wfile.write(b"250 ok\r\n")


@contextmanager
def provider(delay: float = 0.0) -> Iterator[Provider]:
    """A provider on a free port."""
    with Provider(delay) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Reporting(SmtpChannel):
    """A channel whose provider has complete records, which may be a moment late."""

    hold = HOLD

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        with (
            socket.create_connection((self.settings.host, self.settings.port), 10) as peer,
            peer.makefile("rb") as said,
        ):
            said.readline()
            peer.sendall(b"XHAS " + " ".join(message_ids).encode() + b"\r\n")
            has = said.readline().strip()
        words = {True: Presence.ACCEPTED, False: Presence.ABSENT}
        return {one: words[sign == ord("1")] for one, sign in zip(message_ids, has, strict=True)}


def nursery(url: str, root: Path, port: int, word: str) -> None:
    """Fork a dispatcher for each line on standard input, which says when all of it began; print its number."""
    from journey_engine.links import Links
    from journey_engine.render import Renderer

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    renderer = Renderer(root / "templates", SENDER, Links("https://shop.example", {"k": b"x" * 32}, "k"))
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                _life(url, renderer, port, word, float(line))
            except BaseException as error:  # noqa: BLE001 - said where the test reads it
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                sys.stderr.flush()
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _life(url: str, renderer: object, port: int, word: str, began: float) -> None:
    from journey_engine.mailroom import dispatch

    def clock() -> dt.datetime:
        return NOW + dt.timedelta(seconds=time.time() - began)

    settings = SmtpSettings(host="127.0.0.1", port=port)
    channel = (Reporting if word == "reports" else SmtpChannel)(settings, SENDER)
    limits = {"file": LIMITS} if word == "limited" else {}
    with Mailroom.open(url, environment="test") as mailroom:
        dispatch(mailroom, clock(), {"file": channel}, renderer, clock=clock, batch=BATCH, limits=limits)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Result:
    """What became of all messages."""

    messages: int
    kills: int
    arrived: int
    lost: int
    """neither with the provider nor listed as unsure, or called accepted without having come"""
    repeated: int
    unsure: int
    events: int
    accepted: int
    said: str

    @property
    def in_flight(self) -> int:
        """How many were in somebody's hands when he was killed, at most."""
        return self.kills * BATCH


@contextmanager
def mothering(
    url: str, root: Path, peer: Provider, word: str
) -> Iterator[tuple[subprocess.Popen[str], Callable[[float], int]]]:
    """A nursery, and how to have a dispatcher of it, which gets to know when all began; returns its number."""
    words = [sys.executable, "-c", NURSERY, url, str(root), str(peer.port), word]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as mother:

        def born(began: float) -> int:
            assert mother.stdin is not None
            assert mother.stdout is not None
            mother.stdin.write(f"{began}\n")
            mother.stdin.flush()
            return int(mother.stdout.readline())

        yield mother, born


def ended(lives: Collection[int]) -> None:
    """Wait until all of them have ended."""
    for pid in lives:
        while _alive(pid):
            time.sleep(0.01)


def kill_at_random(url: str, root: Path, reports: bool, total: int, kills: int, seed: int) -> Result:
    """Load messages, let three dispatchers work, kill one after another, and count in the end."""
    write_templates(root / "templates")
    with Mailroom.open(url, environment="test") as mailroom:
        mailroom.load_run(1, "run-1", NOW, [message(number) for number in range(total)])
    dice, lives, killed, began = random.Random(seed), list[int](), 0, time.time()
    with provider() as peer, Mailroom.open(url, environment="test") as mailroom:
        with mothering(url, root, peer, "reports" if reports else "cannot") as (mother, born):
            while killed < kills or not _finished(mailroom, reports):
                lives = [pid for pid in lives if _alive(pid)]
                while len(lives) < WORKERS:
                    lives.append(born(began))
                if killed < kills:
                    left = total - len(peer.arrived)
                    peer.after(peer.arrived.total() + dice.randint(0, max(2 * left // (kills - killed + 2), 2)), 0.5)
                    time.sleep(dice.uniform(0, 0.01))
                    victim = dice.choice(lives)
                    with suppress(ProcessLookupError):
                        os.kill(victim, signal.SIGKILL)
                        killed += 1
                else:
                    time.sleep(0.05)
            ended(lives)
            _, said = mother.communicate()
        return _counted(mailroom, peer.arrived, total, killed, said)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _finished(mailroom: Mailroom, reports: bool) -> bool:
    counts = mailroom.counts()
    open_ones = ("pending", "claimed", *(("unsure",) if reports else ()))
    return not any(counts.get(state) for state in open_ones)


def _counted(mailroom: Mailroom, arrived: Counter[str], total: int, killed: int, said: str) -> Result:
    states = {row.message_id: row.state for row in mailroom.listing(limit=2 * total)}
    every = [message(number).decision_id for number in range(total)]
    fine = (State.ACCEPTED, State.UNSURE)
    return Result(
        messages=total,
        kills=killed,
        arrived=len(arrived),
        lost=sum(states.get(one) not in fine or (states[one] is State.ACCEPTED and not arrived[one]) for one in every),
        repeated=sum(count > 1 for count in arrived.values()),
        unsure=sum(state is State.UNSURE for state in states.values()),
        events=sum(1 for _ in mailroom.feedback()),
        accepted=sum(state is State.ACCEPTED for state in states.values()),
        said=said,
    )
