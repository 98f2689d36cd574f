"""The channels that messages name: they are set up, there are words and addresses for them, each may be taken."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.checks.scope import Scope, Subject
from journey_engine.errors import Problem, nearest
from journey_engine.graph import address_of
from journey_engine.load.parts import of_kind
from journey_engine.message import EMAIL, SMS, STAFF, medium
from journey_engine.render.library import SHORT, SUBJECT
from journey_engine.steps.send import Send
from journey_engine.steps.ways import PREFERRED
from journey_engine.yamlfile import Path


def unknown_channels(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A channel that project.yaml does not set up."""
    known = scope.project.channels.known
    for at, name, _ in _named(subject):
        if name not in (*known, EMAIL, PREFERRED):
            hint = nearest(name, [*known, EMAIL, PREFERRED])
            message = f"unknown channel '{name}'{hint}; project.yaml sets up: {', '.join(known)}"
            yield subject.at(at, message, "unknown-channel")


def staff_only(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """The channel of the company's own people is for topics of class staff, and for nobody whom another reaches."""
    for path, step in of_kind(Send, subject.words):
        named = step.channel or [scope.project.channels.default]
        if STAFF not in named:
            continue
        where = (*path, "channel") if step.channel else path
        name = step.topic or subject.journey.topic or ""
        topic = scope.project.topics.get(name)
        if len(named) > 1:
            message = "channel 'staff' writes to your own people and asks for no address; let it stand alone"
            yield subject.at(where, message, "staff-only")
        elif topic and topic.class_ != "staff":
            message = f"channel 'staff' writes to your own people, and topic '{name}' is of class {topic.class_}"
            yield subject.at(where, f"{message}; name a topic of class staff", "staff-only")


def vain_channels(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A channel that no message would ever take, and a preference that nothing tells."""
    settings = scope.project.channels
    for path, step in of_kind(Send, subject.words):
        before: dict[str, str] = {}
        for number, name in enumerate(step.channel or ()):
            if name == PREFERRED:
                yield from _preference(scope, subject, (*path, "channel", number))
                continue
            if name == STAFF:
                continue
            way = medium(settings.reach.get(name, name))
            if way in before:
                message = f"'{name}' goes to the same address as '{before[way]}', which is tried first; take it out"
                yield subject.at((*path, "channel", number), message, "vain-channel", "warning")
            before.setdefault(way, name)


def _preference(scope: Scope, subject: Subject, at: Path) -> Iterator[Problem]:
    settings = scope.project.channels
    if len(settings.reach) < 2:
        message = "there is nothing to prefer: project.yaml sets up one way to reach customers; add `channels: sms:`"
        yield subject.at(at, message, "vain-channel", "warning")
    elif scope.attributes is not None and settings.prefers not in scope.attributes:
        hint = nearest(settings.prefers, sorted(scope.attributes))
        message = f"no column of {scope.project.customers.path} and no `set` step provides '{settings.prefers}'{hint}"
        told = f"{message}, so nobody prefers anything; name yours: `channels: {{preferred: customer.x}}`"
        yield subject.at(at, told, "unknown-attribute", "warning")


def addresses(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A channel to which no customer can have an address."""
    for at, name, _ in _named(subject):
        if name in (STAFF, PREFERRED) or name not in (*scope.project.channels.known, EMAIL):
            continue
        column = address_of(name)
        if scope.attributes is not None and column not in scope.attributes:
            where = scope.project.customers.path
            message = f"nobody can be reached by '{name}': no column of {where} is called '{column}'"
            told = f"{message}; map yours in project.yaml: `customers: {{columns: {{{column}: ...}}}}`"
            yield subject.at(at, told, "no-address")


def channel_words(scope: Scope, subject: Subject) -> Iterator[Problem]:
    """A template without the words of the channel that its message takes; of several, of each or of some of them."""
    library, settings = scope.renderer.library, scope.project.channels
    for path, step in of_kind(Send, subject.words):
        if step.template not in library.names:
            continue
        named = step.channel or [settings.default]
        listed = dict.fromkeys(one for name in named for one in (settings.reach if name == PREFERRED else [name]))
        silent = [name for name in listed if not _speaks(scope, step.template, name)]
        if silent and len(silent) == len(listed):
            whose = f"channel '{silent[0]}'" if len(silent) == 1 else f"channels {', '.join(silent)}"
            message = f"template '{step.template}' has no words for the {whose}; write {_files(scope, step, silent)}"
            yield subject.at((*path, "template"), message, "missing-part")
            continue
        for name in silent if PREFERRED not in named else ():
            message = f"template '{step.template}' has no words for the channel '{name}', so nobody gets it that way"
            told = f"{message}; write {_files(scope, step, [name])}, or take '{name}' out"
            yield subject.at((*path, "channel", named.index(name)), told, "missing-part", "warning")


def _files(scope: Scope, step: Send, silent: list[str]) -> str:
    folder = f"{scope.shown(str(scope.renderer.library.root))}/{step.template}"
    parts = dict.fromkeys(SHORT if medium(name) == SMS else SUBJECT for name in silent)
    return " or ".join(f"{folder}/{part}" for part in parts)


def _speaks(scope: Scope, template: str, name: str) -> bool:
    """Whether there are words for a channel; a letter lacks them only where short messages stand in for it."""
    library = scope.renderer.library
    if medium(name) == SMS:
        return library.speaks(template, SMS)
    return library.speaks(template, EMAIL) or not library.says(template, SHORT)


def _named(subject: Subject) -> Iterator[tuple[Path, str, Send]]:
    """Every channel that a step names, with its place."""
    for path, step in of_kind(Send, subject.words):
        for number, name in enumerate(step.channel or ()):
            yield (*path, "channel", number), name, step
