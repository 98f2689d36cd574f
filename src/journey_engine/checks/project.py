"""project.yaml: names in definitions, what stands outside a pass, columns that are mapped."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.checks.names import attributes_named, journeys_named, programs_named, topics_named
from journey_engine.checks.scope import Scope, header
from journey_engine.conditions import ArmCondition, EventCondition, TriggerCondition
from journey_engine.errors import Problem, nearest
from journey_engine.project import EVENT_COLUMNS
from journey_engine.yamlfile import Path


def definitions(scope: Scope) -> Iterator[Problem]:
    """Journeys, topics and attributes that segments and stages name."""
    positions = scope.loaded.file.positions
    yield from journeys_named(scope, scope.loaded.file.words, positions)
    yield from topics_named(scope, scope.loaded.file.words, positions)
    yield from programs_named(scope, scope.loaded.file.words, positions)
    yield from attributes_named(scope, scope.loaded.file.words, positions)


def outside_a_pass(scope: Scope) -> Iterator[Problem]:
    """A segment or stage has no trigger and no steps to look back to."""
    for path, word in scope.loaded.file.words:
        match word:
            case EventCondition(since=str()):
                wrong = "since"
            case EventCondition(same=str()):
                wrong = "same"
            case TriggerCondition() | ArmCondition():
                wrong = ""
            case _:
                continue
        message = f"'{wrong or path[-1]}' means something inside a journey only; a segment or stage has no pass"
        where = (*path, wrong) if wrong else path
        yield Problem(scope.loaded.file.positions.of(where, key=True), message, "outside-pass")


def default_channel(scope: Scope) -> Iterator[Problem]:
    """The channel of every message that names none."""
    channels = scope.project.channels
    known = channels.known
    if channels.default not in known:
        message = f"unknown channel '{channels.default}'{nearest(channels.default, known)}"
        message += f"; set up here: {', '.join(known)}"
        yield Problem(scope.loaded.file.positions.of(("channels", "default")), message, "unknown-channel")


def not_everybody(scope: Scope) -> Iterator[Problem]:
    """Production in which most customers get nothing."""
    if scope.project.only_to is not None and scope.project.environment == "production":
        message = "in production only those named here get anything, and every other message is skipped for good"
        yield Problem(scope.loaded.file.positions.of(("only_to",), key=True), message, "not-everybody", "warning")


def caps(scope: Scope) -> Iterator[Problem]:
    """Caps on topics that are not there or that nothing limits, and two of one name."""
    positions, topics = scope.loaded.file.positions, scope.project.topics
    names: dict[str, int] = {}
    for number, cap in enumerate(scope.project.caps):
        place = positions.of(("caps", number, "topic")) if cap.topic else positions.of(("caps", number))
        if cap.topic is not None and cap.topic not in topics:
            message = (
                f"unknown topic '{cap.topic}'{nearest(cap.topic, list(topics))}; defined here: {', '.join(topics)}"
            )
            yield Problem(place, message, "unknown-topic")
        elif cap.topic is not None and topics[cap.topic].class_ == "transactional":
            limited = [name for name, topic in topics.items() if topic.class_ != "transactional"]
            message = f"'{cap.topic}' is transactional: such messages are neither limited nor counted; "
            message += f"name a topic that is not ({', '.join(limited)})" if limited else "leave this cap out"
            yield Problem(place, message, "unlimited-topic")
        name = cap.lower().name
        if name in names:
            message = (
                f"two caps are called '{name}' (the other is on line {positions.of(('caps', names[name])).line}); "
            )
            yield Problem(
                positions.of(("caps", number)), message + "leave one out or give it a `name`", "duplicate-cap"
            )
        names.setdefault(name, number)


def own_sender(scope: Scope) -> Iterator[Problem]:
    """Who writes in the project's place: attributes that are there and not sensitive, and topics."""
    own, positions = scope.project.sender.own, scope.loaded.file.positions
    if own is None:
        return
    for number, topic in enumerate(own.topics or ()):
        if topic not in scope.project.topics:
            known = list(scope.project.topics)
            message = f"unknown topic '{topic}'{nearest(topic, known)}; project.yaml defines: {', '.join(known)}"
            yield Problem(positions.of(("sender", "own", "topics", number)), message, "unknown-topic")
    for word, path in (("email", own.email), ("name", own.name)):
        root, _, name = (path or "").partition(".")
        place = positions.of(("sender", "own", word))
        kind = scope.project.attributes.get(name)
        if kind is not None and kind.sensitive:
            yield Problem(place, f"'{path}' is sensitive and may not stand in a message", "sensitive-value")
            continue
        for needed in (name, f"{root}_id" if root in ("account", "contact") else ""):
            if needed and scope.attributes is not None and needed not in scope.attributes:
                hint = nearest(needed, sorted(scope.attributes))
                message = f"no column of {scope.project.customers.path} and no `set` step provides '{needed}'{hint}"
                always = {"email": scope.project.sender.email, "name": scope.project.sender.name}[word]
                yield Problem(place, f"{message}, so every letter is from {always}", "unknown-attribute", "warning")


def columns(scope: Scope) -> Iterator[Problem]:
    """Known names that are mapped to columns, and attributes that nothing provides."""
    positions = scope.loaded.file.positions
    for name in scope.project.events.columns:
        if name not in EVENT_COLUMNS:
            message = f"events have no '{name}'{nearest(name, list(EVENT_COLUMNS))}"
            message += f"; known: {', '.join(EVENT_COLUMNS)}"
            yield Problem(positions.of(("events", "columns", name), key=True), message, "unknown-column")
    for source, words in (("customers", scope.project.customers), ("events", scope.project.events)):
        found = header(scope.loaded.folder, words.model_copy(update={"columns": {}}))
        for name, column in words.columns.items():
            if found is not None and column not in found:
                hint = nearest(column, sorted(found))
                message = f"{words.path} has no column '{column}'{hint}; it has: {', '.join(sorted(found))}"
                yield Problem(positions.of((source, "columns", name)), message, "missing-column")
    provided = scope.columns
    if scope.project.front_door.write_keys:
        return  # traits may provide them
    for name in scope.project.attributes:
        if provided is not None and name not in provided | scope.set_by_steps:
            hint = nearest(name, sorted(provided))
            message = f"no column of {scope.project.customers.path} and no `set` step provides '{name}'{hint}"
            yield Problem(positions.of(("attributes", name), key=True), message, "unknown-attribute", "warning")


def tables(scope: Scope) -> Iterator[Problem]:
    """The column of a table's key, and columns that are mapped."""
    positions = scope.loaded.file.positions
    for table, words in scope.project.tables.items():
        raw = header(scope.loaded.folder, words.source.model_copy(update={"columns": {}}))
        if raw is None:
            continue
        wanted: list[tuple[Path, str]] = [
            (("source", "columns", name), column) for name, column in words.source.columns.items()
        ]
        if words.key_ not in words.source.columns:
            wanted.append((("key",), words.key_))
        for path, column in wanted:
            if column not in raw:
                hint = nearest(column, sorted(raw))
                message = f"{words.source.path} has no column '{column}'{hint}; it has: {', '.join(sorted(raw))}"
                yield Problem(positions.of(("tables", table, *path)), message, "missing-column")
