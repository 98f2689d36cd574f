"""The renderer: template, locale and values in; subject, HTML and text out.

Each part is checked and compiled once for each chain of locales. CSS is inlined after rendering, because
before it the parser would move `{% for %}` out of a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Template, TemplateError, TemplateSyntaxError

from journey_engine.errors import Place, Problem, nearest
from journey_engine.links import Links
from journey_engine.message import SMS, Aborted, Author, MessageRef, Rendered, RenderError, header_safe
from journey_engine.project import Sender
from journey_engine.render.analysis import Use, uses
from journey_engine.render.authors import author_of, paths_of
from journey_engine.render.filters import FilterError
from journey_engine.render.library import HTML, PARTS, SHORT, SUBJECT, TEXT, Chain, Library, LocaleLoader, language
from journey_engine.render.mistakes import syntax_problem, tree_problems, unprovided
from journey_engine.render.parsed import Parsed
from journey_engine.render.reading import Kept, Reading
from journey_engine.render.sandbox import FUNCTIONS, TemplateEnvironment
from journey_engine.render.values import MissingValue, Values, wrap

PROVIDED: Mapping[str, tuple[str, ...]] = {
    "sender": ("name", "email", "postal_address"),
    "links": ("home", "unsubscribe", "preferences", "confirm", "answer"),
    "message": ("id", "locale", "timezone"),
    "answers": (),
    "ask": (),
    "referral": (),
}
"""What the renderer itself provides, by root."""
ROOTS = ("customer", "account", "contact", "trigger", "step")
"""What a template may always name, though there be nothing in it."""
LETTER = (SUBJECT, TEXT)
Refers = Callable[[str], Mapping[str, str]]
"""Tells an advocate's code and link in one program, by customer_id."""
MARKETING_NEEDS = ("links.unsubscribe", "sender.postal_address")


