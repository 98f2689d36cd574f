"""The links of a letter that asks: GET shows the answer and a button, POST counts it. The newest answer counts."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from journey_engine.links import ANSWER, Claim, answered
from journey_engine.web.claims import claimed, known
from journey_engine.web.house import House
from journey_engine.web.ways import Way

PAGE = "answer.html"


def routes(house: House) -> list[Route]:
    """The one address."""

    async def either(request: Request) -> Response:
        claim = claimed(house, request, ANSWER)
        await known(house, claim)
        counts = request.method == "POST"
        if counts:
            await house.work(house.mailroom.answer, answered(claim, house.clock()))
        label = await house.work(_label, house, claim)
        return house.pages.page(request, PAGE, values={"answer": label, "done": counts})

    return [Way("/answer/{token}", either, ["GET", "POST"], name="answer")]


def _label(house: House, claim: Claim) -> str:
    """The answer as the letter showed it; its name once the letter's values are gone."""
    kept = house.mailroom.values_of(claim.message_id) if claim.message_id is not None else None
    asked = json.loads(kept).get("ask") if kept else None
    options = asked.get("answers", ()) if isinstance(asked, dict) else ()
    return next((str(one["label"]) for one in options if one["answer"] == claim.answer), claim.answer or "")
