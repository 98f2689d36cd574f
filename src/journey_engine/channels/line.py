"""One HTTP connection to an address that was checked first; each call on it ends by a deadline."""

from __future__ import annotations

import io
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any

from journey_engine.endpoint import Target, forbidden

Address = tuple[Any, ...]
Resolve = Callable[[str, int], Sequence[tuple[int, Address]]]
"""(host, port) -> each (family, address) that the name leads to. Raises OSError."""

READ_AT_MOST = 65_536  # of a body; a longer one costs the connection


class Forbidden(Exception):
    """A name that leads to an address which must not be called."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint said: names of headers in lower case; of a long body only the beginning."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def resolved(host: str, port: int) -> list[tuple[int, Address]]:
    """The addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class Line:
    """A connection that is kept between calls."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock, self.deadline, self.usable = sock, deadline, True

    @classmethod
    def to(cls, target: Target, timeout: float, resolve: Resolve, allow_private: bool) -> Line:
        """Connect to the first address that answers. Raises Forbidden, or OSError when nothing was sent.

        The name is resolved once: one that leads elsewhere the next time it is asked changes nothing.
        """
        deadline = time.monotonic() + timeout
        addresses = resolve(target.host, target.port)
        for _, address in addresses:
            why = None if allow_private else forbidden(str(address[0]))
            if why:
                raise Forbidden(f"leads to {address[0]}, a {why} address; `allow_private: true` would call it")
        sock = _connect(addresses, deadline)
        try:
            if target.tls:
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=target.host)
        except BaseException:
            sock.close()
            raise
        return cls(sock, deadline)

    @property
    def idle(self) -> bool:
        """Whether it can take another call: a server that hung up, or speaks unasked, has something to read."""
        return self.usable and not select.select([self.sock], [], [], 0)[0]

    def renew(self, timeout: float) -> None:
        """Begin another call."""
        self.deadline = time.monotonic() + timeout

    def write(self, request: bytes) -> None:
        """Send a request whole, or raise OSError."""
        self.sock.settimeout(_left(self.deadline))
        self.sock.sendall(request)

    def read(self) -> Answer:
        """The answer to what was written. Raises OSError or HTTPException when there is none."""
        response = HTTPResponse(_Until(self.sock, self.deadline), method="POST")  # type: ignore[arg-type]
        response.begin()
        body = b""
        try:
            body = response.read(READ_AT_MOST)
            self.usable = response.isclosed() and not response.will_close
        except (OSError, HTTPException):
            self.usable = False
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def close(self) -> None:
        """Hang up."""
        self.sock.close()


class _Until(io.RawIOBase):
    """What a socket receives until a deadline, however slowly it drips."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock, self.deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(_left(self.deadline))
        return self.sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        """As HTTPResponse asks a socket."""
        return io.BufferedReader(self)


def _connect(addresses: Sequence[tuple[int, Address]], deadline: float) -> socket.socket:
    failure: OSError = OSError("the name leads to no address")
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_left(deadline))
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
