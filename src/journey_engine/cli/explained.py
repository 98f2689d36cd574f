"""An explanation as text for a terminal, the same when piped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from journey_engine.cli.output import BOLD, DIM, GREEN, RED, paint
from journey_engine.errors import visible
from journey_engine.times import iso

if TYPE_CHECKING:
    from journey_engine.explain import Absence, Explanation, Line, Move, Story, Verdict


def as_text(told: Explanation) -> str:
    """Everything about one customer."""
    return "\n".join(_lines(told))


def _lines(told: Explanation) -> Iterator[str]:
    standing = "; ".join(f"{of} {name}" for of, name in told.memberships)
    known = "" if told.known else " (not in the data of the last run)"
    yield f"{paint(f'customer {visible(told.customer_id)}', BOLD)}{known} as of {iso(told.as_of)}"
    if standing:
        yield f"  {standing}"
    for story in told.stories:
        yield ""
        yield from _story(story)
    if told.absences:
        yield ""
    for absence in told.absences:
        yield from _absence(absence, further=any(story.journey == absence.journey for story in told.stories))


def _story(story: Story) -> Iterator[str]:
    state = story.state + (f" ({story.reason})" if story.reason and story.reason != story.state else "")
    closed = f" at {iso(story.closed_at)}" if story.closed_at else ""
    yield f"{paint(story.journey, BOLD)}: entered at {iso(story.entered_at)}, {state}{closed}"
    if story.goal_at:
        yield f"  goal reached at {iso(story.goal_at)}"
    if story.held_out:
        yield "  held out for comparison: whatever is not transactional is withheld"
    if not story.current:
        yield f"  in version {story.version}, which is not the one in the file now"
    for move in story.moves:
        yield from _move(move)
    if story.waits:
        yield f"  {'now':<20}  {story.waits}"
        yield from _line(story.waits_at)


def _move(move: Move) -> Iterator[str]:
    yield f"  {iso(move.at):<20}  {move.words}"
    if move.seen:
        yield f"  {'':<20}    saw: {move.seen}"
    yield from _verdict(move.verdict)
    yield from _line(move.line)


def _absence(absence: Absence, *, further: bool) -> Iterator[str]:
    name = paint(absence.journey, BOLD)
    yield f"{name}, no further pass: {absence.why}" if further else f"{name}, not entered: {absence.why}"
    yield from _verdict(absence.verdict)
    yield from _line(absence.line)


def _verdict(found: Verdict | None) -> Iterator[str]:
    for line in found.lines() if found else ():
        mark = {"yes": GREEN, "no ": RED}.get(line.lstrip()[:3], "")
        yield f"  {'':<20}    " + (paint(line, mark) if mark else line)


def _line(line: Line | None) -> Iterator[str]:
    if line is not None:
        text = f"  {line.text}" if line.text else ""
        yield paint(f"  {'':<20}    {line.file}:{line.number}:{text}", DIM)
