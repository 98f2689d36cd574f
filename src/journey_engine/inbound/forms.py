"""A form with files as it comes in, part by part: fields are kept up to a limit, files are passed over unread."""

from __future__ import annotations

import re

from journey_engine.inbound.bodies import Refused

FIELD_BYTES = 256 * 1024
HEAD_BYTES = 8 * 1024
MOST_FIELDS = 100
_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?boundary="?([^";]{1,70})"?', re.IGNORECASE | re.DOTALL)
_NAME = re.compile(rb'[;\s]name="([^"\r\n]{1,100})"', re.IGNORECASE)
_FILE = re.compile(rb"[;\s]filename\*?=", re.IGNORECASE)


class Form:
    """Fed with bytes; `pairs` has what came whole, in its order. Raises Refused for what is no form."""

    def __init__(self, content_type: str) -> None:
        found = _BOUNDARY.match(content_type.strip())
        if found is None:
            raise Refused("invalid_form", "the body is a form of parts (multipart/form-data)")
        self.pairs: list[tuple[str, bytes]] = []
        self.ended = False
        self._mark = b"\r\n--" + found[1].encode("latin-1", "replace")
        self._rest = b"\r\n"  # the first mark stands at the very beginning
        self._name: str | None = None
        self._value = bytearray()
        self._in_head = False

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._rest += data
        while not self.ended and (self._head() if self._in_head else self._content()):
            pass

    def finish(self) -> dict[str, bytes]:
        """The fields; of one that is there again the first. Raises Refused for a form that is cut off."""
        if not self.ended:
            raise Refused("invalid_form", "the form is cut off")
        return dict(reversed(self.pairs))

    def _content(self) -> bool:
        """Up to the next mark; False when more bytes are needed."""
        at = self._rest.find(self._mark)
        if at < 0:
            sure = len(self._rest) - len(self._mark) + 1
            if sure > 0:
                self._keep(self._rest[:sure])
                self._rest = self._rest[sure:]
            return False
        after = self._rest[at + len(self._mark) :]
        if len(after) < 2:
            return False
        self._keep(self._rest[:at])
        if self._name is not None:
            self.pairs.append((self._name, bytes(self._value[2:])))  # without the end of the empty line
        self._name, self._value = None, bytearray()
        self.ended, self._in_head = after.startswith(b"--"), True
        self._rest = after
        return True

    def _head(self) -> bool:
        end = self._rest.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_BYTES:
            if len(self._rest) > HEAD_BYTES:
                raise Refused("invalid_form", "a part of the form has no end to its head")
            return False
        head, self._rest = self._rest[:end], self._rest[end + 2 :]  # an empty value ends with the line of its head
        name = _NAME.search(head)
        wanted = name is not None and not _FILE.search(head) and len(self.pairs) < MOST_FIELDS
        self._name = name[1].decode("utf-8", "replace") if name is not None and wanted else None
        self._in_head = False
        return True

    def _keep(self, part: bytes) -> None:
        if self._name is not None and len(self._value) < FIELD_BYTES:
            self._value += part[: FIELD_BYTES - len(self._value)]
