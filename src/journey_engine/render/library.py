"""The folder of templates: which exist, in which locales, and which file a locale reads.

Locales are found by looking at file names (`body.de.html`); a customer's locale only ever chooses among
those, it never becomes part of a path. Each folder is looked at once: a project has hundreds, and every check asks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path

from jinja2 import BaseLoader, Environment, TemplateNotFound
from jinja2.loaders import split_template_path

from journey_engine.message import SMS

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
        self._files: dict[str, frozenset[str]] = {}
        self._paths: dict[tuple[str, Chain], tuple[Path | None, str]] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every template, by folder name; layouts and shared blocks are not templates."""
        try:
            folders = _folders(self.root)
        except OSError:
            return ()  # there is none, or nobody may look into it: each message then lacks its template
        return tuple(name for name in folders if name not in SHARED and not name.startswith("."))

    def variants(self, template: str) -> tuple[str, ...]:
        """The variants of a template: folders in its own that hold a part of a message."""
        if template not in self._variants:
            try:
                inside = _folders(self.root / template)
            except OSError:
                inside = []  # it is not there, or nobody may look into it, which `unfit` tells
            kept = (name for name in inside if self._words & self.files(f"{template}/{name}"))
            self._variants[template] = tuple(kept)
        return self._variants[template]

    def files(self, folder: str) -> frozenset[str]:
        """The files of one folder that may be read: a link out of the root is none, nor is what would never end."""
        if folder not in self._files:
            try:
                self._files[folder] = frozenset(_regular(self.root / folder, self._real))
            except (OSError, RuntimeError):  # it is not there, nobody may look into it, or it is a link to itself
                self._files[folder] = frozenset()
        return self._files[folder]

    def folder(self, template: str, variant: object, parts: tuple[str, ...], chain: Chain) -> str:
        """Where some parts of a message are read: `welcome/pro`, or `welcome` itself.

        A variant only ever chooses among the folders that are there. What is written in the customer's language
        comes first, and of two in one language the variant.
        """
        if variant in self.variants(template):
            for locale in (*chain, ""):
                for folder in (f"{template}/{variant}", template):
                    if any(_file(part, locale) in self.files(folder) for part in parts):
                        return folder
        return template

    def says(self, template: str, part: str) -> bool:
        """Whether a template has a part, in its default locale or as what a locale falls back to."""
        return self.path(f"{template}/{part}", ()) is not None

    @cached_property
    def _real(self) -> Path:
        """The root, whatever links lead to it."""
        return self.root.resolve()

    @cached_property
    def _words(self) -> frozenset[str]:
        """Every name that the file of a part may have."""
        return frozenset(_file(part, locale) for part in PARTS for locale in ("", *self.locales.values()))

    def speaks(self, template: str, way: str) -> bool:
        """Whether a template has words for a way to reach a customer: a letter by email, or a short message."""
        return self.says(template, SHORT if way == SMS else SUBJECT)

    @cached_property
    def locales(self) -> dict[str, str]:
        """Every locale that any file is written in: lower case to the spelling in the file name."""
        found = {}
        files = (Path(folder, name) for folder, _, names in os.walk(self.root) for name in names if name.count(".") > 1)
        for path in sorted(files):
            locale = path.name.rsplit(".", 2)[1]
            if path.suffix in (".html", ".txt") and _LOCALE.fullmatch(locale):
                found[locale.lower()] = locale
        return found

    def chain(self, locale: str | None) -> Chain:
        """The spellings to try in turn: for de-AT those of de-AT and de that exist, then the default."""
        return tuple(self.locales[one] for one in _tries(locale or "") if one in self.locales)

    @cached_property
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
        if (name, chain) not in self._paths:
            *folders, part = split_template_path(name)
            files = self.files("/".join(folders))
            written = next((locale for locale in (*chain, "") if _file(part, locale) in files), None)
            path = None if written is None else self.root.joinpath(*folders, _file(part, written))
            self._paths[name, chain] = path, written or ""
        return self._paths[name, chain]

    def unfit(self, template: str) -> list[tuple[Path, str]]:
        """What lies in the place of a part and is none, with why: no file, one that leads out, none for these eyes."""
        folder = self.root / template
        found: list[tuple[Path, str]] = []
        for inside in (template, *(f"{template}/{variant}" for variant in self.variants(template))):
            try:
                names = sorted(name for name in os.listdir(self.root / inside) if name.endswith((".html", ".txt")))
            except OSError as error:
                return [(folder, f"this folder cannot be read: {(error.strerror or str(error)).lower()}")]
            paths = (self.root / inside / name for name in names if name not in self.files(inside))
            found += [(path, self._why(path)) for path in paths]
        return found

    def _why(self, path: Path) -> str:
        """Why a path is not among the files that may be read."""
        with suppress(OSError, RuntimeError):  # a link that leads to itself leads nowhere
            if not path.resolve().is_relative_to(self._real):
                return f"this link leads out of {self.root}; put the file itself here"
        return "this is no file that can be read; put a file here, or take it away"


def _folders(folder: Path) -> list[str]:
    """The names of the folders in one, sorted. Raises OSError where there is none."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())


def _regular(folder: Path, root: Path) -> Iterator[str]:
    """The names of the files in a folder that lie inside the root. Raises OSError where the folder cannot be read."""
    if not folder.resolve().is_relative_to(root):
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False) or (entry.is_symlink() and _leads_to_a_file(Path(entry), root)):
                yield entry.name


def _leads_to_a_file(link: Path, root: Path) -> bool:
    try:
        return link.is_file() and link.resolve().is_relative_to(root)
    except OSError:
        return False


@lru_cache(maxsize=1024)
def _tries(locale: str) -> tuple[str, ...]:
    """`de-at`, then `de`."""
    wanted = locale.strip().replace("_", "-").lower().split(".")[0].split("-")
    return tuple("-".join(wanted[:length]) for length in range(len(wanted), 0, -1))


@lru_cache(maxsize=1024)
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
