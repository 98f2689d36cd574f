"""Signed addresses: the unsubscribe link, the preference page, the confirmations and the answers of one customer, and
the address that answers to one letter go to.

A token is `<key id>.<content>.<HMAC-SHA256>`. It never expires, so a key is never thrown away, only
followed by a newer one. Nothing here opens a store or answers a request.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from journey_engine.records import Event, identity

UNSUBSCRIBE = "unsubscribe"
PREFERENCES = "preferences"
CONFIRM = "confirm"
ANSWER = "answer"
ANSWER_GIVEN = "answer_given"
"""The event that an answer becomes."""
TOKEN, TOKEN_SIGNS = "{token}", 42
"""Where in `reply_to` it stands which letter an answer is to, and how long that is."""
_MESSAGE_ID, _REPLY = re.compile(r"[0-9a-f]{32}"), re.compile(rf"[a-z2-7]{{{TOKEN_SIGNS}}}")


_compact = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Claim:
    """What a genuine token says: who, which topic (None is all) and the message that carried the link.

    A link for an answer also names the pass that asked, the question and the answer.
    """

    action: str
    customer_id: str
    topic: str | None
    message_id: str | None
    enrollment_id: str | None = None
    question: str | None = None
    answer: str | None = None


def answered(claim: Claim, occurred_at: dt.datetime) -> Event:
    """The event of a click on an answer.

    A pass answers a question once: a second click has the same id, and its content is the one that counts (rule 2).
    """
    enrollment_id, question = str(claim.enrollment_id), str(claim.question)
    properties = {"question": question, "answer": claim.answer, "enrollment_id": enrollment_id}
    told = properties | ({"message_id": claim.message_id} if claim.message_id is not None else {})
    event_id = identity(ANSWER, enrollment_id, question)
    return Event(event_id, claim.customer_id, ANSWER_GIVEN, occurred_at, told)


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and verifies the signed addresses of a project.

    `keys` maps key ids to secrets, `current` names the one that signs. Without `public_url` there are no
    links, and a template that needs one is refused by its path. `double` are the topics that a customer confirms.
    """

    public_url: str | None
    keys: Mapping[str, bytes]
    current: str
    double: Collection[str] = ()

    @property
    def home(self) -> str | None:
        """The project's public address, without a slash at the end."""
        return self.public_url.rstrip("/") if self.public_url else None

    def unsubscribe(self, customer_id: str, topic: str | None, message_id: str) -> str | None:
        """The address that ends this topic (or all, without a topic) for this customer."""
        return self._address(UNSUBSCRIBE, customer_id, topic, message_id)

    def preferences(self, customer_id: str, message_id: str) -> str | None:
        """The address where this customer chooses topics."""
        return self._address(PREFERENCES, customer_id, None, message_id)

    def confirm(self, customer_id: str, topic: str, message_id: str) -> str | None:
        """The address where this customer says that they want a topic, which proves the address that it went to."""
        return self._address(CONFIRM, customer_id, topic, message_id)

    def answer(self, customer_id: str, message_id: str, enrollment_id: str, question: str, answer: str) -> str | None:
        """The address that gives this answer to a question of this pass."""
        return self._address(ANSWER, customer_id, None, message_id, enrollment_id, question, answer)

    def _address(self, action: str, *said: str | None) -> str | None:
        home = self.home
        return f"{home}/{action}/{self._token(action, *said)}" if home else None

    def sign(self, claim: Claim) -> str:
        """The token for a claim, safe in a path and in a header."""
        asked = () if claim.question is None else (claim.enrollment_id, claim.question, claim.answer)
        return self._token(claim.action, claim.customer_id, claim.topic, claim.message_id, *asked)

    def _token(self, *said: str | None) -> str:
        body = _encode(_compact(said).encode("ascii"))
        return f"{self.current}.{body}.{self._signature(self.current, body)}"

    def reply(self, message_id: str) -> str | None:
        """What stands in the address that answers to a message go to; None where its id is none of ours.

        Small letters and digits, since nobody on the way need keep capitals, and short enough for the part before an @.
        """
        if not _MESSAGE_ID.fullmatch(message_id):
            return None
        said = bytes.fromhex(message_id)
        return _spelt(said + self._reply_mark(self.current, said))

    def replied(self, token: str) -> str | None:
        """The id of the message whose answers go to a genuine address; None for anything else."""
        if not _REPLY.fullmatch(token):
            return None
        said, mark = (whole := base64.b32decode(token.upper() + "=" * (-len(token) % 8)))[:16], whole[16:]
        known = [self._reply_mark(key_id, said) for key_id in self.keys]
        genuine = sum(hmac.compare_digest(mark, one) for one in known) > 0 and token == _spelt(whole)
        return said.hex() if genuine else None

    def _reply_mark(self, key_id: str, said: bytes) -> bytes:
        return hmac.digest(self.keys[key_id], b"reply:" + said, "sha256")[:10]

    def verify(self, token: str) -> Claim | None:
        """The claim of a genuine token; None for anything else, whatever it holds."""
        parts = token.split(".")
        if len(parts) != 3 or parts[0] not in self.keys or not token.isascii():
            return None
        key_id, body, signature = parts
        # Compared as text, so that no second spelling of the same bytes is accepted.
        if not hmac.compare_digest(signature, self._signature(key_id, body)):
            return None
        return Claim(*json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))

    def _signature(self, key_id: str, body: str) -> str:
        signed = f"{key_id}.{body}".encode("ascii")
        return _encode(hmac.digest(self.keys[key_id], signed, "sha256"))


def _spelt(data: bytes) -> str:
    return base64.b32encode(data).rstrip(b"=").decode("ascii").lower()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