class Renderer:
    """Everything one folder of templates can say.

    `sender` and `links` may be absent where templates are only checked. `locale` is that of files without one in
    their name, and of customers without one.
    """

    def __init__(
        self, templates: Path, sender: Sender | None = None, links: Links | None = None, locale: str = "en",
        referrals: Mapping[str, Refers] | None = None,
    ) -> None:  # fmt: skip
        self.library = Library(templates)
        self.sender, self.links, self.locale = sender, links, locale
        self.referrals = dict(referrals or {})
        names = PROVIDED["sender"]
        self._sender = wrap({name: getattr(sender, name) if sender else None for name in names}, "sender")
        self._always = {**FUNCTIONS, **{root: wrap({}, root) for root in ROOTS}}
        self._environments: dict[tuple[Chain, bool], TemplateEnvironment] = {}
        self._ready: dict[tuple[str, str, Chain], tuple[Template, str, str] | RenderError] = {}
        self._looked: dict[tuple[str, Chain], tuple[list[Use], list[Problem]]] = {}
        self._inside: dict[str, tuple[tuple[str, Chain], ...]] = {}
        self._used: dict[str, tuple[Use, ...]] = {}
        self._kept: Kept = {}
        self._names: dict[str, tuple[str, ...]] = {}  # the files that the default of a part names
        self._html: dict[tuple[str, Chain], bool] = {}
        self._chosen: dict[tuple[str, str, Chain, tuple[str, ...]], str] = {}
        self._lines: dict[str, Template | RenderError] = {}
        self._line_environment = TemplateEnvironment(None, html=False)
        self._inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)

    # rendering

    def render(self, template: str, locale: str | None, values: Mapping[str, Any], message: MessageRef) -> Rendered:
        """The words of one message.

        Raises RenderError naming the value's path, the file and the line; Aborted when the template says so.
        """
        if template not in self.library.names:
            hint = nearest(template, list(self.library.names))
            raise RenderError(
                f"there is no template '{template}' in {self.library.root}{hint}",
                code="no_template",
                remedy=f"add {self.library.root / template / SUBJECT}, {HTML} and {TEXT}, or mend the name",
            )
        chain = self.library.chain(locale)
        author, why_not = author_of(self.sender, values, message.topic)
        context = self._context(values, message, locale, author)
        if message.channel == SMS:
            return self._short(template, values.get("variant"), chain, context)
        head, body = self._folders(template, values.get("variant"), chain)
        subject = header_safe(self._part(head, SUBJECT, chain, context))
        if not subject:
            file = self.library.path(f"{head}/{SUBJECT}", chain)
            raise RenderError(f"{file}: the subject is empty", code="template_error")
        html = None
        if self._has_html(body, chain):
            html = self._part(body, HTML, chain, context)
            if "<style" in html:
                html = self._inliner.inline(html)
        text = self._part(body, TEXT, chain, context)
        links = context["links"]
        unsubscribe, reply_to = links.get("unsubscribe") or None, self._reply_to(message, author)
        return Rendered(subject, text, html, unsubscribe, reply_to, author, stranger=why_not is not None)

    def _reply_to(self, message: MessageRef, author: Author | None) -> str | None:
        """Where answers to this very letter go, where the project tells them apart, or where not to whom it is from."""
        sender = self.sender
        if sender is None or (author is not None and sender.own is not None and sender.own.answers == "own"):
            return None
        if self.links is not None and sender.tells_answers:
            return sender.answers_to(self.links.reply(message.message_id))
        return sender.answers_to() if author is not None else None

    def _short(self, template: str, variant: object, chain: Chain, context: dict[str, Any]) -> Rendered:
        """The words of a short message."""
        folder = self._folder(template, variant, chain, (SHORT,))
        if self.library.path(f"{folder}/{SHORT}", chain) is None:
            where = self.library.root / template / SHORT
            raise RenderError(f"template '{template}' has no words for a short message: {where}", code="no_template")
        text = self._part(folder, SHORT, chain, context).strip()
        if not text:
            raise RenderError(f"{self.library.path(f'{folder}/{SHORT}', chain)}: it is empty", code="template_error")
        return Rendered("", text)

    def render_line(self, source: str, values: Mapping[str, Any], message: MessageRef) -> str:
        """One line from the author's own text (a task's title), in no locale."""
        compiled = self._lines.get(source)
        if compiled is None:
            compiled = self._lines[source] = self._compile_line(source)
        if isinstance(compiled, RenderError):
            raise compiled
        return header_safe(self._run(compiled, self._context(values, message, None), "title"))

    def _folders(self, template: str, variant: object, chain: Chain) -> tuple[str, str]:
        """Where the subject is read and where the two bodies are, which belong together."""
        choose = self._folder
        return choose(template, variant, chain, (SUBJECT,)), choose(template, variant, chain, (TEXT, HTML))

    def _folder(self, template: str, variant: object, chain: Chain, parts: tuple[str, ...]) -> str:
        if not isinstance(variant, str):
            return template
        key = (template, variant, chain, parts)
        if key not in self._chosen:
            self._chosen[key] = self.library.folder(template, variant, parts, chain)
        return self._chosen[key]

    def _has_html(self, template: str, chain: Chain) -> bool:
        key = (template, chain)
        if key not in self._html:
            self._html[key] = self.library.path(f"{template}/{HTML}", chain) is not None
        return self._html[key]

    def _part(self, folder: str, part: str, chain: Chain, context: dict[str, Any]) -> str:
        key = (folder, part, chain)
        ready = self._ready.get(key)
        if ready is None:
            ready = self._ready[key] = self._made_ready(f"{folder}/{part}", chain)
        if isinstance(ready, RenderError):
            raise ready
        compiled, file, locale = ready
        return self._run(compiled, _in_its_language(context, locale), file)

    def _run(self, compiled: Template, context: dict[str, Any], file: str) -> str:
        environment = compiled.environment
        assert isinstance(environment, TemplateEnvironment)
        try:
            return environment.text(compiled, context)
        except Aborted:
            raise
        except MissingValue as error:
            raise RenderError(
                f"{_where(error, file)}: no value for {error.path}",
                code="missing_value",
                path=error.path,
                remedy=f'give the customer a value, or write {{{{ {error.path} | default("...") }}}}',
            ) from None
        except FilterError as error:
            where = _where(error, file)
            raise RenderError(f"{where}: {error}{_given(where, error.what)}", code="template_error") from None
        except TemplateError as error:
            raise RenderError(f"{_where(error, file)}: {error}", code="template_error") from None
        except Exception as error:  # noqa: BLE001 - whatever a template does, only its own messages stop
            # The words of a TypeError name types; those of others may repeat values.
            what = f"{type(error).__name__}{f': {error}' if isinstance(error, TypeError) else ''}"
            raise RenderError(f"{_where(error, file)}: {what}", code="template_error") from None

    def _context(
        self, values: Mapping[str, Any], message: MessageRef, locale: str | None, author: Author | None = None
    ) -> dict[str, Any]:
        """What the templates of a message see: its values, those of ours, and the functions."""
        customer, topic, message_id = message.customer_id, message.topic, message.message_id
        addresses: dict[str, Any] = {"home": None, "unsubscribe": None, "preferences": None, "confirm": {}}
        if self.links is not None:
            links = self.links
            addresses = {
                "home": links.home,
                "unsubscribe": links.unsubscribe(customer, topic, message_id),
                "preferences": links.preferences(customer, message_id),
                "confirm": {one: links.confirm(customer, one, message_id) for one in links.double},
            }
        about = {"id": message_id, "locale": locale or self.locale, "timezone": message.timezone}
        ours: dict[str, Any] = {"links": addresses, "message": about}
        if self.referrals:
            ours["referral"] = {name: refers(customer) for name, refers in self.referrals.items()}
        if isinstance(values.get("ask"), Mapping):
            ours |= self._answers(values["ask"], message)
            addresses["answer"] = {one["answer"]: one["link"] for one in ours["answers"]}
        try:
            return {**self._always, **_wrapped(values), "sender": self._speaks(author), **_wrapped(ours)}
        except TypeError as error:
            raise RenderError(str(error), code="template_error") from None

    def author_paths(self, topic: str) -> frozenset[str]:
        """The values that tell who a letter of a topic is from."""
        return paths_of(self.sender, topic) if self.sender is not None else frozenset()

    def _speaks(self, author: Author | None) -> Any:
        """What templates see of who a letter is from; the postal address is the project's."""
        if author is None or self.sender is None:
            return self._sender
        said = {"name": author.name, "email": author.email, "postal_address": self.sender.postal_address}
        return wrap(said, "sender")

    def _answers(self, ask: Mapping[str, Any], message: MessageRef) -> dict[str, Any]:
        """The answers of a question with their links."""
        customer = message.pass_of or message.customer_id  # the pass hears the answer
        who = (customer, message.message_id, message.enrollment_id or "", ask["question"])
        return {
            "answers": [
                {**one, "link": self.links.answer(*who, one["answer"]) if self.links else None}
                for one in ask["answers"]
            ]
        }

    # compiling

    def _environment(self, chain: Chain, html: bool) -> TemplateEnvironment:
        if (chain, html) not in self._environments:
            loader = LocaleLoader(self.library, chain)
            self._environments[chain, html] = TemplateEnvironment(loader, html=html)
        return self._environments[chain, html]

    def _made_ready(self, name: str, chain: Chain) -> tuple[Template, str, str] | RenderError:
        """A part as code, its file and the locale it is written in; or why it can word nothing."""
        errors = [one for one in self._part_problems(name, chain) if one.severity == "error"]
        if errors:
            return RenderError(str(errors[0]), code="template_error", remedy="mend the template and retry")
        compiled = self._environment(chain, name.endswith(".html")).get_template(name)
        return compiled, compiled.filename or name, self.library.written_in(name, chain) or self.locale

    def _compile_line(self, source: str) -> Template | RenderError:
        problems = self.line_problems(source, Place("title"))
        if problems:
            return RenderError(problems[0].message, code="template_error")
        return self._line_environment.from_string(source)

    # looking without rendering

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
        try:
            parsed = Parsed("title", source, self._line_environment.parse(source))
        except TemplateSyntaxError:
            return frozenset()
        found = (use.path for use in uses(parsed, lambda name: None))
        return frozenset(path for path in found if path.split(".")[0] not in PROVIDED)

    def line_problems(self, source: str, place: Place) -> list[Problem]:
        """What is wrong with an author's own line, all at the place of that line."""
        try:
            parsed = Parsed(place.file, source, self._line_environment.parse(source))
        except TemplateSyntaxError as error:
            found = [syntax_problem(error, place.file, source)]
        else:
            found = list(tree_problems(parsed))
        return [Problem(place, one.message, one.code, one.severity) for one in found]

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


