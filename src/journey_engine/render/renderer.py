"""The renderer: template, locale and values in; subject, HTML and text out.

Each part is compiled once for each chain of locales, after `looking.py` found no mistake in it. CSS is inlined after
rendering, because before it the parser would move `{% for %}` out of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Template

from journey_engine.errors import Place, nearest
from journey_engine.links import Links
from journey_engine.message import SMS, Aborted, Author, MessageRef, Rendered, RenderError, header_safe
from journey_engine.project import Sender
from journey_engine.render.authors import author_of, paths_of
from journey_engine.render.complaints import complaint
from journey_engine.render.library import HTML, SHORT, SUBJECT, TEXT, Chain, language
from journey_engine.render.looking import PROVIDED, Templates
from journey_engine.render.sandbox import FUNCTIONS, TemplateEnvironment
from journey_engine.render.values import Values, wrap

ROOTS = ("customer", "account", "contact", "trigger", "step")
"""What a template may always name, though there be nothing in it."""
Refers = Callable[[str], Mapping[str, str]]
"""Tells an advocate's code and link in one program, by customer_id."""


class Renderer(Templates):
    """Everything one folder of templates can say.

    `sender` and `links` may be absent where templates are only checked. `locale` is that of files without one in
    their name, and of customers without one.
    """

    def __init__(
        self, templates: Path, sender: Sender | None = None, links: Links | None = None, locale: str = "en",
        referrals: Mapping[str, Refers] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(templates)
        self.sender, self.links, self.locale = sender, links, locale
        self.referrals = dict(referrals or {})
        names = PROVIDED["sender"]
        self._sender = wrap({name: getattr(sender, name) if sender else None for name in names}, "sender")
        self._always = {**FUNCTIONS, **{root: wrap({}, root) for root in ROOTS}}
        self._ready: dict[tuple[str, str, Chain], tuple[Template, str, str] | RenderError] = {}
        self._html: dict[tuple[str, Chain], bool] = {}
        self._chosen: dict[tuple[str, str, Chain, tuple[str, ...]], str] = {}
        self._lines: dict[str, Template | RenderError] = {}
        self._inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)

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
        return header_safe(_words(compiled, self._context(values, message, None), "title"))

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
        return _words(compiled, _in_its_language(context, locale), file)

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


def _words(compiled: Template, context: dict[str, Any], file: str) -> str:
    environment = compiled.environment
    assert isinstance(environment, TemplateEnvironment)
    try:
        return environment.text(compiled, context)
    except Aborted:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a template does, only its own messages stop
        raise complaint(error, file) from None


def _in_its_language(context: dict[str, Any], written: str) -> dict[str, Any]:
    """Dates and amounts in the language of the words around them; the customer's territory where it is theirs."""
    if language(context["message"]["locale"]) == language(written):
        return context
    message = Values({**context["message"], "locale": written})
    message.path = "message"
    return {**context, "message": message}


def _wrapped(values: Mapping[str, Any]) -> dict[str, object]:
    return {str(name): wrap(value, str(name)) for name, value in values.items()}
