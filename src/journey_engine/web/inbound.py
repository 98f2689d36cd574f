"""`/hooks/inbound`: letters from customers, as SendGrid's Inbound Parse hands them over.

It proves who it is by its signature (a security policy of its own) or by name and password in the address. What a
machine wrote is answered with 200 and not kept, or it would be handed over again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import IO

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journey_engine.inbound import Refused
from journey_engine.inbound.forms import Form
from journey_engine.inbound.letters import BYTES, letter
from journey_engine.inbound.replies import Replies
from journey_engine.inbound.signatures import SIGNATURE, TIMESTAMP, Check, public_keys
from journey_engine.web.failing import RETRY
from journey_engine.web.house import House
from journey_engine.web.keys import basic, digest, same, secrets
from journey_engine.web.segment import refusal
from journey_engine.web.ways import Way

Keys = list[EllipticCurvePublicKey]
IN_MEMORY = 256 * 1024
AT_ONCE = 16
PATIENCE_S = 60


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
    places = asyncio.Semaphore(AT_ONCE)

    async def told(request: Request) -> Response:
        now = house.clock()
        try:
            shown = basic(request)
            if passwords and not same(digest(shown[1] if shown is not None else ""), passwords):
                raise Refused("wrong_password", "name and password in the address are not those of the project", 401)
            form = await (_proven(request, keys, house, places) if keys else _read(request))
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


async def _read(request: Request) -> Form:
    """Part by part: what is attached is passed over. Raises Refused."""
    form = Form(request.headers.get("content-type", ""))
    async for part in _parts(request):
        form.feed(part)
    return form


async def _proven(request: Request, keys: Keys, house: House, places: asyncio.Semaphore) -> Form:
    """Read whole before anything of it is looked at, since the signature is over all of it. Raises Refused.

    What anyone may send lies in a file until it is proven, so many at once, and not for long.
    """
    check = Check(request.headers.get(SIGNATURE), request.headers.get(TIMESTAMP))
    check.begin(house.clock())
    form = Form(request.headers.get("content-type", ""))
    if places.locked():
        raise HTTPException(503, headers=dict(RETRY))
    async with places:
        with SpooledTemporaryFile(IN_MEMORY) as kept:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    async for part in _parts(request):
                        check.feed(part)
                        kept.write(part)
            except TimeoutError:
                raise Refused("too_slow", f"the body did not come within {PATIENCE_S} seconds", 408) from None
            check.prove(keys, house.clock())
            kept.seek(0)
            await run_in_threadpool(_feed, form, kept)
    return form


def _feed(form: Form, kept: IO[bytes]) -> None:
    while part := kept.read(IN_MEMORY):
        form.feed(part)


async def _parts(request: Request) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except HTTPException as error:
        raise Refused("too_large", error.detail, 413) from None
