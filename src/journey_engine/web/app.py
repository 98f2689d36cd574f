"""One Starlette application from the modules below: each has `routes(house)` and knows nothing of the others."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from journey_engine.errors import JourneyError
from journey_engine.web import answer, confirm, health, hooks, inbound, preferences, segment, texts, unsubscribe
from journey_engine.web.failing import Failing
from journey_engine.web.guard import Guard
from journey_engine.web.house import House

ROUTES: tuple[Callable[[House], list[Route]], ...] = (
    health.routes,
    unsubscribe.routes,
    preferences.routes,
    confirm.routes,
    answer.routes,
    segment.routes,
    hooks.routes,
    inbound.routes,
    texts.routes,
)
"""What is served, in order; a path that two know belongs to the first."""


def build(house: House) -> Starlette:
    """The whole front door."""
    calls = segment.PATHS if house.project.front_door.write_keys else ()
    failing = Failing(house.pages, house.log, calls)
    app = Starlette(
        routes=[route for routes in ROUTES for route in routes(house)],
        middleware=[Middleware(Guard, log=house.log, failing=failing)],
        exception_handlers={HTTPException: failing.refused, JourneyError: failing.unable},
    )
    app.router.redirect_slashes = False
    return app
