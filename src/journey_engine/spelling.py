"""One address in one spelling: however it is written, it is compared in one form. Nothing is sent to that form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

Number = Callable[[str], str | None]
"""A phone number as people write it -> in E.164, such as +491701234567; None for what is none."""

_PHONE = re.compile(r"\+?[0-9(][0-9 ()./\-\u00a0\u2010-\u2015]*")


def no_number(text: str) -> str | None:
    """Where nobody can read phone numbers: only one that begins with + is known, by its digits."""
    return f"+{_digits(text)}" if text.startswith("+") else None


def spelled(text: str, number: Number = no_number) -> str:
    """An address in the form in which it is compared: email in small letters with its domain as DNS has it, a phone
    number in E.164; of anything else only the case is made one.
    """
    text = plain(text)
    local, at, domain = text.rpartition("@")
    if at:
        return f"{local}@{_as_dns(domain)}"
    if _PHONE.fullmatch(text) and len(_digits(text)) >= 5:
        return number(text) or no_number(text) or _digits(text)
    return text


def spellings(text: str, number: Number = no_number) -> frozenset[str]:
    """The forms in which an address may have been written down: as it is, and as it is compared."""
    text = plain(text)
    if not text:
        return frozenset()
    one = spelled(text, number)
    local, at, domain = one.rpartition("@")
    return frozenset({text, one, f"{local}@{_as_people(domain)}"} if at else {text, one})


def plain(text: str) -> str:
    """Without blanks around it, and in one case."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


@lru_cache(maxsize=4096)
def _as_dns(domain: str) -> str:
    try:
        return domain.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain


@lru_cache(maxsize=4096)
def _as_people(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())
