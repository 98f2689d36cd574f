"""A key as SendGrid has one, and what it signs."""

from __future__ import annotations

import base64
import datetime as dt

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from journey_engine.inbound.signatures import SIGNATURE, TIMESTAMP


class Signer:
    """Signs as SendGrid does."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.key = ec.generate_private_key(curve or ec.SECP256R1())

    @property
    def public(self) -> str:
        """The verification key as SendGrid's settings show it."""
        form = PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(self.key.public_key().public_bytes(Encoding.DER, form)).decode()

    def headers(self, body: bytes, at: dt.datetime) -> dict[str, str]:
        """The two headers of a request."""
        stamp = str(int(at.timestamp()))
        signature = self.key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: stamp}
