"""Commands that hold messages back and let them go: stop, resume; release, cancel and rollback of one run."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from journey_engine.cli import DONE, output
from journey_engine.cli.output import now, project_folder, say
from journey_engine.errors import JourneyError, nearest

if TYPE_CHECKING:
    from journey_engine.load import LoadedProject
    from journey_engine.mailroom import HoldKind, Mailroom


def stop(options: argparse.Namespace) -> int:
    """Let nothing leave any more: of all, or of what is named."""
    from journey_engine.load import load_project
    from journey_engine.night import open_mailroom

    loaded = load_project(project_folder(options.project))
    with open_mailroom(loaded) as room:
        kind, name = _named(options, loaded, room)
        new = room.stop(kind, name, options.reason, options.as_of or now())
        hold = next(one for one in room.stopped() if (one.kind, one.name) == (kind, name))
    if options.json:
        output.print_json({"stopped": kind.value, "name": name or None, "since": hold.since, "new": new})
    else:
        say(f"{hold} is stopped{'' if new else ' already'}: from the next claim on nothing of it leaves")
        say(f"what is due waits; let it go with: {hold.resumed_by}")
    return DONE


def resume(options: argparse.Namespace) -> int:
    """Let it leave again."""
    from journey_engine.load import load_project
    from journey_engine.mailroom import Hold, HoldKind
    from journey_engine.night import open_mailroom

    loaded = load_project(project_folder(options.project))
    with open_mailroom(loaded) as room:
        kind, name = _named(options, loaded, room)
        what = str(Hold(kind, name, None, now()))
        tried = kind is HoldKind.CHANNEL and room.end_pause(name)
        if not room.resume(kind, name, now()) and not tried:
            held = ", ".join(map(str, [*room.stopped(), *room.paused()]))
            raise JourneyError(f"{what} is not stopped", remedy=f"stopped now: {held or 'nothing'}", code="not-stopped")
        left = [str(one) for one in room.stopped()]
    if options.json:
        output.print_json({"resumed": kind.value, "name": name or None, "still_stopped": left})
    else:
        say(f"{what} goes on with the next dispatch; what is too late by then is skipped")
        if left:
            say(f"still stopped: {', '.join(left)}")
    return DONE


def release(options: argparse.Namespace) -> int:
    """Let a held run go."""
    from journey_engine.load import load_project
    from journey_engine.mailroom import HoldKind
    from journey_engine.night import open_mailroom

    loaded = load_project(project_folder(options.project))
    with open_mailroom(loaded) as room:
        number = room.run_number(options.run_name)
        if not room.resume(HoldKind.RUN, str(number)):
            raise _not_held(number)
    if options.json:
        output.print_json({"released": number})
    else:
        say(f"run {number} goes out with the next dispatch; what is too late by then is skipped")
    return DONE


def cancel(options: argparse.Namespace) -> int:
    """Give up a held run."""
    return _take_back(options, held=True)


def rollback(options: argparse.Namespace) -> int:
    """Take back what has not left of a run."""
    return _take_back(options, held=False)


def _take_back(options: argparse.Namespace, *, held: bool) -> int:
    from journey_engine.load import load_project
    from journey_engine.mailroom import HoldKind
    from journey_engine.night import open_mailroom

    loaded = load_project(project_folder(options.project))
    with open_mailroom(loaded) as room:
        number = room.run_number(options.run_name)
        if held and not any(one.kind is HoldKind.RUN and one.name == str(number) for one in room.stopped()):
            raise _not_held(number)
        back = room.take_back(number, options.as_of or now())
        states = Counter(room.counts(number)) + Counter(room.webhook_counts(number))
    if options.json:
        output.print_json({"run": number, "cancelled": back.messages, "tasks": back.tasks, "messages": dict(states)})
        return DONE
    tasks = f" and {back.tasks:,} task{'s' * (back.tasks != 1)}" if back.tasks else ""
    say(f"run {number}: {back.messages:,} messages{tasks} are cancelled and will not leave")
    gone = states.get("accepted", 0) + states.get("claimed", 0) + states.get("unsure", 0)
    if gone:
        say(f"{gone:,} have left, are in hand or may have left, and stay as they are")
    return DONE


def _not_held(number: int) -> JourneyError:
    return JourneyError(
        f"run {number} is not held",
        remedy=f"`journey rollback {number}` takes back what has not left of any run; `journey mailroom` tells what is "
        "stopped",
        code="not-held",
    )


def _named(options: argparse.Namespace, loaded: LoadedProject, room: Mailroom) -> tuple[HoldKind, str]:
    """What the command line names: one thing, or everything. A name that nothing has would hold nothing."""
    from journey_engine.mailroom import HoldKind

    words = {kind: "run_name" if kind is HoldKind.RUN else kind.value for kind in HoldKind}
    chosen = {kind: str(value) for kind in HoldKind if (value := getattr(options, words[kind], None)) is not None}
    if len(chosen) > 1:
        raise JourneyError(
            "one thing at a time: " + " and ".join(f"--{kind} {name}" for kind, name in chosen.items()),
            remedy="say the command once for each",
        )
    for kind, name in chosen.items():
        if kind is HoldKind.RUN:
            return kind, str(room.run_number(name))
        known = sorted({*room.pending_names(kind), *_defined(kind, loaded), *_held(kind, room)})
        if name not in known:
            raise JourneyError(
                f"there is no {kind} '{name}'{nearest(name, known)}",
                remedy=f"known are: {', '.join(known) or 'none yet'}",
                code="unknown-name",
            )
        return kind, name
    return HoldKind.EVERYTHING, ""


def _defined(kind: HoldKind, loaded: LoadedProject) -> Iterable[str]:
    if kind == "journey":
        return loaded.journeys
    return loaded.project.topics if kind == "topic" else ()


def _held(kind: HoldKind, room: Mailroom) -> list[str]:
    paused = [one.channel for one in room.paused()] if kind == "channel" else []
    return [*paused, *(one.name for one in room.stopped() if one.kind is kind)]
