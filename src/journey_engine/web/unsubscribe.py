"""The unsubscribe link: GET only shows a page, POST acts, from the page's button or a mail program's one click.

Programs open every link of a letter to look for harm, and must not unsubscribe anybody by it (RFC 8058).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from journey_engine.links import PREFERENCES, UNSUBSCRIBE, Claim
from journey_engine.mailroom import Said, Word
from journey_engine.web.claims import claimed, label
from journey_engine.web.forms import fields
from journey_engine.web.house import House
from journey_engine.web.ways import Way

PAGE = "unsubscribe.html"


def routes(house: House) -> list[Route]:
    """The one address."""

    async def show(request: Request) -> Response:
        claim = claimed(house, request, UNSUBSCRIBE)
        return house.pages.page(request, PAGE, values=_values(house, claim, done=False))

    async def act(request: Request) -> Response:
        claim = claimed(house, request, UNSUBSCRIBE)
        form = await fields(request)
        shown = _values(house, claim, done=False)
        by_program = form.get("List-Unsubscribe") == ["One-Click"]
        said = Said(
            claim.customer_id,
            Word.UNSUBSCRIBED,
            "" if form.get("what") == ["everything"] else claim.topic or "",
            source="one click" if by_program else "unsubscribe page",
            text=None if by_program else house.pages.wording(request, PAGE, shown),
            message_id=claim.message_id,
        )
        await house.work(house.mailroom.say, [said], house.clock())
        done = _values(house, claim, done=True, everything=not said.topic)
        return house.pages.page(request, PAGE, values=done)

    async def either(request: Request) -> Response:
        return await (act if request.method == "POST" else show)(request)

    return [Way("/unsubscribe/{token}", either, ["GET", "POST"], name="unsubscribe")]


def _values(house: House, claim: Claim, *, done: bool, everything: bool = False) -> dict[str, object]:
    """What the page is filled with: a topic's label, or none for everything."""
    to = house.links.sign(Claim(PREFERENCES, claim.customer_id, None, claim.message_id))
    topic = None if everything or claim.topic is None else label(house, claim.topic)
    return {"topic": topic or "", "done": done, "preferences": f"../preferences/{to}"}
