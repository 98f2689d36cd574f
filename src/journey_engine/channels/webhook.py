"""The webhook channel: signed JSON to other systems, as Standard Webhooks describes it.

A call goes to the address that was checked, follows no redirect and ends within the endpoint's timeout. Until the body
is written whole, nothing was delivered; once it is, only an answer says what became of it.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from journey_engine.channels.kept import Kept, Restraint, Unanswered, Unsent, pause_asked, posted
from journey_engine.channels.line import Answer, Forbidden, Resolve, resolved
from journey_engine.endpoint import Target
from journey_engine.message import WEBHOOK, Outcome, OutcomeKind, Outgoing, Presence
from journey_engine.project import Endpoint

SHORTEST = 24  # bytes of a secret, by the standard


class WebhookChannel:
    """Calls the endpoints of one project. What stops one endpoint stops no other."""

    name = WEBHOOK
    hold = dt.timedelta(0)

    def __init__(
        self, endpoints: Mapping[str, Endpoint], clock: Callable[[], dt.datetime], resolve: Resolve = resolved
    ) -> None:
        self._peers = {name: _Peer(name, settings, clock, resolve) for name, settings in endpoints.items()}

    def open(self) -> None:
        """Secrets are read and connections made for the first call of each endpoint."""

    def close(self) -> None:
        """Close every connection."""
        for peer in self._peers.values():
            peer.kept.close()

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        """Call one after the other."""
        for message in messages:
            peer = self._peers.get(message.to)
            if peer is None:
                detail = f"project.yaml has no webhook '{message.to}' any more"
                yield message.message_id, Outcome(OutcomeKind.LATER, "no_endpoint", detail, down=True, peer=message.to)
            else:
                yield message.message_id, peer.send(message)

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        """An endpoint cannot be asked."""
        return dict.fromkeys(message_ids, Presence.UNKNOWN)


class _Peer:
    """One endpoint in one dispatch."""

    def __init__(self, name: str, settings: Endpoint, clock: Callable[[], dt.datetime], resolve: Resolve) -> None:
        self.name, self.settings, self.clock = name, settings, clock
        self.target = Target.of(settings.url)
        self.kept = Kept(self.target, float(settings.timeout.at_least_seconds), resolve, settings.allow_private)
        self.restraint = Restraint()
        self.keys: list[bytes] = []

    def send(self, message: Outgoing) -> Outcome:
        outcome = self.restraint.stopped or self.restraint.note(self._call(message))
        return replace(outcome, peer=self.name)

    def _call(self, message: Outgoing) -> Outcome:
        target = self.target
        try:
            self.keys = self.keys or secrets(self.settings.secret_env)
        except ValueError as error:
            return self._down("no_secret", str(error))
        try:
            answer = self.kept.call(_request(target, message, self.clock(), self.keys))
        except Forbidden as error:
            return self._down("forbidden_address", f"{target.shown} {error}")
        except Unsent as error:
            return self._down("unavailable", f"{target.shown}: {error}")
        except Unanswered as error:
            return Outcome(OutcomeKind.UNSURE, "no_answer", f"{target.shown} got it and gave no answer: {error}")
        return self._meaning(target, answer)

    def _down(self, reason: str, detail: str) -> Outcome:
        return Outcome(OutcomeKind.LATER, reason, detail, down=True)

    def _meaning(self, target: Target, answer: Answer) -> Outcome:
        """A status as an outcome: taken, never, later, or nobody knows."""
        status, said = answer.status, f"{target.shown} answered {answer.status}"
        if 200 <= status < 300:
            return Outcome.accepted(str(status))
        pause = pause_asked(answer.headers.get("retry-after"), self.clock())
        if status in (408, 429) or (status == 503 and pause is not None):
            return Outcome(OutcomeKind.LATER, "try_later" if status == 408 else "too_many", said, pause)
        if status == 401:  # true of every call, so none is lost by it; a 403 may be of this one alone
            detail = f"{said}: it does not accept the signature (environment variable {self.settings.secret_env})"
            return self._down("status_401", detail)
        if 300 <= status < 400:
            return Outcome(OutcomeKind.REFUSED, f"status_{status}", f"{said}, a redirect, which is not followed")
        if 400 <= status < 500:
            return Outcome(OutcomeKind.REFUSED, f"status_{status}", said)
        return Outcome(OutcomeKind.UNSURE, f"status_{status}", f"{said}, which does not say whether it was taken")


def secrets(variable: str) -> list[bytes]:
    """The signing keys in an environment variable: several during a change, the new one first.

    Raises ValueError with a sentence that does not show them.
    """
    found = []
    for text in os.environ.get(variable, "").split():
        try:
            key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) < SHORTEST:
            wanted = f"'whsec_' and at least {SHORTEST} random bytes in base64"
            raise ValueError(f"what the environment variable {variable} holds is no secret of a webhook: {wanted}")
        found.append(key)
    if not found:
        raise ValueError(f"the environment variable {variable} with its secret is not set")
    return found


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature of a call, with the version of the scheme before it."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def _request(target: Target, message: Outgoing, now: dt.datetime, keys: Sequence[bytes]) -> bytes:
    """A whole request; its timestamp is that of this try, so that a receiver may refuse old ones."""
    body, timestamp = message.rendered.text.encode("utf-8", "replace"), int(now.timestamp())
    head = {
        "User-Agent": "journey-engine",
        "Content-Type": "application/json",
        "webhook-id": message.message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message.message_id, timestamp, body) for key in keys),
    }
    return posted(target, target.path, head, body)
