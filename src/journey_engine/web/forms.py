"""The few fields of a form: of a page's own button, or of a mail program's one click, in either encoding (RFC 8058).

What cannot be read has no fields: whoever pressed a button meant it, and the link itself says what.
"""

from __future__ import annotations

from collections.abc import Mapping
from email import policy
from email.parser import BytesParser
from urllib.parse import parse_qsl

from starlette.requests import Request

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
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    parsed = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    found = []
    for part in parsed.iter_parts() if parsed.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            found.append((name, value.decode("utf-8", "replace").strip()))
    return found
