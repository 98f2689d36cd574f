"""The pages that customers see: HTML from templates that a project may replace one by one in templates/pages/.

Written in the reader's language where the project has such a file (`unsubscribe.de.html`). No script, no picture,
nothing fetched from elsewhere; every value is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound
from starlette.requests import Request
from starlette.responses import HTMLResponse

from journey_engine.project import Sender
from journey_engine.render.library import Chain, Library
from journey_engine.render.sandbox import TemplateEnvironment
from journey_engine.render.values import wrap

OURS = Path(__file__).parent / "templates"
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
MAX_LANGUAGES = 10
PERSONAL = ("preferences",)
"""Values that differ from customer to customer: signed links."""


class Pages:
    """The pages of one project."""

    def __init__(self, folder: Path, sender: Sender) -> None:
        self.libraries = (Library(folder), Library(OURS))
        self.sender = sender
        self._environments: dict[Chain, Environment] = {}

    def page(
        self,
        request: Request,
        name: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> HTMLResponse:
        """One page in the reader's language."""
        return HTMLResponse(self._text(request, name, values or {}), status, dict(headers or {}))

    def wording(self, request: Request, name: str, values: Mapping[str, Any]) -> str:
        """What a page says, for the log of consents: the same for everybody who reads the same words."""
        same = {key: value for key, value in values.items() if key not in PERSONAL}
        blank = {key: "-" for key in PERSONAL if key in values}
        return self._text(request, name, same | blank)

    def _text(self, request: Request, name: str, values: Mapping[str, Any]) -> str:
        chain = self._chain(request.headers.get("accept-language", ""))
        context = {"sender": {"name": self.sender.name, "postal_address": self.sender.postal_address or ""}}
        wrapped = wrap({**context, **values})
        assert isinstance(wrapped, dict)
        return self._environment(chain).get_template(name).render(wrapped)

    def _chain(self, accepted: str) -> Chain:
        """The languages to try in turn: those of the browser that some page is written in, most wanted first."""
        wanted: list[tuple[float, str]] = []
        for part in accepted.split(",")[:MAX_LANGUAGES]:
            language, _, quality = part.strip().partition(";q=")
            if _LANGUAGE.fullmatch(language) and re.fullmatch(r"[01](\.[0-9]{0,3})?|", quality):
                wanted.append((-float(quality or 1), language))
        spoken: list[str] = []
        for weight, language in sorted(wanted, key=lambda one: one[0]):
            if weight:
                spoken += (one for library in self.libraries for one in library.chain(language))
                if language.split("-")[0].lower() == "en":
                    break  # what is not written in a language is English
        return tuple(dict.fromkeys(spoken))

    def _environment(self, chain: Chain) -> Environment:
        if chain not in self._environments:
            self._environments[chain] = TemplateEnvironment(_Loader(self.libraries, chain), html=True)
        return self._environments[chain]


class _Loader(BaseLoader):
    """The project's file of a name, else ours; a language goes before the default."""

    def __init__(self, libraries: tuple[Library, ...], chain: Chain) -> None:
        self.libraries, self.chain = libraries, chain

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:
        """The source and the file it came from."""
        for locale in (*self.chain, ""):
            for library in self.libraries:
                path = library.path(template, (locale,) if locale else ())
                if path is not None:
                    return path.read_text(encoding="utf-8"), str(path), None
        raise TemplateNotFound(template)
