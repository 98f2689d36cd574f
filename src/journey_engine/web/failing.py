"""What a request that cannot be served is answered: a page for people, JSON with `code` and `message` for programs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from journey_engine.errors import JourneyError
from journey_engine.web.pages import Pages

WORDS: Mapping[int, tuple[str, str]] = {
    400: ("This cannot be read", "What was sent is not what this page takes."),
    404: ("There is nothing here", "The address is not complete, or not ours. Open the link in the letter once more."),
    405: ("This page does not take that", "Open the link in the letter once more."),
    410: ("This link no longer works", "What was known about you here was erased, and nothing more is sent to you."),
    413: ("That is too long", "What was sent is longer than this page takes."),
    500: ("That went wrong", "It is our fault, and nothing was changed. Please try again later."),
    503: ("Not just now", "Nothing was changed. Please try again in a minute."),
}
"""By status: a heading and a sentence, for people."""
PROGRAMS: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "what was sent is not what this path takes"),
    404: ("not_found", "there is no such path here"),
    405: ("method_not_allowed", "this path does not take that method"),
    410: ("gone", "this link is of somebody who was erased"),
    413: ("too_large", "what was sent is longer than this path takes"),
    500: ("internal_error", "the fault is here, and nothing was changed; try again later"),
    503: ("unavailable", "nothing was changed; try again in a minute"),
}
"""The same for programs: `code` and `message`."""
ONLY_PROGRAMS = ("/v1/", "/hooks/")
"""No page is there for people, whatever a browser's script says that it takes."""
API = "/v1/"
NO_KEYS = "no calls are taken here: `front_door: write_keys` is not set in project.yaml"
RETRY = {"Retry-After": "60"}


class Failing:
    """Answers for what failed."""

    def __init__(self, pages: Pages, log: logging.Logger, calls: Collection[str] = ()) -> None:
        self.pages, self.log = pages, log
        known = ", ".join(f"{API}{one}" for one in calls)
        self.no_call = f"there is no such call; there are {known}" if calls else NO_KEYS

    def answer(
        self, request: Request, status: int, told: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The page or the JSON of a status; `told` is a sentence that is safe to show, in place of ours."""
        like = status if status in WORDS else 400 if status < 500 else 500
        program = request.url.path.startswith(ONLY_PROGRAMS)
        if "text/html" in request.headers.get("accept", "") and not program:
            heading, usual = WORDS[like]
            return self.pages.page(
                request, "error.html", status, headers, {"heading": heading, "sentence": told or usual}
            )
        code, usual = PROGRAMS[like]
        return JSONResponse({"code": code, "message": told or usual}, status, dict(headers or {}))

    async def refused(self, request: Request, error: Exception) -> Response:
        """A route or the router said no."""
        assert isinstance(error, HTTPException)
        told: str | None = error.detail if error.detail != _phrase(error.status_code) else None
        if error.status_code == 404 and request.url.path.startswith(API):
            told = self.no_call
        return self.answer(request, error.status_code, told, error.headers)

    async def unable(self, request: Request, error: Exception) -> Response:
        """The mailroom cannot be read or written: nothing was kept, and the caller should come again."""
        assert isinstance(error, JourneyError)
        self.log.error("%s: %s", error.code, error.message)
        return self.answer(request, 503, None, RETRY)


def _phrase(status: int) -> str:
    return str(HTTPException(status).detail)
