"""Opening the house and serving it until a signal comes: what is being answered is answered, then the stores close."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from journey_engine.errors import JourneyError
from journey_engine.links import Links
from journey_engine.load import LoadedProject
from journey_engine.night import open_mailroom
from journey_engine.times import Clock
from journey_engine.web.house import House
from journey_engine.web.pages import Pages

LOG = "journey.web"
AT_ONCE = 500
"""Connections; one more is answered with 503 at once."""
GRACE_S = 20
QUIET_S = 5


@contextmanager
def open_house(loaded: LoadedProject, clock: Clock) -> Iterator[House]:
    """A project with its mailroom open. Raises JourneyError when that cannot be had."""
    with open_mailroom(loaded) as mailroom:
        links = Links(loaded.project.public_url, mailroom.link_keys, mailroom.link_key, loaded.project.double)
        pages = Pages(loaded.folder / "templates" / "pages", loaded.project.sender)
        yield House(loaded, mailroom, links, clock, logging.getLogger(LOG), pages)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free one. Raises JourneyError when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
            listening.listen(2048)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise JourneyError(
            f"{host} port {port} cannot be listened on: {error.strerror or error}",
            remedy="end what listens there, or choose others with --host and --port",
            code="no-address",
        ) from None
    return listening


def serve(app: Starlette, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM."""
    server(app).run([listening])


def server(app: Starlette) -> uvicorn.Server:
    """The server with our settings: no header that names it, no log of its own, no word taken from a proxy."""
    settings = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=AT_ONCE,
        timeout_keep_alive=QUIET_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return _Server(settings)


class _Server(uvicorn.Server):
    """uvicorn's, but a signal that ends it is not raised once more: to be told to stop is no failure."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop at the first signal, at once at the second."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(one, self.handle_exit, one, None)
            except (ValueError, RuntimeError):  # in a test's thread
                break
        yield
