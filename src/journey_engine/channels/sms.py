"""The sms channel: one request a message to Twilio's Messages, over one kept connection.

Twilio has no key against repeats and carries no id of ours, so what is unsure stays so until somebody looks it up.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from journey_engine.channel_settings import SmsChannel as SmsSettings
from journey_engine.channels.kept import Kept, Restraint, Unanswered, Unsent, pause_asked, posted, secret_of
from journey_engine.channels.line import Answer
from journey_engine.channels.short_words import segments
from journey_engine.channels.words import impersonal
from journey_engine.endpoint import Target
from journey_engine.errors import JourneyError, visible
from journey_engine.message import SMS, Outcome, OutcomeKind, Outgoing, Presence

LONGEST = 1600  # signs that Twilio takes
UNSUBSCRIBED = "unsubscribed"
REFUSALS = {  # no number, or none that takes short messages; its country is not switched on; the customer said stop
    21211: "no_such_address", 21217: "no_such_address", 21614: "no_such_address", 21408: "country_not_allowed",
    21610: UNSUBSCRIBED,
}  # fmt: skip
OURS = frozenset({  # the account, or who sends: no message can leave
    10001, 20003, 20005, 20008, 20404, 21212, 21603, 21606, 21607, 21618, 21659, 21660, 21701, 21703, 21704, 21705,
})  # fmt: skip
FULL = frozenset({20429, 21611, 63038})  # too many at once, or today

_CONTROL = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x0A}


class SmsChannel:
    """Hands short messages to Twilio."""

    name = SMS
    hold = dt.timedelta(0)

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings
        self._kept = Kept(Target.of(settings.url), float(settings.timeout.at_least_seconds))
        self._restraint = Restraint()
        self._account = self._login = self._token = ""

    def open(self) -> None:
        """Read what logs in, or raise JourneyError; the connection is made for the first message."""
        _phonenumbers()
        self._account = secret_of(self.settings.account_env, self.name, "an account SID of Twilio")
        self._token = secret_of(self.settings.token_env, self.name, "an auth token of Twilio")
        self._login = base64.b64encode(f"{self._account}:{self._token}".encode("ascii")).decode("ascii")

    def close(self) -> None:
        """Hang up, and forget what logs in."""
        self._kept.close()
        self._account = self._login = self._token = ""

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        """Hand over one after the other."""
        for message in messages:
            yield message.message_id, self._restraint.stopped or self._restraint.note(self._send(message))

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        """Twilio knows no id of ours."""
        return dict.fromkeys(message_ids, Presence.UNKNOWN)

    def _send(self, message: Outgoing) -> Outcome:
        number = international(message.to, self.settings.country)
        if number is None:
            detail = "it is no phone number that can exist, here or with its country"
            return Outcome(OutcomeKind.REFUSED, "invalid_address", detail)
        text = message.rendered.text.translate(_CONTROL).encode("utf-8", "replace").decode("utf-8").strip()
        if not text or len(text) > LONGEST:
            reason = "too_long" if text else "empty_message"
            detail = f"a short message has 1 to {LONGEST} signs, and this one {len(text)}"
            return Outcome(OutcomeKind.REFUSED, reason, detail)
        try:
            answer = self._kept.call(self._request(number, text))
        except Unsent as error:
            return Outcome(OutcomeKind.LATER, "unavailable", f"{self._kept.target.shown}: {error}", down=True)
        except Unanswered as error:
            detail = f"Twilio got it and gave no answer: {error}"
            return Outcome(OutcomeKind.UNSURE, "no_answer", detail, address=number)
        return self._meaning(message, number, text, answer)

    def _request(self, number: str, text: str) -> bytes:
        from_, service = self.settings.from_, self.settings.service
        sender = {"From": from_} if from_ else {"MessagingServiceSid": service}
        head = {
            "Authorization": f"Basic {self._login}",
            "User-Agent": "journey-engine",
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = urlencode({"To": number, **sender, "Body": text}).encode("ascii")
        path = f"/2010-04-01/Accounts/{quote(self._account, safe='')}/Messages.json"
        return posted(self._kept.target, path, head, body)

    def _meaning(self, message: Outgoing, number: str, text: str, answer: Answer) -> Outcome:
        """A status, and with it Twilio's own code, as an outcome: taken, never, later, or nobody knows."""
        status, told = answer.status, _told(answer)
        if 200 <= status < 300:
            return Outcome(OutcomeKind.ACCEPTED, None, _receipt(told, text), address=number)
        code = told.get("code") if isinstance(told.get("code"), int) else None
        words = impersonal(str(told.get("message") or ""), message, self._token, self._account, number)
        said = f"Twilio answered {status}" + (f", error {code}" if code else "") + (f": {words}" if words else "")
        if status >= 500 or status < 300:
            detail = f"{said}, which does not say whether it was taken"
            return Outcome(OutcomeKind.UNSURE, f"status_{status}", detail, address=number)
        if status == 429 or code in FULL:
            pause = pause_asked(answer.headers.get("retry-after"), message.date)
            return Outcome(OutcomeKind.LATER, "too_many", said, pause)
        if status == 408:
            return Outcome(OutcomeKind.LATER, "try_later", said)
        if code not in REFUSALS and (status in (401, 403, 404) or status < 400 or code in OURS):
            where = f"environment variables {self.settings.account_env} and {self.settings.token_env}, and who sends"
            detail = f"Twilio lets nothing leave ({where}): {said}"
            return Outcome(OutcomeKind.LATER, f"error_{code}" if code else f"status_{status}", detail, down=True)
        reason = REFUSALS.get(code or 0) or (f"error_{code}" if code else f"status_{status}")
        bounced, unsubscribed = reason == "no_such_address", reason == UNSUBSCRIBED
        return Outcome(OutcomeKind.REFUSED, reason, said, bounced=bounced, unsubscribed=unsubscribed)


def international(text: str, country: str | None) -> str | None:
    """A phone number in E.164, such as +491701234567; None for what is none. `country`: of those without one."""
    numbers = _phonenumbers()
    try:
        found = numbers.parse(text, country)
    except numbers.NumberParseException:
        return None
    if not numbers.is_valid_number(found):
        return None
    return str(numbers.format_number(found, numbers.PhoneNumberFormat.E164))


def reader(country: str | None) -> Callable[[str], str | None]:
    """How phone numbers are compared: in E.164; without `country` only those with theirs, without the package none."""

    def read(text: str) -> str | None:
        try:
            return international(text, country)
        except JourneyError:
            return None

    return read


def _phonenumbers() -> Any:
    try:
        import phonenumbers
    except ImportError:
        raise JourneyError(
            "the sms channel needs the package phonenumbers, which is not installed",
            remedy="pip install 'journey-engine[sms]'",
            code="channel_settings",
        ) from None
    return phonenumbers


def _told(answer: Answer) -> Mapping[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _receipt(told: Mapping[str, Any], text: str) -> str:
    """Twilio's own id, and how many parts the message takes."""
    parts = segments(text)
    sid = visible(str(told.get("sid") or "taken"))[:64]
    return f"{sid}, {parts} part{'s' * (parts != 1)}"
