"""By which of several ways a message reaches its reader: the reading in SQL, for all messages of a night at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from journey_engine import expressions as x
from journey_engine.expressions import Sql
from journey_engine.facts import Facts, attribute_view
from journey_engine.graph import PREFERENCES, Emit, Message, address_of
from journey_engine.message import EMAIL, SMS, medium
from journey_engine.rules import Rules
from journey_engine.sweep.evening import Evening

NAMED = frozenset({"consent_id", "addressee"})
"""The properties of events that are looked at here, beside those that every night needs."""


@dataclass(frozen=True, slots=True, order=True)
class Consent:
    """What is asked of a reader: may a message of a topic reach them by a way?"""

    topic: str
    topic_class: str
    way: str


def consents(rules: Rules) -> list[Consent]:
    """Everything that is asked of readers tonight; nothing where each message has but one channel."""
    return sorted({
        Consent(effect.topic, effect.topic_class, medium(way.channel))
        for _, effect in _messages(rules) for way in effect.ways
    })  # fmt: skip


def take_ways(evening: Evening, contact_id: Sql) -> None:
    """Choose the channel of each message that may take several."""
    evening.run("ways", "ways_table", "ways_none")
    asked = {consent: number for number, consent in enumerate(consents(evening.rules))}
    if not asked:
        return
    rows = [
        (
            *key, place, way.channel, medium(way.channel), way.wanted, effect.prefers, effect.topic_class == "staff",
            (effect.template, medium(way.channel)) not in evening.rules.wordless,
            asked[Consent(effect.topic, effect.topic_class, medium(way.channel))],
        )
        for key, effect in _messages(evening.rules)
        for place, way in enumerate(effect.ways)
    ]  # fmt: skip
    evening.engine.load("graph_ways", list(evening.engine.columns("graph_ways")), rows)
    may = [(x.integer(number), welcome(evening.facts, one)) for one, number in asked.items()]
    evening.run(
        "ways", "ways_taken", contact_id=contact_id, came_back=_came_back(evening), preferred=_preferred(evening),
        address=_address(evening),
        welcome=x.switch(x.col("r", "consent"), may, x.FALSE),
    )  # fmt: skip


def _messages(rules: Rules) -> Iterator[tuple[tuple[str, str, int], Message]]:
    for graph in rules.graphs:
        for number, node in enumerate(graph.nodes):
            if isinstance(node, Emit) and isinstance(node.effect, Message) and node.effect.ways:
                yield (graph.journey, graph.version, number), node.effect


def welcome(facts: Facts, asked: Consent) -> Sql:
    """Whether nothing known of a reader stops such a message, as the mailroom stops it (rule 19)."""
    marketing = asked.topic_class == "marketing"
    final = [x.both([_named("unsubscribed"), _says(facts, "topic", asked.topic), _says(facts, "channel", asked.way)])]
    if asked.topic_class != "staff":
        final += [
            x.both([_named("message_complained"), _theirs(facts)]),
            x.both([_bounced(facts, asked.way), _theirs(facts)]),
        ]
    whose = [_says(facts, "topic", asked.topic), *([_unsaid(facts, "topic")] if marketing else [])]
    count = exp.Coalesce(this=facts.fact("n", x.either(final)), expressions=[x.integer(0)])
    held = [
        x.compare("=", count, x.integer(0)),
        _lifted(
            facts,
            [_named("unsubscribed"), _unsaid(facts, "channel"), x.either(whose)],
            [*_own_yes(facts), _unsaid(facts, "channel"), _says(facts, "topic", asked.topic)],
        ),
    ]
    if marketing:
        no, yes = (
            [*said, _unsaid(facts, "topic"), _says(facts, "channel", asked.way)]
            for said in ([_named("unsubscribed")], _own_yes(facts))
        )
        held.append(_lifted(facts, no, yes))
    return x.both(held)


def _lifted(facts: Facts, no: list[Sql], yes: list[Sql]) -> Sql:
    """Whether the last word is not a no; of both at one instant the no counts."""
    last_no, last_yes = (facts.fact("last_at", x.both(said)) for said in (no, yes))
    return x.either([x.is_null(last_no), x.sure(x.compare(">", last_yes, last_no.copy()))])


def _own_yes(facts: Facts) -> list[Sql]:
    """The customer's own word; a yes of other data lifts nothing."""
    return [_named("subscribed"), x.negate(_silent(facts, "consent_id"))]


def _named(event: str) -> Sql:
    return x.compare("=", x.col("e", "name"), x.text(event))


def _says(facts: Facts, name: str, word: str) -> Sql:
    return x.sure(x.compare("=", facts.property("e", name).txt, x.text(word)))


def _silent(facts: Facts, name: str) -> Sql:
    return x.is_null(facts.property("e", name).txt)


def _theirs(facts: Facts) -> Sql:
    """Whether a message went to the customer themself, and not to their contact."""
    to = facts.property("e", "addressee").txt
    return x.either([_silent(facts, "addressee"), x.sure(x.compare("=", to, x.col("e", "customer_id")))])


def _came_back(evening: Evening) -> Sql:
    """Whether an event of whose pass it is `e` ends the way of a contact `r`, to whom the message went."""
    facts = evening.facts
    if not any(graph.to == "contact" for graph in evening.rules.graphs):
        return x.FALSE
    short = [x.compare("=", x.col("r", "way"), x.text(SMS)), _bounced(facts, SMS)]
    letter = [x.compare("=", x.col("r", "way"), x.text(EMAIL)), _bounced(facts, EMAIL)]
    return x.both([
        x.sure(x.compare("=", facts.property("e", "addressee").txt, x.col("r", "reader_id"))),
        x.either([_named("message_complained"), x.both(short), x.both(letter)]),
    ])  # fmt: skip


def _unsaid(facts: Facts, name: str) -> Sql:
    """Whether a property is no text, or an empty one."""
    return x.either([_silent(facts, name), _says(facts, name, "")])


def _bounced(facts: Facts, way: str) -> Sql:
    """A dead address of this way: whatever is no short message was a letter."""
    short = x.sure(x.compare("=", facts.property("e", "channel").txt, x.text(SMS)))
    by_way = short if way == SMS else x.negate(short)
    return x.both([_named("message_bounced"), x.sure(facts.property("e", "permanent").flag), by_way])


def _preferred(evening: Evening) -> Sql:
    """The way that the reader's attribute names, in one of the spellings that are understood."""
    names = sorted({effect.prefers for _, effect in _messages(evening.rules) if effect.prefers is not None})
    none = x.cast(exp.null(), "VARCHAR")
    meant = [(x.text(said), x.text(way)) for said, way in PREFERENCES.items()]
    said = [(x.text(name), x.switch(text_column(evening, name), meant, none.copy())) for name in names]
    return x.switch(x.col("r", "prefers"), said, none)


def _address(evening: Evening) -> Sql:
    """Whether what the reader has can be an address at all: an @, or five digits."""
    email, phone = (text_column(evening, address_of(way)) for way in (EMAIL, SMS))
    mail = x.compare(">", exp.StrPosition(this=email, substr=x.text("@")), x.integer(0))
    digits = exp.RegexpLike(this=phone, expression=x.text("([0-9][^0-9]*){5}"))
    return x.switch(x.col("r", "way"), [(x.text(SMS), x.sure(digits))], x.sure(mail))


def text_column(evening: Evening, name: str) -> Sql:
    """An attribute of the customer `c` as text; missing where the data have no such column."""
    kind = evening.columns.get(name)
    return attribute_view(x.col("c", name), kind).txt if kind else x.cast(exp.null(), "VARCHAR")
