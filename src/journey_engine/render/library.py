"""The folder of templates: which exist, in which locales, and which file a locale reads.

Locales are found by looking at file names (`body.de.html`); a customer's locale only ever chooses among
those, it never becomes part of a path.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from jinja2 import BaseLoader, Environment, TemplateNotFound
from jinja2.loaders import split_template_path

SUBJECT, HTML, TEXT = "subject.txt", "body.html", "body.txt"
SHARED = ("layouts", "blocks")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")

Chain = tuple[str, ...]


class Library:
    """The templates below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every template, by folder name; layouts and shared blocks are not templates."""
        if not self.root.is_dir():
            return ()
        folders = (path for path in self.root.iterdir() if path.is_dir() and path.name not in SHARED)
        return tuple(sorted(path.name for path in folders if not path.name.startswith(".")))

    @cached_property
    def locales(self) -> dict[str, str]:
        """Every locale that any file is written in: lower case to the spelling in the file name."""
        found = {}
        for path in sorted(self.root.rglob("*.*.*")) if self.root.is_dir() else ():
            locale = path.name.rsplit(".", 2)[1]
            if path.suffix in (".html", ".txt") and _LOCALE.fullmatch(locale):
                found[locale.lower()] = locale
        return found

    def chain(self, locale: str | None) -> Chain:
        """The spellings to try in turn: for de-AT those of de-AT and de that exist, then the default."""
        wanted = (locale or "").strip().replace("_", "-").lower().split(".")[0].split("-")
        tries = ("-".join(wanted[:length]) for length in range(len(wanted), 0, -1))
        return tuple(self.locales[one] for one in tries if one in self.locales)

    def chains(self) -> tuple[Chain, ...]:
        """Every chain a customer could get, the default first."""
        return tuple(dict.fromkeys([(), *(self.chain(locale) for locale in self.locales.values())]))

    def path(self, name: str, chain: Chain) -> Path | None:
        """The file that a name like `welcome/body.html` means for a chain; None when there is none."""
        parts = split_template_path(name)
        stem, _, ending = parts[-1].rpartition(".")
        for locale in (*chain, ""):
            file = f"{stem}.{locale}.{ending}" if locale else parts[-1]
            path = self.root.joinpath(*parts[:-1], file)
            if path.is_file():
                return path
        return None


class LocaleLoader(BaseLoader):
    """Gives Jinja the file of one chain, so that layouts and blocks follow the locale as well."""

    def __init__(self, library: Library, chain: Chain) -> None:
        self.library, self.chain = library, chain

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:
        """The source and the file it came from."""
        path = self.library.path(template, self.chain)
        if path is None:
            raise TemplateNotFound(template)
        return path.read_text(encoding="utf-8"), str(path), None
