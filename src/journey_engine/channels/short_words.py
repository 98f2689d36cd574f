"""Short messages as text: how many parts one takes on its way, and which replies mean stop or start."""

from __future__ import annotations

from typing import Literal

# GSM 03.38: what fits in seven bits, and what takes two of them. Anything else makes the whole message UCS-2.
_SEVEN = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE = frozenset("\f^{}\\[~]|€")

STOP = frozenset({"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"})
START = frozenset({"start", "unstop", "yes"})
_OTHER_STOP = frozenset({"arret", "arrêt", "stopp", "abmelden", "baja", "parar", "fim", "basta"})


def segments(text: str) -> int:
    """How many parts a message takes: 160 signs of seven bits or 70 of sixteen; of several each carries a little less.

    A sign that takes two places is never torn apart.
    """
    if all(char in _SEVEN or char in _TWICE for char in text):
        sizes, alone, together = [1 + (char in _TWICE) for char in text], 160, 153
    else:
        sizes, alone, together = [1 + (ord(char) > 0xFFFF) for char in text], 70, 67
    if sum(sizes) <= alone:
        return 1
    parts, room = 1, together
    for size in sizes:
        if size > room:
            parts, room = parts + 1, together
        room -= size
    return parts


def asks_for(reply: str) -> Literal["stop", "start"] | None:
    """What a reply asks for, as carriers read it: the word alone, in any case; None for everything else."""
    word = " ".join(reply.replace("-", " ").split()).strip(" .!\"'").casefold()
    if word in STOP or word in _OTHER_STOP:
        return "stop"
    return "start" if word in START else None
