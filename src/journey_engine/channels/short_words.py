"""Short messages as text: how many parts one takes on its way."""

from __future__ import annotations

# GSM 03.38: what fits in seven bits, and what takes two of them. Anything else makes the whole message UCS-2.
_SEVEN = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE = frozenset("\f^{}\\[~]|€")


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
