"""A route with the greatest body that it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

USUAL_BODY = 16 * 1024

Endpoint = Callable[[Request], Awaitable[Response]]


class Way(Route):
    """A route; a body of more than `at_most` bytes is answered with 413 before it is read whole."""

    def __init__(
        self, path: str, endpoint: Endpoint, methods: Sequence[str], *, name: str, at_most: int = USUAL_BODY
    ) -> None:
        super().__init__(path, endpoint, methods=list(methods), name=name)
        self.at_most = at_most
