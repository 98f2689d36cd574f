"""Reading one part of a template and every file it names, each once, and noting what is wrong on the way."""

from __future__ import annotations

from jinja2 import TemplateError, TemplateSyntaxError

from journey_engine.errors import Place, Problem
from journey_engine.render.analysis import Parsed
from journey_engine.render.library import Chain, Library
from journey_engine.render.mistakes import syntax_problem, tree_problems
from journey_engine.render.sandbox import TemplateEnvironment


class Reading:
    """One part and the files it names, each parsed once, with what was found wrong on the way."""

    def __init__(self, library: Library, environment: TemplateEnvironment, name: str, chain: Chain) -> None:
        self.library, self.environment = library, environment
        self.name, self.chain = name, chain
        self.problems: list[Problem] = []
        self.files: dict[str, Parsed | None] = {}

    def parse(self, name: str) -> Parsed | None:
        """The parsed file, or None with a problem noted."""
        if name not in self.files:
            self.files[name] = self._parse(name)
        return self.files[name]

    def _parse(self, name: str) -> Parsed | None:
        try:
            path = self.library.path(name, self.chain)
        except TemplateError:
            path = None
        if path is None:
            part = self.library.path(self.name, self.chain) or self.library.root / self.name
            self.problems.append(
                Problem(Place(str(part)), f"there is no file '{name}' in {self.library.root}", "missing_file")
            )
            return None
        try:
            source = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            message = f"is not UTF-8 text (byte {error.start})"
            self.problems.append(Problem(Place(str(path)), message, "encoding"))
            return None
        try:
            parsed = Parsed(str(path), self.environment.parse(source, name, str(path)))
        except TemplateSyntaxError as error:
            self.problems.append(syntax_problem(error, str(path), source))
            return None
        self.problems += tree_problems(parsed, source)
        return parsed
