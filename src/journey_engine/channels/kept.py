"""What channels over HTTP share: one kept connection, when to leave a peer alone, and how long it asked for.

Until a request is written whole, nothing was taken; once it is, only an answer says what became of it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException

from journey_engine.channels.line import Answer, Line, Resolve, resolved
from journey_engine.endpoint import Target
from journey_engine.errors import JourneyError, reason
from journey_engine.message import Outcome, OutcomeKind

IN_A_ROW = 3  # unclear answers after which a peer is left alone for the rest of a dispatch
PAUSE = dt.timedelta(minutes=1)
LONGEST = dt.timedelta(days=1)  # whatever a Retry-After asks for


class Unsent(Exception):
    """The request did not go out whole: whoever should get it has surely not taken it."""


class Unanswered(Exception):
    """It went out, and no answer came back."""


class Kept:
    """The connection to one target, made for the first call and made anew where it was lost."""

    def __init__(self, target: Target, timeout: float, resolve: Resolve = resolved, allow_private: bool = True) -> None:
        self.target, self.timeout, self.resolve, self.allow_private = target, timeout, resolve, allow_private
        self._line: Line | None = None

    def call(self, request: bytes) -> Answer:
        """Send a request and read its answer. Raises Unsent, Unanswered, or Forbidden where it must not go."""
        line = self._written(request)
        try:
            answer = line.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise Unanswered(reason(error)) from None
        if not line.usable:
            self.close()
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _written(self, request: bytes) -> Line:
        for fresh in (self._line is None, True):
            try:
                line = self._connected()
                line.write(request)
                return line
            except OSError as error:
                # A kept connection that was closed meanwhile gets one fresh try: the body did not go out whole.
                self.close()
                if fresh:
                    raise Unsent(reason(error)) from None
        raise AssertionError("the second try is a fresh one")

    def _connected(self) -> Line:
        if self._line is not None and self._line.idle:
            self._line.renew(self.timeout)
        else:
            self.close()
            self._line = Line.to(self.target, self.timeout, self.resolve, self.allow_private)
        return self._line


@dataclass(slots=True)
class Restraint:
    """Whether a peer may be called again in this dispatch; `stopped` is the answer for all its further messages."""

    stopped: Outcome | None = None
    unclear: int = 0

    def note(self, outcome: Outcome) -> Outcome:
        """Take an answer in: a peer that cannot work, asked for a pause or keeps silent gets no further call."""
        self.unclear = self.unclear + 1 if outcome.kind is OutcomeKind.UNSURE else 0
        if outcome.down or outcome.reason == "too_many":
            self.stopped = outcome
        elif outcome.reason == "no_answer" or self.unclear >= IN_A_ROW:
            detail = f"not tried: {outcome.detail}"
            self.stopped = Outcome(OutcomeKind.LATER, "not_tried", detail, PAUSE)
        return outcome


def posted(target: Target, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole POST request."""
    return _request("POST", target, path, {**headers, "Content-Length": str(len(body))}) + body


def asked_for(target: Target, path: str, headers: Mapping[str, str]) -> bytes:
    """A whole GET request."""
    return _request("GET", target, path, headers)


def _request(method: str, target: Target, path: str, headers: Mapping[str, str]) -> bytes:
    head = {"Host": target.header, **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


def pause_asked(text: str | None, now: dt.datetime) -> dt.timedelta | None:
    """What a Retry-After asks for: seconds or a date; None when it says neither."""
    if text is None:
        return None
    asked: dt.timedelta | None = None
    if text.strip().isdecimal():
        asked = dt.timedelta(seconds=min(int(text), 10**6))
    else:
        with contextlib.suppress(ValueError, TypeError):
            at = parsedate_to_datetime(text)
            asked = (at if at.tzinfo else at.replace(tzinfo=dt.UTC)) - now
    return None if asked is None else min(max(asked, dt.timedelta(seconds=1)), LONGEST)


def secret_of(variable: str, channel: str, what: str) -> str:
    """A secret from the environment, fit for a header. Raises JourneyError, which does not show it."""
    secret = os.environ.get(variable, "").strip()
    if not secret:
        problem = f"the environment variable {variable} with {what} is not set"
    elif not secret.isascii() or not secret.isprintable() or " " in secret:
        problem = f"what the environment variable {variable} holds is not {what}: it has signs that none has"
    else:
        return secret
    raise JourneyError(
        f"the {channel} channel cannot work: {problem}",
        remedy=f"set {variable} where the engine runs, never in a file of the project",
        code="channel_settings",
    )
