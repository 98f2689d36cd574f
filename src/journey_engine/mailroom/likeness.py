"""Whether two customers are the same person, or only like each other. Pure.

What is exactly the same refuses a referral, so it errs on the side of two persons; what is alike is only looked at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Providers that read a local part without its dots, and the name that stands for each."""
ALIKE = ("account_id", "address", "device_id")
SHORT = 8  # the last digits of a telephone number that two ways of writing it have in common


def same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether both have the same address or the same telephone number, however it is written."""
    return _equal(email(one.get("email")), email(other.get("email"))) or _equal(
        phone(one.get("phone")), phone(other.get("phone"))
    )


def alike(one: Mapping[str, str], other: Mapping[str, str], names: Collection[str] = ALIKE) -> str | None:
    """The name of what makes two customers look like one, or None."""
    for name in names:
        if _equal(_plain(one.get(name)), _plain(other.get(name))):
            return f"same_{name}"
    digits = [phone(each.get("phone")) for each in (one, other)]
    if all(len(each) >= SHORT for each in digits) and digits[0][-SHORT:] == digits[1][-SHORT:]:
        return "like_phone"
    mine, theirs = (_name_and_domain(each) for each in (one, other))
    return "same_name_and_domain" if mine is not None and mine == theirs else None


def email(address: str | None) -> str:
    """An address as its mailbox: without case, without what stands behind a plus."""
    local, _, domain = _plain(address).rpartition("@")
    local = local.partition("+")[0]
    if domain in DOTLESS:
        return f"{local.replace('.', '')}@{DOTLESS[domain]}"
    return f"{local}@{domain}" if local and domain else ""


def phone(number: str | None) -> str:
    """The digits of a telephone number, without the signs of an international call."""
    return re.sub(r"\D", "", number or "").removeprefix("00")


def _name_and_domain(person: Mapping[str, str]) -> tuple[str, str, str] | None:
    found = (
        _plain(person.get("first_name")), _plain(person.get("last_name")), email(person.get("email")).rpartition("@")[2]
    )  # fmt: skip
    return found if all(found) else None


def _plain(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())


def _equal(one: str, other: str) -> bool:
    return bool(one) and one == other
