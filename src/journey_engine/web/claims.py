"""Signed links: only a genuine one opens a page, and only the page that it was made for."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from journey_engine.links import Claim
from journey_engine.web.house import House


def claimed(house: House, request: Request, action: str) -> Claim:
    """What the link says. Raises HTTPException 404 for one that is forged, of elsewhere, or meant for another page."""
    claim = house.links.verify(request.path_params["token"])
    if claim is None or claim.action != action:
        raise HTTPException(404)
    return claim


async def known(house: House, claim: Claim) -> None:
    """Raises HTTPException 410 where the link is of somebody who was erased: nothing that they say is kept."""
    if await house.work(house.mailroom.pseudonym, claim.customer_id) is not None:
        raise HTTPException(410)


def label(house: House, topic: str) -> str:
    """A topic's name as customers read it."""
    words = house.project.topics.get(topic)
    return (words.label if words is not None else None) or topic
