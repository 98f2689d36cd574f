"""The staff channel: notices for the company's own people, through apprise to wherever they read.

apprise says whether a notice went out and no more, so one that did not may have: it is unsure. Its URL is a secret.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from journey_engine.channel_settings import StaffChannel as StaffSettings
from journey_engine.channels.kept import Restraint
from journey_engine.errors import JourneyError
from journey_engine.message import STAFF, Outcome, OutcomeKind, Outgoing, Presence

LOUD = ("apprise", "urllib3.connectionpool", "httpx", "httpcore")  # these write URLs, and with them secrets, into logs


class StaffChannel:
    """Hands notices to one place."""

    name = STAFF
    hold = dt.timedelta(0)

    def __init__(self, settings: StaffSettings) -> None:
        self.settings = settings
        self._restraint = Restraint()
        self._place: Any = None

    def open(self) -> None:
        """Read the URL, or raise JourneyError, which does not show it."""
        from apprise import Apprise  # slow to load

        variable = self.settings.url_env
        url, place = os.environ.get(variable, "").strip(), Apprise()
        with _quiet():
            readable = bool(url) and place.add(url) and len(place) > 0
        if not readable:
            what = "is not set" if not url else "holds what apprise cannot read"
            raise JourneyError(
                f"the staff channel cannot work: the environment variable {variable} {what}",
                remedy="set it where the engine runs to one URL of apprise, such as slack://TokenA/TokenB/TokenC",
                code="channel_settings",
            )
        self._place = place

    def close(self) -> None:
        """Forget the URL."""
        self._place = None

    def send(self, messages: Sequence[Outgoing]) -> Iterator[tuple[str, Outcome]]:
        """Hand over one after the other."""
        for message in messages:
            yield message.message_id, self._restraint.stopped or self._restraint.note(self._send(message))

    def lookup(self, message_ids: Collection[str]) -> Mapping[str, Presence]:
        """Nobody can be asked."""
        return dict.fromkeys(message_ids, Presence.UNKNOWN)

    def _send(self, message: Outgoing) -> Outcome:
        from apprise import NotifyFormat

        text = message.rendered.text.encode("utf-8", "replace").decode("utf-8")
        try:
            with _quiet():
                went = self._place.notify(body=text, title=message.rendered.subject, body_format=NotifyFormat.TEXT)
        except Exception:  # noqa: BLE001 - what a plugin says may hold its URL
            went = False
        if went is True:
            return Outcome.accepted("notified")
        detail = f"the place behind {self.settings.url_env} did not take it, or did not say so"
        return Outcome(OutcomeKind.UNSURE, "no_answer", detail)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nobody else's log while a URL is in use."""
    loggers = [logging.getLogger(name) for name in LOUD]
    before = [one.disabled for one in loggers]
    for one in loggers:
        one.disabled = True
    try:
        yield
    finally:
        for one, was in zip(loggers, before, strict=True):
            one.disabled = was
