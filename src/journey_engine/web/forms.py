"""The few fields of a form: of a page's own button, or of a mail program's one click, in either encoding (RFC 8058).

What cannot be read has no fields: whoever pressed a button meant it, and the link itself says what.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from journey_engine.inbound import Refused
from journey_engine.inbound.forms import Form

MAX_FIELDS = 200


async def fields(request: Request) -> Mapping[str, list[str]]:
    """Each field with its values; empty for a body that is no form."""
    kind = request.headers.get("content-type", "")
    body = await request.body()
    if kind.lower().startswith("multipart/form-data"):
        pairs = _multipart(kind, body)
    else:
        try:
            pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:  # no UTF-8, or too many
            pairs = []
    found: dict[str, list[str]] = {}
    for name, value in pairs[:MAX_FIELDS]:
        found.setdefault(name, []).append(value)
    return found


def _multipart(kind: str, body: bytes) -> list[tuple[str, str]]:
    try:  # not by the email package: what anyone may write in these heads nests and repeats without end
        form = Form(kind)
        form.feed(body)
        form.finish()
        return [(name, value.decode("utf-8", "replace").strip()) for name, value in form.pairs]
    except Refused:
        return []
