"""The official client of SendGrid over a connection that is kept, and what its answers say is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from python_http_client import Client

from journey_engine.channels.kept import Kept, asked_for, posted
from journey_engine.channels.line import Answer


class KeptClient(Client):  # type: ignore[misc]
    """The official client over the kept connection.

    Its own way of posting opens a connection for each call, has no timeout, keeps the headers of one call for all
    later ones, and writes the key and the whole message into the log of who debugs.
    """

    def __init__(self, kept: Kept, auth: str, agent: str, url_path: Sequence[str] = ()) -> None:
        super().__init__(host="", version=3, url_path=list(url_path))
        self._kept, self._auth, self._agent = kept, auth, agent

    def _build_client(self, name: str | None = None) -> KeptClient:
        return KeptClient(self._kept, self._auth, self._agent, [*self._url_path, *([name] if name else [])])

    def post(self, request_body: Mapping[str, Any]) -> Answer:
        """Post a body to the path that was put together. Raises Unsent or Unanswered."""
        body = json.dumps(request_body).encode("ascii")
        head = {**self._head(), "Content-Type": "application/json"}
        return self._kept.call(posted(self._kept.target, self._build_url(None), head, body))

    def get(self, query_params: Mapping[str, str]) -> Answer:
        """Ask the path that was put together. Raises Unsent or Unanswered."""
        return self._kept.call(asked_for(self._kept.target, self._build_url(query_params), self._head()))

    def _head(self) -> dict[str, str]:
        return {"Authorization": self._auth, "User-Agent": self._agent, "Accept": "application/json"}


def errors_of(answer: Answer) -> list[tuple[str, str]]:
    """What an answer says is wrong: (words, the field of the body or nothing); nothing where it cannot be read."""
    try:
        return [(str(one["message"]), str(one.get("field") or "")) for one in json.loads(answer.body)["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
