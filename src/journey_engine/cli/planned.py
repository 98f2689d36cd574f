"""The command `plan`: what would change if the files ran as they are now, as text and as JSON."""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from journey_engine.cli import DONE, FOUND, output
from journey_engine.cli.output import BOLD, GREEN, RED, now, paint, project_folder, say
from journey_engine.errors import ProblemsFound, visible
from journey_engine.times import iso

if TYPE_CHECKING:
    from journey_engine.plan import Fate, JourneyPlan, Letters, Newcomer, Plan

WORDS = {
    "new": "new",
    "resumed": "did not run last time, and will",
    "structure": "changed, it does something else",
    "settings": "changed settings",
    "wording": "changed in its wording only",
    "paused": "is paused",
    "draft": "is a draft",
    "removed": "is no longer in the project",
}


def plan(options: argparse.Namespace) -> int:
    """Tell what would change."""
    from journey_engine.checks import open_project
    from journey_engine.plan import make_plan

    loaded = open_project(project_folder(options.project))
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    if errors:
        raise ProblemsFound(errors)
    made = make_plan(loaded, options.as_of, now)
    if options.json:
        output.print_json(dataclasses.asdict(made))
    else:
        say("\n".join(_lines(made)))
    return FOUND if made.rehearsed.broken else DONE


def _lines(made: Plan) -> Iterator[str]:
    last = f"what ran at {iso(made.last)}" if made.last else "no run at all yet"
    yield f"{paint(f'plan for the run of {iso(made.as_of)}', BOLD)}, compared with {last}"
    alike = [one.journey for one in made.journeys if not one.changes]
    for one in made.journeys:
        if one.changes:
            yield ""
            yield from _journey(one)
    yield ""
    if alike:
        yield f"unchanged: {', '.join(alike)}"
    yield from made.notes
    yield "for all journeys:"
    yield from (f"  {line}" for line in made.settings)
    yield ""
    yield from _rehearsed(made)
    yield "a plan: nothing was changed and nothing was sent"


def _journey(one: JourneyPlan) -> Iterator[str]:
    where = f" ({one.file})" if one.file else ""
    settings = f": {', '.join(one.settings)}" if one.settings else ""
    told = "; ".join(WORDS[change] + (settings if change == "settings" else "") for change in one.changes)
    yield f"{paint(one.journey, BOLD)}{where}: {told}"
    if set(one.changes) & {"paused", "draft", "removed"}:
        yield f"  {_passes(one.open)} {_verb(one.open, 'stand')} still"
    yield from _fates(one.fates)
    for step in one.newcomers:
        yield _newcomer(step)
    yield from (f"  {line}" for line in one.means)


def _fates(fates: Sequence[Fate]) -> Iterator[str]:
    staying: Counter[str] = Counter()
    for fate in fates:
        if fate.fate == "stay":
            staying[fate.version] += fate.passes
    for version, count in sorted(staying.items()):
        yield f"  {_passes(count)} {_verb(count, 'stay')} in version {version} to the end"
    for fate in fates:
        count, many = fate.passes, _passes(fate.passes)
        match fate.fate:
            case "go on":
                yield f"  {many} at {fate.step} {_verb(count, 'go', 'goes')} on there in the new version"
            case "move":
                yield f"  {many} at {fate.step} {_verb(count, 'move')} to {fate.to}"
            case "leave":
                yield paint(f"  {many} at {fate.step} {_verb(count, 'leave')} as step_removed: the step is gone", RED)


def _newcomer(step: Newcomer) -> str:
    told = [f"{_passes(step.come)} will come to it"]
    if step.never:
        told.append(f"{_passes(step.never)} will never, being past it or in an older version")
    if step.finished:
        told.append(f"{step.finished:,} that finished before it was there will never")
    return f"  new step {step.step}: {'; '.join(told)}"


def _rehearsed(made: Plan) -> Iterator[str]:
    found = made.rehearsed
    yield paint("the next run, rehearsed with the journeys of the last run and with those of the files:", BOLD)
    for name in sorted({*found.before, *found.now}):
        before, now_ = (side[name].entered if name in side else 0 for side in (found.before, found.now))
        if before != now_:
            yield f"  {name}: {now_:,} {_verb(now_, 'enter')} instead of {before:,}"
    for name, why in sorted(found.broken.items()):
        yield paint(f"  {name} cannot be computed and would be set aside: {why}", RED)
    for letters in found.letters:
        yield from _letters(letters)
    same = f"{found.alike:,} letter{'s' * (found.alike != 1)}"
    yield f"  {same} {_verb(found.alike, 'go', 'goes')} to the same customers either way"


def _letters(one: Letters) -> Iterator[str]:
    name = f"{one.journey}, letter {one.template}"
    for count, what, some, style in (
        (one.more, "would now go", one.more_for, GREEN),
        (one.less, "would no longer go", one.less_for, RED),
    ):
        if count:
            more = ", ..." if count > len(some) else ""
            told = f"to {count:,} customer{'s' * (count != 1)}, such as {', '.join(map(visible, some))}{more}"
            yield paint(f"  {name} {what} {told} ({one.now:,} instead of {one.before:,})", style)


def _passes(count: int) -> str:
    return f"{count:,} pass{'es' * (count != 1)}"


def _verb(count: int, word: str, one: str | None = None) -> str:
    return (one or f"{word}s") if count == 1 else word
