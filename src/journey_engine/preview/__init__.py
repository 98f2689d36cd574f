"""A real letter for a real customer before anything goes out: worded as the night would, sent nowhere.

Reads the sources as `audience` does; the values are those that `walk` gives a message, the words those of the
renderer. Keeps nothing, and its links are signed by a key that no project has: nobody can unsubscribe with them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from journey_engine.audience import Gathered, gathered
from journey_engine.checks import check_journey
from journey_engine.collect import Person
from journey_engine.errors import JourneyError, ProblemsFound, nearest
from journey_engine.graph import Emit, Graph, Message
from journey_engine.load import LoadedProject
from journey_engine.preview.choosing import asked_of, candidates
from journey_engine.preview.missing import why
from journey_engine.preview.passing import Passing, begin, letters_of
from journey_engine.preview.standing import Standing, stand
from journey_engine.preview.wording import Letter, Wording, write
from journey_engine.records import Decision, Event
from journey_engine.rules import Rules, looked_up
from journey_engine.sweep import event_names, unseen
from journey_engine.times import iso
from journey_engine.walk.effects import ways_of
from journey_engine.walk.ways import in_words

__all__ = ["Letter", "Preview", "preview", "subject_of", "write"]


@dataclass(frozen=True, slots=True)
class Preview:
    """The letters of a journey, of one of its steps or of a template, for one customer."""

    journey: str
    customer_id: str
    as_of: dt.datetime
    letters: tuple[Letter, ...]
    notes: tuple[str, ...] = ()

    @property
    def worded(self) -> bool:
        """Whether every letter could be worded."""
        return all(letter.rendered is not None for letter in self.letters)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be seen: a journey, or those of its letters that are of one step or of one template."""

    graph: Graph
    step: str | None = None
    template: str | None = None

    @property
    def chooses(self) -> bool:
        """Whether a channel is chosen by what customers said and what bounced, which the mailroom tells too."""
        return any(isinstance(node.effect, Message) and bool(node.effect.ways) for node in _letters(self.graph))

    def wants(self, node: Emit) -> bool:
        """Whether a letter is meant."""
        assert isinstance(node.effect, Message)
        return self.step in (None, node.step) and self.template in (None, node.effect.template)


def subject_of(named: str, loaded: LoadedProject) -> Subject:
    """What `JOURNEY`, `JOURNEY/STEP` or `TEMPLATE` means; raises JourneyError or ProblemsFound for what cannot be."""
    name, _, step = named.partition("/")
    found = loaded.journeys.get(name)
    if found is not None:
        if found.graph is None:
            raise ProblemsFound(list(found.errors))
        steps = list(dict.fromkeys(node.step for node in _letters(found.graph)))
        if step and step not in steps:
            raise JourneyError(
                f"the journey '{name}' has no step '{step}' that sends a letter{nearest(step, steps)}",
                remedy=f"name one of: {', '.join(steps)}" if steps else "name a journey that sends letters",
                code="unknown-step",
            )
        return Subject(found.graph, step or None)
    senders = [one.graph for _, one in sorted(loaded.journeys.items()) if one.graph is not None]
    for graph in senders:
        if any(isinstance(node.effect, Message) and node.effect.template == named for node in _letters(graph)):
            return Subject(graph, template=named)
    templates = loaded.renderer.library.names if loaded.renderer is not None else ()
    if named in templates:
        raise JourneyError(
            f"no journey sends the template '{named}', so nothing gives it values",
            remedy=f"write a journey with `send: {named}`; a draft is enough (`status: draft`)",
            code="unsent-template",
        )
    known, listed = sorted({*loaded.journeys, *templates}), ", ".join(sorted(loaded.journeys))
    raise JourneyError(
        f"there is no journey and no template '{named}'{nearest(named, known)}",
        remedy=f"name a journey ({listed or 'there is none yet'}), JOURNEY/STEP or a template",
        code="unknown-journey",
    )


def _letters(graph: Graph) -> list[Emit]:
    return [node for node in graph.nodes if isinstance(node, Emit) and isinstance(node.effect, Message)]


def preview(
    loaded: LoadedProject, subject: Subject, as_of: dt.datetime, customer_id: str | None = None,
    *, feedback: Iterable[Event] = (), people: Iterable[Person] = (),
) -> Preview:  # fmt: skip
    """Word the letters for one customer; without an id for the first whom the journey is for.

    Raises ProblemsFound where a letter would tell something sensitive: it is shown to nobody here either.
    """
    if loaded.rules is None:
        raise ProblemsFound(loaded.problems)
    checked = check_journey(loaded.journeys[subject.graph.journey], loaded)
    if secret := [one for one in checked.problems if one.code == "sensitive-value"]:
        raise ProblemsFound(secret)
    graph = subject.graph.model_copy(update={"holdout": None})
    rules = replace(loaded.rules, journeys=(graph,), pinned=(), holdout=None)
    wanted = asked_of(graph)
    asked = [wanted, graph.audience, *(one.predicate for one in rules.definitions)]
    with gathered(
        loaded, as_of, asked, feedback=feedback, people=people, tables=looked_up(rules), accept_stale=True
    ) as data:
        who = [customer_id] if customer_id is not None else candidates(data, graph, wanted)
        standing, passing = _fitting(who, loaded, rules, graph, data)
        return _worded(loaded, subject, graph, data, standing, passing)


def _fitting(
    who: list[str], loaded: LoadedProject, rules: Rules, graph: Graph, data: Gathered
) -> tuple[Standing, Passing]:
    """The first whom the trigger and the audience take; of nobody such, the first."""
    first: tuple[Standing, Passing] | None = None
    for customer_id in who:
        standing = stand(data, loaded.project, rules, customer_id)
        passing = begin(graph, standing)
        first = first or (standing, passing)
        if passing.occurrence is not None and passing.audience.holds:
            return standing, passing
    assert first is not None
    return first


def _worded(
    loaded: LoadedProject, subject: Subject, graph: Graph, data: Gathered, standing: Standing, passing: Passing
) -> Preview:
    project = loaded.project
    wording = Wording(loaded, data.as_of, lambda path: why(path, graph, passing, standing, data, project))
    letters = tuple(
        replace(wording.word(decision, f"{graph.file}:{node.line}"), by=_by(node, graph, decision, standing))
        for node, decision in letters_of(graph, passing, standing.found.tonight)
        if subject.wants(node)
    )
    never = unseen(data.engine, {name: [f"journey {graph.journey}"] for name in event_names(graph)})
    return Preview(graph.journey, passing.one.customer_id, data.as_of, letters, (*_notes(graph, passing), *never))


def _by(node: Emit, graph: Graph, decision: Decision, standing: Standing) -> str | None:
    """The channel of a letter that may take several, and why not another; None for one that has one channel."""
    effect, tonight = node.effect, standing.found.tonight
    if not isinstance(effect, Message) or not effect.ways:
        return None
    return in_words(effect, ways_of(tonight, effect, graph.to == "contact"), decision.payload["channel"])


def _notes(graph: Graph, passing: Passing) -> list[str]:
    """What starts the pass, and why the night would not begin it."""
    started, event = passing.occurrence, passing.event
    found = []
    if started is None:
        found.append("nothing in the data starts this journey for this customer: `trigger.*` is missing")
    elif event is not None:
        found.append(f"started by {event.name} {event.event_id} of {iso(event.occurred_at)}")
    else:
        found.append(f"starts at {iso(started.instant)}")
    if not passing.audience.holds:
        said = " ".join(" ".join(passing.audience.lines()).split())
        found.append(f"the audience says no to this customer: {said}")
    return found
