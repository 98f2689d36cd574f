"""SendGrid's Email Activity API, where it is bought: which of our message ids it knows of.

It knows late and for some days only, so that it proves that a message was taken, and never that one was not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sendgrid import SendGridAPIClient

from journey_engine.channels.kept import Unanswered, Unsent
from journey_engine.channels.line import Answer
from journey_engine.channels.sendgrid_client import errors_of
from journey_engine.channels.words import nameless
from journey_engine.errors import JourneyError
from journey_engine.message import MESSAGE_ID

AT_ONCE = 16
"""So many ids are asked for by one call: it allows six a minute, and most of what is unsure never left."""


class _Enough(Exception):
    """It answers no more for now; the next dispatch asks again."""


def known_to_have_left(api: SendGridAPIClient, key_env: str, message_ids: Sequence[str]) -> Iterator[str]:
    """The ids that SendGrid has; those that it was not asked for are simply not among them. Raises JourneyError."""
    try:
        for start in range(0, len(message_ids), AT_ONCE):
            yield from _among(api, key_env, message_ids[start : start + AT_ONCE])
    except _Enough:
        return


def _among(api: SendGridAPIClient, key_env: str, ids: Sequence[str]) -> Iterator[str]:
    """It lists messages without our ids, so a group in which it knows one is halved."""
    if not _any(api, key_env, ids):
        return
    if len(ids) == 1:
        yield ids[0]
        return
    half = len(ids) // 2
    yield from _among(api, key_env, ids[:half])
    yield from _among(api, key_env, ids[half:])


def _any(api: SendGridAPIClient, key_env: str, ids: Sequence[str]) -> bool:
    query = " OR ".join(f"(unique_args['{MESSAGE_ID}']=\"{one}\")" for one in ids)
    try:
        answer: Answer = api.client.messages.get(query_params={"limit": "1", "query": query})
    except (Unsent, Unanswered):
        raise _Enough from None
    if answer.status in (400, 401, 403, 404):
        told = nameless("; ".join(words for words, _ in errors_of(answer)), api.api_key)
        raise JourneyError(
            f"SendGrid does not tell what it knows of unsure messages: it answered {answer.status}"
            + (f", {told}" if told else "")
            + f"; give the key in {key_env} access to Email Activity, which costs extra, or take `activity` out",
            code="channel_settings",
        )
    if answer.status != 200:
        raise _Enough
    try:
        return bool(json.loads(answer.body)["messages"])
    except (ValueError, KeyError, TypeError):
        raise _Enough from None
