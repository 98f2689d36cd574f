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
SHORT = "sms.txt"
PARTS = (SUBJECT, HTML, TEXT, SHORT)
SHARED = ("layouts", "blocks", "pages")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")

Chain = tuple[str, ...]


class Library:
    """The templates below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._variants: dict[str, tuple[str, ...]] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every template, by folder name; layouts and shared blocks are not templates."""
        try:
            folders = [path for path in self.root.iterdir() if path.is_dir() and path.name not in SHARED]
        except OSError:
            return ()  # there is none, or nobody may look into it: each message then lacks its template
        return tuple(sorted(path.name for path in folders if not path.name.startswith(".")))

    def variants(self, template: str) -> tuple[str, ...]:
        """The variants of a template: folders in its own that hold a part of a message."""
        folder = self.root / template
        if template not in self._variants:
            try:
                inside = [path for path in folder.iterdir() if path.is_dir()]
            except OSError:
                inside = []  # it is not there, or nobody may look into it, which `unfit` tells
            kept = (path.name for path in inside if any(self._known(path, part) for part in PARTS))
            self._variants[template] = tuple(sorted(kept))
        return self._variants[template]

    def folder(self, template: str, variant: object, parts: tuple[str, ...], chain: Chain) -> str:
        """Where some parts of a message are read: `welcome/pro`, or `welcome` itself.

        A variant only ever chooses among the folders that are there. What is written in the customer's language
        comes first, and of two in one language the variant.
        """
        if variant in self.variants(template):
            for locale in (*chain, ""):
                for folder in (f"{template}/{variant}", template):
                    if any(self._regular(self.root / folder / _file(part, locale)) for part in parts):
                        return folder
        return template

    def says(self, template: str, part: str) -> bool:
        """Whether a template has a part, in its default locale or as what a locale falls back to."""
        return self.path(f"{template}/{part}", ()) is not None

    def _known(self, folder: Path, part: str) -> bool:
        return any(self._regular(folder / _file(part, locale)) for locale in ("", *self.locales.values()))

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
        return self._found(name, chain)[0]

    def written_in(self, name: str, chain: Chain) -> str:
        """The locale in the name of that file; empty for the default."""
        return self._found(name, chain)[1]

    def _found(self, name: str, chain: Chain) -> tuple[Path | None, str]:
        parts = split_template_path(name)
        for locale in (*chain, ""):
            path = self.root.joinpath(*parts[:-1], _file(parts[-1], locale))
            if self._regular(path):
                return path, locale
        return None, ""

    def unfit(self, template: str) -> list[tuple[Path, str]]:
        """What lies in the place of a part and is none, with why: no file, one that leads out, none for these eyes."""
        folder = self.root / template
        try:
            folders = (folder, *(folder / variant for variant in self.variants(template)))
            paths = sorted(path for one in folders for path in one.iterdir() if path.suffix in (".html", ".txt"))
        except OSError as error:
            return [(folder, f"this folder cannot be read: {(error.strerror or str(error)).lower()}")]
        return [(path, why) for path in paths if (why := self._unfit(path)) is not None]

    def _unfit(self, path: Path) -> str | None:
        if not path.resolve().is_relative_to(self.root.resolve()):
            return f"this link leads out of {self.root}; put the file itself here"
        return None if self._regular(path) else "this is no file that can be read; put a file here, or take it away"

    def _regular(self, path: Path) -> bool:
        """Whether it is a file inside the folder: a link out of it is none, nor is what would never end."""
        try:
            return path.is_file() and path.resolve().is_relative_to(self.root.resolve())
        except OSError:
            return False


def language(locale: str) -> str:
    """`de` of `de-AT`, `de_AT` or `DE`."""
    return re.split("[-_.]", locale.strip(), maxsplit=1)[0].lower()


def _file(part: str, locale: str) -> str:
    """`body.de.html` for `body.html`; without a locale the part itself."""
    stem, _, ending = part.rpartition(".")
    return f"{stem}.{locale}.{ending}" if locale else part


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
