"""`/health`: whether the front door can do its work, for whoever watches it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journey_engine.web.house import House
from journey_engine.web.ways import Way


def routes(house: House) -> list[Route]:
    """The one address."""

    async def health(_: Request) -> Response:
        """The mailroom answers: 200; it does not: 503."""
        await house.work(house.mailroom.last_loaded)
        return JSONResponse({"status": "ok"})

    return [Way("/health", health, ["GET"], name="health")]
