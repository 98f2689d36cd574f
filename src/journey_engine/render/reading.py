"""Reading one part of a template and every file it names, each once, and noting what is wrong on the way."""

from __future__ import annotations

from pathlib import Path

from jinja2 import TemplateError, TemplateSyntaxError

from journey_engine.errors import Place, Problem
from journey_engine.render.library import Chain, Library
from journey_engine.render.mistakes import stray_blocks, syntax_problem, tree_problems
from journey_engine.render.parsed import Parsed
from journey_engine.render.sandbox import TemplateEnvironment

Kept = dict[tuple[str, bool], tuple[Parsed | None, list[Problem]]]
"""What was read before: by path and whether it is HTML, since layouts serve many parts."""


class Reading:
    """One part and the files it names, each parsed once, with what was found wrong on the way."""

    def __init__(self, library: Library, environment: TemplateEnvironment, name: str, chain: Chain, kept: Kept) -> None:
        self.library, self.environment = library, environment
        self.name, self.chain, self.kept = name, chain, kept
        self.problems: list[Problem] = []
        self.files: dict[str, Parsed | None] = {}

    def parse(self, name: str) -> Parsed | None:
        """The parsed file, or None with a problem noted."""
        if name not in self.files:
            self.files[name] = self._parse(name)
        return self.files[name]

    def layouts(self) -> None:
        """Note the blocks that no layout has, of every file read so far."""
        for parsed in [one for one in self.files.values() if one is not None]:
            self.problems += stray_blocks(parsed, self.parse)

    def _parse(self, name: str) -> Parsed | None:
        try:
            path = self.library.path(name, self.chain)
        except TemplateError:
            path = None
        if path is None:
            part = self.library.path(self.name, self.chain) or self.library.root / self.name
            self.problems.append(
                Problem(Place(str(part)), f"there is no file '{name}' in {self.library.root}", "missing-file")
            )
            return None
        key = (str(path), bool(self.environment.autoescape))
        if key not in self.kept:
            self.kept[key] = self._read(path, name)
        parsed, problems = self.kept[key]
        self.problems += problems
        return parsed

    def _read(self, path: Path, name: str) -> tuple[Parsed | None, list[Problem]]:
        try:
            source = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            message = f"this template is not UTF-8 (byte {error.start + 1}); save it as UTF-8"
            return None, [Problem(Place(str(path)), message, "encoding")]
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            return None, [Problem(Place(str(path)), f"this template cannot be read: {reason}", "unreadable-file")]
        try:
            parsed = Parsed(str(path), source, self.environment.parse(source, name, str(path)))
        except TemplateSyntaxError as error:
            return None, [syntax_problem(error, str(path), source)]
        return parsed, list(tree_problems(parsed))
