"""SendGrid's signature: ECDSA on P-256 with SHA-256 over the timestamp and the body as it came, byte for byte.

SendGrid repeats for a day what was not answered with 2xx, and says nowhere that it signs a repetition anew. So a
signature is good for a day and an hour. A call that somebody repeats within that time changes nothing: what was told
before is left out by its ids.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key

from journey_engine.errors import JourneyError
from journey_engine.inbound.bodies import Refused

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
OLDEST = dt.timedelta(hours=25)
AHEAD = dt.timedelta(minutes=5)
LONGEST = 200
_SHA256 = hashes.SHA256()


def public_keys(text: str, setting: str) -> list[EllipticCurvePublicKey]:
    """The keys of a setting, two with a space between them while one is changed. Raises JourneyError."""
    try:
        found = [load_der_public_key(base64.b64decode(one, validate=True)) for one in text.split()]
    except (binascii.Error, ValueError):
        found = []
    keys = [one for one in found if isinstance(one, EllipticCurvePublicKey) and one.curve.name == "secp256r1"]
    if not keys or len(keys) < len(found):
        raise JourneyError(
            f"`{setting}` is no verification key of SendGrid",
            remedy="copy the verification key from SendGrid's settings, one line that begins with MFkw, to "
            "journeys/project.yaml",
            code="bad_public_key",
        )
    return keys


class Check:
    """One signed request: fed with its body, and then asked."""

    def __init__(self, signature: str | None, timestamp: str | None) -> None:
        self.signature, self.timestamp = signature or "", timestamp or ""
        self.hash = hashlib.sha256(self.timestamp.encode("utf-8", "replace"))

    def begin(self, now: dt.datetime) -> None:
        """Before the body is read: raises Refused for what can be no signature, or one of long ago."""
        self._signature()
        signed_at = int(self.timestamp) if self.timestamp.isdecimal() and len(self.timestamp) <= 12 else 0
        age = now.timestamp() - signed_at
        if age > OLDEST.total_seconds() or age < -AHEAD.total_seconds():
            raise Refused("stale_signature", "it was signed more than a day ago, or in the future", 401)

    def feed(self, part: bytes) -> None:
        """The next bytes of the body."""
        self.hash.update(part)

    def prove(self, keys: Iterable[EllipticCurvePublicKey], now: dt.datetime) -> None:
        """Raises Refused for what is not signed by one of the keys, or was long ago."""
        signature, digest = self._signature(), self.hash.digest()
        if not any(_signed(key, signature, digest) for key in keys):
            raise _forged()
        self.begin(now)

    def _signature(self) -> bytes:
        try:
            found = base64.b64decode(self.signature, validate=True) if len(self.signature) <= LONGEST else b""
        except (binascii.Error, ValueError):
            found = b""
        if not found:
            raise _forged()
        return found


def _signed(key: EllipticCurvePublicKey, signature: bytes, digest: bytes) -> bool:
    try:
        key.verify(signature, digest, ECDSA(Prehashed(_SHA256)))
    except InvalidSignature:
        return False
    return True


def _forged() -> Refused:
    return Refused("bad_signature", "it is not signed with the key that the project knows", 401)
