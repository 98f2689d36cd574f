"""Secrets of those who tell us things, from the environment, and how a request shows that it knows one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os

from starlette.requests import Request

from journey_engine.errors import JourneyError

SHORTEST = 16


def secrets(variable: str, setting: str) -> list[bytes]:
    """The digests of a variable's secrets. Raises JourneyError."""
    return [digest(one) for one in secret_words(variable, setting)]


def secret_words(variable: str, setting: str) -> list[str]:
    """The secrets of a variable; two with a space between them while one is changed. Raises JourneyError."""
    found = os.environ.get(variable, "").split()
    if not found:
        raise JourneyError(
            f"there is no {variable} in the environment, which `front_door: {setting}` names",
            remedy=f"set it to that of `openssl rand -hex 32`, or take `{setting}` out of journeys/project.yaml",
            code="no_secret",
        )
    if min(map(len, found)) < SHORTEST:
        raise JourneyError(
            f"{variable} is shorter than {SHORTEST} signs, which can be guessed",
            remedy="set it to that of `openssl rand -hex 32`",
            code="short_secret",
        )
    return found


def digest(secret: str) -> bytes:
    """What is compared: as long for every secret, so that the time tells nothing about it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def same(one: bytes, known: list[bytes]) -> bool:
    """Whether a digest is among those that are known, in the same time whichever it is."""
    return sum(hmac.compare_digest(one, other) for other in known) > 0


def basic(request: Request) -> tuple[str, str] | None:
    """Name and password of HTTP's Basic scheme; None when they are absent or cannot be read."""
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or len(told) > 2000:
        return None
    try:
        name, _, password = base64.b64decode(told.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return name, password
