"""Templates and task titles: they exist, can be read, name only what is provided, and show what the law asks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from journey_engine.checks.names import left_before
from journey_engine.checks.scope import Scope, Subject, header
from journey_engine.conditions import TriggerCondition
from journey_engine.errors import Place, Problem, Severity, nearest
from journey_engine.journey import Journey
from journey_engine.load.parts import of_kind
from journey_engine.render import Use
from journey_engine.steps.ask import Ask
from journey_engine.steps.reward import RewardStep
from journey_engine.steps.send import Send
from journey_engine.steps.set import SetStep
from journey_engine.steps.task import TaskStep
from journey_engine.steps.webhook import WebhookStep
from journey_engine.triggers.changes import ChangesTrigger
from journey_engine.yamlfile import Path

GIVEN = ("code", "amount", "percent", "currency", "available_at", "expires_at", "program", "side", "occurred_at")
ROOTS = ("customer", "account", "contact", "trigger", "step")


def missing_templates(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A message of which no words exist."""
    known = list(scope.renderer.library.names)
    for path, step in of_kind(Send, subject.words):
        if step.template not in known:
            folder = scope.shown(str(scope.renderer.library.root))
            hint = nearest(step.template, known)
            message = f"there is no template '{step.template}'{hint}; make the folder {folder}/{step.template}"
            yield subject.at((*path, "template"), message, "missing-template")


