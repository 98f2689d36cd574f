"""Who gets anything while things are tried out: `only_to` and `redirect_to` of project.yaml. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from journey_engine.message import EMAIL, SMS, STAFF, WEBHOOK, medium
from journey_engine.project import Project

NOT_NAMED, NOT_REDIRECTED, REDIRECTED = "not_in_only_to", "not_redirected", "redirected"


@dataclass(frozen=True, slots=True)
class Staging:
    """The addresses, domains and numbers that get their own messages (None: all do), and where the others go.

    `redirect` has an address for each medium. Calls to other systems and notices for staff are not touched.
    """

    only_to: frozenset[str] | None = None
    redirect: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project) -> Staging:
        """What project.yaml says."""
        only, words = project.only_to, project.redirect_to
        ways = {EMAIL: words.email, SMS: words.phone} if words is not None else {}
        redirect = {name: to for name, to in ways.items() if to is not None}
        return cls(None if only is None else frozenset(map(_plain, only)), redirect)

    def leads(self, channel: str, to: str) -> tuple[str | None, str | None]:
        """Where a message for an address goes, and why elsewhere or, with None, nowhere."""
        if channel in (STAFF, WEBHOOK) or self.loud is None or self._named(to):
            return to, None
        if self.redirect:
            instead = self.redirect.get(medium(channel))
            return instead, REDIRECTED if instead is not None else NOT_REDIRECTED
        return None, NOT_NAMED

    def _named(self, to: str) -> bool:
        if self.only_to is None:
            return False
        plain = _plain(to)
        return plain in self.only_to or ("@" in plain and plain.rpartition("@")[2] in self.only_to)

    @property
    def loud(self) -> str | None:
        """What every report says first as long as not everybody gets their messages; None when everybody does."""
        where = " and ".join(sorted(self.redirect.values()))
        if self.only_to is not None:
            count = len(self.only_to)
            rest = f"all others go to {where}" if where else "nobody else gets anything"
            return (
                f"ATTENTION: only_to is set (project.yaml): {count} of addresses and domains get their messages, {rest}"
            )
        told = f"ATTENTION: redirect_to is set (project.yaml): no customer gets anything, all goes to {where}"
        return told if where else None


def _plain(text: str) -> str:
    """An address, a domain or a number, however it is written."""
    text = text.strip().casefold()
    if "@" not in text and not any(char.isalpha() for char in text):
        return "".join(char for char in text if char.isdecimal())
    local, at, domain = text.rpartition("@")
    try:
        return f"{local}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return text


EVERYBODY = Staging()
