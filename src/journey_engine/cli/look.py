"""Commands that look: how many match a condition, why a customer is where they are, what lies in the mailroom."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from journey_engine.cli import DONE, output
from journey_engine.cli.output import now, paint, project_folder, say
from journey_engine.errors import visible
from journey_engine.times import iso

if TYPE_CHECKING:
    from journey_engine.explain import Explanation, History, Posted
    from journey_engine.load import LoadedProject


def audience(options: argparse.Namespace) -> int:
    """Count the customers who match a condition."""
    from journey_engine.audience import asks_mailroom, count, read_condition
    from journey_engine.load import load_project
    from journey_engine.rules import newest

    loaded = load_project(project_folder(options.project))
    as_of = options.as_of or newest(loaded.project.cadence, now())
    condition = read_condition(options.condition, loaded)
    if loaded.project.front_door.write_keys or asks_mailroom(condition):
        from journey_engine.night import open_mailroom

        with open_mailroom(loaded) as room:
            answer = count(loaded, condition, as_of, feedback=room.feedback(), people=room.people())
    else:
        answer = count(loaded, condition, as_of)
    if options.json:
        output.print_json(
            {
                "as_of": iso(as_of),
                "customers": answer.customers,
                "sample": list(answer.sample),
                "notes": list(answer.notes),
            }
        )
        return DONE
    say(f"{answer.customers:,} of {answer.known:,} customers match as of {iso(as_of)}")
    if answer.sample:
        more = ", ..." if answer.customers > len(answer.sample) else ""
        say(f"such as {', '.join(map(visible, answer.sample))}{more}")
    for note in answer.notes:
        say(f"note: {note}")
    return DONE


def explain(options: argparse.Namespace) -> int:
    """Tell why a customer is where they are."""
    from journey_engine import explain as explaining
    from journey_engine.cli.explained import as_text
    from journey_engine.engines import open_reader
    from journey_engine.load import load_project

    loaded = load_project(project_folder(options.project))
    reader = open_reader(loaded.project.engine, loaded.folder)
    try:
        history = explaining.read(reader, options.customer)
    finally:
        reader.close()
    told = explaining.explain(loaded, history, _posted(loaded, history), options.journey)
    if options.json:
        output.print_json(_plain(told))
    else:
        say(as_text(told))
    return DONE


def _posted(loaded: LoadedProject, history: History) -> dict[str, Posted]:
    """What the mailroom says of the customer's messages."""
    from journey_engine.explain import Posted

    ids = [one.decision_id for made in history.decisions.values() for one in made if one.kind in ("message", "webhook")]
    if not ids:
        return {}
    from journey_engine.night import open_mailroom

    with open_mailroom(loaded) as room:
        found = room.listing(ids=ids, limit=len(ids))
    return {one.message_id: Posted(one.state.value, one.reason, one.changed_at) for one in found}


def _plain(told: Explanation) -> dict[str, Any]:
    found: dict[str, Any] = output.plain(dataclasses.asdict(told))
    return found


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with its head in bold where there is colour."""
    from journey_engine.report import table as plain_table

    head, *body = plain_table(columns, rows).splitlines()
    return "\n".join([paint(head, output.BOLD), *body])