def template_mistakes(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """What is wrong in the template itself, at its own place."""
    for _, step in _sends(scope, subject):
        yield from scope.mistakes(step.template, marketing=False)


def title_mistakes(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A task's title that is no template."""
    for path, step in of_kind(TaskStep, subject.words):
        place = subject.loaded.positions.of((*path, "title"))
        yield from map(scope.moved, scope.renderer.line_problems(step.title, place))


def marketing_duties(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """Marketing shows a way out and a postal address, in every body."""
    for _, step in _sends(scope, subject):
        topic = scope.project.topics.get(step.topic or subject.journey.topic or "")
        if topic is None or topic.class_ != "marketing":
            continue
        yield from scope.mistakes(step.template, marketing=True)
        if not (scope.project.sender.postal_address or "").strip():
            message = "marketing may not leave without a postal address; write `postal_address` here"
            place = scope.loaded.file.positions.of(("sender",), key=True)
            yield Problem(place, message, "missing-postal-address")


def template_values(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """Values that a template names and nothing provides, and sensitive ones."""
    for path, step in _sends(scope, subject):
        for use in scope.uses(step.template):
            root = use.path.split(".")[0]
            if root in step.with_:
                told = _column(scope, step.with_[root].table, use.path)
            else:
                told = _provided(scope, subject, use.path, path)
            if told is None:
                continue
            message, code = told
            if root not in ROOTS and root not in step.with_:
                hint = nearest(root, [*ROOTS, *step.with_])
                message = f"nothing provides '{use.path}'{hint}; lists and rows are named in `with:` of the send"
            wording = f"{message} (sent by journey '{subject.journey.journey}')"
            severity: Severity = "error" if use.required or code == "sensitive-value" else "warning"
            yield Problem(_place(scope, use), wording, code, severity)


def variants(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """An attribute that chooses among variants is known and not sensitive, and there are variants to choose from."""
    for path, step in _sends(scope, subject):
        if step.variant is None:
            continue
        at = (*path, "variant")
        told = _customer(scope, step.variant.removeprefix("customer."))
        if told is not None:
            yield subject.at(at, *told)
        elif not scope.renderer.library.variants(step.template):
            folder = f"{scope.shown(str(scope.renderer.library.root))}/{step.template}"
            message = f"'{step.template}' has no variants; make a folder for each value, such as {folder}/pro"
            yield subject.at(at, message, "missing-variant", "warning")


def answer_links(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A letter that asks shows a link for each answer; one that does not has none to show."""
    for path, step in _sends(scope, subject):
        used = scope.renderer.answers(step.template)
        shown = {use.path.removeprefix("links.answer").lstrip(".") for use in used if use.path.startswith("links.")}
        if not isinstance(step, Ask):
            for use in used:
                message = (
                    f"'{use.path}' is there only in a letter that an `ask` sends (sent by '{subject.journey.journey}')"
                )
                yield Problem(_place(scope, use), message, "unknown-value")
        elif "" not in shown and not any(use.path.split(".")[0] == "answers" for use in used):
            for option in step.options:
                if option not in shown:
                    message = f"'{step.template}' shows no link for the answer '{option}'; it may go through `answers`"
                    yield subject.at((*path, "template"), message, "missing-answer")
        for use in used:
            name = use.path.removeprefix("links.answer.")
            if isinstance(step, Ask) and name != use.path and name not in step.options:
                hint = nearest(name, list(step.options))
                message = f"'{name}' is no answer to '{step.question}'{hint} (asked by '{subject.journey.journey}')"
                yield Problem(_place(scope, use), message, "unknown-value")


def confirm_links(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A link that confirms names a topic with double opt-in, and its letter reaches who has not confirmed yet."""
    known = sorted(scope.project.double)
    for _, step in _sends(scope, subject):
        for use in scope.renderer.confirms(step.template):
            topic = use.path.removeprefix("links.confirm").lstrip(".")
            if topic not in known:
                allowed = (
                    ", ".join(f"links.confirm.{one}" for one in known) or "none: write `opt_in: double` at a topic"
                )
                what = f"'{topic}' is no topic with double opt-in{nearest(topic, known)}" if topic else "name the topic"
                yield Problem(_place(scope, use), f"{what}; project.yaml gives: {allowed}", "unknown-value")
            elif (step.topic or subject.journey.topic) == topic:
                message = f"this letter is of the topic '{topic}' itself, which nobody gets before confirming it"
                told = f"{message}; send it on a transactional topic (sent by '{subject.journey.journey}')"
                yield Problem(_place(scope, use), told, "vain-confirmation")


def nobody_asked(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A message of a topic with double opt-in that no letter asks to confirm."""
    for path, step in of_kind(Send, subject.words):
        topic = step.topic or subject.journey.topic
        if topic in scope.project.double and topic not in scope.asked_to_confirm:
            message = f"no letter asks to confirm '{topic}', so this reaches only who chose it on the preference page"
            told = f"{message}; send one with {{{{ links.confirm.{topic} }}}} on a transactional topic"
            at = (*path, "topic") if step.topic else path
            yield subject.at(at, told, "nobody-asked", "warning", key=step.topic is None)


def referral_links(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A letter shows the code or the link of a program that has advocates."""
    terms = scope.loaded.file.terms
    known = {name.replace("-", "_"): one for name, one in terms.items() if one is not None and one.referral is not None}
    for _, step in _sends(scope, subject):
        for use in scope.renderer.referring(step.template):
            _, name, part = [*use.path.split("."), "", ""][:3]
            if name in known and part in ("code", "link"):
                continue
            hint = nearest(name, list(known)) if name not in known else ""
            allowed = ", ".join(f"referral.{one}.code, referral.{one}.link" for one in known)
            message = (
                f"nothing provides '{use.path}'{hint}; programs with `referral` provide: {allowed or 'there is none'}"
            )
            yield Problem(
                _place(scope, use), f"{message} (sent by journey '{subject.journey.journey}')", "unknown-value"
            )


def title_values(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """The same for the titles of tasks and for webhooks."""
    for path, step in of_kind(TaskStep, subject.words):
        for name in sorted(scope.renderer.line_variables(step.title)):
            row = step.with_.get(name.split(".")[0])
            if row is None:
                yield from _told(scope, subject, name, path, (*path, "title"))
            elif wrong := _column(scope, row.table, name):
                yield subject.at((*path, "title"), *wrong)
    for path, call in of_kind(WebhookStep, subject.words):
        for name, value in call.with_.items():
            if value.from_ is not None:
                yield from _told(scope, subject, value.from_, path, (*path, "with", name, "from"))


def set_values(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """The same for what `set` takes over; something sensitive only into an attribute that is sensitive as well."""
    for path, word in of_kind(SetStep, subject.words):
        for name, source in word.values.items():
            if source.from_ is None:
                continue
            for problem in _told(scope, subject, source.from_, path, (*path, name, "from")):
                if problem.code != "sensitive-value":
                    yield problem
                elif name not in scope.project.attributes or not scope.project.attributes[name].sensitive:
                    told = f"'{source.from_}' is sensitive (project.yaml), and '{name}' may stand in a message"
                    remedy = f"mark it as well: `attributes: {{{name}: {{sensitive: true}}}}`"
                    yield subject.at((*path, name, "from"), f"{told}; {remedy}", "sensitive-value")


def lookup_keys(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """Where the keys of rows come from; a sensitive one may be looked up by, since it stands in no message itself."""
    steps: list[tuple[Path, Send | TaskStep | WebhookStep]] = [
        *of_kind(Send, subject.words), *of_kind(TaskStep, subject.words), *of_kind(WebhookStep, subject.words)
    ]  # fmt: skip
    for path, step in steps:
        for name, word in step.with_.items():
            if word.key_ is not None:
                yield from _told(scope, subject, word.key_, path, (*path, "with", name, "key"), secret=True)


def _column(scope: Scope, table: str | None, name: str) -> tuple[str, str] | None:
    """What is wrong with `store.city`, where `store` is a row of a table; None for a list of events too."""
    words = scope.project.tables.get(table or "")
    known = header(scope.loaded.folder, words.source) if words is not None else None
    column = name.partition(".")[2].split(".")[0]
    if known is None or not column or column in known:
        return None
    hint = nearest(column, sorted(known))
    return f"the table '{table}' has no column '{column}'{hint}; it has: {', '.join(sorted(known))}", "unknown-value"


def trigger_values(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """Conditions on what started the pass, where the trigger brings no such value."""
    provided = _of_trigger(subject.journey)
    if provided is None:
        return
    for path, word in subject.words:
        names = list(word.properties) if isinstance(word, TriggerCondition) else []
        for name in names:
            if name not in provided:
                yield subject.at((*path, name), _no_trigger_value(subject, name), "unknown-value", key=True)
        same = getattr(word, "same", None)
        if isinstance(same, str) and same not in provided:
            yield subject.at((*path, "same"), _no_trigger_value(subject, same), "unknown-value")


def _told(
    scope: Scope, subject: Subject, name: str, path: Path, at: Path, *, secret: bool = False
) -> Iterator[Problem]:
    told = _provided(scope, subject, name, path)
    if told is not None and not (secret and told[1] == "sensitive-value"):
        yield subject.at(at, told[0], told[1])


def _sends(scope: Scope, subject: Subject) -> Iterator[tuple[Path, Send]]:
    known = scope.renderer.library.names
    return ((path, step) for path, step in of_kind(Send, subject.words) if step.template in known)


def _provided(scope: Scope, subject: Subject, name: str, path: Path) -> tuple[str, str] | None:
    """What is wrong with a dotted path at a step: (message, code), or None."""
    root, _, rest = name.partition(".")
    if root in ("customer", "account", "contact"):
        if root != "customer" and scope.attributes is not None and f"{root}_id" not in scope.attributes:
            words = f"customers: {{columns: {{{root}_id: ...}}}}"
            told = f"nothing provides '{name}': no column is called {root}_id, which names the customer's {root}"
            return f"{told}; map yours in project.yaml: `{words}`", "unknown-value"
        return _customer(scope, rest.split(".")[0], root)
    if root == "trigger":
        provided = _of_trigger(subject.journey)
        value = rest.split(".")[0]
        secret = _secret_change(scope, subject.journey.trigger, value)
        if secret is not None:
            return secret, "sensitive-value"
        if value and provided is not None and value not in provided:
            return _no_trigger_value(subject, value), "unknown-value"
        return None
    if root == "step":
        return _step(subject, rest, path)
    return f"nothing provides '{name}'{nearest(root, list(ROOTS))}", "unknown-value"


def _customer(scope: Scope, name: str, root: str = "customer") -> tuple[str, str] | None:
    words = scope.project.attributes.get(name)
    if words is not None and words.sensitive:
        return f"'{root}.{name}' is sensitive (project.yaml) and may not stand in a message", "sensitive-value"
    if not name or scope.attributes is None or name in scope.attributes:
        return None
    where = scope.project.customers.path
    hint = nearest(name, scope.likely)
    return f"no column of {where} and no `set` step provides '{root}.{name}'{hint}", "unknown-value"


def _secret_change(scope: Scope, trigger: object, value: str) -> str | None:
    """What is wrong with `trigger.to` when a sensitive attribute changed, or None."""
    if not isinstance(trigger, ChangesTrigger) or value not in ("from", "to"):
        return None
    told = _customer(scope, trigger.attribute)
    if told is None or told[1] != "sensitive-value":
        return None
    return f"'trigger.{value}' is what the attribute was or became: {told[0]}"


def _of_trigger(journey: Journey) -> tuple[str, ...] | None:
    """The names under `trigger`; None where it is an event with properties of its own."""
    provided: tuple[str, ...] | None = journey.trigger.provides
    if provided is None:
        return None
    return tuple(name for name in provided if getattr(journey.trigger, name, True) is not None)


def _no_trigger_value(subject: Subject, name: str) -> str:
    provided = list(_of_trigger(subject.journey) or ())
    word, brings = subject.journey.trigger.key, ", ".join(provided) or "nothing"
    return f"a `{word}` trigger brings no '{name}'{nearest(name, provided)}; it brings {brings}"


def _step(subject: Subject, rest: str, path: Path) -> tuple[str, str] | None:
    """`step.<id>.<name>`: the event that ended the wait, or the reward; an id may hold dots."""
    awaited = subject.awaited
    found = next((step for step in awaited if rest == step or rest.startswith(f"{step}.")), None)
    if found is None:
        wanted = rest.split(".")[0]
        known = ", ".join(awaited) or "none"
        hint = nearest(wanted, list(awaited))
        told = f"no `wait_for`, `reward` or awaited `task` is called '{wanted}'{hint}; there is: {known}"
        return told, "unknown-step"
    if not left_before(subject, found, path):
        return f"step '{found}' is not left before this place, so it provides nothing here", "later-step"
    value = rest.removeprefix(found).strip(".").split(".")[0]
    if value and isinstance(awaited[found], RewardStep) and value not in GIVEN:
        return (
            f"a reward brings no '{value}'{nearest(value, list(GIVEN))}; it brings {', '.join(GIVEN)}",
            "unknown-value",
        )
    return None


def _place(scope: Scope, use: Use) -> Place:
    """The place of a value in its template; Jinja knows the line only."""
    lines = scope.lines(use.place.file)
    line = lines[use.place.line - 1] if use.place.line <= len(lines) else ""
    found = re.search(rf"(?<![\w.]){re.escape(use.path)}(?!\w)", line)
    return Place(scope.shown(use.place.file), use.place.line, found.start() + 1 if found else 1)
