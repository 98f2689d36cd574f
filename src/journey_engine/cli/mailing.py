"""`journey mailroom`: what lies there, by state and reason, and the words that end what is stuck."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from journey_engine.cli import DONE, output
from journey_engine.cli.look import table
from journey_engine.cli.named import known_message_names
from journey_engine.cli.output import now, paint, project_folder, say
from journey_engine.errors import JourneyError, nearest, visible
from journey_engine.times import Duration, iso

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from journey_engine.load import LoadedProject
    from journey_engine.mailroom import Group, Listed, Mailroom, State
    from journey_engine.mailroom.by_hand import Chosen

MANY = 100
_ENDS = {
    "retry": ("retried", "due again", "RETRIED"),
    "cancel": ("cancelled", "cancelled", "CANCELLED"),
    "accept": ("accepted", "taken as sent", "ACCEPTED"),
}


def mailroom(options: argparse.Namespace) -> int:
    """List the mailroom, or end what is stuck in it."""
    from journey_engine.load import load_project
    from journey_engine.night import open_mailroom

    loaded = load_project(project_folder(options.project))
    if options.action == "recover":
        return _recover(loaded, options)
    with open_mailroom(loaded) as room:
        if options.action == "list":
            return _list(loaded, room, options)
        return _end(loaded, room, options)


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


def _list(loaded: LoadedProject, room: Mailroom, options: argparse.Namespace) -> int:
    state, chosen = _state(options), _chosen(loaded, room, options)
    groups = room.groups(state, **chosen)
    single = room.listing(state, options.limit, **chosen) if state or any(chosen.values()) else []
    if options.json:
        _print_json(room, groups, single)
        return DONE
    for hold in room.stopped():
        say(paint(f"{visible(hold.detail)}; ended by: {hold.resumed_by}", output.BOLD))
    for pause in room.paused():
        say(paint(f"{pause} {visible(pause.told)}; at once by: {pause.ended_by}", output.BOLD))
    for owed in room.owed_erasures():
        say(paint(f"{owed}; ended by: {owed.ended_by}", output.BOLD))
    _show_groups(groups)
    _show_single(single)
    if tasks := room.task_counts():
        todo = [(team, kind, f"{count:,}") for (team, kind), count in sorted(tasks.items())]
        say("\n" + table(("tasks of", "state", "count"), todo))
    if rewards := room.reward_counts():
        given = [(*names, f"{count:,}") for names, count in sorted(rewards.items())]
        say("\n" + table(("rewards of", "state", "reason", "count"), given))
    return DONE


def _print_json(room: Mailroom, groups: Sequence[Group], single: Sequence[Listed]) -> None:
    rewards = sorted(room.reward_counts().items())
    output.print_json({
        "messages": room.counts(),
        "webhooks": room.webhook_counts(),
        "groups": _plain(groups),
        "stopped": _plain(room.stopped()),
        "paused": _plain(room.paused()),
        "owed": {one.channel: one.addresses for one in room.owed_erasures()},
        "list": _plain(single),
        "tasks": [
            {"team": team, "state": kind, "count": count} for (team, kind), count in sorted(room.task_counts().items())
        ],
        "rewards": [
            {"program": program, "state": kind, "reason": reason or None, "count": count}
            for (program, kind, reason), count in rewards
        ],
    })  # fmt: skip


def _plain(found: Sequence[DataclassInstance]) -> list[Any]:
    return [output.plain(dataclasses.asdict(one)) for one in found]


def _show_single(single: Sequence[Listed]) -> None:
    if single:
        rows = [
            (
                one.message_id, one.customer_id, one.journey, one.step, one.state.value, iso(one.changed_at),
                one.detail or "",
            )
            for one in single
        ]  # fmt: skip
        say("\n" + table(("message", "customer", "journey", "step", "state", "since", "detail"), rows))


def _show_groups(groups: Sequence[Group]) -> None:
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


def _chosen(loaded: LoadedProject, room: Mailroom, options: argparse.Namespace) -> Chosen:
    """The messages that the options name: all that is said holds for each."""
    known_message_names(
        loaded, room, channel=options.channel, topic=options.topic, journey=options.journey, template=options.template
    )
    before = None
    if options.older_than is not None:
        try:
            before = Duration.parse(options.older_than).before(options.as_of or now())
        except ValueError as error:
            raise JourneyError(f"--older-than: {error}", remedy="such as --older-than '2 days'") from None
    return {
        "reason": options.reason,
        "template": options.template,
        "journey": options.journey,
        "topic": options.topic,
        "channel": options.channel,
        "run": None if options.run_name is None else room.run_number(options.run_name),
        "before": before,
        "ids": options.id or None,
    }


def _end(loaded: LoadedProject, room: Mailroom, options: argparse.Namespace) -> int:
    """Retry, cancel or accept what the options choose; never everything, nor very many, by an oversight."""
    from journey_engine.mailroom import State, by_hand

    state, chosen, at = _state(options), _chosen(loaded, room, options), options.as_of or now()
    if state is None and options.action == "accept":
        state = State.UNSURE
    if state is None:
        raise JourneyError(
            f"`mailroom {options.action}` needs to know which messages",
            remedy="name them: --state refused, and --reason, --template, --journey ... or --id to narrow it",
        )
    word, done, allowed = _ENDS[options.action]
    by_hand.check(word, state, getattr(by_hand, allowed))
    known = {one.message_id for one in room.listing(ids=options.id, limit=len(options.id))} if options.id else set()
    for one in options.id or ():
        if one not in known:
            raise JourneyError(
                f"there is no message '{one}'",
                remedy="`journey mailroom --state refused` lists messages with their ids",
            )
    groups = room.groups(state, **chosen)
    meant = sum(one.count for one in groups)
    late = room.too_late(state, at, **chosen) if options.action == "retry" else 0
    if options.dry_run:
        return _would(options, groups, meant, done, late)
    if options.confirm is None and meant > MANY:
        raise JourneyError(
            f"that are {meant:,} messages, and more than {MANY} are confirmed by their number: nothing was changed",
            remedy=f"look with --dry-run, then say the same with --confirm {meant}",
            code="not-confirmed",
        )
    match options.action:
        case "retry":
            count = room.retry(state, at, options.confirm, **chosen)
        case "cancel":
            count = room.cancel(state, at, options.confirm, **chosen)
        case _:
            count = room.accept(at, options.confirm, **chosen)
    if options.json:
        output.print_json({"action": options.action, "messages": count, **({"too_late": late} if late else {})})
        return DONE
    say(f"{count:,} messages are {done}")
    _tell_late(late)
    return DONE


def _tell_late(late: int) -> None:
    """What comes of retrying messages whose time is over."""
    if late:
        say(f"{late:,} of them are past their max_lateness: the next dispatch skips them as too_late, and none leaves")


def _would(options: argparse.Namespace, groups: Sequence[Group], meant: int, done: str, late: int) -> int:
    """What the same without --dry-run would do."""
    if options.json:
        told = [output.plain(dataclasses.asdict(one)) for one in groups]
        output.print_json(
            {
                "action": options.action,
                "dry_run": True,
                "messages": meant,
                "groups": told,
                **({"too_late": late} if late else {}),
            }
        )
        return DONE
    _show_groups(groups)
    say(f"{meant:,} messages would be {done}; nothing was changed. Do it with: --confirm {meant}")
    _tell_late(late)
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
