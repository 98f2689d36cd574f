"""What can be said of templates without rendering: which values they use, and every mistake in them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from jinja2 import TemplateSyntaxError

from journey_engine.errors import Place, Problem
from journey_engine.render.analysis import Use, uses
from journey_engine.render.library import HTML, PARTS, SHORT, SUBJECT, TEXT, Chain, Library, LocaleLoader
from journey_engine.render.mistakes import syntax_problem, tree_problems, unprovided
from journey_engine.render.parsed import Parsed
from journey_engine.render.reading import Kept, Reading
from journey_engine.render.sandbox import TemplateEnvironment

PROVIDED: Mapping[str, tuple[str, ...]] = {
    "sender": ("name", "email", "postal_address"),
    "links": ("home", "unsubscribe", "preferences", "confirm", "answer"),
    "message": ("id", "locale", "timezone"),
    "answers": (),
    "ask": (),
    "referral": (),
}
"""What the renderer itself provides, by root."""
LETTER = (SUBJECT, TEXT)
MARKETING_NEEDS = ("links.unsubscribe", "sender.postal_address")


class Templates:
    """One folder of templates. Each part is looked at once for each chain of locales."""

    def __init__(self, templates: Path) -> None:
        self.library = Library(templates)
        self._environments: dict[tuple[Chain, bool], TemplateEnvironment] = {}
        self._looked: dict[tuple[str, Chain], tuple[list[Use], list[Problem]]] = {}
        self._inside: dict[str, tuple[tuple[str, Chain], ...]] = {}
        self._used: dict[str, tuple[Use, ...]] = {}
        self._kept: Kept = {}
        self._names: dict[str, tuple[str, ...]] = {}  # the files that the default of a part names
        self._line_environment = TemplateEnvironment(None, html=False)
        self._parsed_lines: dict[str, Parsed | TemplateSyntaxError] = {}

    def variables(self, template: str) -> frozenset[str]:
        """Every dotted path that the template names, optional or not: what a decision carries."""
        return frozenset(use.path for use in self.uses(template))

    def required(self, template: str) -> frozenset[str]:
        """The paths without which some message would be refused."""
        return frozenset(use.path for use in self.uses(template) if use.required)

    def uses(self, template: str) -> tuple[Use, ...]:
        """Every use of a value, with its place; not those that the renderer provides itself."""
        return tuple(use for use in self._all_uses(template) if use.path.split(".")[0] not in PROVIDED)

    def referring(self, template: str) -> tuple[Use, ...]:
        """Every use of an advocate's code or link."""
        return tuple(use for use in self._all_uses(template) if use.path.split(".")[0] == "referral")

    def answers(self, template: str) -> tuple[Use, ...]:
        """Every use of the answers of a question: of all of them, or of one link."""
        used = self._all_uses(template)
        return tuple(use for use in used if use.path.split(".")[0] in ("answers", "ask") or _of_answer(use))

    def confirms(self, template: str) -> tuple[Use, ...]:
        """Every use of a link that confirms a topic: `links.confirm.news`."""
        return tuple(use for use in self._all_uses(template) if f"{use.path}.".startswith("links.confirm."))

    def _all_uses(self, template: str) -> tuple[Use, ...]:
        if template not in self._used:
            found = (use for name, chain in self._parts(template) for use in self._part_uses(name, chain))
            self._used[template] = tuple(dict.fromkeys(found))
        return self._used[template]

    def problems(self, template: str) -> list[Problem]:
        """Every mistake in the template, its layouts and blocks, in any locale, sorted by place."""
        folder = self.library.root / template
        unfit = dict(self.library.unfit(template))
        short = self.library.says(template, SHORT) and not any(self.library.says(template, one) for one in LETTER)
        found = [Problem(Place(str(path)), why, "unreadable-file") for path, why in unfit.items()]
        found += [
            Problem(Place(str(folder / part)), f"template '{template}' has no {part}", "missing-part")
            for part in (() if short else (SUBJECT, TEXT))
            if not self.library.says(template, part) and not unfit.keys() & {folder, folder / part}
        ]
        for variant in self.library.variants(template):
            bodies = [self.library.path(f"{template}/{variant}/{part}", ()) for part in (HTML, TEXT)]
            if bodies[0] is not None and bodies[1] is None:
                message = f"the variant '{variant}' of template '{template}' has {HTML} and no {TEXT}; they go together"
                found.append(Problem(Place(str(folder / variant / TEXT)), message, "missing-part"))
        for name, chain in self._parts(template):
            found += self._part_problems(name, chain)
        subjects = {self.library.path(*part) for part in self._parts(template) if part[0].endswith(SUBJECT)}
        found += [
            Problem(Place(str(path)), "the subject is empty; write one line", "empty-subject")
            for path in subjects
            if path is not None and _blank(path)
        ]
        return sorted(set(found))

    def marketing_problems(self, template: str) -> list[Problem]:
        """What a marketing message must show in every body: the unsubscribe link and the postal address."""
        found = set()
        for name, chain in self._parts(template):
            broken = any(one.severity == "error" for one in self._part_problems(name, chain))
            if broken or name.endswith((SUBJECT, SHORT)):
                continue  # what cannot be read whole may well show both
            named = {use.path for use in self._part_uses(name, chain)}
            path = self.library.path(name, chain)
            for need in MARKETING_NEEDS:
                if need not in named:
                    message = f"a marketing template must show {{{{ {need} }}}}, and this part does not"
                    found.add(Problem(Place(str(path)), message, "marketing-needs"))
        return sorted(found)

    def line_variables(self, source: str) -> frozenset[str]:
        """The dotted paths that an author's own line (a task's title) names."""
        parsed = self._line(source)
        found = () if isinstance(parsed, TemplateSyntaxError) else uses(parsed, lambda name: None)
        return frozenset(use.path for use in found if use.path.split(".")[0] not in PROVIDED)

    def line_problems(self, source: str, place: Place) -> list[Problem]:
        """What is wrong with an author's own line, all at the place of that line."""
        parsed = self._line(source)
        if isinstance(parsed, TemplateSyntaxError):
            found = [syntax_problem(parsed, place.file, source)]
        else:
            found = list(tree_problems(parsed))
        return [Problem(place, one.message, one.code, one.severity) for one in found]

    def _line(self, source: str) -> Parsed | TemplateSyntaxError:
        """An author's own line, read once for all who look at it."""
        if source not in self._parsed_lines:
            try:
                self._parsed_lines[source] = Parsed("title", source, self._line_environment.parse(source))
            except TemplateSyntaxError as error:
                self._parsed_lines[source] = error
        return self._parsed_lines[source]

    def _parts(self, template: str) -> tuple[tuple[str, Chain], ...]:
        """The parts of a template and of its variants, with each chain of locales that reads them."""
        if template not in self._inside:
            variants = (f"{template}/{variant}" for variant in self.library.variants(template))
            names = [f"{folder}/{part}" for folder in (template, *variants) for part in PARTS]
            each = ((name, chain) for chain in self.library.chains for name in names)
            self._inside[template] = tuple(one for one in each if self.library.path(*one) is not None)
        return self._inside[template]

    def _part_uses(self, name: str, chain: Chain) -> list[Use]:
        return self._look(name, chain)[0]

    def _part_problems(self, name: str, chain: Chain) -> list[Problem]:
        return self._look(name, chain)[1]

    def _look(self, name: str, chain: Chain) -> tuple[list[Use], list[Problem]]:
        """What a part uses and what is wrong in it and in every file it names; looked at once."""
        key = (name, chain)
        if key not in self._looked:
            same = chain and (name, ()) in self._looked and self._same(name, chain)
            self._looked[key] = self._looked[name, ()] if same else self._looked_into(name, chain)
        return self._looked[key]

    def _looked_into(self, name: str, chain: Chain) -> tuple[list[Use], list[Problem]]:
        environment = self._environment(chain, name.endswith(".html"))
        reading = Reading(self.library, environment, name, chain, self._kept)
        parsed = reading.parse(name)
        used = [] if parsed is None else list(uses(parsed, reading.parse))
        reading.layouts()
        self._names.setdefault(name, tuple(reading.files))
        return used, sorted({*reading.problems, *unprovided(used, PROVIDED)})

    def _same(self, name: str, chain: Chain) -> bool:
        """Whether a locale reads the very files that the default reads."""
        path = self.library.path
        return all(path(each, chain) == path(each, ()) for each in self._names.get(name, (name,)))

    def _environment(self, chain: Chain, html: bool) -> TemplateEnvironment:
        if (chain, html) not in self._environments:
            loader = LocaleLoader(self.library, chain)
            self._environments[chain, html] = TemplateEnvironment(loader, html=html)
        return self._environments[chain, html]


def _blank(path: Path) -> bool:
    """Whether a file holds nothing; one that cannot be read is told as that."""
    with suppress(OSError):
        return not path.read_bytes().strip()
    return False


def _of_answer(use: Use) -> bool:
    return use.path == "links.answer" or use.path.startswith("links.answer.")
