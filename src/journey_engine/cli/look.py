"""Commands that look: how many match a condition, why a customer is where they are, what lies in the mailroom."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from journey_engine.cli import DONE, output
from journey_engine.cli.output import now, paint, project_folder, say
from journey_engine.errors import JourneyError, nearest, visible
from journey_engine.times import iso

if TYPE_CHECKING:
    from journey_engine.explain import Explanation, History, Posted
    from journey_engine.load import LoadedProject
    from journey_engine.mailroom import Mailroom, State


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
        output.print_json({"as_of": iso(as_of), "customers": answer.customers, "sample": list(answer.sample)})
        return DONE
    say(f"{answer.customers:,} of {answer.known:,} customers match as of {iso(as_of)}")
    if answer.sample:
        more = ", ..." if answer.customers > len(answer.sample) else ""
        say(f"such as {', '.join(map(visible, answer.sample))}{more}")
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


def mailroom(options: argparse.Namespace) -> int:
    """List the mailroom, or end what is stuck in it."""
    from journey_engine.load import load_project
    from journey_engine.night import open_mailroom

    loaded = load_project(project_folder(options.project))
    if options.action == "recover":
        return _recover(loaded, options)
    with open_mailroom(loaded) as room:
        if options.action == "list":
            return _list(room, options)
        return _end(room, options)


def _state(options: argparse.Namespace) -> State | None:
    from journey_engine.mailroom import State

    if options.state is None:
        return None
    states = [state.value for state in State]
    if options.state not in states:
        raise JourneyError(
            f"there is no state '{options.state}'{nearest(options.state, states)}",
            remedy=f"one of: {', '.join(states)}",
        )
    return State(options.state)


def _list(room: Mailroom, options: argparse.Namespace) -> int:
    state = _state(options)
    groups = room.groups(state, options.reason)
    single = room.listing(state, options.reason, limit=options.limit) if state or options.reason else []
    tasks, rewards, stopped, paused = room.task_counts(), room.reward_counts(), room.stopped(), room.paused()
    if options.json:
        output.print_json(
            {
                "messages": room.counts(),
                "webhooks": room.webhook_counts(),
                "groups": [output.plain(dataclasses.asdict(one)) for one in groups],
                "stopped": [output.plain(dataclasses.asdict(one)) for one in stopped],
                "paused": [output.plain(dataclasses.asdict(one)) for one in paused],
                "list": [output.plain(dataclasses.asdict(one)) for one in single],
                "tasks": [
                    {"team": team, "state": kind, "count": count} for (team, kind), count in sorted(tasks.items())
                ],
                "rewards": [
                    {"program": program, "state": kind, "reason": reason or None, "count": count}
                    for (program, kind, reason), count in sorted(rewards.items())
                ],
            }
        )
        return DONE
    for hold in stopped:
        say(paint(f"{visible(hold.detail)}; ended by: {hold.resumed_by}", output.BOLD))
    for pause in paused:
        say(paint(f"{pause} {visible(pause.told)}; at once by: {pause.ended_by}", output.BOLD))
    _show_groups(groups)
    if single:
        columns = ("message", "customer", "journey", "step", "state", "since", "detail")
        rows = [
            (
                one.message_id,
                one.customer_id,
                one.journey,
                one.step,
                one.state.value,
                iso(one.changed_at),
                one.detail or "",
            )
            for one in single
        ]
        say("\n" + table(columns, rows))
    if tasks:
        todo = [(team, kind, f"{count:,}") for (team, kind), count in sorted(tasks.items())]
        say("\n" + table(("tasks of", "state", "count"), todo))
    if rewards:
        given = [(*names, f"{count:,}") for names, count in sorted(rewards.items())]
        say("\n" + table(("rewards of", "state", "reason", "count"), given))
    return DONE


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with its head in bold where there is colour."""
    from journey_engine.report import table as plain_table

    head, *body = plain_table(columns, rows).splitlines()
    return "\n".join([paint(head, output.BOLD), *body])


def _show_groups(groups: Sequence[Any]) -> None:
    if not groups:
        say("no messages")
        return
    rows = [
        (one.state.value, one.reason or "", one.template, f"{one.count:,}", iso(one.oldest), one.ended_by or "")
        for one in groups
    ]
    say(table(("state", "reason", "template", "count", "oldest", "ended by"), rows))
    for one in groups:
        if one.detail and one.ended_by and one.reason != "send_hours":
            say(f"  {one.template}, {one.reason}: {visible(one.detail)}")


def _end(room: Mailroom, options: argparse.Namespace) -> int:
    """Retry, cancel or accept what the options choose; never everything by an oversight."""
    from journey_engine.mailroom import State

    state = _state(options)
    chosen: dict[str, Any] = {"reason": options.reason, "template": options.template, "ids": options.id or None}
    if state is None and options.action == "accept":
        state = State.UNSURE
    if state is None:
        raise JourneyError(
            f"`mailroom {options.action}` needs to know which messages",
            remedy="name them: --state refused, and --reason, --template or --id to narrow it",
        )
    at = options.as_of or now()
    match options.action:
        case "retry":
            count, done = room.retry(state, at, **chosen), "due again"
        case "cancel":
            count, done = room.cancel(state, at, **chosen), "cancelled"
        case _:
            count, done = room.accept(at, **chosen), "taken as sent"
    if options.json:
        output.print_json({"action": options.action, "messages": count})
    else:
        say(f"{count:,} messages are {done}")
    return DONE


def _recover(loaded: LoadedProject, options: argparse.Namespace) -> int:
    from journey_engine.night import recover

    runs = recover(loaded, clock=now)
    if options.json:
        output.print_json({"runs": runs})
    elif runs:
        say(f"{len(runs)} missing runs were taken in; what they decided, and what was due in the copy, is unsure:")
    else:
        say("no run is missing; what was due in the copy is unsure:")
    if not options.json:
        say("`journey dispatch` asks the channels that keep records, `journey mailroom --state unsure` lists the rest")
    return DONE
