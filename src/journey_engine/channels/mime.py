"""Messages as bytes: an envelope built once per sender and class of message, filled for each message.

Header text is encoded as in RFC 2047, bodies as quoted-printable or base64, lines end in CRLF. The
boundary starts with `=_`, which neither encoding can produce, so no text can end a part.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache

from journey_engine.message import Outgoing, header_safe
from journey_engine.project import Sender

_PLAIN = re.compile(r"[ !#-'*+/-9=?A-Z^_a-z{|}~-]*")  # what a display name may hold without quotes, and no dot
_FOREIGN = bytes(range(128, 256))
_LINE = 66  # characters of header text that surely fit a line of 78


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all messages of one sender and class have in common."""

    domain: str
    sender: str
    before: str
    one_click: bool
    reply_to: str | None

    @classmethod
    def of(cls, sender: Sender, topic_class: str) -> Envelope:
        """The envelope of a class: marketing carries the one-click unsubscribe headers."""
        marketing = topic_class == "marketing"
        lines = ["MIME-Version: 1.0", "Auto-Submitted: auto-generated"]
        domain = ascii_address(sender.email).rpartition("@")[2]
        own = mailbox(sender.name, sender.email)
        return cls(domain, own, "\r\n".join(lines), marketing, sender.answers_to())

    def fill(self, message: Outgoing) -> bytes:
        """The whole message, ready for a file or for DATA (without dot stuffing)."""
        rendered, author = message.rendered, message.rendered.author
        head = [
            f"From: {self.sender if author is None else mailbox(author.name, author.email)}",
            self.before,
            f"Date: {_date(message.date, message.date.utcoffset())}",
            f"Message-ID: <{message.message_id}@{self.domain}>",
            f"To: {mailbox(message.to_name, message.to)}",
            f"Subject: {header_text(rendered.subject)}",
        ]
        reply_to = rendered.reply_to or (self.reply_to if author is None else None)
        if reply_to:
            head.append(f"Reply-To: {mailbox(None, reply_to)}")
        if message.intended is not None:
            head.append(f"X-Journey-Intended: {header_text(message.intended)}")
        if self.one_click and rendered.unsubscribe_url:
            head += [
                f"List-Unsubscribe: <{rendered.unsubscribe_url}>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            ]
        if rendered.html is None:
            return ("\r\n".join(head) + "\r\n").encode("ascii") + _part("plain", rendered.text)
        boundary = f"=_{message.message_id}"
        head.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
        mark = f"\r\n--{boundary}".encode("ascii")
        return b"".join(
            (
                "\r\n".join(head).encode("ascii"),
                b"\r\n",
                mark,
                b"\r\n",
                _part("plain", rendered.text),
                mark,
                b"\r\n",
                _part("html", rendered.html),
                mark,
                b"--\r\n",
            )
        )


@lru_cache(maxsize=16)
def _date(instant: dt.datetime, _offset: dt.timedelta | None) -> str:
    """All letters of a dispatch have one date; the same instant in another zone is written in another way."""
    return format_datetime(instant)


def _part(kind: str, text: str) -> bytes:
    """Content-Type, encoding and body of one part."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    data = plain.encode("utf-8", "replace")
    if not data.endswith(b"\n"):
        data += b"\n"
    if _foreign(data, len(data) - len(plain)):
        encoding, body = "base64", base64.encodebytes(data)
    else:
        encoding, body = "quoted-printable", binascii.b2a_qp(data, istext=True)
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + body.replace(b"\n", b"\r\n")


def _foreign(data: bytes, more: int) -> bool:
    """Whether more than a third of it is not ASCII, by its beginning. It has so many bytes `more` than characters."""
    start = data[:4000]
    # Of the two to four bytes of a character, all count, and one less is more: no need to count where there are few.
    return more * 6 > len(start) and (len(start) - len(start.translate(None, _FOREIGN))) * 3 > len(start)


def header_text(text: str) -> str:
    """Header text in ASCII, folded: as it is when short and plain, otherwise in encoded words."""
    text = header_safe(text)
    if text.isascii() and len(text) <= _LINE and "=?" not in text:
        return text
    return _encoded_words(text)


def _encoded_words(text: str) -> str:
    words, piece = [], b""
    for char in text:
        data = char.encode("utf-8")
        if len(piece) + len(data) > 45:
            words.append(piece)
            piece = b""
        piece += data
    words.append(piece)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in words)


def mailbox(name: str | None, address: str) -> str:
    """`Name <address>` with the name quoted or encoded as needed."""
    address = ascii_address(address)
    name = header_safe(name or "")
    if not name:
        return address
    if not name.isascii() or len(name) > _LINE or "=?" in name:
        shown = _encoded_words(name)
    elif _PLAIN.fullmatch(name):
        shown = name
    else:
        shown = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    # On a line of its own where it would not fit, so that no line grows past what a server takes.
    glue = "\r\n " if len(shown.rpartition("\n")[2]) + len(address) > _LINE else " "
    return f"{shown}{glue}<{address}>"


def ascii_address(address: str) -> str:
    """The address with its domain in ASCII (IDNA). Raises ValueError where the local part is not ASCII."""
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise ValueError("the part before the @ is not ASCII, which this channel cannot deliver to")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("the domain is not a valid international name") from None
    return f"{local}@{domain}"
