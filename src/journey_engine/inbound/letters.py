"""A letter from a customer, as SendGrid's Inbound Parse hands it over: who, to which of ours, and what it says.

Only words are kept: no file, no HTML, no line that repeats what we wrote. What a machine sent is told apart, so that
two machines never write to each other for ever.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from email.message import Message
from email.parser import HeaderParser
from email.utils import getaddresses
from typing import Any

from journey_engine.inbound.bodies import Refused, clean, read_json
from journey_engine.inbound.pages import words_of
from journey_engine.inbound.replies import Replies
from journey_engine.message import header_safe, is_address
from journey_engine.news import Letter
from journey_engine.records import identity

BYTES = 32 * 1024 * 1024
"""A letter may have 30 MB with SendGrid, its files among them as they are; the form stands around it."""
LONGEST_TEXT = 10_000
LONGEST_SUBJECT = 300
MOST_REFERENCES = 50
_REFERENCE = re.compile(r"<([^<>\s]{1,300})>")
_CHARSET = re.compile(
    r"utf-?8|us-ascii|ascii|iso-8859-\d+|windows-125\d|cp125\d|koi8-[ru]|gb(2312|k|18030)|big5|euc-(jp|kr)|shift_jis|"
    r"iso-2022-jp",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"^\s*>|^-{2,} ?Original Message", re.IGNORECASE)
_BULK = ("bulk", "junk", "list", "auto_reply")
_MACHINES = ("mailer-daemon", "postmaster", "no-reply", "noreply", "do-not-reply", "donotreply")
_AUTOMATIC = ("X-Autoreply", "X-Autorespond", "List-Id", "List-Unsubscribe", "X-Failed-Recipients")


def letter(fields: Mapping[str, bytes], own: Collection[str], replies: Replies) -> Letter:
    """The letter of a form; `own` are our addresses. Raises Refused when it says not who wrote it."""
    charsets = _charsets(fields.get("charsets", b""))
    said = {name: _decoded(value, charsets.get(name)) for name, value in fields.items()}
    sender = next(iter(_addresses(said.get("from", ""))), "").lower()
    if not is_address(sender):
        raise Refused("no_sender", "`from` has no address")
    headers = HeaderParser().parsestr(said.get("headers", ""))
    text = said.get("text", "")
    if not text.strip() and said.get("html"):
        text = words_of(said["html"])
    subject = header_safe(said.get("subject", ""))[:LONGEST_SUBJECT]
    known_as = _REFERENCE.search(_header(headers, "Message-ID"))
    envelope = _envelope(said.get("envelope", ""))
    proven, forged = replies.answered(_recipients(said, envelope))
    ours = sender in own or replies.is_ours(sender)
    whole = (sender, subject, text, _header(headers, "Date"))
    return Letter(
        letter_id=identity("letter", known_as[1]) if known_as is not None else identity("letter", *whole),
        sender=sender,
        answers=_references(headers),
        subject=subject,
        text=own_words(text)[:LONGEST_TEXT],
        automatic=_automatic(headers, sender, ours=ours, bounced=envelope.get("from") in ("", "<>")),
        proven=proven,
        forged=forged,
    )


def own_words(text: str) -> str:
    """Without the lines that repeat an earlier letter."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.lstrip().lower().startswith(("-----original message", "________________________________")):
            break
        if not _QUOTED.match(line):
            lines.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _automatic(headers: Message, sender: str, *, ours: bool, bounced: bool) -> str | None:
    """Why nobody should answer it: a machine wrote it, or we did."""
    if _header(headers, "Auto-Submitted").strip().lower().partition(";")[0] not in ("", "no"):
        return "auto_submitted"
    if _header(headers, "Precedence").strip().lower() in _BULK:
        return "bulk"
    if any(headers.get(name) is not None for name in _AUTOMATIC):
        return "automatic"
    if ours:
        return "our_own"
    if sender.partition("@")[0] in _MACHINES or bounced:
        return "machine"
    return None


def _envelope(envelope: str) -> Mapping[str, Any]:
    """From whom to whom it travelled: `from` is empty for what came from nobody, as bounces do."""
    try:
        told = read_json(envelope.encode()) if envelope else {}
    except Refused:
        return {}
    return told if isinstance(told, dict) else {}


def _recipients(said: Mapping[str, str], envelope: Mapping[str, Any]) -> list[str]:
    """The addresses that it came to: those it travelled to before those it names."""
    travelled = envelope.get("to")
    found = [one for one in travelled if isinstance(one, str)] if isinstance(travelled, list) else []
    return [*found, *(address for name in ("to", "cc") for address in _addresses(said.get(name, "")))]


def _addresses(header: str) -> list[str]:
    """The addresses that a header names; none where it is nested without end, as no mail program writes it."""
    try:
        return [address for _, address in getaddresses([header_safe(header)[:20_000]])]
    except RecursionError:
        return []


def _references(headers: Message) -> tuple[str, ...]:
    """The letters that it answers, the nearest first."""
    nearest = _REFERENCE.findall(_header(headers, "In-Reply-To"))
    earlier = _REFERENCE.findall(_header(headers, "References"))
    return tuple(dict.fromkeys([*nearest, *reversed(earlier)]))[:MOST_REFERENCES]


def _header(headers: Message, name: str) -> str:
    return str(headers.get(name, ""))[:20_000]


def _charsets(told: bytes) -> Mapping[str, str]:
    try:
        found = read_json(told) if told else {}
    except Refused:
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _decoded(value: bytes, charset: str | None) -> str:
    fit = charset is not None and _CHARSET.fullmatch(charset) is not None
    return str(clean(value.decode(charset if fit and charset else "utf-8", "replace")))
