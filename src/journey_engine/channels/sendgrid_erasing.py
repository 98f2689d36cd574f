"""SendGrid's own erasing: `POST /v3/recipients/erasejob` takes addresses, and forgets whom it knows by them.

It concerns the account of the key alone: not its subusers, nor lists of contacts that somebody keeps there by hand.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

from sendgrid import SendGridAPIClient

from journey_engine.channels.kept import Unanswered, Unsent
from journey_engine.channels.line import Answer
from journey_engine.channels.mime import ascii_address
from journey_engine.channels.sendgrid_client import errors_of
from journey_engine.channels.words import nameless
from journey_engine.message import Forgotten

MOST, MOST_BYTES = 5_000, 250_000  # of one request: 5,000 addresses or 256 KB, whatever comes first
FIELD = "email_addresses"
AGAIN = "run `journey customer erase` again later: it asks for all that is owed"


class _Kept(Exception):
    """What is not taken, and what to do."""

    def __init__(self, why: str, remedy: str = AGAIN) -> None:
        super().__init__(why)
        self.why, self.remedy = why, remedy


def ask_to_forget(api: SendGridAPIClient, key_env: str, shown: str, addresses: Collection[str]) -> Forgotten:
    """Ask in as few requests as it takes; the first that is not taken ends it."""
    taken: set[str] = set()
    sent: dict[str, set[str]] = {}
    for one in sorted(addresses):
        try:
            sent.setdefault(ascii_address(one.strip()), set()).add(one)
        except ValueError:
            taken.add(one)  # no letter can have gone there
    try:
        for group in _groups(list(sent)):
            for done in _asked(api, key_env, shown, group):
                taken |= sent[done]
    except _Kept as error:
        return Forgotten(frozenset(taken), error.why, error.remedy)
    return Forgotten(frozenset(taken))


def _groups(addresses: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for one in addresses:
        if group and (len(group) == MOST or size + len(one) > MOST_BYTES):
            yield group
            group, size = [], 0
        group.append(one)
        size += len(one) + 4
    if group:
        yield group


def _asked(api: SendGridAPIClient, key_env: str, shown: str, group: list[str]) -> Iterator[str]:
    """The addresses of a group that are done with. One that SendGrid finds no address keeps none of the others."""
    try:
        answer: Answer = api.client.recipients.erasejob.post(request_body={FIELD: group})
    except Unsent as error:
        raise _Kept(f"{shown} cannot be reached: {error}") from None
    except Unanswered as error:
        raise _Kept(f"SendGrid gave no answer: {error}") from None
    if 200 <= answer.status < 300:
        if not _has_job(answer):
            raise _Kept(f"{shown} answered {answer.status} as SendGrid does not: something stands between")
        yield from group
    elif answer.status == 400 and errors_of(answer) and all(field == FIELD for _, field in errors_of(answer)):
        if len(group) > 1:
            for one in group:
                yield from _asked(api, key_env, shown, [one])
        else:
            yield from group  # to what is no address there, no letter went
    else:
        raise _refused(answer, key_env, api.api_key)


def _refused(answer: Answer, key_env: str, key: str) -> _Kept:
    told = nameless("; ".join(words for words, _ in errors_of(answer)), key)
    said = f"SendGrid answered {answer.status}" + (f": {told}" if told else "")
    if answer.status == 401:
        return _Kept(said, f"put a valid API key into the environment variable {key_env}, and erase again")
    if answer.status in (403, 404):
        return _Kept(
            said,
            f"give the API key in {key_env} access to Recipients' Data Erasure (SendGrid: Settings, API Keys), "
            "and erase again",
        )
    return _Kept(said)


def _has_job(answer: Answer) -> bool:
    try:
        return bool(json.loads(answer.body)["job_id"])
    except (ValueError, KeyError, TypeError):
        return False
