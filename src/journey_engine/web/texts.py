"""`/hooks/sms`: text messages from customers, as Twilio hands them over, signed with the account's auth token.

The answer is TwiML that says nothing: what customers get is written by journeys, and STOP is answered by Twilio itself.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from journey_engine.inbound import Refused
from journey_engine.inbound.twilio import BYTES, SIGNATURE, fields, prove, text
from journey_engine.web.house import House
from journey_engine.web.keys import secret_words
from journey_engine.web.segment import refusal, whole_body
from journey_engine.web.ways import Way

PATH = "/hooks/sms"
NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


def routes(house: House) -> list[Route]:
    """The one address, when the project takes texts."""
    settings = house.project.front_door.sms
    if settings is None:
        return []
    tokens = [one.encode() for one in secret_words(settings.token_env, "sms")]
    teams = house.project.front_door.teams

    async def told(request: Request) -> Response:
        try:
            said = fields(await whole_body(request))
            query = f"?{request.url.query}" if request.url.query else ""
            prove(f"{house.links.home}{PATH}{query}", said, request.headers.get(SIGNATURE), tokens)
            found = text(said)
        except Refused as refused:
            house.log.warning("a text message was refused: %s", refused.code)
            return refusal(refused)
        became = await house.work(house.mailroom.receive_text, found, teams, house.clock())
        house.log.info("a text message came in: %s", became)
        return Response(NOTHING, media_type="text/xml")

    return [Way(PATH, told, ["POST"], name="sms", at_most=BYTES)]
