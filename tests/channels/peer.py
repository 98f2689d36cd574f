"""A receiver of webhooks on a free port of the loopback, scripted: what it does with each call in turn."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Act = Callable[[socket.socket], None]


@dataclass(slots=True)
class Receiver:
    """What came in: the head and body of each call, how many connections there were; `script` says what to do."""

    port: int
    script: list[Act]
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0


def status(code: int, *headers: str, body: bytes = b"thanks") -> Act:
    """Answer with a status."""

    def act(sock: socket.socket) -> None:
        head = [f"HTTP/1.1 {code} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
        sock.sendall("\r\n".join(head).encode() + body)

    return act


def raw(data: bytes) -> Act:
    """Answer with bytes as they are, and hang up."""

    def act(sock: socket.socket) -> None:
        sock.sendall(data)
        raise ConnectionAbortedError

    return act


def hang_up(sock: socket.socket) -> None:
    """Close without an answer."""
    raise ConnectionAbortedError


def reset(sock: socket.socket) -> None:
    """Reset the connection without an answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionAbortedError


def say_nothing(sock: socket.socket) -> None:
    """Keep the line open and silent until the caller gives up."""
    select.select([sock], [], [], 20)
    raise ConnectionAbortedError


def drip(sock: socket.socket) -> None:
    """An answer of one byte every tenth of a second, for ever."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    with suppress(OSError):
        for _ in range(200):
            sock.sendall(b"x")
            time.sleep(0.1)
    raise ConnectionAbortedError


@contextmanager
def receiver(*script: Act, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """A receiver that does what the script says, call after call, and 204 behind its end."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as door:
        door.bind((host, 0))
        door.listen()
        peer = Receiver(door.getsockname()[1], list(script))
        threads = [threading.Thread(target=_serve, args=(door, peer, tls), daemon=True)]
        threads[0].start()
        yield peer
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
    threads[0].join(5)


def _serve(door: socket.socket, peer: Receiver, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            sock, _ = door.accept()
        except OSError:
            return
        peer.connections += 1
        with suppress(OSError):
            if tls is not None:
                sock = tls.wrap_socket(sock, server_side=True)
            with sock:
                while _one_call(sock, peer):
                    pass
        sock.close()


def _one_call(sock: socket.socket, peer: Receiver) -> bool:
    data = b""
    while b"\r\n\r\n" not in data:
        some = sock.recv(65536)
        if not some:
            return False
        data += some
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += sock.recv(65536)
    peer.lines.append(first)
    peer.calls.append((headers, body))
    act = peer.script.pop(0) if peer.script else status(204, body=b"")
    act(sock)
    return True
