"""`/hooks/inbound`: letters from customers, as SendGrid's Inbound Parse hands them over.

It proves who it is by its signature (a security policy of its own) or by name and password in the address. What a
machine wrote is answered with 200 and not kept, or it would be handed over again and again.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journey_engine.inbound import Refused
from journey_engine.inbound.forms import Form
from journey_engine.inbound.letters import BYTES, letter
from journey_engine.inbound.replies import Replies
from journey_engine.inbound.signatures import SIGNATURE, TIMESTAMP, Check, public_keys
from journey_engine.web.house import House
from journey_engine.web.keys import basic, digest, same, secrets
from journey_engine.web.segment import refusal
from journey_engine.web.ways import Way


def routes(house: House) -> list[Route]:
    """The one address, when the project takes letters."""
    settings = house.project.front_door.inbound
    if settings is None:
        return []
    keys = public_keys(settings.public_key, "front_door: inbound: public_key") if settings.public_key else []
    passwords = secrets(settings.secret_env, "inbound") if settings.secret_env else []
    sender = house.project.sender
    own = {one.lower() for one in (sender.email, sender.answers_to()) if one is not None}
    replies = Replies(sender.reply_to, house.links)
    teams = house.project.front_door.teams

    async def told(request: Request) -> Response:
        now = house.clock()
        try:
            shown = basic(request)
            if passwords and not same(digest(shown[1] if shown is not None else ""), passwords):
                raise Refused("wrong_password", "name and password in the address are not those of the project", 401)
            check = Check(request.headers.get(SIGNATURE), request.headers.get(TIMESTAMP))
            form = await _read(request, check)
            if keys:
                check.prove(keys, now)
            found = letter(form.finish(), own, replies)
        except Refused as refused:
            house.log.warning("a letter was refused: %s", refused.code)
            return refusal(refused)
        if found.forged:
            house.log.warning("a letter came to an address that we did not make: it counts as any other")
        became = found.automatic
        if became is None:
            became = await house.work(house.mailroom.receive, found, teams, now)
        house.log.info("a letter came in: %s", became)
        return JSONResponse({"success": True})

    return [Way("/hooks/inbound", told, ["POST"], name="inbound", at_most=BYTES)]


async def _read(request: Request, check: Check) -> Form:
    """Part by part: what is attached is passed over. Raises Refused."""
    form = Form(request.headers.get("content-type", ""))
    try:
        async for part in request.stream():
            check.feed(part)
            form.feed(part)
    except HTTPException as error:
        raise Refused("too_large", error.detail, 413) from None
    return form
