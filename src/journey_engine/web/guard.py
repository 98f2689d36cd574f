"""Stands around every request: bounds its body, adds the headers of safety, writes one line of log without a person.

The line names the route, not the address: a signed link tells who the customer is. What fails unexpectedly is told by
its kind and place, since the words of an exception may repeat values.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from journey_engine.web.failing import Failing
from journey_engine.web.ways import USUAL_BODY, Way

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
"""A route that says one of these itself is left as it is."""


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, log: logging.Logger, failing: Failing) -> None:
        self.app, self.log, self.failing = app, log, failing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # we speak nothing else
        begun = time.monotonic()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, _bounded(scope, receive), sending)
        except Exception as error:  # noqa: BLE001 - one request's failure touches no other
            self.log.error("unexpected %s at %s", type(error).__name__, _place(error))
            if not status:
                answer = self.failing.answer(Request(scope), 500)
                await answer(scope, receive, sending)
        finally:
            took = (time.monotonic() - begun) * 1000
            self.log.info("%s %s %s %.0f ms", _method(scope), _named(scope), status or "no answer", took)


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """The request's body, up to what its route takes. The route is known when the first part is asked for."""
    read = 0

    async def receiving() -> Message:
        nonlocal read
        route = scope.get("route")
        at_most = route.at_most if isinstance(route, Way) else USUAL_BODY
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and int(told) > at_most:
            raise _too_long(at_most)
        message = await receive()
        read += len(message.get("body", b""))
        if read > at_most:
            raise _too_long(at_most)
        return message

    return receiving


def _too_long(at_most: int) -> HTTPException:
    return HTTPException(413, f"the body is longer than {at_most:,} bytes", headers={"Connection": "close"})


def _named(scope: Scope) -> str:
    route = scope.get("route")
    return str(route.path) if isinstance(route, Way) else "(no such page)"


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "(other)"


def _place(error: Exception) -> str:
    """Where our own code stood last."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if "journey_engine" in one.filename]
    if not frames:
        return "no place of ours"
    return f"{frames[-1].filename.rpartition('journey_engine/')[2]}:{frames[-1].lineno}"
