"""Which of our letters an answer is to, by the address that only this letter gave: `{token}` in `reply_to`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from journey_engine.links import TOKEN, Links

MOST = 50


class Replies:
    """Reads addresses that letters came to; one that we did not make proves nothing."""

    def __init__(self, reply_to: str | None, links: Links) -> None:
        self.links = links
        self._form: re.Pattern[str] | None = None
        if reply_to is not None and TOKEN in reply_to:
            before, _, after = reply_to.lower().partition(TOKEN)
            self._form = re.compile(f"{re.escape(before)}([^@.]*){re.escape(after)}")

    def answered(self, addresses: Iterable[str]) -> tuple[str | None, bool]:
        """The message that a letter to these addresses answers, and whether one of them is forged or cut off."""
        forged = False
        for one in list(addresses)[:MOST]:
            token = self._token(one)
            if token is not None:
                message_id = self.links.replied(token)
                if message_id is not None:
                    return message_id, False
                forged = True
        return None, forged

    def is_ours(self, address: str) -> bool:
        """Whether an address is one that answers go to."""
        return self._token(address) is not None

    def _token(self, address: str) -> str | None:
        found = self._form.fullmatch(address.lower()) if self._form is not None else None
        return None if found is None else found[1]
