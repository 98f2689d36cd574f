"""What holds for a journey, in words: what it says, and every default where it says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from journey_engine.checks import defaults
from journey_engine.graph import Emit, Graph, Message
from journey_engine.journey import Journey
from journey_engine.load import LoadedJourney
from journey_engine.project import Project

IN_WORDS = ("reentry", "on_change", "backfill", "on_cap")
ON_CHANGE = {
    "pin": "passes finish the version they entered; who enters from now on enters the new one",
    "follow": "passes go on at the same step of the new version; where it is gone they leave, or go where `moved` says",
}
BACKFILL = {
    "none": "who matches already does not enter; the first run looks back one interval of the cadence",
    "current": "the first run takes in whoever matches now",
}
REENTRY = {
    "never": "a customer enters once",
    "after_exit": "a customer enters again once the last pass is over",
    "each_occurrence": "every occurrence of the trigger enters, also while a pass is open",
}


def of_journey(found: LoadedJourney, *, new: bool) -> tuple[str, ...]:
    """Lines such as `on_change: pin (default): passes finish ...`; the defaults of single steps come last."""
    if found.journey is None or found.graph is None:
        return ()
    lines = [*_of_passes(found.journey, found.graph, new=new), *_of_letters(found.journey, found.graph)]
    rest = [line for line in defaults(found) if not line.startswith(tuple(f"{name}:" for name in IN_WORDS))]
    return (*lines, *(f"{line} (default)" for line in rest if not line.startswith("status:")))


def _of_passes(journey: Journey, graph: Graph, *, new: bool) -> Iterator[str]:
    mode, length = graph.reentry.mode, graph.reentry.after
    again = f"a customer enters again {length} after the last entry" if mode == "after" else REENTRY[mode]
    yield f"reentry: {mode}{_default(journey, 'reentry')}: {again}"
    yield f"on_change: {graph.on_change}{_default(journey, 'on_change')}: {ON_CHANGE[graph.on_change]}"
    if new:
        yield f"backfill: {graph.backfill}{_default(journey, 'backfill')}: {BACKFILL[graph.backfill]}"


def _of_letters(journey: Journey, graph: Graph) -> Iterator[str]:
    letters = [node.effect for node in graph.nodes if isinstance(node, Emit) and isinstance(node.effect, Message)]
    for late in sorted({str(letter.max_lateness) for letter in letters}):
        yield f"max_lateness: a letter more than {late} late is skipped"
    held = sorted({letter.on_cap for letter in letters if letter.topic_class != "transactional"})
    told = {"skip": "is skipped", "delay": "is put off", "exit": "ends the pass"}
    for word in held:
        yield f"on_cap: {word}{_default(journey, 'on_cap')}: a letter that meets a cap {told[word]}"


def _default(journey: Journey, name: str) -> str:
    return "" if name in journey.model_fields_set else " (default)"


def of_project(project: Project) -> tuple[str, ...]:
    """What project.yaml says for all journeys."""
    hours, caps = project.send_hours, len(project.caps)
    limits = f"{caps} cap{'s' * (caps != 1)}" if caps else "none: nothing limits what a customer gets over all journeys"
    settings = {
        "send_hours": f"marketing letters leave from {hours.from_} until {hours.until} of the customer's day",
        "accept_late": f"{project.accept_late}: so long after its run an occurrence may still come in and start a pass",
        "caps": limits,
        "holdout": str(project.holdout) if project.holdout is not None else "nobody is held out of all journeys",
    }
    return tuple(
        f"{name}{'' if name in project.model_fields_set else ' (default)'}: {text}" for name, text in settings.items()
    )
