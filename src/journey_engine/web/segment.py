"""`/v1/...`: events and people as clients of the Segment HTTP API tell them.

Each write key may stand as name in HTTP's Basic scheme or as `writeKey` in the body, as browsers send it. What is
answered with 200 is on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journey_engine.front_door import WriteKey
from journey_engine.inbound import Refused, read_json, unzipped
from journey_engine.inbound.segment import BATCH_BYTES, EVENT_BYTES, Heard, Sender, heard
from journey_engine.web.house import House
from journey_engine.web.keys import basic, digest, same, secrets
from journey_engine.web.ways import Way

PATHS: Mapping[str, str | None] = {
    "batch": None, "b": None, "import": None,
    "track": "track", "t": "track",
    "page": "page", "p": "page",
    "screen": "screen", "s": "screen",
    "identify": "identify", "i": "identify",
    "group": "group", "g": "group",
    "alias": "alias", "a": "alias",
    "feedback": "feedback",
}  # fmt: skip
"""By the last part of the path: what each call is; None for a batch, whose calls say it themselves."""
OPEN: Mapping[str, str] = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Pages of any site may call; no cookie goes with it, so nothing is lent to them."""
PREFLIGHT: Mapping[str, str] = {
    **OPEN,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "86400",
}
SLACK = 16 * 1024
"""A body may be longer by what stands around its call."""


def routes(house: House) -> list[Route]:
    """One for each path, when the project has write keys."""
    keys = WriteKeys.of(house.project.front_door.write_keys, frozenset(house.project.topics))
    return [_way(house, keys, path, kind) for path, kind in PATHS.items()] if keys.known else []


class WriteKeys:
    """The keys that are let in, and what each may tell."""

    def __init__(self, known: list[tuple[list[bytes], Sender]]) -> None:
        self.known = known

    @classmethod
    def of(cls, keys: list[WriteKey], topics: frozenset[str]) -> WriteKeys:
        """Read them from the environment. Raises JourneyError for one that is not there."""
        return cls(
            [(secrets(one.env, "write_keys"), Sender(one.public, frozenset(one.events), topics)) for one in keys]
        )

    def sender(self, request: Request, body: object) -> Sender:
        """Who tells it. Raises Refused for whoever shows no key of ours."""
        told = basic(request)
        shown = told[0] or told[1] if told is not None else body.get("writeKey") if isinstance(body, dict) else None
        mine = digest(shown if isinstance(shown, str) else "")
        found = [sender for known, sender in self.known if same(mine, known)]
        if not found:
            raise Refused("invalid_write_key", "no write key of ours is in the Authorization or in `writeKey`", 401)
        return found[0]


def _way(house: House, keys: WriteKeys, path: str, kind: str | None) -> Route:
    at_most = BATCH_BYTES if kind is None else EVENT_BYTES + SLACK

    async def told(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(None, 204, dict(PREFLIGHT))
        try:
            body = await whole_body(request)
            if basic(request) is not None:
                keys.sender(request, None)  # before anything is unzipped
            whole = read_json(unzipped(body, at_most))
            found = heard(whole, kind, keys.sender(request, whole), house.clock())
        except Refused as refused:
            return refusal(refused, OPEN)
        await house.work(house.mailroom.hear, found.news, house.clock(), house.project.front_door.teams)
        _log(house, found)
        return JSONResponse({"success": True}, headers=dict(OPEN))

    return Way(f"/v1/{path}", told, ["POST", "OPTIONS"], name=f"segment-{path}", at_most=2 * BATCH_BYTES)


async def whole_body(request: Request) -> bytes:
    """The body. Raises Refused where it is longer than its way takes."""
    try:
        return await request.body()
    except HTTPException as error:
        raise Refused("too_large", error.detail) from None


def refusal(refused: Refused, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to what is not taken."""
    body: dict[str, Any] = {"code": refused.code, "message": refused.message}
    return JSONResponse(body, refused.status, dict(headers or {}))


def _log(house: House, found: Heard) -> None:
    """What was not taken of a batch, by reason: its sender is told 200 and never learns of it."""
    if found.refused:
        shown = ", ".join(f"{count} {code}" for code, count in sorted(found.refused.items()))
        house.log.warning("of a batch of events some were not taken: %s", shown)
