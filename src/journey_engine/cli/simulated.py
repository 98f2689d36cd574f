"""The command `simulate`: night by night what would happen, and the totals; or one customer's story."""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journey_engine.cli import DONE, output
from journey_engine.cli.output import BOLD, RED, now, paint, project_folder, say
from journey_engine.errors import visible
from journey_engine.times import iso

if TYPE_CHECKING:
    from journey_engine.night import JourneyCounts
    from journey_engine.simulate import NightTold, Simulation, Told

HARMLESS = "a simulation: nothing was sent and nothing was changed"


def simulate(options: argparse.Namespace) -> int:
    """Tell what would happen."""
    from journey_engine.checks import open_project
    from journey_engine.simulate import simulate as simulated

    loaded = open_project(project_folder(options.project))
    done = simulated(
        loaded, options.nights, options.as_of or now(), since=options.since, customer_id=options.customer,
        journey=options.journey, supposed=Path(options.events) if options.events else None,
    )  # fmt: skip
    if options.json:
        output.print_json(_plain(done, options.journey))
    else:
        say("\n".join(_lines(done, options.journey)))
    return DONE


def _lines(done: Simulation, journey: str | None) -> Iterator[str]:
    first, last = done.nights[0].as_of, done.nights[-1].as_of
    what = "replay from nothing" if done.replay else "simulation"
    span = f"{len(done.nights)} night{'s' * (len(done.nights) != 1)}, {iso(first)} to {iso(last)}"
    yield f"{paint(f'{what} of {span}', BOLD)}: {done.customers:,} customers, as they are today"
    yield from (f"  {note}" for note in done.notes)
    yield ""
    if done.told is not None:
        yield from _story(done.told)
    else:
        yield from _nights(done.nights, journey)
    yield HARMLESS


def _nights(nights: Sequence[NightTold], journey: str | None) -> Iterator[str]:
    from journey_engine.cli.look import table

    rows = []
    for night in nights:
        own = _own(night, journey)
        letters = [f"{count:,} {name}" for name, count in sorted(_letters(night, journey).items())]
        if any(own.values()) or letters:
            rows.append((iso(night.as_of)[:16], *(f"{own[name]:,}" for name in COUNTED), ", ".join(letters)))
    yield table(("night", *COUNTED, "letters decided"), rows) if rows else "in none of these nights anything happens"
    yield ""
    yield from _totals(nights, journey)


COUNTED = ("entered", "converted", "exited")


def _own(night: NightTold, journey: str | None) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, counts in night.journeys.items():
        if journey in (None, name):
            found.update({word: getattr(counts, word) for word in COUNTED})
    return found


def _letters(night: NightTold, journey: str | None) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (name, template), count in night.letters.items():
        if journey in (None, name):
            found[template] += count
    return found


def _totals(nights: Sequence[NightTold], journey: str | None) -> Iterator[str]:
    from journey_engine.cli.look import table

    passes, letters = _summed(nights), Counter[tuple[str, str]]()
    for night in nights:
        letters.update(night.letters)
    rows = []
    for name in sorted({*passes, *(one for one, _ in letters)}):
        if journey in (None, name):
            counts = passes[name]
            mine = [f"{count:,} {template}" for (one, template), count in sorted(letters.items()) if one == name]
            rows.append((name, *(f"{counts[word]:,}" for word in COUNTED), ", ".join(mine)))
    if rows:
        yield table(("in all", *COUNTED, "letters"), rows)
    others, held = Counter[str](), Counter[str]()
    for night in nights:
        others.update(night.others)
        held.update(night.held_back)
    if others and journey is None:
        yield "besides: " + ", ".join(f"{count:,} {kind}s" for kind, count in sorted(others.items()))
    if held and journey is None:
        yield "held back, over all nights: " + ", ".join(f"{count:,} {why}" for why, count in sorted(held.items()))


def _summed(nights: Sequence[NightTold]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for night in nights:
        for name, counts in night.journeys.items():
            found.setdefault(name, Counter()).update(dataclasses.asdict(counts))
    return found


def _story(told: Told) -> Iterator[str]:
    from journey_engine.cli.explained import as_text

    yield as_text(told.explanation)
    yield ""
    yield paint("letters, by when they are due:" if told.letters else "no letters in these nights", BOLD)
    for due, state, letter in told.letters:
        subject = letter.rendered.subject if letter.rendered else paint(f"(no words: {letter.problem})", RED)
        yield f"  {iso(due):<20}  {letter.place} {letter.step}, {state}: {visible(subject)}"


def _plain(done: Simulation, journey: str | None) -> dict[str, Any]:
    nights = [
        {"as_of": iso(night.as_of),
         "journeys": {name: _counts(counts) for name, counts in night.journeys.items() if journey in (None, name)},
         "letters": [{"journey": name, "template": template, "count": count}
                     for (name, template), count in sorted(night.letters.items()) if journey in (None, name)],
         "others": dict(night.others), "held_back": dict(night.held_back)}
        for night in done.nights
    ]  # fmt: skip
    found = {"replay": done.replay, "customers": done.customers, "notes": list(done.notes), "nights": nights}
    if done.told is not None:
        found["customer"] = {
            "explanation": dataclasses.asdict(done.told.explanation),
            "letters": [
                {"due_at": iso(due), "state": state, "journey": letter.place, "step": letter.step,
                 "template": letter.template, "channel": letter.channel,
                 "subject": letter.rendered.subject if letter.rendered else None,
                 "text": letter.rendered.text if letter.rendered else None, "problem": letter.problem}
                for due, state, letter in done.told.letters
            ],
        }  # fmt: skip
    return found


def _counts(counts: JourneyCounts) -> dict[str, int]:
    return dataclasses.asdict(counts)
