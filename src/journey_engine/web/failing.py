"""What a request that cannot be served is answered: a page for people, JSON with `code` and `message` for programs."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from journey_engine.errors import JourneyError
from journey_engine.web.pages import Pages

WORDS: Mapping[int, tuple[str, str]] = {
    400: ("This cannot be read", "What was sent is not what this page takes."),
    404: ("There is nothing here", "The address is not complete, or not ours. Open the link in the letter once more."),
    405: ("This page does not take that", "Open the link in the letter once more."),
    413: ("That is too long", "What was sent is longer than this page takes."),
    500: ("That went wrong", "It is our fault, and nothing was changed. Please try again later."),
    503: ("Not just now", "Nothing was changed. Please try again in a minute."),
}
"""By status: a heading and a sentence."""
RETRY = {"Retry-After": "60"}


class Failing:
    """Answers for what failed."""

    def __init__(self, pages: Pages, log: logging.Logger) -> None:
        self.pages, self.log = pages, log

    def answer(
        self, request: Request, status: int, told: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The page or the JSON of a status; `told` is a sentence that is safe to show, in place of ours."""
        heading, usual = WORDS.get(status, WORDS[400 if status < 500 else 500])
        if "text/html" in request.headers.get("accept", ""):
            return self.pages.page(
                request, "error.html", status, headers, {"heading": heading, "sentence": told or usual}
            )
        body = {"code": status, "message": told or usual}
        return JSONResponse(body, status, dict(headers or {}))

    async def refused(self, request: Request, error: Exception) -> Response:
        """A route or the router said no."""
        assert isinstance(error, HTTPException)
        plain = error.detail == _phrase(error.status_code)
        return self.answer(request, error.status_code, None if plain else error.detail, error.headers)

    async def unable(self, request: Request, error: Exception) -> Response:
        """The mailroom cannot be read or written: nothing was kept, and the caller should come again."""
        assert isinstance(error, JourneyError)
        self.log.error("%s: %s", error.code, error.message)
        return self.answer(request, 503, None, RETRY)


def _phrase(status: int) -> str:
    return str(HTTPException(status).detail)
