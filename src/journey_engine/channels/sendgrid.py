"""The sendgrid channel: one request a message, built by the official package, over one kept connection.

SendGrid has no key against repeats, so our message id travels along and comes back in its events: what is unsure
here is settled when an event tells of it, or where its activity may be asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence

from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail.exceptions import ApiKeyIncludedException

from journey_engine.channel_settings import SendgridChannel as SendgridSettings
from journey_engine.channels.kept import (
    LONGEST,
    Kept,
    Restraint,
    Unanswered,
    Unsent,
    pause_asked,
    secret_of,
)
from journey_engine.channels.line import Answer
from journey_engine.channels.sendgrid_activity import known_to_have_left
from journey_engine.channels.sendgrid_body import body_of
from journey_engine.channels.sendgrid_client import KeptClient, errors_of
from journey_engine.channels.sendgrid_erasing import ask_to_forget
from journey_engine.channels.words import impersonal
from journey_engine.endpoint import Target
from journey_engine.errors import visible
from journey_engine.message import Forgotten, Outcome, OutcomeKind, Outgoing, Presence
from journey_engine.project import Sender

KNOWN_BY = dt.timedelta(minutes=10)
"""When its activity should have a message; by then most events have come in."""


class SendgridChannel:
    """Hands messages to SendGrid's v3 API."""

    name = "sendgrid"
    hold = dt.timedelta(0)

    def __init__(self, settings: SendgridSettings, sender: Sender) -> None:
        self.settings, self.sender = settings, sender
        self.hold = KNOWN_BY if settings.activity else self.hold
        self._kept = Kept(Target.of(settings.url), float(settings.timeout.at_least_seconds))
        self._restraint = Restraint()
        self._api: SendGridAPIClient | None = None

    def open(self) -> None:
        """Read the key, or raise JourneyError; the connection is made for the first message."""
        key = secret_of(self.settings.key_env, self.name, "an API key of SendGrid")
        self._api = SendGridAPIClient(key, self.settings.url)
        self._api.client = KeptClient(self._kept, self._api.auth, self._api.useragent)

    def close(self) -> None:
        """Hang up, and forget the key."""
        self._kept.close()
        self._api = None

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        """Hand over one after the other."""
        for message in messages:
            yield message.message_id, self._restraint.stopped or self._restraint.note(self._send(message))

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        """Its events tell, when they come in; it can be asked where `activity` is set, and knows no absence."""
        told = dict.fromkeys(message_ids, Presence.UNKNOWN)
        if self.settings.activity:
            assert self._api is not None
            for one in known_to_have_left(self._api, self.settings.key_env, sorted(message_ids)):
                told[one] = Presence.ACCEPTED
        return told

    def forget(self, addresses: Collection[str]) -> Forgotten:
        """Ask SendGrid to erase what it keeps of these addresses: names, subjects and its activity feed."""
        assert self._api is not None
        if self.settings.sandbox:  # a rehearsal, maybe with the account that the real letters leave by
            return Forgotten(why="`sandbox` is on", remedy="take it out of project.yaml, and erase again")
        return ask_to_forget(self._api, self.settings.key_env, self._kept.target.shown, addresses)

    def _send(self, message: Outgoing) -> Outcome:
        assert self._api is not None
        try:
            mail = body_of(message, self.sender, self.settings)
        except ValueError as error:
            return Outcome(OutcomeKind.REFUSED, "invalid_address", str(error))
        except ApiKeyIncludedException:
            return Outcome(OutcomeKind.REFUSED, "holds_key", "the message begins with what looks like an API key")
        if not mail.get("subject") or not all(part.get("value") for part in mail["content"]):
            return Outcome(OutcomeKind.REFUSED, "empty_message", "SendGrid takes no message without subject or text")
        try:
            answer = self._api.send(mail)
        except Unsent as error:
            return Outcome(OutcomeKind.LATER, "unavailable", f"{self._kept.target.shown}: {error}", down=True)
        except Unanswered as error:
            detail = f"SendGrid got it and gave no answer: {error}"
            return Outcome(OutcomeKind.UNSURE, "no_answer", detail)
        return self._meaning(message, answer)

    def _meaning(self, message: Outgoing, answer: Answer) -> Outcome:
        """A status as an outcome: taken, never, later, or nobody knows."""
        status = answer.status
        if 200 <= status < 300:
            return Outcome.accepted(visible(answer.headers.get("x-message-id", ""))[:100] or str(status))
        said = f"SendGrid answered {status}{self._words(answer, message)}"
        if status in (401, 403):
            what = "does not accept the key" if status == 401 else "does not allow this key or this sender"
            detail = f"SendGrid {what} (environment variable {self.settings.key_env}): {said}"
            return Outcome(OutcomeKind.LATER, f"status_{status}", detail, down=True)
        if status == 429:
            return Outcome(OutcomeKind.LATER, "too_many", said, _pause(answer, message.date))
        if status == 408:
            return Outcome(OutcomeKind.LATER, "try_later", said)
        if 400 <= status < 500:
            return Outcome(OutcomeKind.REFUSED, f"status_{status}", said)
        if 300 <= status < 400:  # not SendGrid: something stands between
            return Outcome(OutcomeKind.LATER, f"status_{status}", f"{said}, a redirect; none is followed", down=True)
        return Outcome(OutcomeKind.UNSURE, f"status_{status}", f"{said}, which does not say whether it was taken")

    def _words(self, answer: Answer, message: Outgoing) -> str:
        """What the answer says is wrong, and where in the body, without what is the customer's or ours to keep."""
        assert self._api is not None
        told = [f"{words} ({field})" if field else words for words, field in errors_of(answer)]
        return f": {impersonal('; '.join(told), message, self._api.api_key)}" if told else ""


def _pause(answer: Answer, now: dt.datetime) -> dt.timedelta | None:
    """How long SendGrid asks to wait: seconds or a date, or the second at which the limit begins anew."""
    reset = answer.headers.get("x-ratelimit-reset", "").strip()
    if "retry-after" not in answer.headers and reset.isdecimal():
        wait = min(max(int(reset) - int(now.timestamp()), 1), int(LONGEST.total_seconds()))
        return dt.timedelta(seconds=wait)
    return pause_asked(answer.headers.get("retry-after"), now)
