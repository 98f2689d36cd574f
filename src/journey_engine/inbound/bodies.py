"""Bodies as they come: unzipped up to a limit, JSON that is not too deep, texts that every store can hold."""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import Any

DEEPEST = 50
"""Less than what the night takes for too deep."""
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


class Refused(Exception):
    """What was sent is not taken; `code` is a word for programs, the message a sentence that repeats nothing of it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def unzipped(body: bytes, at_most: int) -> bytes:
    """The body, unzipped when it is gzip, whatever its headers say. Raises Refused for what is longer than a limit."""
    if body[:2] == b"\x1f\x8b":
        reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            body = reader.decompress(body, at_most + 1)
        except zlib.error:
            raise Refused("malformed_gzip", "the body begins like gzip and is none") from None
        if len(body) <= at_most and (not reader.eof or reader.unused_data):
            raise Refused("malformed_gzip", "the gzip of the body is cut off, or something follows it")
    if len(body) > at_most:
        raise Refused("too_large", f"the body is longer than {at_most:,} bytes")
    return body


def read_json(body: bytes) -> Any:
    """The JSON of a body with texts that can be kept. Raises Refused."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant, parse_float=_finite)
    except UnicodeDecodeError:
        raise Refused("invalid_json", "the body is no UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Refused("invalid_json", "the body is no JSON") from None
    return clean(value)


def clean(value: Any, level: int = 0) -> Any:
    """The same with U+FFFD where a text has a zero character or half of a pair. Raises Refused for what is too deep."""
    if isinstance(value, str):
        return _UNKEEPABLE.sub("\ufffd", value)
    if isinstance(value, dict | list) and level >= DEEPEST:
        raise _too_deep()
    if isinstance(value, dict):
        return {clean(key): clean(item, level + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item, level + 1) for item in value]
    return value


def _too_deep() -> Refused:
    return Refused("too_deep", f"values stand more than {DEEPEST} deep inside each other")


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON knows no {name}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that no store holds")
    return value
