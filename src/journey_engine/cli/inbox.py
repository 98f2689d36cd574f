"""The command of the staff inbox: what a team has to do, who takes it, and how it ended."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from journey_engine.cli import DONE, output
from journey_engine.cli.look import table
from journey_engine.cli.named import known_task_names
from journey_engine.cli.output import now, paint, project_folder, say
from journey_engine.errors import JourneyError, nearest, visible
from journey_engine.times import iso

if TYPE_CHECKING:
    from journey_engine.load import LoadedProject
    from journey_engine.mailroom import Mailroom, Todo

SHOWN = 12  # signs of an id in a table; fewer are enough to name a task


def tasks(options: argparse.Namespace) -> int:
    """List the tasks, or say what became of one."""
    from journey_engine.load import load_project
    from journey_engine.night import open_mailroom

    at = options.as_of or now()
    _complete(options)
    loaded = load_project(project_folder(options.project))
    with open_mailroom(loaded) as room:
        match options.action:
            case "take":
                told = _take(room, options, at)
            case "done":
                told = _done(room, options, at)
            case "cancel":
                room.cancel_task(options.id, at, options.reason)
                told = "cancelled; a journey that waits for it goes on as late when it is due"
            case _:
                return _list(loaded, room, options, at)
    if options.json:
        output.print_json({"task": options.id, "action": options.action, "told": told})
    else:
        say(f"{visible(options.id)}: {told}")
    return DONE


def _complete(options: argparse.Namespace) -> None:
    """What an action cannot do without."""
    needed = {"take": ("id", "owner"), "done": ("id",), "cancel": ("id", "reason")}.get(options.action, ())
    words = {"id": "ID", "owner": "--owner NAME", "reason": "--reason TEXT"}
    if any(not (getattr(options, name) or "").strip() for name in needed):
        wanted = " ".join(words[name] for name in needed)
        raise JourneyError(
            f"`tasks {options.action}` needs to know {' and '.join(needed)}",
            remedy=f"say: journey tasks {options.action} {wanted}; `journey tasks` lists them",
        )
    if options.action == "list" and options.id is not None:
        raise JourneyError(
            f"`tasks list` names no task, and here is '{options.id}'",
            remedy=f"say what became of it: journey tasks done {options.id}, or take, or cancel",
        )


def _take(room: Mailroom, options: argparse.Namespace, at: dt.datetime) -> str:
    taken = room.take_task(options.id, options.owner, at, over=options.over)
    until = f", due {iso(taken.due_at)}" if taken.due_at else ""
    ends = f"; it ends with: {', '.join(taken.outcomes)}" if taken.outcomes else ""
    return f"{visible(taken.title)} is {visible(options.owner)}'s{until}{ends}"


def _done(room: Mailroom, options: argparse.Namespace, at: dt.datetime) -> str:
    if room.finish_task(options.id, at, options.outcome, options.note, options.owner):
        return "done; the next run sees it"
    return "was done before, and in the same way; nothing is changed"


def _list(loaded: LoadedProject, room: Mailroom, options: argparse.Namespace, at: dt.datetime) -> int:
    from journey_engine.mailroom import STANDINGS

    state = options.state or "open"
    if state not in STANDINGS:
        raise JourneyError(
            f"there is no state '{state}'{nearest(state, list(STANDINGS))}", remedy=f"one of: {', '.join(STANDINGS)}"
        )
    known_task_names(loaded, room, team=options.team, owner=options.owner)
    owner = "" if options.free else options.owner
    found = room.todo(at, state, team=options.team, owner=owner, late=options.late, limit=options.limit)
    if options.json:
        output.print_json({"as_of": at, "tasks": [output.plain(dataclasses.asdict(one)) for one in found]})
        return DONE
    if not found:
        say(f"no task is {'late' if options.late else state}")
        return DONE
    columns = ("task", "team", "owner", "state", "due", "age", "customer", "what")
    say(table(columns, [_row(one, at) for one in found]))
    late = sum(one.late for one in found)
    if late:
        say(paint(f"{late:,} of these are late", output.BOLD))
    if len(found) == options.limit:
        say(f"only the first {options.limit:,} are shown; --limit, --team and --owner choose others")
    return DONE


def _row(one: Todo, at: dt.datetime) -> tuple[str, ...]:
    due = f"{iso(one.due_at)}{' late' if one.late else ''}" if one.due_at else ""
    state = f"{one.state}: {one.outcome}" if one.outcome else one.state
    what = one.title if one.detail is None else f"{one.title} ({one.detail})"
    return one.task_id[:SHOWN], one.team, one.owner or "", state, due, _age(at - one.try_at), one.customer_id, what


def _age(since: dt.timedelta) -> str:
    """How long ago, in the greatest unit; nothing of what lies ahead."""
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(since.total_seconds()) // seconds
        if count > 0:
            return f"{count} {unit}{'s' * (count != 1)}"
    return ""
