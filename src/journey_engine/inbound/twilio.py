"""Text messages from customers as Twilio hands them over: whether it was Twilio, who wrote, and what the text asks for.

The signature is over the address and every field, each name with its value and nothing between them. So the fields that
are read have a strict form: bytes moved from one to its neighbour would have the same signature.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from journey_engine.inbound.bodies import Refused, clean
from journey_engine.news import Text

SIGNATURE = "X-Twilio-Signature"
BYTES = 64 * 1024
MOST_FIELDS = 200
LONGEST_TEXT = 10_000
_SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_PORTS = {"https": 443, "http": 80}

Asked = Literal["stop", "start"]
Fields = Mapping[str, Sequence[str]]
STOP = frozenset({"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"})
START = frozenset({"start", "unstop", "yes"})
_OTHER_STOP = frozenset({"arret", "arrêt", "stopp", "abmelden", "baja", "parar", "fim", "basta"})
_TOLD: Mapping[str, Asked] = {"STOP": "stop", "START": "start"}


def fields(body: bytes) -> Fields:
    """The fields of a form. Raises Refused for what is none."""
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refused("invalid_form", "the body is a form (application/x-www-form-urlencoded)") from None
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def prove(url: str, said: Fields, signature: str | None, tokens: Iterable[bytes]) -> None:
    """Raises Refused for what was not signed with one of the auth tokens, for this address."""
    shown = (signature or "").encode("ascii", "replace")
    made = [signed(one, said, token) for token in tokens for one in _spellings(url)]
    if not sum(hmac.compare_digest(shown, one) for one in made):
        raise Refused("bad_signature", "it is not signed with the auth token that the project knows", 401)


def signed(url: str, said: Fields, token: bytes) -> bytes:
    """Twilio's signature of a request: HMAC-SHA1 over the address and the fields in the order of their names."""
    whole = url + "".join(name + value for name in sorted(said) for value in sorted(set(said[name])))
    return base64.b64encode(hmac.digest(token, whole.encode("utf-8", "replace"), "sha1"))


def _spellings(url: str) -> list[str]:
    """Twilio may write the port that goes without saying, and may leave another out."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare = host[: -len(f":{parts.port}")] if parts.port is not None else host
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return [parts._replace(netloc=one).geturl() for one in (bare, f"{bare}:{port}")]


def text(said: Fields) -> Text:
    """The text of a form. Raises Refused when it does not say which text of whom it is."""
    sid, sender = _one(said, "MessageSid"), _one(said, "From")
    if not _SID.fullmatch(sid):
        raise Refused("no_message_sid", "`MessageSid` is SM or MM and 32 signs: this address takes texts that come in")
    if not _NUMBER.fullmatch(sender):
        raise Refused("no_sender", "`From` is a phone number with its country, such as +491701234567")
    if "Body" not in said:
        raise Refused("no_text", "`Body` is missing: this address takes texts that come in, not what became of others")
    words, media = str(clean(_one(said, "Body"))), _one(said, "NumMedia")
    told = _one(said, "OptOutType")
    return Text(
        text_id=sid,
        sender=sender,
        text=words.strip()[:LONGEST_TEXT],
        asks=_TOLD.get(told) if told else asks_for(words),
        media=int(media) if media.isascii() and media.isdecimal() and len(media) < 4 else 0,
    )


def asks_for(reply: str) -> Asked | None:
    """What a reply asks for, as carriers read it: the word alone, in any case; None for everything else."""
    word = " ".join(reply.replace("-", " ").split()).strip(" .!\"'").casefold()
    if word in STOP or word in _OTHER_STOP:
        return "stop"
    return "start" if word in START else None


def _one(said: Fields, name: str) -> str:
    return next(iter(said.get(name, ())), "")
