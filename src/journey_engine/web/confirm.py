"""Double opt-in: the link of the letter that asks. GET only shows what is asked, POST is the customer's yes."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from journey_engine.links import CONFIRM, PREFERENCES, Claim
from journey_engine.mailroom import Said, Word
from journey_engine.web.claims import claimed, known, label
from journey_engine.web.house import House
from journey_engine.web.ways import Way

PAGE = "confirm.html"


def routes(house: House) -> list[Route]:
    """The one address."""

    async def either(request: Request) -> Response:
        claim = claimed(house, request, CONFIRM)
        await known(house, claim)
        topic = claim.topic or ""
        if topic not in house.project.topics:
            raise HTTPException(404)
        done = request.method == "POST"
        if done:
            text = house.pages.wording(request, PAGE, _values(house, claim, topic, done=False))
            said = Said(claim.customer_id, Word.CONFIRMED, topic, "", "confirm page", text, claim.message_id)
            await house.work(house.mailroom.say, [said], house.clock())
        return house.pages.page(request, PAGE, values=_values(house, claim, topic, done=done))

    return [Way("/confirm/{token}", either, ["GET", "POST"], name="confirm")]


def _values(house: House, claim: Claim, topic: str, *, done: bool) -> dict[str, object]:
    to = house.links.sign(Claim(PREFERENCES, claim.customer_id, None, claim.message_id))
    return {"topic": label(house, topic), "done": done, "preferences": f"../preferences/{to}"}
