"""A mail server that takes everything and keeps nothing, as a process of its own.

The C sink beside the repository is fast enough never to be what is measured. Without it or a compiler a small Python
one stands in, which may be the limit; whoever prints figures says which it was.
"""

from __future__ import annotations

import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT.parent / "shared" / "bench" / "smtpsink.c"


@dataclass(frozen=True, slots=True)
class Sink:
    """Where it listens and what it is."""

    port: int
    kind: str


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    """Start a sink, stop it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        port, command, kind = _free_port(), [sys.executable, "-m", "bench.sinks"], "Python, threaded"
        compiled = _compiled(Path(folder))
        if compiled is not None:
            command, kind = [str(compiled)], "C, single-threaded epoll"
        with subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, cwd=ROOT) as process:
            try:
                _wait_for(port)
                yield Sink(port, kind)
            finally:
                process.terminate()


def _compiled(folder: Path) -> Path | None:
    """The C sink, compiled; None where its source or a compiler is not there."""
    compiler = shutil.which("cc")
    if compiler is None or not SOURCE.is_file():
        return None
    made = folder / "smtpsink"
    done = subprocess.run([compiler, "-O2", "-w", "-o", str(made), str(SOURCE)], capture_output=True, check=False)
    return made if done.returncode == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("bench: the mail sink does not answer")


class _Session(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        say = self.wfile.write
        say(b"220 sink ESMTP\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"EHLO":
                say(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif word == b"DATA":
                say(b"354 go\r\n")
                for content in self.rfile:
                    if content == b".\r\n":
                        break
                say(b"250 queued\r\n")
            elif word == b"QUIT":
                say(b"221 bye\r\n")
                return
            else:
                say(b"250 ok\r\n")


if __name__ == "__main__":
    with socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), _Session) as server:
        server.serve_forever()