def _in_its_language(context: dict[str, Any], written: str) -> dict[str, Any]:
    """Dates and amounts in the language of the words around them; the customer's territory where it is theirs."""
    if language(context["message"]["locale"]) == language(written):
        return context
    message = Values({**context["message"], "locale": written})
    message.path = "message"
    return {**context, "message": message}


def _wrapped(values: Mapping[str, Any]) -> dict[str, object]:
    return {str(name): wrap(value, str(name)) for name, value in values.items()}


def _blank(path: Path) -> bool:
    """Whether a file holds nothing; one that cannot be read is told as that."""
    with suppress(OSError):
        return not path.read_bytes().strip()
    return False


def _given(where: str, what: str | None) -> str:
    """` (customer.age)`: the values that a line of a template gives to a filter, by name, for `file:line`."""
    file, _, line = where.rpartition(":")
    if what is None or not line.isdigit():
        return ""
    with suppress(OSError, UnicodeDecodeError):
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        text = lines[int(line) - 1] if int(line) <= len(lines) else ""
        found = re.findall(rf"([A-Za-z_][\w.]*)\s*\|\s*{what}\b", text)
        return f" ({', '.join(dict.fromkeys(found))})" if found else ""
    return ""


def _of_answer(use: Use) -> bool:
    return use.path == "links.answer" or use.path.startswith("links.answer.")


def _where(error: BaseException, file: str) -> str:
    """file:line of the template line that failed; Jinja puts template lines into the traceback."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name == file or (name.endswith((".html", ".txt")) and trace.tb_frame.f_code.co_name != "<lambda>"):
            file, line = name, trace.tb_lineno
        trace = trace.tb_next
    return f"{file}:{line}" if line else file
