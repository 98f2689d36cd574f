"""`/hooks/sendgrid`: what became of the messages that left by SendGrid, signed by it."""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journey_engine.inbound import Refused, read_json
from journey_engine.inbound.sendgrid import BYTES, notices
from journey_engine.inbound.signatures import SIGNATURE, TIMESTAMP, Check, public_keys
from journey_engine.web.house import House
from journey_engine.web.segment import refusal, whole_body
from journey_engine.web.ways import Way


def routes(house: House) -> list[Route]:
    """The one address, when the project knows SendGrid's key."""
    settings = house.project.front_door.sendgrid
    if settings is None:
        return []
    keys = public_keys(settings.public_key, "front_door: sendgrid: public_key")

    async def told(request: Request) -> Response:
        try:
            check = Check(request.headers.get(SIGNATURE), request.headers.get(TIMESTAMP))
            body = await whole_body(request)
            check.feed(body)
            now = house.clock()
            check.prove(keys, now)
            found, left = notices(read_json(body), house.links.home, now)
        except Refused as refused:
            if refused.status == 401:
                house.log.warning("a call of the event webhook was refused: %s", refused.code)
            return refusal(refused)
        counted = await house.work(house.mailroom.notice, found, now)
        _log(house, counted + left)
        return JSONResponse({"success": True})

    return [Way("/hooks/sendgrid", told, ["POST"], name="sendgrid", at_most=BYTES)]


def _log(house: House, counted: Counter[str]) -> None:
    shown = ", ".join(f"{count} {word}" for word, count in sorted(counted.items()) if count)
    house.log.info("events of messages: %s", shown or "none")
