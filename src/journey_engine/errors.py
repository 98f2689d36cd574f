"""Mistakes as values, and the one exception meant for people.

A mistake in a journey is a `Problem`: collected, sorted and printed all at once. A `JourneyError` stops a
command: its message says what was found and where, its remedy what to do. Neither carries customer data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SECRETS = (
    re.compile(r"(://[^\s:/@]*:)(\S+)(?=@)"),
    re.compile(r"(\bwhsec_)([A-Za-z0-9+/=_-]+)"),
    re.compile(r"(\b\w+_env['\"]?\s*:\s*['\"]?)((?=[A-Z0-9_]*[a-z.+/=-])[\w.+/=-]{16,})"),
    re.compile(r"(\bSG\.)([A-Za-z0-9._-]{16,})"),
    re.compile(r"""(\b(?:password|api_key|token)['"]?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,}&]+)"""),
)

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where it is, what was found and what to do, and a stable code to search for."""

    place: Place
    message: str
    code: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.message} [{self.code}]"


class JourneyError(Exception):
    """A failure that a person can act on.

    `message` says what was found and where; `remedy` says what to do; `code` is stable for scripts.
    """

    def __init__(self, message: str, *, remedy: str | None = None, code: str = "error") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message}\n  remedy: {self.remedy}"


class ProblemsFound(JourneyError):
    """Journeys that do not validate, with every problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(
            "\n".join(str(problem) for problem in problems),
            remedy="mend the places named above; `journey validate` shows them with their lines",
            code="invalid",
        )
        self.problems = problems


def visible(text: str) -> str:
    """Text from data as one line that cannot steer a terminal: a control character is written as an escape."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def masked(text: str) -> str:
    """The text without passwords: those of addresses, settings of that name, webhooks' secrets. As long as before."""
    for secret in _SECRETS:
        text = secret.sub(lambda found: found[1] + "*" * len(found[2]), text)
    return text


def reason(error: BaseException) -> str:
    """Why something failed, in words: of an operating system's error without its number."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


def nearest(word: str, allowed: list[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest allowed word, or an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""


def shown(value: object) -> str:
    """What stands in the YAML, in words: `the text 'x'`, `the number 5`, `a list`."""
    from collections.abc import Mapping

    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text '{value if len(value) <= 40 else value[:37] + '...'}'"
    if isinstance(value, Mapping):
        return f"a mapping of {', '.join(map(str, list(value)[:4]))}" if value else "an empty mapping"
    return f"a list of {len(value)}" if isinstance(value, list | tuple) else f"the number {value}"
